"""What every DeliveryStore promises; give the class a ``store`` and a ``put_due`` fixture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.domain.paging import Page
from chalicelib.domain.webhooks import Answer, Delivery, Event, EventKind, Lane, Outcome
from chalicelib.ports import Conflict
from tests.contracts.values import NOW_S

HOOK = "0" * 16
KEEP_S = NOW_S + 1000
PutDue = Callable[[Delivery], None]


def event(team: str, order: int, repository: str = "app", **changes: Any) -> Event:
    at_ms = NOW_S * 1000 + order
    facts = {"tags": ["1", "caf\u00e9"], "size_bytes": 5}
    made = Event(f"evt_{order}", EventKind.PUSH, team, repository, at_ms, f"{at_ms:015d}.w", facts)
    return replace(made, **changes)


def delivery(team: str, order: int, repository: str = "app", **changes: Any) -> Delivery:
    return replace(Delivery(HOOK, event(team, order, repository)), **changes)


def lane_of(team: str, repository: str = "app") -> Lane:
    return Lane(team, HOOK, repository)


def settled(store: Any, one: Delivery, outcome: Outcome, answer: Answer | None = None) -> Delivery:
    lane = lane_of(one.event.team, one.event.repository)
    assert store.claim_lane(lane, "c", now_s=NOW_S, until_s=NOW_S + 60)
    after = replace(one, attempts=one.attempts + 1, outcome=outcome, answer=answer)
    store.settle_delivery(lane, "c", after, keep_until_s=KEEP_S)
    store.release_lane(lane, "c")
    return after


class DeliveryContract:
    # --- lanes --------------------------------------------------------------------------------

    def test_one_run_at_a_time_is_at_a_lane(self, store: Any, team: str) -> None:
        lane = lane_of(team)
        assert store.claim_lane(lane, "one", now_s=NOW_S, until_s=NOW_S + 60)
        assert not store.claim_lane(lane, "two", now_s=NOW_S + 59, until_s=NOW_S + 99)
        assert store.claim_lane(lane, "one", now_s=NOW_S + 59, until_s=NOW_S + 90)
        assert not store.claim_lane(lane, "two", now_s=NOW_S + 89, until_s=NOW_S + 99)
        assert store.claim_lane(lane, "two", now_s=NOW_S + 90, until_s=NOW_S + 99)

    def test_a_lane_that_is_released_is_free_at_once(self, store: Any, team: str) -> None:
        lane = lane_of(team)
        store.claim_lane(lane, "one", now_s=NOW_S, until_s=NOW_S + 60)
        store.release_lane(lane, "two")
        assert not store.claim_lane(lane, "two", now_s=NOW_S, until_s=NOW_S + 60)
        store.release_lane(lane, "one")
        store.release_lane(lane, "one")
        assert store.claim_lane(lane, "two", now_s=NOW_S, until_s=NOW_S + 60)

    def test_lanes_do_not_know_each_other(self, store: Any, team: str) -> None:
        for lane in (lane_of(team), lane_of(team, "app2"), lane_of(team, ""), lane_of(f"{team}2")):
            assert store.claim_lane(lane, repr(lane), now_s=NOW_S, until_s=NOW_S + 60)

    # --- order --------------------------------------------------------------------------------

    def test_the_oldest_of_a_lane_comes_first(self, store: Any, put_due: PutDue, team: str) -> None:
        assert store.first_delivery(lane_of(team)) is None
        for order in (3, 1, 2):
            put_due(delivery(team, order))
        put_due(delivery(team, 0, "app2"))
        assert store.first_delivery(lane_of(team)) == delivery(team, 1)
        settled(store, delivery(team, 1), Outcome.DELIVERED)
        assert store.first_delivery(lane_of(team)) == delivery(team, 2)

    def test_what_waits_for_its_next_attempt_stays_first(
        self, store: Any, put_due: PutDue, team: str
    ) -> None:
        for order in (1, 2):
            put_due(delivery(team, order))
        answer = Answer(NOW_S, 503, "", 12, "<b>busy</b>\u00e9\x00")
        later = replace(delivery(team, 1), next_at_s=NOW_S + 30)
        after = settled(store, later, Outcome.PENDING, answer)
        assert store.first_delivery(lane_of(team)) == after
        assert after.answer == answer

    def test_lanes_with_something_in_them_are_found(
        self, store: Any, put_due: PutDue, team: str
    ) -> None:
        assert list(store.pending_lanes(team, HOOK)) == []
        for repository in ("", "a", "a/b", "a-b", "b"):
            for order in (1, 2, 3):
                put_due(delivery(team, order, repository))
        settled(store, delivery(team, 1, "b"), Outcome.GIVEN_UP)
        found = store.pending_lanes(team, HOOK)
        assert {lane.repository for lane in found} == {"", "a", "a/b", "a-b", "b"}
        assert len(found) == 5
        assert list(store.pending_lanes(team, "1" * 16)) == []

    # --- what came of it ----------------------------------------------------------------------

    def test_only_who_holds_the_lane_may_say_what_came_of_it(
        self, store: Any, put_due: PutDue, team: str
    ) -> None:
        one, lane = delivery(team, 1), lane_of(team)
        put_due(one)
        over = replace(one, outcome=Outcome.DELIVERED)
        with pytest.raises(Conflict):
            store.settle_delivery(lane, "one", over, keep_until_s=KEEP_S)
        store.claim_lane(lane, "one", now_s=NOW_S, until_s=NOW_S + 1)
        store.claim_lane(lane, "two", now_s=NOW_S + 1, until_s=NOW_S + 60)
        for outcome in Outcome:
            with pytest.raises(Conflict):
                store.settle_delivery(
                    lane, "one", replace(one, outcome=outcome), keep_until_s=KEEP_S
                )
        assert store.first_delivery(lane) == one

    def test_what_is_not_in_the_lane_any_more_does_not_come_back(
        self, store: Any, put_due: PutDue, team: str
    ) -> None:
        one, lane = delivery(team, 1), lane_of(team)
        put_due(one)
        settled(store, one, Outcome.DELIVERED)
        store.claim_lane(lane, "c", now_s=NOW_S, until_s=NOW_S + 60)
        with pytest.raises(Conflict):
            store.settle_delivery(lane, "c", replace(one, attempts=4), keep_until_s=KEEP_S)
        assert store.first_delivery(lane) is None

    @pytest.mark.parametrize("outcome", [Outcome.DELIVERED, Outcome.GIVEN_UP])
    def test_what_is_over_is_kept_with_its_answer(
        self, store: Any, put_due: PutDue, team: str, outcome: Outcome
    ) -> None:
        put_due(delivery(team, 1))
        answer = Answer(NOW_S, None, "timed out", 10_000)
        after = settled(store, delivery(team, 1), outcome, answer)
        assert store.find_delivery(team, HOOK, "evt_1") == after
        assert list(store.list_deliveries(team, HOOK, Page(10)).entries) == [after]
        assert store.find_delivery(team, HOOK, "evt_2") is None
        assert store.find_delivery(team, "1" * 16, "evt_1") is None

    def test_deliveries_are_listed_from_the_newest_on(
        self, store: Any, put_due: PutDue, team: str
    ) -> None:
        for order in range(6):
            put_due(delivery(team, order, ("b", "a", "")[order % 3]))
        for order in (0, 1, 3, 5):
            settled(store, delivery(team, order, ("b", "a", "")[order % 3]), Outcome.DELIVERED)
        seen, after = [], ""
        for _ in range(9):
            page = store.list_deliveries(team, HOOK, Page(2, after))
            seen += [each.event.event_id for each in page.entries]
            if not page.more:
                break
            after = page.entries[-1].event.order
        assert seen == [f"evt_{order}" for order in (5, 4, 3, 2, 1, 0)]

    def test_what_is_over_can_be_repeated(self, store: Any, put_due: PutDue, team: str) -> None:
        for order in (1, 2):
            put_due(delivery(team, order))
        answer = Answer(NOW_S, 400)
        after = settled(store, delivery(team, 1), Outcome.GIVEN_UP, answer)
        store.repeat_delivery(lane_of(team), after)
        again = replace(after, attempts=0, next_at_s=0, outcome=Outcome.PENDING)
        assert store.first_delivery(lane_of(team)) == again
        assert store.find_delivery(team, HOOK, "evt_1") == again
        with pytest.raises(Conflict):
            store.repeat_delivery(lane_of(team), after)
        settled(store, again, Outcome.DELIVERED)
        assert store.first_delivery(lane_of(team)) == delivery(team, 2)

    def test_what_never_was_cannot_be_repeated(self, store: Any, team: str) -> None:
        with pytest.raises(Conflict):
            store.repeat_delivery(lane_of(team), delivery(team, 1, outcome=Outcome.DELIVERED))
