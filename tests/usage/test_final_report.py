"""A team's report after its end: for its last owners, while counts are kept, and no more."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.adapters.dynamo import DynamoMetadata
from chalicelib.adapters.memory.usage import MemoryUsage
from chalicelib.domain.access import Mode
from chalicelib.domain.usage import Account, Seen, day_of
from chalicelib.service.collect import collect
from chalicelib.service.sweep import AT_REST, Graces, Run
from chalicelib.service.world import World
from tests.conformance.runner import PlainPasswords
from tests.support.stack import Stack
from tests.support.world import Registry, SettableClock, memory_world

URL, PASSWORD = "/v2/_roadstead/usage", "a-long-password"
DAY_S, HOUR_S = 24 * 3600, 3600
# 2027-01-15T08:00:00Z
BEGIN_S = 1_800_000_000


def in_memory(_: Any, clock: SettableClock) -> World:
    world = memory_world(Mode.ACCOUNTS, passwords=PlainPasswords(), clock=clock)
    store: Any = world.metadata
    return memory_world(
        Mode.ACCOUNTS,
        passwords=PlainPasswords(),
        clock=clock,
        metadata=store,
        search=store,
        accounts=store,
        usage=MemoryUsage(store),
    )


def on_dynamo(stack: Stack, clock: SettableClock) -> World:
    store: DynamoMetadata = stack.metadata(clock=clock, table=f"final-{secrets.token_hex(4)}")
    ports = dict.fromkeys(("metadata", "search", "accounts", "usage"), store)
    return memory_world(Mode.ACCOUNTS, passwords=PlainPasswords(), clock=clock, **ports)


class Place:
    def __init__(self, world: World, clock: SettableClock) -> None:
        self.world, self.clock, self.registry = world, clock, Registry(world)
        for name in ("olga", "wim", "nina"):
            self.registry.add_user(name, PASSWORD)

    def ask(self, who: str, method: str, url: str, body: object = None) -> tuple[int, Any]:
        data = b"" if body is None else json.dumps(body).encode()
        answer = self.registry.send(method, url, data, login=(who, PASSWORD))
        return answer.status, json.loads(answer.body or b"null")

    def make(self, who: str, life_s: int) -> None:
        asked = {"name": "crew", "expires_in_s": life_s}
        assert self.ask(who, "POST", "/v2/_roadstead/teams", asked)[0] == 201

    def use(self, pulls: int) -> None:
        """So many pulls of crew/app today."""
        process = secrets.token_hex(16)
        totals = {Account("crew", day_of(self.clock.at_s), "crew/app"): {"pulls": pulls}}
        seen = Seen().with_number(1) if hasattr(Seen, "with_number") else Seen(((1, 1),))
        self.world.usage.count(
            process, Seen(), seen, totals, seen_until_s=self.clock.at_s + 14 * DAY_S
        )

    def pulls(self, who: str) -> dict[str, int] | None:
        """By day, as somebody sees it; None where they may not."""
        status, document = self.ask(who, "GET", f"{URL}?team=crew&from=2027-01-01&to=2028-12-31")
        if status != 200:
            assert document["errors"][0]["code"] == "DENIED"
            return None
        return {row["day"]: row["pulls"] for row in document["rows"]}

    def ends(self, who: str) -> list[str]:
        """What is about to end, as somebody is told."""
        status, document = self.ask(who, "GET", f"{URL}?team=crew&ends=366")
        assert status == 200, document
        return [each["name"] for each in document["ends"]]

    def collect(self, graces: Graces, passes: int) -> None:
        store: Any = self.world.metadata
        blobs: Any = self.world.blobs
        for _ in range(passes):
            assert collect(Run(self.world, store, blobs, graces))
            self.clock.at_s += HOUR_S

    def is_free(self) -> bool:
        return not any(self.world.metadata.rows_of("crew"))  # type: ignore[attr-defined]


@pytest.fixture(params=[in_memory, on_dynamo])
def place(request: pytest.FixtureRequest) -> Place:
    clock = SettableClock(BEGIN_S)
    make: Callable[[Any, SettableClock], World] = request.param
    stack = request.getfixturevalue("stack") if make is on_dynamo else None
    return Place(make(stack, clock), clock)


def test_last_owners_see_their_own_days_and_the_next_owners_theirs(place: Place) -> None:
    place.make("olga", 60)
    place.use(3)
    assert place.pulls("olga") == {"2027-01-15": 3}
    place.clock.at_s += 60
    assert place.pulls("olga") == {"2027-01-15": 3}, "ended, not yet collected"
    place.collect(Graces(), 30)
    assert place.is_free()
    assert place.pulls("olga") == {"2027-01-15": 3}
    assert place.pulls("wim") is None
    assert place.ends("olga") == []
    place.make("nina", 10 * DAY_S)
    place.use(50)
    today = f"2027-01-{15 + (place.clock.at_s - BEGIN_S + 8 * HOUR_S) // DAY_S}"
    assert place.pulls("nina") == {today: 50}
    assert place.pulls("olga") == {"2027-01-15": 3}
    assert (place.ends("nina"), place.ends("olga")) == (["crew"], [])
    place.clock.at_s += 11 * DAY_S
    place.collect(Graces(), 30)
    assert place.is_free()
    assert (place.pulls("nina"), place.pulls("olga")) == ({today: 50}, {"2027-01-15": 3})


def test_the_name_is_not_free_on_the_day_of_the_end(place: Place) -> None:
    """Counts are by days: none is of two teams."""
    place.make("olga", 60)
    place.clock.at_s += 61
    place.collect(Graces(), 15)
    assert day_of(place.clock.at_s - HOUR_S) == day_of(BEGIN_S)
    assert not place.is_free()
    place.collect(Graces(), 3)
    assert place.is_free()


def test_where_a_team_was_taken_away_on_its_last_day_nobody_sees_the_next_ones_first(
    place: Place,
) -> None:
    """As a registry at rest is emptied."""
    place.make("olga", DAY_S)
    place.use(3)
    place.clock.at_s += DAY_S
    place.use(2)
    assert place.pulls("olga") == {"2027-01-15": 3, "2027-01-16": 2}
    place.collect(AT_REST, 3)
    assert place.is_free()
    assert place.pulls("olga") == {"2027-01-15": 3, "2027-01-16": 2}
    place.make("nina", DAY_S)
    place.use(50)
    assert place.pulls("olga") == {"2027-01-15": 3}
