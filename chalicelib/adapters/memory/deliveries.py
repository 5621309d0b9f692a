"""DeliveryStore in dictionaries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from threading import RLock

from chalicelib.domain.paging import Listing, Page
from chalicelib.domain.webhooks import Delivery, Lane, Outcome
from chalicelib.ports import Conflict


class MemoryDeliveries:
    """``put_due`` is what handing over does with a delivery; what is done is kept for ever."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._claims: dict[Lane, tuple[str, int]] = {}
        self._due: dict[tuple[Lane, str], Delivery] = {}
        self._done: dict[tuple[str, str, str], Delivery] = {}

    def put_due(self, delivery: Delivery) -> None:
        event = delivery.event
        with self._lock:
            lane = Lane(event.team, delivery.hook_id, event.repository)
            self._due.setdefault((lane, event.order), delivery)

    def forget_hook(self, team: str, hook_id: str) -> None:
        with self._lock:
            for key in [key for key in self._due if _is(key[0], team, hook_id)]:
                del self._due[key]
            for done in [key for key in self._done if key[:2] == (team, hook_id)]:
                del self._done[done]

    def claim_lane(self, lane: Lane, claim: str, *, now_s: int, until_s: int) -> bool:
        with self._lock:
            held, held_until_s = self._claims.get(lane, (claim, 0))
            if held != claim and held_until_s > now_s:
                return False
            self._claims[lane] = claim, until_s
            return True

    def release_lane(self, lane: Lane, claim: str) -> None:
        with self._lock:
            if self._claims.get(lane, ("", 0))[0] == claim:
                del self._claims[lane]

    def first_delivery(self, lane: Lane) -> Delivery | None:
        with self._lock:
            orders = [order for held, order in self._due if held == lane]
            return self._due[lane, min(orders)] if orders else None

    def settle_delivery(
        self, lane: Lane, claim: str, delivery: Delivery, *, keep_until_s: int
    ) -> None:
        order = delivery.event.order
        with self._lock:
            is_held = self._claims.get(lane, ("", 0))[0] == claim
            if not is_held or (lane, order) not in self._due:
                raise Conflict("the lane is not held by this claim")
            if delivery.outcome is Outcome.PENDING:
                self._due[lane, order] = delivery
            else:
                del self._due[lane, order]
                self._done[lane.team, lane.hook_id, order] = delivery

    def pending_lanes(self, team: str, hook_id: str) -> Sequence[Lane]:
        with self._lock:
            lanes = {lane for lane, _ in self._due}
        return sorted(
            (lane for lane in lanes if (lane.team, lane.hook_id) == (team, hook_id)),
            key=lambda lane: lane.repository,
        )

    def list_deliveries(self, team: str, hook_id: str, page: Page) -> Listing[Delivery]:
        with self._lock:
            found = [*self._of(team, hook_id)]
        older = [each for each in found if not page.after or each.event.order < page.after]
        older.sort(key=lambda each: each.event.order, reverse=True)
        return Listing(older[: page.limit], more=len(older) > page.limit)

    def find_delivery(self, team: str, hook_id: str, event_id: str) -> Delivery | None:
        with self._lock:
            found = self._of(team, hook_id)
        return next((each for each in found if each.event.event_id == event_id), None)

    def repeat_delivery(self, lane: Lane, delivery: Delivery) -> None:
        order = delivery.event.order
        with self._lock:
            done = (lane.team, lane.hook_id, order)
            if done not in self._done or (lane, order) in self._due:
                raise Conflict("it is not done")
            del self._done[done]
            again = replace(delivery, attempts=0, next_at_s=0, outcome=Outcome.PENDING)
            self._due[lane, order] = again

    def _of(self, team: str, hook_id: str) -> list[Delivery]:
        due = [each for (lane, _), each in self._due.items() if _is(lane, team, hook_id)]
        return due + [each for key, each in self._done.items() if key[:2] == (team, hook_id)]


def _is(lane: Lane, team: str, hook_id: str) -> bool:
    return (lane.team, lane.hook_id) == (team, hook_id)
