"""Webhooks: what happened, who wants to hear of it, and what became of telling them.

    event       something that happened in a repository or a team; one item, written by the very
                transaction that made it happen
    webhook     an address that wants to hear of some kinds of events, of a team or one repository
    delivery    one event on its way to one webhook
    lane        the deliveries of one webhook and one repository: one after the other, in order

Events of one repository have orders that grow as they were committed. A delivery that fails is
tried again with growing pauses, and what comes behind it in its lane waits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from chalicelib.domain.expiry import written

_DIGITS = 15


class EventKind(Enum):
    """What webhooks can ask for; ``PING`` is what their owner sends to try one out."""

    PUSH = "push"
    FIRST_PULL = "first_pull"
    DELETE = "delete"
    EXPIRY = "expiry"
    QUOTA = "quota"
    PING = "ping"


@dataclass(frozen=True)
class Event:
    """Something that happened. ``repository`` is a path within the team, "" for the team itself.

    ``order`` sorts the events of one repository, the oldest first. ``facts`` are what the kind
    tells of: ``tags``, ``digest``, ``media_type``, ``size_bytes``, ``actor``, ``quota``,
    ``ended_at_s``, ``what``; texts, numbers and lists of texts. Its id is the same in each attempt
    and for each webhook. ``life`` is the repository's: webhooks of the next of its name, or of the
    one before, are not told.
    """

    event_id: str
    kind: EventKind
    team: str
    repository: str
    at_ms: int
    order: str
    facts: Mapping[str, object] = field(default_factory=dict)
    life: str | None = None


@dataclass(frozen=True)
class Webhook:
    """An address that hears of a team's events, or with ``repository`` of that one's alone.

    ``secret`` is the key that deliveries are signed with, 32 bytes. ``life`` is that of the
    repository, or of the team: what comes after it under the same name is not its to hear.
    ``paused_at_ms`` is when it was paused: what had happened by then is still its to hear.
    """

    team: str
    hook_id: str
    url: str = field(repr=False)
    kinds: frozenset[EventKind]
    secret: bytes = field(repr=False)
    created_at_s: int
    created_by: str
    repository: str | None = None
    label: str = ""
    is_paused: bool = False
    life: str | None = None
    paused_at_ms: int = field(default=0, compare=False)

    def wants(self, event: Event) -> bool:
        """Whether it is to be told of this event."""
        if self.is_paused and event.at_ms >= self.paused_at_ms:
            return False
        if event.team != self.team or event.kind not in self.kinds:
            return False
        if self.repository is None:
            return True
        is_same = event.life is None or self.life is None or event.life == self.life
        return self.repository == event.repository and is_same


class Outcome(Enum):
    """What has become of a delivery."""

    PENDING = "pending"
    DELIVERED = "delivered"
    GIVEN_UP = "given up"


@dataclass(frozen=True)
class Answer:
    """What came of one attempt: a status, or why there is none; ``excerpt`` is hostile text."""

    at_s: int
    status: int | None = None
    problem: str = ""
    took_ms: int = 0
    excerpt: str = ""

    @property
    def is_taken(self) -> bool:
        """Whether the receiver has taken it: 2xx, and nothing else."""
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True)
class Delivery:
    """An event on its way to a webhook; ``attempts`` counts those that have been made."""

    hook_id: str
    event: Event
    attempts: int = 0
    next_at_s: int = 0
    outcome: Outcome = Outcome.PENDING
    answer: Answer | None = None


@dataclass(frozen=True)
class Lane:
    """Where deliveries stand in order: one webhook, one repository ("" for the team itself)."""

    team: str
    hook_id: str
    repository: str


def order_after(at_ms: int, word: str, last: str | None) -> str:
    """The order of an event at this time; later than ``last``, the repository's last one.

    Clocks of two functions may differ: what was committed later has the later order all the same.
    """
    if last:
        at_ms = max(at_ms, int(last[:_DIGITS]) + 1)
    return f"{at_ms:0{_DIGITS}d}.{word}"


def end_event(
    team: str,
    repository: str,
    ends_at_s: int,
    at_ms: int,
    *,
    tag: str = "",
    digest: str = "",
) -> tuple[Event, str]:
    """The event of an end, and the word that it is noted by once: an end that was put off is new.

    Of a tag, a repository, or with "" for it the team. Whoever finds the end first makes the same.
    """
    what = "tag" if tag else "repository" if repository else "team"
    facts: dict[str, object] = {"what": what, "ended_at": written(ends_at_s)}
    facts |= {"tags": [tag]} if tag else {}
    facts |= {"digest": digest} if digest else {}
    once = f"end#{repository}#{tag}#{ends_at_s}"
    word = "-".join(each for each in (team, repository.replace("/", "_"), tag) if each)
    event_id = f"evt_end-{word}-{ends_at_s}"
    event = Event(event_id, EventKind.EXPIRY, team, repository, at_ms, "", facts)
    return event, once
