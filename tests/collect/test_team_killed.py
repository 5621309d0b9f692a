"""An ended team that is collected: killed at every call, and with somebody between any two.

It never takes what another team has, never the next team of that name, and leaves nothing.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.adapters.memory import MemoryBlobs, MemoryMetadata
from chalicelib.domain.access import Mode
from chalicelib.ports import Conflict, Unavailable
from chalicelib.service.collect import collect
from chalicelib.service.ended import left_of
from chalicelib.service.sweep import Run
from chalicelib.web.endpoints import url_for
from tests.collect.audit import missing
from tests.collect.places import HOUR_S, PASSWORD, Place
from tests.conformance.bodies import CONFIG, LAYER, OCI, OTHER, image
from tests.conformance.cases import of
from tests.conformance.runner import PlainPasswords
from tests.gateway.faults import Died, Fault, Fuse, Fused
from tests.support.world import SettableClock, memory_world

LIFE_S, REQUEST_S = 60, 900
# How many passes go by, an hour from one to the next, before everything of a team has gone.
PASSES = 60
CREW = url_for("v2.team.get", team="crew")


class Between:
    """Somebody who comes before a certain call of the collector, or of a client, once."""

    def __init__(self) -> None:
        self.calls, self.at = 0, 0
        self.comes: Callable[[], object] = lambda: None

    def through(self, _: str, call: Callable[[], object]) -> object:
        self.calls += 1
        if self.calls == self.at:
            # What comes makes calls itself; they are not counted.
            at, self.at = self.at, 0
            self.comes()
            self.calls = at
        return call()


class Ending:
    """Team `crew`, which has ended, beside team `stays`, in which nothing may change."""

    def __init__(self) -> None:
        self.clock = SettableClock()
        self.store, self.blobs = MemoryMetadata(self.clock), MemoryBlobs(self.clock)
        self.place = Place(self._world(Fuse()), self.clock)
        self.place.make_team("crew", expires_in_s=LIFE_S)
        self.place.make_team("stays")
        self.place.push("stays/app", "latest", LAYER)
        self.place.push("crew/app", "latest", LAYER)
        self.place.push_v1("crew/old", "latest")
        self.place.ask("POST", "/v2/crew/app/blobs/uploads/")
        self.kept = self.place.left("stays")

    def _world(self, fuse: Any) -> Any:
        fused = Fused(self.store, fuse)
        ports = dict.fromkeys(("metadata", "search", "accounts"), fused)
        blobs: Any = Fused(self.blobs, fuse)
        passwords = PlainPasswords()
        return memory_world(
            Mode.ACCOUNTS, passwords=passwords, clock=self.clock, blobs=blobs, **ports
        )

    def end(self) -> None:
        self.clock.at_s += LIFE_S + 1

    def passing(self, fuse: Any = None) -> None:
        world = self._world(fuse or Fuse())
        run: Any = Run(world, world.metadata, world.blobs)
        while not collect(run):
            continue

    def passes(self, count: int) -> None:
        for _ in range(count):
            self.clock.at_s += HOUR_S
            self.passing()

    def check(self, *, team: bool = False) -> None:
        """Nothing is left of the old team; `team`: another one has its name, and all its own."""
        for _ in range(PASSES):
            self.passes(1)
            if not team and not self.place.left("crew"):
                break
        assert missing(self.store, self.blobs) == []
        assert self.place.left("stays") == self.kept
        assert self.place.status("/v2/stays/app/manifests/latest") == 200
        if not team:
            assert self.place.left("crew") == []

    def try_to(self, method: str, url: str, body: object = b"") -> int:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers, login = {"Content-Type": OCI}, ("olga", PASSWORD)
        return self.place.registry.send(method, url, data, headers, login=login).status


def passes_to_the_end() -> list[int]:
    """After so many passes the next one takes something of the team."""
    ending = Ending()
    ending.end()
    stages, left = [], ending.place.left("crew")
    for stage in range(PASSES):
        ending.passes(1)
        now = ending.place.left("crew")
        if now != left:
            stages.append(stage)
        left = now
        if not now:
            return stages
    raise AssertionError(f"{left} has no end")


STAGES = passes_to_the_end()


def test_the_stages_are_those_in_which_something_happens() -> None:
    assert len(STAGES) >= 4, STAGES


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("fault", [Fault.DEAD, Fault.DEAD_AFTER, Fault.REFUSED, Fault.UNHEARD])
def test_killed_at_any_call_the_next_run_ends_the_team(fault: Fault, stage: int) -> None:
    at = 0
    while True:
        at += 1
        ending = Ending()
        ending.end()
        ending.passes(stage)
        ending.clock.at_s += HOUR_S
        fuse = Fuse(at=at, fault=fault)
        with contextlib.suppress(Died, Unavailable):
            ending.passing(fuse)
        if len(fuse.calls) < at:
            break
        ending.check()
    assert at > 4


def make_anew(ending: Ending) -> bool:
    """A new team of that name, as soon as it is free, with an image; whether there is one."""
    made = ending.try_to("POST", url_for("v2.teams.post"), {"name": "crew"}) == 201
    if made:
        ending.place.push("crew/app", "latest", OTHER)
    return made


def extend(ending: Ending) -> bool:
    """Too late, for all owners: what has ended cannot be extended."""
    assert ending.try_to("PUT", CREW, {"expires_at": None}) == 404
    return False


def push_late(ending: Ending) -> bool:
    """By somebody who thinks that the team is still there."""
    for layer in (CONFIG, LAYER):
        url = f"/v2/crew/app/blobs/uploads/?digest={of(layer)}"
        assert ending.try_to("POST", url, layer) in (403, 404)
    assert ending.try_to("PUT", "/v2/crew/app/manifests/latest", image()) in (403, 404)
    assert ending.try_to("PUT", "/v2/crew/new/manifests/latest", image()) in (403, 404)
    return False


ACTS = {"begins anew": make_anew, "extends": extend, "pushes late": push_late}


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("act", ACTS)
def test_whoever_comes_between_two_calls_loses_nothing(act: str, stage: int) -> None:
    at = 0
    while True:
        at += 1
        ending, between, made = Ending(), Between(), []
        ending.end()
        ending.passes(stage)
        ending.clock.at_s += HOUR_S
        between.at = at
        between.comes = lambda ending=ending, made=made: made.append(ACTS[act](ending))
        ending.passing(between)
        if not made:
            break
        ending.check(team=made[0])
        if made[0]:
            assert ending.place.status("/v2/crew/app/manifests/latest") == 200
            assert ending.place.size_bytes() == len(CONFIG) + len(OTHER)
    assert at > 4


def send_v2(ending: Ending, place: Place) -> None:
    with contextlib.suppress(AssertionError):
        place.push("crew/late", "latest", OTHER)


def send_v1(ending: Ending, place: Place) -> None:
    with contextlib.suppress(AssertionError):
        place.push_v1("crew/late", "latest")


@pytest.mark.parametrize("send", [send_v2, send_v1])
def test_a_push_in_which_the_end_comes_leaves_nothing(
    send: Callable[[Ending, Place], None],
) -> None:
    """The end, and passes within the time that a request may take, before each of its calls."""
    at = 0
    while True:
        at += 1
        ending, between = Ending(), Between()
        came: list[bool] = []

        def come(ending: Ending = ending, came: list[bool] = came) -> None:
            came.append(True)
            ending.end()
            for _ in range(3):
                ending.passing()
                ending.clock.at_s += REQUEST_S // 3

        place = Place.__new__(Place)
        place.__dict__.update(ending.place.__dict__)
        world = ending._world(between)
        place.world, place.registry = world, type(place.registry)(world)
        between.at, between.comes = at, come
        send(ending, place)
        if not came:
            break
        ending.check()
    assert at > 10


def test_two_runs_at_once_end_one_team() -> None:
    ending, between = Ending(), Between()
    ending.end()
    ending.passes(STAGES[-1])
    ending.clock.at_s += HOUR_S

    def other() -> None:
        """The first one's lease is over: it stalls."""
        ending.clock.at_s += HOUR_S
        ending.passing()

    at = 0
    while True:
        at += 1
        ending, between = Ending(), Between()
        ending.end()
        ending.passes(STAGES[-1])
        ending.clock.at_s += HOUR_S
        between.at, between.comes = at, other
        with contextlib.suppress(Conflict):
            ending.passing(between)
        if between.at:
            break
        ending.check()
    assert list(left_of(ending.place.run, "crew")) == []
