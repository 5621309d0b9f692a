"""Both delivery stores keep the contract, DynamoDB's within its budget."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chalicelib.adapters.dynamo import DynamoMetadata
from chalicelib.adapters.dynamo.delivery_models import DueRow
from chalicelib.adapters.memory.deliveries import MemoryDeliveries
from chalicelib.domain.paging import Page
from chalicelib.domain.webhooks import Delivery, Outcome
from tests.contracts.delivery_contract import (
    HOOK,
    KEEP_S,
    DeliveryContract,
    PutDue,
    delivery,
    lane_of,
    settled,
)
from tests.contracts.values import NOW_S
from tests.support.stack import Stack


class TestMemoryDeliveries(DeliveryContract):
    @pytest.fixture
    def store(self) -> MemoryDeliveries:
        return MemoryDeliveries()

    @pytest.fixture
    def put_due(self, store: MemoryDeliveries) -> PutDue:
        return store.put_due


@pytest.fixture(scope="module")
def calls() -> list[str]:
    return []


@pytest.fixture(scope="module")
def store(stack: Stack, calls: list[str]) -> DynamoMetadata:
    return stack.metadata(on_request=calls.append)


@pytest.fixture
def put_due(store: DynamoMetadata) -> PutDue:
    def put(one: Delivery) -> None:
        store._table.put(DueRow.of(one))

    return put


class TestDynamoDeliveries(DeliveryContract):
    """The contract, on the store of this module."""


BUDGETS: list[tuple[str, Callable[[DynamoMetadata, str], object], list[str]]] = [
    (
        "claim",
        lambda store, team: store.claim_lane(lane_of(team), "d", now_s=NOW_S, until_s=NOW_S + 1),
        ["UpdateItem"],
    ),
    ("release", lambda store, team: store.release_lane(lane_of(team), "x"), ["UpdateItem"]),
    ("first", lambda store, team: store.first_delivery(lane_of(team)), ["Query"]),
    ("lanes", lambda store, team: store.pending_lanes(team, HOOK), ["Query"] * 2),
    ("list", lambda store, team: store.list_deliveries(team, HOOK, Page(5)), ["Query"]),
    ("next", lambda store, team: store.list_deliveries(team, HOOK, Page(5, "9")), ["Query"] * 2),
    ("find", lambda store, team: store.find_delivery(team, HOOK, "evt_1"), ["Query"]),
    (
        "settle",
        lambda store, team: store.settle_delivery(
            lane_of(team), "c", delivery(team, 1, outcome=Outcome.DELIVERED), keep_until_s=KEEP_S
        ),
        ["TransactWriteItems"],
    ),
    (
        "repeat",
        lambda store, team: store.repeat_delivery(lane_of(team), delivery(team, 0)),
        ["TransactWriteItems"],
    ),
]


@pytest.mark.parametrize(
    ("act", "budget"), [each[1:] for each in BUDGETS], ids=[each[0] for each in BUDGETS]
)
def test_no_more_calls_than_the_port_says(
    store: DynamoMetadata,
    put_due: PutDue,
    calls: list[str],
    team: str,
    act: Callable[[DynamoMetadata, str], object],
    budget: list[str],
) -> None:
    for order in (0, 1):
        put_due(delivery(team, order))
    settled(store, delivery(team, 0), Outcome.DELIVERED)
    store.claim_lane(lane_of(team), "c", now_s=NOW_S, until_s=NOW_S)
    calls.clear()
    act(store, team)
    assert calls == budget


def test_what_is_over_expires_and_what_is_due_does_not(store: DynamoMetadata, team: str) -> None:
    from chalicelib.adapters.dynamo import keys
    from chalicelib.adapters.dynamo.models import Row

    for order in (0, 1):
        store._table.put(DueRow.of(delivery(team, order)))
    settled(store, delivery(team, 0), Outcome.DELIVERED)
    rows = store._table.gather(Row, keys.deliveries(team, HOOK), ("a", "z"))
    expiring = {row.sk.partition("#")[0]: hasattr(row, "expires_at_s") for row in rows}
    assert expiring == {"done": True, "due": False, "lane": True}
