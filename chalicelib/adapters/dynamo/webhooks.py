"""WebhookStore: webhooks, and events until somebody has been told of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import cast

from pynamodb.expressions.condition import Condition

from chalicelib.adapters.dynamo import keys
from chalicelib.adapters.dynamo.deletion import EVERYTHING, equal
from chalicelib.adapters.dynamo.delivery_models import DueRow
from chalicelib.adapters.dynamo.hook_events import Record, is_later, put_event
from chalicelib.adapters.dynamo.hook_models import HookEventRow, HookRow, ToldRow
from chalicelib.adapters.dynamo.living import Living, Look, not_over
from chalicelib.adapters.dynamo.models import RepositoryRow, Row, TagEntryRow
from chalicelib.adapters.dynamo.table import TRANSACTION_ITEMS
from chalicelib.adapters.dynamo.team_models import TeamRow
from chalicelib.domain.expiry import is_over
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.webhooks import Delivery, Event, Lane, Webhook, end_event, order_after
from chalicelib.ports import Conflict, Missing, Refused, Unavailable
from chalicelib.webhook_ports import Around, Ended, Seen

TOLD_KEPT_S = 400 * 24 * 3600
# How often an event is made anew because another came first.
NOTE_TRIES = 8


class Webhooks(Living):
    # In ``deliveries.py``.
    first_delivery: Callable[[Lane], Delivery | None]

    # --- webhooks -----------------------------------------------------------------------------

    def put_hook(self, hook: Webhook, *, most: int) -> None:
        known = {each.hook_id for each in self.list_hooks(hook.team)}
        if hook.hook_id in known:
            return
        if len(known) >= most:
            raise Refused(f"this team may have {most} webhooks, and has them")
        columns, key = _record_of(hook)
        there = columns.pk.exists() & not_over(columns.ends_at_s, self._clock.now_s())
        there &= equal(columns.life, hook.life)
        if columns is RepositoryRow:
            there &= RepositoryRow.going.does_not_exist()
        writes = self._table.transaction()
        writes.put(HookRow.of(hook), condition=HookRow.pk.does_not_exist())
        writes.update(key, [columns.hooks.add(1)], condition=there)
        try:
            writes.commit()
        except Conflict as error:
            raise Missing(f"what webhook {hook.hook_id} is of") from error

    def find_hook(self, team: str, hook_id: str) -> Webhook | None:
        row = self._table.get(HookRow, keys.hook(team, hook_id))
        return row.value() if row else None

    def change_hook(self, before: Webhook, after: Webhook) -> None:
        was, columns = HookRow.of(before), HookRow
        condition: Condition = columns.pk.exists()
        for column, value in (
            (columns.url, was.url),
            (columns.kinds, was.kinds),
            (columns.label, was.label),
            (columns.is_paused, was.is_paused),
        ):
            condition &= equal(column, value)
        condition &= columns.secret == was.secret
        self._table.put(HookRow.of(after), condition=condition)

    def delete_hook(self, hook: Webhook) -> None:
        # What is on its way goes before the webhook, and what came on its way meanwhile after it.
        self._forget_deliveries(hook.team, hook.hook_id)
        try:
            self._delete_hook(hook)
        finally:
            self._forget_deliveries(hook.team, hook.hook_id)

    def _delete_hook(self, hook: Webhook) -> None:
        columns, key = _record_of(hook)
        mine = HookRow.pk.exists()
        writes = self._table.transaction()
        writes.delete(keys.hook(hook.team, hook.hook_id), condition=mine)
        same = equal(columns.life, hook.life) & (columns.hooks >= 1)
        writes.update(key, [columns.hooks.add(-1)], condition=columns.pk.exists() & same)
        try:
            writes.commit()
        except Conflict as error:
            if self.find_hook(hook.team, hook.hook_id) is None:
                raise Missing(f"webhook {hook.hook_id}") from error
            if not self._is_orphan(hook):
                raise
            # Its record is gone, or is another's.
            self._table.delete(keys.hook(hook.team, hook.hook_id))

    def _is_orphan(self, hook: Webhook) -> bool:
        columns, key = _record_of(hook)
        row = self._table.get(cast("type[Row]", columns), key)
        return row is None or getattr(row, "life", None) != hook.life

    def _forget_deliveries(self, team: str, hook_id: str) -> None:
        rows = self._table.gather(Row, keys.deliveries(team, hook_id), EVERYTHING)
        self._delete_all([keys.Key(row.pk, row.sk) for row in rows])

    def _delete_all(self, places: Sequence[keys.Key]) -> None:
        for at in range(0, len(places), TRANSACTION_ITEMS):
            writes = self._table.transaction()
            for place in places[at : at + TRANSACTION_ITEMS]:
                writes.delete(place)
            writes.commit()

    def list_hooks(self, team: str) -> Sequence[Webhook]:
        span = keys.span_after(keys.HOOKS, "")
        return [row.value() for row in self._table.gather(HookRow, keys.catalog(team), span)]

    # --- events -------------------------------------------------------------------------------

    def note_event(self, event: Event, once: str) -> bool:
        for _ in range(NOTE_TRIES):
            try:
                return self._note_event(event, once)
            except Conflict:
                # Another event came first, or this one did.
                continue
        raise Unavailable(f"events of {event.team} come again and again at the same time")

    def _note_event(self, event: Event, once: str) -> bool:
        places = [keys.team(event.team)]
        if event.repository:
            places.append(keys.repository(event.team, RepositoryName(event.repository)))
        told = keys.told(event.team, once)
        rows = self._table.batch_get([*places, told])
        known = next((row for row in rows if isinstance(row, ToldRow)), None)
        if known is not None:
            return bool(known.event_id == event.event_id)
        records = [row for row in rows if isinstance(row, RepositoryRow | TeamRow)]
        if not any(record.hooks for record in records):
            return False
        own = next((row for row in records if row.sk == places[-1].sk), None)
        last = own.last_event if own is not None else None
        life = own.life if isinstance(own, RepositoryRow) else None
        order = order_after(event.at_ms, event.event_id, last)
        kept = Event(
            event.event_id,
            event.kind,
            event.team,
            event.repository,
            event.at_ms,
            order,
            event.facts,
            event.life or life,
        )
        writes = self._table.transaction()
        until_s = event.at_ms // 1000 + TOLD_KEPT_S
        row = ToldRow.at(told, event_id=event.event_id, expires_at_s=until_s)
        writes.put(row, condition=ToldRow.pk.does_not_exist())
        noted = put_event(writes, kept)
        if own is not None:
            columns: Record = type(own)
            same = equal(columns.life, own.life) & is_later(kept, columns)
            writes.update(places[-1], noted, condition=columns.pk.exists() & same)
        writes.commit()
        return True

    def _tell_end(self, team: str, name: RepositoryName, look: Look) -> None:
        record, shared = look.first(RepositoryRow), look.first(TeamRow)
        if record is None or record.going or record.ends_at_s is None:
            return
        if record.hooks or (shared is not None and shared.hooks):
            at_ms, end_s = self._clock.now_ms(), int(record.ends_at_s)
            self.note_event(*end_event(team, name.path, end_s, at_ms))

    def _tell_tags(self, team: str, name: RepositoryName, look: Look) -> None:
        """Note the ends of tags that are about to be set anew: nobody would find them then."""
        record = look.repository
        if record is None or not record.is_hooked:
            return
        for row in look.rows:
            if isinstance(row, TagEntryRow) and is_over(row.ends_at_s, look.now_s):
                end_s, at_ms, digest = int(row.ends_at_s), self._clock.now_ms(), row.digest or ""
                told = end_event(team, name.path, end_s, at_ms, tag=row.tag, digest=digest)
                self.note_event(*told)

    def list_events(self, team: str, repository: str, limit: int) -> Sequence[Event]:
        partition, _ = keys.hook_event(team, repository, "")
        rows, _ = self._table.query(HookEventRow, partition, EVERYTHING, limit=limit)
        return [row.event() for row in rows]

    def hand_over(self, event: Event, hooks: Sequence[Webhook]) -> None:
        place = keys.hook_event(event.team, event.repository, event.order)
        writes = self._table.transaction()
        writes.delete(place, condition=HookEventRow.pk.exists())
        for hook in hooks:
            writes.check(keys.hook(hook.team, hook.hook_id), HookRow.pk.exists())
            writes.put(DueRow.of(Delivery(hook.hook_id, event)))
        try:
            writes.commit()
        except Conflict:
            if self._table.get(HookEventRow, place) is not None:
                raise

    def put_delivery(self, delivery: Delivery) -> None:
        team, writes = delivery.event.team, self._table.transaction()
        writes.check(keys.hook(team, delivery.hook_id), HookRow.pk.exists())
        writes.put(DueRow.of(delivery))
        try:
            writes.commit()
        except Conflict as error:
            raise Missing(f"webhook {delivery.hook_id}") from error

    def waiting(self) -> Iterator[tuple[str, str]]:
        yield from self.look_around().waiting

    def look_around(self) -> Around:
        seen, now_s = Seen(), self._clock.now_s()
        for row in self._table.scan(*_LOOKED_AT):
            _see(seen, row, now_s)
        return seen.around()

    def drop_stray(self, team: str, hook_id: str) -> None:
        if self.find_hook(team, hook_id) is None:
            self._forget_deliveries(team, hook_id)

    def drop_orphan(self, hook: Webhook) -> None:
        if self._is_orphan(hook) and not self._has_waiting(hook):
            self.delete_hook(hook)

    def _has_waiting(self, hook: Webhook) -> bool:
        """Whether an orphan is still to be told; in the order in which an event moves on."""
        path = hook.repository or ""
        lane = Lane(hook.team, hook.hook_id, path)
        return bool(self.list_events(hook.team, path, 1)) or self.first_delivery(lane) is not None


_LOOKED_AT = (HookEventRow, DueRow, HookRow, RepositoryRow, TeamRow, TagEntryRow)


def _see(seen: Seen, row: Row, now_s: int) -> None:
    if isinstance(row, HookEventRow | DueRow):
        seen.waiting.add((row.team, row.repository))
        if isinstance(row, DueRow):
            seen.told.add((row.team, row.hook_id))
    elif isinstance(row, HookRow):
        seen.hooks.append(row.value())
    elif isinstance(row, RepositoryRow):
        team, path = row.pk.partition("#")[2], row.name().path
        seen.lives[team, path] = row.life
        if not row.going and is_over(row.ends_at_s, now_s):
            seen.ended.append(Ended(team, path, int(row.ends_at_s)))
    elif isinstance(row, TeamRow):
        seen.lives[row.name, ""] = row.life
        if is_over(row.ends_at_s, now_s):
            seen.ended.append(Ended(row.name, "", int(row.ends_at_s)))
    elif isinstance(row, TagEntryRow) and is_over(row.ends_at_s, now_s):
        _, team, path = row.pk.split("#")
        seen.ended.append(Ended(team, path, int(row.ends_at_s), row.tag, row.digest or ""))


def _record_of(hook: Webhook) -> tuple[Record, keys.Key]:
    """The record that says that somebody listens."""
    if hook.repository is None:
        return TeamRow, keys.team(hook.team)
    return RepositoryRow, keys.repository(hook.team, RepositoryName(hook.repository))
