"""All cases of v1.

Those with a number are the 102 that the tests of the old servers and clients hold, in the order
in which they were noted: docker-registry's (1 to 63), Quay's (64 to 96), docker's own (97 to 102).
``docs/v1-differences.md`` is the table of those that we answer otherwise, made by
``python -m tests.conformance.differences``. The others are ours: what no old test covers, abuse.
"""

from __future__ import annotations

from tests.conformance import (
    cases_v1_abuse,
    cases_v1_accounts,
    cases_v1_gaps,
    cases_v1_images,
    cases_v1_index,
    cases_v1_json,
    cases_v1_quay,
    cases_v1_reads,
    cases_v1_security,
    cases_v1_tokens,
    cases_v1_workflow,
)
from tests.conformance.cases import Case

LISTED: tuple[Case, ...] = (
    *cases_v1_images.CASES,
    *cases_v1_index.CASES,
    *cases_v1_workflow.CASES,
    *cases_v1_quay.CASES,
    *cases_v1_security.CASES,
    *cases_v1_gaps.CASES,
    *cases_v1_reads.CASES,
    *cases_v1_json.CASES,
    *cases_v1_abuse.CASES,
    *cases_v1_tokens.CASES,
    *cases_v1_accounts.CASES,
)
CASES = tuple(case for case in LISTED if case.steps)
