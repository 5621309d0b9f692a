"""Items of webhooks, and of events that nobody has been told of yet."""

from __future__ import annotations

from typing import Self

from pynamodb.attributes import (
    BinaryAttribute,
    BooleanAttribute,
    NumberAttribute,
    UnicodeAttribute,
)

from chalicelib.adapters.dynamo import keys
from chalicelib.adapters.dynamo.delivery_models import EventColumns
from chalicelib.adapters.dynamo.models import EXPIRY, Row
from chalicelib.domain.webhooks import Event, EventKind, Webhook


class HookRow(Row, discriminator="webhook"):
    team = UnicodeAttribute()
    hook_id = UnicodeAttribute()
    url = UnicodeAttribute()
    kinds = UnicodeAttribute()
    secret = BinaryAttribute(legacy_encoding=False)
    created_at_s = NumberAttribute()
    created_by = UnicodeAttribute()
    repository = UnicodeAttribute(null=True)
    label = UnicodeAttribute(null=True)
    is_paused = BooleanAttribute(null=True)
    life = UnicodeAttribute(null=True)
    paused_at_ms = NumberAttribute(null=True)

    @classmethod
    def of(cls, hook: Webhook) -> Self:
        return cls.at(
            keys.hook(hook.team, hook.hook_id),
            team=hook.team,
            hook_id=hook.hook_id,
            url=hook.url,
            kinds=",".join(sorted(kind.value for kind in hook.kinds)),
            secret=hook.secret,
            created_at_s=hook.created_at_s,
            created_by=hook.created_by,
            repository=hook.repository,
            label=hook.label or None,
            is_paused=hook.is_paused or None,
            life=hook.life,
            paused_at_ms=hook.paused_at_ms or None,
        )

    def value(self) -> Webhook:
        return Webhook(
            self.team,
            self.hook_id,
            self.url,
            frozenset(EventKind(word) for word in self.kinds.split(",") if word),
            bytes(self.secret),
            int(self.created_at_s),
            self.created_by,
            self.repository,
            self.label or "",
            bool(self.is_paused),
            self.life,
            int(self.paused_at_ms or 0),
        )


# Long after anybody would still be told.
EVENT_KEPT_S = 30 * 24 * 3600


class HookEventRow(EventColumns, discriminator="webhook event"):
    expires_at_s = NumberAttribute(attr_name=EXPIRY)

    @classmethod
    def of(cls, event: Event) -> Self:
        until_s = event.at_ms // 1000 + EVENT_KEPT_S
        key = keys.hook_event(event.team, event.repository, event.order)
        row = cls.at(key, expires_at_s=until_s)
        row.fill_event(event)
        return row


class ToldRow(Row, discriminator="told"):
    event_id = UnicodeAttribute()
    expires_at_s = NumberAttribute(attr_name=EXPIRY)
