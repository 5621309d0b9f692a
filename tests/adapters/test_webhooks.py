"""Both webhook stores keep the contract, DynamoDB's within its budget."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.adapters.dynamo import DynamoMetadata
from chalicelib.adapters.memory import MemoryMetadata
from chalicelib.domain.webhooks import Delivery, EventKind
from chalicelib.service.wakes import Listeners, look
from chalicelib.webhook_ports import WebhookStore
from tests.contracts.team_values import app
from tests.contracts.values import NOW_S, V1, change, manifest, tag
from tests.contracts.webhook_contract import MOST, WebhookContract, hook, noted, of_app, told
from tests.support.stack import Stack
from tests.support.world import SettableClock
from tests.webhooks.scene import WorstQueue


class TestMemoryWebhooks(WebhookContract):
    @pytest.fixture
    def clock(self) -> SettableClock:
        return SettableClock(NOW_S)

    @pytest.fixture
    def store(self, clock: SettableClock) -> MemoryMetadata:
        return MemoryMetadata(clock)


@pytest.fixture(scope="module")
def calls() -> list[str]:
    return []


@pytest.fixture(scope="module")
def shared_clock() -> SettableClock:
    return SettableClock(NOW_S)


@pytest.fixture
def clock(shared_clock: SettableClock) -> SettableClock:
    shared_clock.at_s = NOW_S
    return shared_clock


@pytest.fixture(scope="module")
def store(stack: Stack, shared_clock: SettableClock, calls: list[str]) -> DynamoMetadata:
    return stack.metadata(on_request=calls.append, clock=shared_clock)


@pytest.mark.usefixtures("clock")
class TestDynamoWebhooks(WebhookContract):
    """The contract, on the store of this module."""


BATCH, TRANSACTION = "BatchGetItem", "TransactWriteItems"
Verb = Callable[[Any, str], object]


def _event(s: Any, t: str) -> Any:
    return s.list_events(t, app(t).path, 1)[0]


BUDGETS: dict[str, tuple[Verb, list[str]]] = {
    "put_hook": (lambda s, t: s.put_hook(hook(t, 5), most=MOST), ["Query", TRANSACTION]),
    "find_hook": (lambda s, t: s.find_hook(t, "h1"), ["GetItem"]),
    "change_hook": (lambda s, t: s.change_hook(of_app(t), of_app(t, label="x")), ["PutItem"]),
    "delete_hook": (lambda s, t: s.delete_hook(of_app(t)), ["Query", TRANSACTION, "Query"]),
    "put_delivery": (
        lambda s, t: s.put_delivery(Delivery("h1", replace(noted(t), order="1.x"))),
        [TRANSACTION],
    ),
    "drop_stray": (lambda s, t: s.drop_stray(t, "h9"), ["GetItem", "Query"]),
    "drop_orphan": (lambda s, t: s.drop_orphan(of_app(t)), ["GetItem"]),
    "list_hooks": (lambda s, t: s.list_hooks(t), ["Query"]),
    "note_event": (lambda s, t: s.note_event(noted(t), "new"), [BATCH, TRANSACTION]),
    "note_event, again": (lambda s, t: s.note_event(noted(t), "old"), [BATCH]),
    "list_events": (lambda s, t: s.list_events(t, app(t).path, 9), ["Query"]),
    "hand_over": (
        lambda s, t: s.hand_over(_event(s, t), s.list_hooks(t)),
        ["Query", "Query", TRANSACTION],
    ),
    # Of what happens with an event: as many calls as without.
    "put_manifest": (
        lambda s, t: s.put_manifest(t, _known(s, t), manifest(b"2"), [], told(t, _known(s, t))),
        [BATCH, BATCH, TRANSACTION],
    ),
    "put_tag": (
        lambda s, t: s.put_tag(t, _known(s, t), tag(image_id="a" * 64), told(t, _known(s, t))),
        [BATCH, BATCH, TRANSACTION],
    ),
    "delete_tag": (
        lambda s, t: s.delete_tag(t, app(t), V1, told(t, _known(s, t))),
        [BATCH, TRANSACTION],
    ),
    "delete_manifest": (
        lambda s, t: s.delete_manifest(t, app(t), manifest().digest, told(t, _known(s, t))),
        [BATCH, "GetItem", "Query", "Query", TRANSACTION],
    ),
    "delete_repository": (
        lambda s, t: s.delete_repository(t, _known(s, t), told(t, _known(s, t)).event),
        [BATCH, BATCH, TRANSACTION, "Query", TRANSACTION, TRANSACTION],
    ),
}


def _known(s: Any, t: str) -> Any:
    return s.find_repository(t, app(t))


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("name", BUDGETS)
def test_a_verb_costs_what_its_port_says(
    store: DynamoMetadata, calls: list[str], team: str, name: str
) -> None:
    WebhookContract.begin(store, team)
    store.put_hook(of_app(team), most=MOST)
    store.put_manifest(team, _known(store, team), manifest(), [tag()], change())
    store.note_event(noted(team, EventKind.EXPIRY), "old")
    verb, expected = BUDGETS[name]
    calls.clear()
    verb(store, team)
    assert calls == expected


def test_every_verb_of_the_port_has_a_budget() -> None:
    # These read the whole table, which all tests write to.
    verbs = {name for name in vars(WebhookStore) if not name.startswith("_")}
    verbs -= {"waiting", "look_around"}
    assert verbs <= {name.split(",")[0] for name in BUDGETS}


class Dead(BaseException):
    """The process has been killed."""


def test_what_a_killed_deletion_leaves_goes_with_the_next_look(stack: Stack, team: str) -> None:
    """An event is handed over between its steps, and nobody lives to forget that."""
    table, clock = f"roadstead-{team}", SettableClock(NOW_S)
    store = stack.metadata(clock=clock, table=table)
    WebhookContract.begin(store, team)
    store.put_hook(of_app(team), most=MOST)
    store.note_event(noted(team), "once")
    sent: list[str] = []

    def meanwhile(operation: str) -> None:
        sent.append(operation)
        if sent == ["Query", TRANSACTION]:
            store.hand_over(_event(store, team), store.list_hooks(team))
        if sent == ["Query", TRANSACTION, "Query"]:
            raise Dead

    dying = type(store)(
        table,
        stack.region,
        stack.endpoints.dynamodb_url,
        session=stack.session,
        on_request=meanwhile,
        clock=clock,
    )
    with pytest.raises(Dead):
        dying.delete_hook(of_app(team))
    assert store.find_hook(team, "h1") is None
    assert list(store.look_around().waiting) == [(team, app(team).path)]
    queue = WorstQueue(clock, random.Random(0))
    look(Listeners(store, queue), now_s=NOW_S)
    assert list(store.look_around().waiting) == []
