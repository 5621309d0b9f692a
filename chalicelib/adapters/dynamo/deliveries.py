"""Deliveries in their lanes: rows that sort as they are to be told, and who is at each lane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from chalicelib.adapters.dynamo import keys
from chalicelib.adapters.dynamo.delivery_models import DeliveryColumns, DoneRow, DueRow, LaneRow
from chalicelib.adapters.dynamo.table import Table
from chalicelib.domain.paging import Listing, Page
from chalicelib.domain.webhooks import Delivery, Lane, Outcome
from chalicelib.ports import Conflict

# More pending deliveries than anybody looks through.
MOST_PENDING = 200
# A lane that nobody has been at for so long has no row.
LANE_KEPT_S = 24 * 3600


class Deliveries:
    """DeliveryStore; a part of the whole store, whose table it uses."""

    _table: Table

    # --- lanes --------------------------------------------------------------------------------

    def claim_lane(self, lane: Lane, claim: str, *, now_s: int, until_s: int) -> bool:
        columns = LaneRow
        free = columns.claim.does_not_exist() | (columns.claim == claim)
        try:
            self._table.update(
                LaneRow,
                _lane_key(lane),
                [
                    columns.kind.set(columns),
                    columns.claim.set(claim),
                    columns.until_s.set(until_s),
                    columns.expires_at_s.set(until_s + LANE_KEPT_S),
                ],
                condition=free | (columns.until_s <= now_s),
            )
        except Conflict:
            return False
        return True

    def release_lane(self, lane: Lane, claim: str) -> None:
        columns = LaneRow
        try:
            self._table.update(
                LaneRow,
                _lane_key(lane),
                [columns.claim.remove(), columns.until_s.remove()],
                condition=columns.claim == claim,
            )
        except Conflict:
            # Its time was over, and somebody else is at it.
            return

    def pending_lanes(self, team: str, hook_id: str) -> Sequence[Lane]:
        lanes: list[Lane] = []
        partition = keys.deliveries(team, hook_id)
        first, last = keys.span_after(keys.DUE, "")
        while True:
            # The first of each lane, and then from behind that lane on.
            rows, _ = self._table.query(DueRow, partition, (first, last), limit=1)
            if not rows:
                return lanes
            lanes.append(Lane(team, hook_id, rows[0].repository))
            # `$` comes after `#`, which ends the path.
            first = f"{keys.DUE}{rows[0].repository}$"

    # --- deliveries ---------------------------------------------------------------------------

    def first_delivery(self, lane: Lane) -> Delivery | None:
        partition = keys.deliveries(lane.team, lane.hook_id)
        span = keys.span_after(f"{keys.DUE}{lane.repository}#", "")
        rows, _ = self._table.query(DueRow, partition, span, limit=1)
        return rows[0].value() if rows else None

    def settle_delivery(
        self, lane: Lane, claim: str, delivery: Delivery, *, keep_until_s: int
    ) -> None:
        writes = self._table.transaction()
        writes.check(_lane_key(lane), LaneRow.claim == claim)
        there = DueRow.event_id == delivery.event.event_id
        row = DueRow.of(delivery)
        if delivery.outcome is Outcome.PENDING:
            writes.put(row, condition=there)
        else:
            writes.delete(keys.Key(row.pk, row.sk), condition=there)
            writes.put(DoneRow.of(delivery, keep_until_s))
        writes.commit()

    def list_deliveries(self, team: str, hook_id: str, page: Page) -> Listing[Delivery]:
        partition, after = keys.deliveries(team, hook_id), page.after
        most, last = page.limit + 1, keys.span_after(keys.DUE, "")[1]
        if not after:
            # `done#` and `due#` lie side by side: from behind, what waits and then the newest.
            span, most = (keys.DONE, last), most + MOST_PENDING
            rows, _ = self._table.query(DeliveryColumns, partition, span, most, backwards=True)
        else:
            span = keys.DONE, f"{keys.DONE}{keys.beginning(after)}"
            rows, _ = self._table.query(DeliveryColumns, partition, span, most + 1, backwards=True)
            span = keys.DUE, last
            rows += self._table.query(DeliveryColumns, partition, span, MOST_PENDING)[0]
        found = [row.value() for row in rows]
        older = [each for each in found if not after or each.event.order < after]
        older.sort(key=lambda each: each.event.order, reverse=True)
        return Listing(older[: page.limit], more=len(older) > page.limit)

    def find_delivery(self, team: str, hook_id: str, event_id: str) -> Delivery | None:
        # `done#` and `due#` lie side by side.
        span = keys.DONE, keys.span_after(keys.DUE, "")[1]
        rows = self._table.gather(DeliveryColumns, keys.deliveries(team, hook_id), span)
        return next((row.value() for row in rows if row.event_id == event_id), None)

    def repeat_delivery(self, lane: Lane, delivery: Delivery) -> None:
        again = replace(delivery, attempts=0, next_at_s=0, outcome=Outcome.PENDING)
        writes = self._table.transaction()
        done = keys.done(lane.team, lane.hook_id, delivery.event.order)
        writes.delete(done, condition=DoneRow.event_id == delivery.event.event_id)
        writes.put(DueRow.of(again), condition=DueRow.pk.does_not_exist())
        writes.commit()


def _lane_key(lane: Lane) -> keys.Key:
    return keys.lane(lane.team, lane.hook_id, lane.repository)
