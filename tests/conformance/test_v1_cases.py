"""The cases of v1 are all there are, and the page about them says what they say."""

from __future__ import annotations

from pathlib import Path

import pytest

from chalicelib.domain.errors import ErrorCode
from tests.conformance import differences
from tests.conformance.cases import Case
from tests.conformance.cases_v1 import LISTED
from tests.conformance.test_cases import seen

ROOT = Path(__file__).resolve().parents[2]

# What needs an archive of a size that `tests/files/` has, or an ancestry as `tests/domain/` has it;
# and the row whose sentence always says more than the table does, so that it is not recognized.
NOT_BY_A_CASE = {
    ErrorCode.V1_ACCOUNT_INVALID,
    ErrorCode.V1_LAYER_TOO_LARGE,
    ErrorCode.V1_DIFF_BUSY,
    ErrorCode.V1_DIFF_TOO_LARGE,
    ErrorCode.V1_ANCESTRY_TOO_LONG,
}


def test_each_of_the_102_cases_is_there_once() -> None:
    assert [case.number for case in differences.numbered()] == list(range(1, 103))


def test_every_error_of_v1_is_reached_by_a_case() -> None:
    reached = {code for step in seen() for code in step.codes}
    wanted = {code for code in ErrorCode if code.value.code == "V1"} - NOT_BY_A_CASE
    assert wanted - reached == set()


@pytest.mark.parametrize("case", [case for case in LISTED if not case.steps], ids=str)
def test_a_case_that_is_not_played_is_shown_elsewhere_or_says_why_not(case: Case) -> None:
    assert case.number is not None
    assert bool(case.shown_in) != bool(case.differs)
    assert not case.shown_in or (ROOT / case.shown_in).is_file()


def test_the_page_about_differences_is_in_step() -> None:
    remedy = "run `python -m tests.conformance.differences`"
    assert differences.PAGE.read_text(encoding="utf-8") == differences.render(), remedy
