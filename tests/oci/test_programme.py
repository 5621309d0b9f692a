"""The conformance programme, with every option on: all passed, nothing skipped, nothing off."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.clients.commands import find, not_run
from tests.conformance.oci_scenarios import SCENARIOS
from tests.oci.programme import ACCESS, PROGRAM, Result, run

pytestmark = pytest.mark.clients


@pytest.fixture(scope="module", params=list(ACCESS))
def result(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Result:
    program = find(PROGRAM)
    if program is None:
        not_run(f"not installed: {PROGRAM} (.ci/goclients.sh builds it where Go is)")
    folder = tmp_path_factory.mktemp("conformance")
    return replace(run(program, ACCESS[request.param], folder), access=request.param)


# A Bearer token names its repositories and opens no others, so that a mount which names no source
# becomes an upload; the specification leaves that to the registry, and the programme skips it.
NARROW = re.compile("2 skipped|API Blob anonymous mount: Skip|2 x skipped: blob-mount-anonymous.*")


def test_the_programme_passes_whole(result: Result) -> None:
    narrow = result.access == "bearer"
    left = [text for text in result.shortcomings if not (narrow and NARROW.fullmatch(text))]
    assert left == [], result.summary()


def test_no_option_of_the_programme_is_off(result: Result) -> None:
    assert result.switched_off == []
    assert result.config["version"] == "1.1+dev"


def test_our_own_cases_carry_every_scenario_of_the_programme(result: Result) -> None:
    assert result.scenarios - SCENARIOS.keys() == set(), "the programme tries more: add cases"
    assert SCENARIOS.keys() - result.scenarios == set(), "the programme no longer tries these"


FINE = Result(
    folder=Path(),
    output="",
    counts={"tests": 2, "failures": 0, "errors": 0, "skipped": 0, "disabled": 0},
    apis={"Ping": "Pass"},
    data={"Image": "Pass"},
    config={"apis": {"ping": True, "blobs": {"atomic": True}}, "data": {"image": True}},
    scenarios=frozenset({"ping", "image"}),
    complaints=(),
)
SHORT = {
    "nothing was tested": ({"counts": {**FINE.counts, "tests": 0}}, "nothing was tested"),
    "a failure": ({"counts": {**FINE.counts, "failures": 1}}, "1 failures"),
    "an error": ({"counts": {**FINE.counts, "errors": 1}}, "1 errors"),
    "a test that was skipped": ({"counts": {**FINE.counts, "skipped": 1}}, "1 skipped"),
    "a test that was disabled": ({"counts": {**FINE.counts, "disabled": 1}}, "1 disabled"),
    "an API that was skipped": ({"apis": {"Ping": "Skip"}}, "API Ping: Skip"),
    "data that was disabled": ({"data": {"Image": "Disabled"}}, "data Image: Disabled"),
    "an option that is off": (
        {"config": {"apis": {"blobs": {"atomic": False}}, "data": {}}},
        "apis.blobs.atomic is off",
    ),
    "a case that did not pass": ({"complaints": ("failure: ping: why",)}, "failure: ping: why"),
}


def test_a_run_in_which_all_passed_is_one() -> None:
    assert FINE.passed
    assert FINE.summary() == (
        "OCI conformance 1.1+dev: 2 of 2 passed, 0 failures, 0 errors, 0 skipped, 0 disabled"
    )


@pytest.mark.parametrize("name", SHORT)
def test_anything_less_is_not_a_pass_and_is_named(name: str) -> None:
    changes, said = SHORT[name]
    less = replace(FINE, **changes)
    assert not less.passed
    assert said in less.summary()
