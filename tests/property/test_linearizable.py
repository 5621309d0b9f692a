"""Tags under concurrent clients: whatever they see, one order of their requests explains it.

Several threads push, delete and read the same few tags through the app, on the memory store and on
DynamoDB Local; ``linearizability.py`` looks for the order, ``repository_model.py`` says what each
request does in it. What is planned is the same in each run; what meets what is not.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from chalicelib.adapters.memory import MemoryMetadata
from chalicelib.service.world import World
from tests.property.concurrent_clients import (
    DIGESTS,
    Clients,
    Unhurried,
    plans,
    shown,
    take_a_moment,
)
from tests.property.linearizability import Operation, check
from tests.property.repository_model import DELETE, PUSH, READ, Asked, Model, Repository
from tests.support.world import memory_world

CLIENTS, LENGTH, ROUNDS = 4, 8, 25
TAGS = ("a", "b", "c")

Traffic = Callable[[random.Random], Asked]


@dataclass(frozen=True)
class Place:
    """A world, and whether its store deletes a manifest's tags before the manifest."""

    world: World
    tags_first: bool


@pytest.fixture(params=["memory", "dynamodb"])
def place(request: pytest.FixtureRequest) -> Place:
    if request.param == "memory":
        return Place(world_on(Unhurried(MemoryMetadata())), tags_first=False)
    store = request.getfixturevalue("stack").metadata(on_request=take_a_moment)
    return Place(world_on(store), tags_first=False)


def world_on(store: Any) -> World:
    return memory_world(metadata=store, accounts=store, search=store)


def anything(chosen: random.Random) -> Asked:
    """Pushes of one tag or of several, deletions of tags and manifests, reads of both."""
    digest, tag = chosen.choice(DIGESTS), chosen.choice(TAGS)
    several = tuple(chosen.sample(TAGS, chosen.choice((0, 2, 3))))
    usual = (
        *((Asked(PUSH, 0, digest, (tag,)),) * 3),
        Asked(PUSH, 0, digest, several),
        Asked(DELETE, 0, tags=(tag,)),
        *((Asked(DELETE, 0, digest),) * 2),
        *((Asked(READ, 0, tags=(tag,)),) * 4),
        Asked(READ, 0, digest),
    )
    return chosen.choice(usual)


def one_tag(chosen: random.Random) -> Asked:
    """A tag that is moved from a manifest to another while the first is deleted."""
    digest, tag = chosen.choice(DIGESTS[:2]), TAGS[0]
    usual = (
        *((Asked(PUSH, 0, digest, (tag,)),) * 4),
        *((Asked(DELETE, 0, digest),) * 3),
        *((Asked(READ, 0, tags=(tag,)),) * 4),
    )
    return chosen.choice(usual)


def several_tags(chosen: random.Random) -> Asked:
    """Pushes of all tags at once, and reads that must not see half of one."""
    digest, tag = chosen.choice(DIGESTS), chosen.choice(TAGS)
    usual = (
        Asked(PUSH, 0, digest, TAGS),
        *((Asked(READ, 0, tags=(tag,)),) * 2),
        Asked(DELETE, 0, tags=(tag,)),
    )
    return chosen.choice(usual)


def held(history: Sequence[Operation[Asked]], model: Model) -> None:
    """Fails unless one order explains the history."""
    verdict = check(history, Repository(), model.step, model.underway)
    assert verdict.is_linearizable, (
        f"no order of these explains them:\n{shown(history)}\n"
        f"the most that can be explained:\n{shown(verdict.order)}"
    )


@pytest.mark.parametrize("traffic", [anything, one_tag, several_tags])
def test_tags_are_linearizable(place: Place, team: str, traffic: Traffic) -> None:
    statuses: Counter[tuple[str, int]] = Counter()
    for number in range(ROUNDS):
        clients = Clients(place.world, f"{team}/round{number}")
        history = clients.run(plans(number, CLIENTS, LENGTH, traffic))
        held(history, Model(tags_first=place.tags_first))
        statuses.update((one.what.verb, one.what.status) for one in history)
        assert overlapping(history), "one after the other: nothing was shown"
    for wanted in ((PUSH, 201), (READ, 200), (READ, 404), (DELETE, 202), (DELETE, 404)):
        assert statuses[wanted] >= ROUNDS // 2, statuses


def overlapping(history: Sequence[Operation[Asked]]) -> bool:
    """Whether an operation was called while another was under way."""
    calls = {one.called_at for one in history}
    return any(one.called_at + 1 in calls for one in history)


# --- immutable tags -------------------------------------------------------------------------------

FIXED = "v1"
RULE = json.dumps({"rules": [{"pattern": "v*", "immutable": True}]}).encode()


def push_or_read(chosen: random.Random) -> Asked:
    digest = chosen.choice(DIGESTS)
    tags = chosen.choice(((FIXED,), (FIXED,), (FIXED, "a"), ("a",)))
    return chosen.choice(
        (Asked(PUSH, 0, digest, tags), Asked(PUSH, 0, digest, tags), Asked(READ, 0, tags=(FIXED,)))
    )


def test_one_push_to_an_immutable_tag_wins_and_nobody_sees_another(place: Place, team: str) -> None:
    winners: Counter[str] = Counter()
    for number in range(ROUNDS // 2):
        clients = Clients(place.world, f"{team}/round{number}")
        clients.set_rules(RULE)
        # Everybody's first request is a push of their own to the one tag.
        firsts = [Asked(PUSH, 0, DIGESTS[n % len(DIGESTS)], (FIXED,)) for n in range(CLIENTS)]
        random.Random(number).shuffle(firsts)
        others = plans(number, CLIENTS, LENGTH - 1, push_or_read)
        history = clients.run([[first, *more] for first, more in zip(firsts, others, strict=True)])
        told = [one.what for one in history if FIXED in one.what.tags]
        pushed = {one.digest for one in told if one.status == 201}
        seen = {one.found for one in told if one.status == 200}
        assert len(pushed) == 1, shown(history)
        assert seen <= pushed, shown(history)
        held(history, Model(immutable=frozenset({FIXED}), tags_first=place.tags_first))
        winners.update(pushed)
    assert len(winners) > 1, "always the same wins: nothing was shown"


def test_an_immutable_tag_that_is_deleted_is_won_anew(place: Place, team: str) -> None:
    def make(chosen: random.Random) -> Asked:
        requests = (
            Asked(PUSH, 0, chosen.choice(DIGESTS), (FIXED,)),
            Asked(PUSH, 0, chosen.choice(DIGESTS), (FIXED,)),
            Asked(DELETE, 0, tags=(FIXED,)),
            Asked(DELETE, 0, chosen.choice(DIGESTS)),
            Asked(READ, 0, tags=(FIXED,)),
        )
        return chosen.choice(requests)

    for number in range(ROUNDS // 2):
        clients = Clients(place.world, f"{team}/round{number}")
        clients.set_rules(RULE)
        history = clients.run(plans(number, CLIENTS, LENGTH, make))
        held(history, Model(immutable=frozenset({FIXED}), tags_first=place.tags_first))
