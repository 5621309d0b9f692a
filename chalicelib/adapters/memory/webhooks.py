"""WebhookStore in dictionaries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from threading import RLock

from chalicelib.adapters.memory.deliveries import MemoryDeliveries
from chalicelib.domain.expiry import is_over
from chalicelib.domain.names import RepositoryName, TagName
from chalicelib.domain.records import Repository, Tag
from chalicelib.domain.teams import Team
from chalicelib.domain.webhooks import Delivery, Event, Lane, Webhook, order_after
from chalicelib.ports import Clock, Conflict, Missing, Refused
from chalicelib.webhook_ports import Around, Ended, Seen


class MemoryWebhooks(MemoryDeliveries):
    """Shares its lock and its records with the metadata that it is a part of."""

    _lock: RLock
    _clock: Clock
    _repositories: dict[tuple[str, RepositoryName], Repository]
    _teams: dict[str, Team]
    _tags: dict[tuple[str, RepositoryName, TagName], Tag]

    def __init__(self) -> None:
        MemoryDeliveries.__init__(self)
        self._hooks: dict[tuple[str, str], Webhook] = {}
        self._events: dict[tuple[str, str, str], Event] = {}
        self._last_events: dict[tuple[str, str], str] = {}
        self._told: dict[tuple[str, str], str] = {}

    # --- webhooks -----------------------------------------------------------------------------

    def put_hook(self, hook: Webhook, *, most: int) -> None:
        with self._lock:
            known = [each for each in self._hooks.values() if each.team == hook.team]
            if hook.hook_id in {each.hook_id for each in known}:
                return
            if len(known) >= most:
                raise Refused(f"this team may have {most} webhooks, and has them")
            record = self._record_of(hook)
            is_gone = record is None or is_over(record.expires_at_s, self._clock.now_s())
            if is_gone or (record and record.life != hook.life):
                raise Missing(f"what webhook {hook.hook_id} is of")
            self._hooks[hook.team, hook.hook_id] = hook

    def _record_of(self, hook: Webhook) -> Repository | Team | None:
        if hook.repository is None:
            return self._teams.get(hook.team)
        return self._repositories.get((hook.team, RepositoryName(hook.repository)))

    def find_hook(self, team: str, hook_id: str) -> Webhook | None:
        with self._lock:
            return self._hooks.get((team, hook_id))

    def change_hook(self, before: Webhook, after: Webhook) -> None:
        with self._lock:
            known = self._hooks.get((before.team, before.hook_id))
            if known not in (before, after):
                raise Conflict(f"webhook {before.hook_id} has changed")
            self._hooks[before.team, before.hook_id] = after

    def delete_hook(self, hook: Webhook) -> None:
        with self._lock:
            self.forget_hook(hook.team, hook.hook_id)
            if self._hooks.pop((hook.team, hook.hook_id), None) is None:
                raise Missing(f"webhook {hook.hook_id}")

    def list_hooks(self, team: str) -> Sequence[Webhook]:
        with self._lock:
            found = [hook for hook in self._hooks.values() if hook.team == team]
        return sorted(found, key=lambda hook: hook.hook_id)

    # --- what records say of them -------------------------------------------------------------

    def _hooked(self, team: str, record: Repository) -> Repository:
        """The record with what a store tells of webhooks."""
        path = record.name.path
        own = [
            hook
            for hook in self._hooks.values()
            if hook.team == team and hook.repository == path and hook.life == record.life
        ]
        return replace(
            record,
            hooks=len(own),
            team_hooks=self._team_hooks(team),
            last_event=self._last_events.get((team, path)),
        )

    def _team_hooks(self, team: str) -> int:
        mine = (hook for hook in self._hooks.values() if hook.team == team)
        return sum(hook.repository is None for hook in mine)

    # --- events -------------------------------------------------------------------------------

    def _check_event(self, event: Event | None) -> None:
        """Raises: Conflict: another event came first."""
        last = self._last_events.get((event.team, event.repository), "") if event else ""
        if event and last >= event.order:
            raise Conflict(f"another event of {event.repository} came first")

    def _keep_event(self, event: Event | None) -> None:
        if event is not None:
            self._events[event.team, event.repository, event.order] = event
            self._last_events[event.team, event.repository] = event.order

    def note_event(self, event: Event, once: str) -> bool:
        with self._lock:
            known = self._told.get((event.team, once))
            if known is not None:
                return known == event.event_id
            record = None
            if event.repository:
                name = RepositoryName(event.repository)
                record = self._repositories.get((event.team, name))
            own = self._hooked(event.team, record).hooks if record else 0
            if not own + self._team_hooks(event.team):
                return False
            last = self._last_events.get((event.team, event.repository))
            order = order_after(event.at_ms, event.event_id, last)
            life = event.life or (record.life if record else None)
            self._told[event.team, once] = event.event_id
            self._keep_event(replace(event, order=order, life=life))
            return True

    def list_events(self, team: str, repository: str, limit: int) -> Sequence[Event]:
        with self._lock:
            found = [e for key, e in self._events.items() if key[:2] == (team, repository)]
        return sorted(found, key=lambda event: event.order)[:limit]

    def hand_over(self, event: Event, hooks: Sequence[Webhook]) -> None:
        key = (event.team, event.repository, event.order)
        with self._lock:
            if key not in self._events:
                return
            if any((hook.team, hook.hook_id) not in self._hooks for hook in hooks):
                raise Conflict("a webhook is gone")
            del self._events[key]
            for hook in hooks:
                self.put_due(Delivery(hook.hook_id, event))

    def put_delivery(self, delivery: Delivery) -> None:
        with self._lock:
            if (delivery.event.team, delivery.hook_id) not in self._hooks:
                raise Missing(f"webhook {delivery.hook_id}")
            self.put_due(delivery)

    def waiting(self) -> Iterator[tuple[str, str]]:
        yield from self.look_around().waiting

    def look_around(self) -> Around:
        seen, now_s = Seen(), self._clock.now_s()
        with self._lock:
            seen.hooks = list(self._hooks.values())
            seen.waiting = {key[:2] for key in self._events}
            seen.waiting |= {(lane.team, lane.repository) for lane, _ in self._due}
            seen.told = {(lane.team, lane.hook_id) for lane, _ in self._due}
            for (team, name), record in self._repositories.items():
                seen.lives[team, name.path] = record.life
                if is_over(end_s := record.expires_at_s, now_s):
                    seen.ended.append(Ended(team, name.path, end_s or 0))
            for known in self._teams.values():
                if is_over(end_s := known.expires_at_s, now_s):
                    seen.ended.append(Ended(known.name, "", end_s or 0))
            for (team, name, word), tag in self._tags.items():
                if is_over(end_s := tag.expires_at_s, now_s):
                    digest = str(tag.manifest.digest) if tag.manifest else ""
                    seen.ended.append(Ended(team, name.path, end_s or 0, word.value, digest))
        return seen.around()

    def drop_stray(self, team: str, hook_id: str) -> None:
        with self._lock:
            if (team, hook_id) not in self._hooks:
                self.forget_hook(team, hook_id)

    def drop_orphan(self, hook: Webhook) -> None:
        with self._lock:
            record, path = self._record_of(hook), hook.repository or ""
            has_waiting = bool(self.list_events(hook.team, path, 1))
            has_waiting |= self.first_delivery(Lane(hook.team, hook.hook_id, path)) is not None
            if (record is None or record.life != hook.life) and not has_waiting:
                self.delete_hook(hook)

    # --- ends ---------------------------------------------------------------------------------

    def _forget_hooks(self, team: str) -> None:
        """All that a team has of webhooks."""
        for hook in self.list_hooks(team):
            self.forget_hook(team, hook.hook_id)
            del self._hooks[team, hook.hook_id]
        self._events = {key: e for key, e in self._events.items() if key[0] != team}
        self._last_events = {k: order for k, order in self._last_events.items() if k[0] != team}
        self._told = {key: word for key, word in self._told.items() if key[0] != team}
        for lane in [lane for lane in self._claims if lane.team == team]:
            del self._claims[lane]
