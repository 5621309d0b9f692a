"""What log lines and the clock tell webhooks: each thing once, however often lines come."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.memory import MemoryMetadata
from chalicelib.adapters.memory.usage import MemoryUsage
from chalicelib.api.meter import run_meter
from chalicelib.domain.access import Mode
from chalicelib.domain.webhooks import EventKind
from chalicelib.ports import Unavailable
from chalicelib.service.wakes import Listeners, heard_in, look, tell
from chalicelib.webhook_ports import Wake
from tests.conformance.bodies import image, pushed
from tests.conformance.cases import get, login, of
from tests.conformance.runner import PlainPasswords, Run
from tests.contracts.team_values import END_S, app, owner, record
from tests.contracts.values import NOW_S, change, manifest, tag
from tests.contracts.webhook_contract import MOST, hook, living, of_app, told
from tests.logs.heard import heard
from tests.support.world import Registry, SettableClock, memory_world
from tests.usage.delivery import packed
from tests.usage.test_sums import PULL

TEAM, PATH = "crew", "crew/app"
DIGEST = "sha256:" + "a" * 64


@dataclass
class Sent:
    """A queue that keeps what it is sent; ``fails`` is how often it refuses first."""

    wakes: list[Wake] = field(default_factory=list)
    fails: int = 0

    def send(self, wakes: Sequence[Wake], *, delay_s: int = 0) -> None:
        if self.fails:
            self.fails -= 1
            raise Unavailable("no queue")
        self.wakes += wakes


@dataclass
class Place:
    clock: SettableClock = field(default_factory=lambda: SettableClock(NOW_S))
    queue: Sent = field(default_factory=Sent)

    def __post_init__(self) -> None:
        self.store = MemoryMetadata(self.clock)
        self.store.create_team(record(TEAM), owner(TEAM))
        self.store.put_repository(TEAM, living(TEAM))

    @property
    def listeners(self) -> Listeners:
        return Listeners(self.store, self.queue)

    def kinds(self, path: str = PATH) -> list[EventKind]:
        return [event.kind for event in self.store.list_events(TEAM, path, 100)]


@pytest.fixture
def place() -> Place:
    made = Place()
    made.store.put_hook(hook(TEAM), most=MOST)
    return made


def line(number: int = 1, /, **changes: Any) -> dict[str, Any]:
    return {**PULL, "team": TEAM, "repository": PATH, "number": number, **changes}


def pull(number: int = 1, /, **changes: Any) -> dict[str, Any]:
    return line(number, **{"hooked": True, "digest": DIGEST, "actor": "wim", **changes})


def refused(number: int = 1, quota: str = "pulls_a_day", /, **changes: Any) -> dict[str, Any]:
    said = {"status": 429, "error": "TOO_MANY_PULLS", "quota": quota}
    return line(number, **{**said, **changes})


def test_the_first_pull_of_a_manifest_is_told_and_no_other(place: Place) -> None:
    tell(place.listeners, [pull(1), pull(2), pull(3, digest=f"{DIGEST[:-1]}b")])
    tell(place.listeners, [pull(4)])
    first, second = place.store.list_events(TEAM, PATH, 9)
    assert [first.kind, second.kind] == [EventKind.FIRST_PULL] * 2
    assert dict(first.facts) == {"actor": "wim", "digest": DIGEST}
    assert place.queue.wakes == [Wake(TEAM, PATH)]


def test_a_change_of_something_hooked_wakes_and_is_no_event(place: Place) -> None:
    lines = [line(1, pulls=0, hooked=True), line(2, pulls=0, hooked=True), line(3, pulls=0)]
    assert tell(place.listeners, lines) == 1
    assert place.queue.wakes == [Wake(TEAM, PATH)]
    assert place.kinds() == []


def test_a_request_about_a_webhook_wakes_its_team(place: Place) -> None:
    asked = line(1, pulls=0, hooked=True)
    del asked["repository"]
    tell(place.listeners, [asked])
    assert place.queue.wakes == [Wake(TEAM, "")]


def test_a_quota_is_told_once_a_day(place: Place) -> None:
    day_ms = 24 * 3600 * 1000
    at_ms = int(str(PULL["at_ms"])) if "at_ms" in PULL else NOW_S * 1000
    lines = [
        refused(1),
        refused(2, actor="wim"),
        refused(3, "size_bytes", status=403),
        refused(4, at_ms=at_ms + day_ms, _aws=None),
    ]
    for each in lines:
        tell(place.listeners, [each, each])
    events = place.store.list_events(TEAM, "", 9)
    assert [event.kind for event in events] == [EventKind.QUOTA] * 3
    quotas = [event.facts["quota"] for event in events]
    assert quotas == ["pulls_a_day", "size_bytes", "pulls_a_day"]
    assert set(place.queue.wakes) == {Wake(TEAM, "")}


def test_where_nobody_listens_a_quota_wakes_nobody() -> None:
    place = Place()
    assert tell(place.listeners, [refused(1)]) == 0
    assert place.queue.wakes == []
    assert place.kinds("") == []


def test_the_same_line_again_wakes_whoever_was_not_woken_before(place: Place) -> None:
    place.queue.fails = 1
    with pytest.raises(Unavailable):
        tell(place.listeners, [pull(1)])
    assert tell(place.listeners, [pull(1), pull(2)]) == 1
    assert place.kinds() == [EventKind.FIRST_PULL]


@pytest.mark.parametrize(
    "changes",
    [
        {"team": ""},
        {"team": None},
        {"team": 7},
        {"repository": "../etc"},
        {"repository": "x" * 300},
        {"repository": None},
        {"hooked": "true"},
        {"hooked": 1},
        {"digest": 7},
        {"digest": "x" * 300},
        {"error": "MANIFEST_UNKNOWN", "status": 404},
        {"kind": "message"},
        {"process": "another's"},
        {"number": -1},
    ],
)
def test_what_is_no_line_of_a_pull_is_no_first_pull(
    place: Place, changes: dict[str, object]
) -> None:
    tell(place.listeners, [pull(1, **changes)])
    assert place.kinds() == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*pull(), "quota"]), inner, max_size=8)
    ),
    max_leaves=20,
)


@given(JSON)
def test_no_line_of_others_makes_it_fail(found: object) -> None:
    list(heard_in(found))
    if isinstance(found, dict):
        list(heard_in({**pull(), **found}))


def test_a_meter_that_dies_before_it_counts_tells_once_and_counts_once(place: Place) -> None:
    usage = MemoryUsage(place.store)
    event = packed([json.dumps(pull(1))])
    place.queue.fails = 1
    with pytest.raises(Unavailable):
        run_meter(usage, place.clock, event, place.listeners)
    assert run_meter(usage, place.clock, event, place.listeners)["counted"] == 1
    assert run_meter(usage, place.clock, event, place.listeners)["repeated"] == 1
    assert place.kinds() == [EventKind.FIRST_PULL]


# --- the hourly look --------------------------------------------------------------------------


def test_each_end_is_told_once_and_one_that_was_put_off_again(place: Place) -> None:
    known = place.store.find_repository(TEAM, app(TEAM))
    assert known is not None
    place.store.put_manifest(TEAM, known, manifest(), [tag(expires_at_s=END_S)], change())
    place.store.change_repository(TEAM, known, replace(known, expires_at_s=END_S))
    found = place.store.find_membership(TEAM, None).team
    assert found is not None
    place.store.change_team(found, replace(found, expires_at_s=END_S))
    assert look(place.listeners, now_s=NOW_S) == 0
    place.clock.at_s = END_S
    for _ in range(3):
        look(place.listeners, now_s=place.clock.at_s)
    told_of = [event.facts["what"] for event in place.store.list_events(TEAM, PATH, 9)]
    assert sorted(map(str, told_of)) == ["repository", "tag"]
    (of_team,) = place.store.list_events(TEAM, "", 9)
    assert (of_team.kind, of_team.facts["what"]) == (EventKind.EXPIRY, "team")
    assert {Wake(TEAM, ""), Wake(TEAM, PATH)} == set(place.queue.wakes)


def test_an_hour_wakes_what_was_forgotten(place: Place) -> None:
    known = place.store.find_repository(TEAM, app(TEAM))
    place.store.put_manifest(TEAM, known, manifest(), [tag()], told(TEAM, known))  # type: ignore[arg-type]
    usage = MemoryUsage(place.store)
    run_meter(usage, place.clock, {"source": "aws.events"}, place.listeners)
    assert place.queue.wakes == [Wake(TEAM, PATH)]


def test_a_webhook_of_a_repository_that_is_gone_goes_after_its_last_event() -> None:
    place = Place()
    place.store.put_hook(of_app(TEAM), most=MOST)
    known = place.store.find_repository(TEAM, app(TEAM))
    assert known is not None
    place.store.delete_repository(TEAM, known, told(TEAM, known, EventKind.DELETE).event)
    look(place.listeners, now_s=NOW_S)
    assert len(place.store.list_hooks(TEAM)) == 1
    (event,) = place.store.list_events(TEAM, PATH, 9)
    place.store.hand_over(event, [])
    look(place.listeners, now_s=NOW_S)
    assert list(place.store.list_hooks(TEAM)) == []


# --- from a request to an event ---------------------------------------------------------------


def test_a_pull_through_the_app_becomes_an_event() -> None:
    world = memory_world(Mode.ACCOUNTS, passwords=PlainPasswords())
    registry = Registry(world)
    registry.add_user("alice", "alice-password")
    store: Any = world.metadata
    run = Run(world, registry.send)
    for step in login("alice:alice-password", pushed("alice/app", "latest")):
        run.step(step)
    known = store.find_repository("alice", app("alice"))
    store.put_hook(hook("alice", repository="alice/app", life=known.life), most=MOST)
    queue = Sent()
    for _ in range(2):
        with heard() as log:
            for step in login("alice:alice-password", get("/v2/alice/app/manifests/latest")):
                run.step(step)
        tell(Listeners(store, queue), log.requests)
    (event,) = store.list_events("alice", "alice/app", 9)
    assert event.kind is EventKind.FIRST_PULL
    assert event.facts == {"actor": "alice", "digest": of(image())}
    assert queue.wakes == [Wake("alice", "alice/app")]
