"""The table of the programme's scenarios names cases that are there, and misses none of ours."""

from __future__ import annotations

import pytest

from tests.conformance import cases_oci_blobs, cases_oci_data
from tests.conformance.cases_v2 import CASES
from tests.conformance.oci_data import DATA_SETS
from tests.conformance.oci_scenarios import OLDER, SCENARIOS

NAMES = {case.name for case in CASES}
# The programme's, as its source names them: what runs where there is no programme to ask.
CONTENT = (
    "image",
    "image-uncompressed",
    "large-manifest",
    "index",
    "nested-index",
    "empty-index",
    "artifact",
    "artifact-index",
    "artifact-without-layers",
    "artifacts-with-subject",
    "index-with-subject",
    "missing-subject",
    "data-field",
    "non-distributable-layers",
    "custom-fields",
    "no-layers",
    "sparse",
    "sha512",
    "tag-param-sha256",
    "tag-param-sha512",
    "bad-digest-image",
)
WAYS = (
    "get-missing",
    "post only",
    "post+put",
    "chunked single",
    "stream",
    "mount",
    "mount anonymous",
    "mount missing",
    "post cancel",
    "chunked multi",
    "chunked multi and put chunk",
    "chunked out-of-order",
    "chunked out-of-order and put chunk",
    "range requests",
    "empty",
    "emptyJSON",
    "bad digest post only",
    "bad digest post+put",
    "bad digest chunked",
    "bad digest chunked and put chunk",
    "bad digest stream",
)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_scenario_is_carried_by_cases_that_are_there(scenario: str) -> None:
    carried = SCENARIOS[scenario]
    assert carried
    assert set(carried) <= NAMES


def test_every_kind_of_content_is_there() -> None:
    assert sorted(DATA_SETS) == sorted(CONTENT)
    assert {f"{name}/push" for name in CONTENT} <= SCENARIOS.keys()


@pytest.mark.parametrize("algorithm", cases_oci_blobs.ALGORITHMS)
def test_every_way_of_a_blob_is_there(algorithm: str) -> None:
    assert tuple(cases_oci_blobs.ways(algorithm)) == WAYS
    assert {f"{algorithm} blobs/{way}" for way in WAYS} <= SCENARIOS.keys()


def test_what_an_older_case_shows_is_not_shown_again() -> None:
    assert not OLDER.keys() & set(cases_oci_blobs.NEW_FOR_SHA256)
    assert OLDER.keys() | set(cases_oci_blobs.NEW_FOR_SHA256) == set(WAYS)


def test_every_case_for_the_programme_carries_a_scenario_of_it() -> None:
    carrying = {name for names in SCENARIOS.values() for name in names}
    ours = {case.name for case in (*cases_oci_blobs.CASES, *cases_oci_data.CASES)}
    assert ours - carrying == set()
