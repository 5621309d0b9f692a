"""Items of what webhooks are told: an event, on its own or on its way to a webhook."""

from __future__ import annotations

import json
from typing import Self

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.adapters.dynamo import keys
from chalicelib.adapters.dynamo.models import EXPIRY, Row
from chalicelib.domain.webhooks import Answer, Delivery, Event, EventKind, Outcome


class EventColumns(Row):
    """The columns of an event."""

    event_id = UnicodeAttribute()
    event_kind = UnicodeAttribute()
    team = UnicodeAttribute()
    repository = UnicodeAttribute()
    at_ms = NumberAttribute()
    event_order = UnicodeAttribute()
    facts = UnicodeAttribute(null=True)
    life = UnicodeAttribute(null=True)

    def fill_event(self, event: Event) -> None:
        self.event_id, self.event_kind = event.event_id, event.kind.value
        self.team, self.repository = event.team, event.repository
        self.at_ms, self.event_order = event.at_ms, event.order
        self.facts = json.dumps(dict(event.facts)) if event.facts else None
        self.life = event.life

    def event(self) -> Event:
        return Event(
            self.event_id,
            EventKind(self.event_kind),
            self.team,
            self.repository,
            int(self.at_ms),
            self.event_order,
            json.loads(self.facts) if self.facts else {},
            self.life,
        )


class DeliveryColumns(EventColumns):
    """An event on its way to a webhook, and what came of the last attempt."""

    hook_id = UnicodeAttribute()
    attempts = NumberAttribute()
    next_at_s = NumberAttribute()
    answered_at_s = NumberAttribute(null=True)
    status = NumberAttribute(null=True)
    problem = UnicodeAttribute(null=True)
    took_ms = NumberAttribute(null=True)
    excerpt = UnicodeAttribute(null=True)

    def fill(self, delivery: Delivery) -> None:
        self.fill_event(delivery.event)
        self.hook_id = delivery.hook_id
        self.attempts, self.next_at_s = delivery.attempts, delivery.next_at_s
        answer = delivery.answer
        if answer is not None:
            self.answered_at_s, self.took_ms = answer.at_s, answer.took_ms
            self.status = answer.status
            self.problem, self.excerpt = answer.problem or None, answer.excerpt or None

    def value(self, outcome: Outcome = Outcome.PENDING) -> Delivery:
        answer = None
        if self.answered_at_s is not None:
            answer = Answer(
                int(self.answered_at_s),
                None if self.status is None else int(self.status),
                self.problem or "",
                int(self.took_ms or 0),
                self.excerpt or "",
            )
        return Delivery(
            self.hook_id, self.event(), int(self.attempts), int(self.next_at_s), outcome, answer
        )


class DueRow(DeliveryColumns, discriminator="due delivery"):
    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        event = delivery.event
        key = keys.due(event.team, delivery.hook_id, event.repository, event.order)
        row = cls.at(key)
        row.fill(delivery)
        return row


class DoneRow(DeliveryColumns, discriminator="delivery"):
    outcome = UnicodeAttribute()
    expires_at_s = NumberAttribute(attr_name=EXPIRY)

    @classmethod
    def of(cls, delivery: Delivery, keep_until_s: int) -> Self:
        key = keys.done(delivery.event.team, delivery.hook_id, delivery.event.order)
        row = cls.at(key, outcome=delivery.outcome.value, expires_at_s=keep_until_s)
        row.fill(delivery)
        return row

    def value(self, outcome: Outcome | None = None) -> Delivery:
        return super().value(outcome or Outcome(self.outcome))


class LaneRow(Row, discriminator="lane"):
    """Who is at a lane. It expires: whoever comes next makes it anew."""

    claim = UnicodeAttribute(null=True)
    until_s = NumberAttribute(null=True)
    expires_at_s = NumberAttribute(attr_name=EXPIRY)
