"""All cases of v2 and of the uploader's side door."""

from __future__ import annotations

from tests.conformance import (
    cases_edge,
    cases_hosts,
    cases_oci_blobs,
    cases_oci_data,
    cases_page,
    cases_teams,
    cases_uploader,
    cases_usage,
    cases_v2_access,
    cases_v2_blobs,
    cases_v2_chunks,
    cases_v2_deletes,
    cases_v2_manifests,
    cases_v2_negotiation,
    cases_v2_referrers,
    cases_v2_tag_rules,
    cases_v2_tags,
    cases_v2_tokens,
    cases_v2_uploads,
    cases_verifier,
)

CASES = (
    *cases_v2_blobs.CASES,
    *cases_v2_uploads.CASES,
    *cases_v2_chunks.CASES,
    *cases_v2_manifests.CASES,
    *cases_v2_tags.CASES,
    *cases_v2_deletes.CASES,
    *cases_v2_referrers.CASES,
    *cases_v2_tag_rules.CASES,
    *cases_v2_negotiation.CASES,
    *cases_v2_tokens.CASES,
    *cases_v2_access.CASES,
    *cases_edge.CASES,
    *cases_hosts.CASES,
    *cases_teams.CASES,
    *cases_page.CASES,
    *cases_uploader.CASES,
    *cases_verifier.CASES,
    *cases_usage.CASES,
    *cases_oci_blobs.CASES,
    *cases_oci_data.CASES,
)
