"""The collector's function: what it is asked, what it answers, and its settings."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.adapters.memory import MemoryBlobs, MemoryMetadata
from chalicelib.api import collecting
from chalicelib.config import SettingError, read_collector_settings
from chalicelib.domain.access import Mode
from chalicelib.domain.errors import RegistryError
from chalicelib.service.sweep import DAY_S, Run
from tests.conformance.bodies import LAYER
from tests.conformance.cases import of
from tests.support.world import Registry, SettableClock, memory_world

LONG_MS = 900_000
ENVIRONMENT = {
    "ROADSTEAD_TABLE": "table",
    "ROADSTEAD_BUCKET": "bucket",
    "AWS_REGION": "eu-central-1",
}


class Function:
    """The function over a registry in memory, in which two repositories hold a blob each."""

    def __init__(self) -> None:
        self.clock = SettableClock()
        self.store, self.blobs = MemoryMetadata(self.clock), MemoryBlobs(self.clock)
        ports: Any = dict.fromkeys(("metadata", "search", "accounts"), self.store)
        self.world = memory_world(Mode.OPEN, clock=self.clock, blobs=self.blobs, **ports)
        registry = Registry(self.world)
        for name in ("a/one", "a/two"):
            url = f"/v2/{name}/blobs/uploads/?digest={of(LAYER)}"
            assert registry.send("POST", url, LAYER).status == 201

    def make(self, **changes: Any) -> Run:
        return Run(self.world, self.store, self.blobs, **changes)

    def __call__(self, event: object = None, left_ms: int = LONG_MS) -> dict[str, Any]:
        said: Any = collecting.answer(self.make, event, lambda: left_ms)
        # Lambda answers in JSON.
        assert json.loads(json.dumps(said)) == said
        return dict(said)


def test_it_says_what_went_and_how_many_bytes() -> None:
    function, kinds, freed = Function(), set(), 0
    for _ in range(6):
        said = function()
        assert (said["ended"], said["busy"], said["dry_run"]) == (True, False, False)
        assert sum(said["gone"].values()) == len(said["shown"])
        kinds |= said["gone"].keys()
        freed += said["freed_bytes"]
        function.clock.at_s += DAY_S + 10
    assert kinds == {"blob", "blob of the team"}
    assert freed == len(LAYER)


def test_a_schedules_event_asks_for_everything() -> None:
    assert Function()({"source": "aws.events", "detail": {}})["ended"]


def test_a_dry_run_takes_nothing_and_says_so() -> None:
    function = Function()
    function()
    function.clock.at_s += DAY_S + 10
    for _ in range(2):
        said = function({"dry_run": True})
        assert said["dry_run"]
        assert said["gone"] == {"blob": 2}
        assert all(of(LAYER) in line for line in said["shown"])


def test_one_repository_is_collected_alone() -> None:
    function = Function()
    function()
    function.clock.at_s += DAY_S + 10
    assert function({"repository": "a/one"})["gone"] == {"blob": 1}
    assert function({"repository": "a/one"})["gone"] == {}
    assert function({"repository": "a/two", "dry_run": True})["gone"] == {"blob": 1}


def test_a_name_that_is_none_is_refused() -> None:
    with pytest.raises(RegistryError):
        Function()({"repository": "A//b"})


@pytest.mark.parametrize("event", [None, [], "all", {"team": 5}, {"dry_run": "yes"}])
def test_an_event_that_says_nothing_sensible_is_that_of_the_schedule(event: object) -> None:
    said = Function()(event)
    assert (said["ended"], said["dry_run"]) == (True, False)


def test_without_time_it_stops_and_the_next_one_goes_on() -> None:
    function = Function()
    assert not function(None, collecting.MARGIN_MS - 1)["ended"]
    assert function()["ended"]


def test_a_pass_without_an_end_is_an_error_that_an_alarm_sees_and_goes_on() -> None:
    function = Function()
    for _ in range(3):
        assert function(left_ms=0)["ended"] is False
        function.clock.at_s += DAY_S
    function.clock.at_s += 1
    with pytest.raises(collecting.PassOverdue, match="goes on"):
        function(left_ms=0)
    assert function()["ended"] is True
    assert function(left_ms=0)["ended"] is False, "the next one has begun just now"


def test_another_run_is_said_and_no_error() -> None:
    function = Function()
    now_s = function.clock.now_s()
    function.store.take_run("*", "somebody", now_s=now_s, until_s=now_s + 60)
    said = function()
    assert (said["ended"], said["busy"]) == (False, True)


def test_what_is_shown_has_a_bound_and_what_is_counted_has_none() -> None:
    function = Function()
    for number in range(collecting.MAX_SHOWN + 5):
        function.blobs.put(f"open/sha256/00/{number:02x}/word", b"of no row")
    function.clock.at_s += 2 * DAY_S
    function()
    said = function()
    assert said["gone"]["object"] == collecting.MAX_SHOWN + 5
    assert len(said["shown"]) == collecting.MAX_SHOWN


@pytest.mark.parametrize(("text", "hours"), [("", 24), ("1", 1), ("72", 72)])
def test_the_grace_is_in_hours(text: str, hours: int) -> None:
    environ = {**ENVIRONMENT, "ROADSTEAD_GRACE_HOURS": text}
    assert read_collector_settings(environ).grace_hours == hours


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "a day", "²", "24h"])
def test_a_grace_that_is_none_is_refused_with_its_name(text: str) -> None:
    with pytest.raises(SettingError, match="ROADSTEAD_GRACE_HOURS"):
        read_collector_settings({**ENVIRONMENT, "ROADSTEAD_GRACE_HOURS": text})
