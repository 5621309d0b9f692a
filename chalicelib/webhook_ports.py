"""What webhooks ask of the world: a store, a queue, somebody who posts. Rules as in ``ports``.

The table holds what is to be delivered; the queue only says that somebody should look. So a
message that is lost, repeated or late costs time and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, Self

from chalicelib.domain.paging import Listing, Page
from chalicelib.domain.webhooks import Answer, Delivery, Event, Lane, Webhook

# The life of what is not there.
_NONE = "#"


@dataclass(frozen=True)
class Ended:
    """Something whose end somebody is to hear of: a tag, a repository, or with "" the team."""

    team: str
    repository: str
    ends_at_s: int
    tag: str = ""
    digest: str = ""


@dataclass(frozen=True)
class Around:
    """What a look at the whole table tells of webhooks; ``orphans`` have nothing on its way.

    ``strays`` are teams and ids of webhooks that are gone, and have something on its way.
    """

    waiting: Sequence[tuple[str, str]] = ()
    ended: Sequence[Ended] = ()
    orphans: Sequence[Webhook] = ()
    strays: Sequence[tuple[str, str]] = ()


@dataclass
class Seen:
    """What a store has come across on its way through the whole of it; ``lives`` by place.

    ``told`` are teams and ids of webhooks that something is on its way to.
    """

    waiting: set[tuple[str, str]] = field(default_factory=set)
    told: set[tuple[str, str]] = field(default_factory=set)
    ended: list[Ended] = field(default_factory=list)
    hooks: list[Webhook] = field(default_factory=list)
    lives: dict[tuple[str, str], str | None] = field(default_factory=dict)

    def around(self) -> Around:
        """Only what somebody is to hear of."""
        listening = {(hook.team, hook.repository or "") for hook in self.hooks}
        ended = [
            each
            for each in self.ended
            if {(each.team, ""), (each.team, each.repository)} & listening
        ]
        orphans = [
            hook
            for hook in self.hooks
            if hook.repository is not None
            and (hook.team, hook.repository) not in self.waiting
            and self.lives.get((hook.team, hook.repository), _NONE) != hook.life
        ]
        strays = self.told - {(hook.team, hook.hook_id) for hook in self.hooks}
        return Around(sorted(self.waiting), ended, orphans, sorted(strays))


class WebhookStore(Protocol):
    """Webhooks, and events that nobody has been told of yet. Reads are strong."""

    def put_hook(self, hook: Webhook, *, most: int) -> None:
        """Keep a new one, and mark its team's or its repository's record: events begin with it.

        Of two at once that are the last but one, both may get in.
        Raises: Missing: no such team or repository, in this life; Refused: the team has ``most``
        already. Costs: 1 query, 1 transaction.
        """

    def find_hook(self, team: str, hook_id: str) -> Webhook | None:
        """Costs: 1 read."""

    def change_hook(self, before: Webhook, after: Webhook) -> None:
        """Raises: Conflict: it is not what it was. Costs: 1 conditional write."""

    def delete_hook(self, hook: Webhook) -> None:
        """With all that is on its way to it; may be repeated.

        Raises: Missing. Costs: 2 queries, 1 transaction; 1 for each hundred deliveries.
        """

    def list_hooks(self, team: str) -> Sequence[Webhook]:
        """All of a team's and of its repositories', by id; also of one that has ended.

        The team's end is itself an event. Costs: 1 query.
        """

    def note_event(self, event: Event, once: str) -> bool:
        """Keep an event that no transaction of the registry's own brings; of one ``once`` one.

        False where nobody listens, or another was kept before; True for the same one again.
        ``event.order`` and ``event.life`` are made by the store; of what has ended as well, while
        its record is there.
        Raises: Unavailable. Costs: 1 batch read, 1 transaction.
        """

    def list_events(self, team: str, repository: str, limit: int) -> Sequence[Event]:
        """The oldest that nobody was told of. Costs: 1 query."""

    def hand_over(self, event: Event, hooks: Sequence[Webhook]) -> None:
        """Put an event into the lanes of these webhooks and forget it, all or nothing.

        One that was handed over already is no error. At most 49 webhooks.
        Raises: Conflict: one of the webhooks is gone. Costs: 1 transaction; refused 1 read more.
        """

    def put_delivery(self, delivery: Delivery) -> None:
        """Put an event into one webhook's lane, beside all that is handed over.

        Raises: Missing: the webhook is gone. Costs: 1 transaction.
        """

    def waiting(self) -> Iterator[tuple[str, str]]:
        """Teams and repositories that have events or deliveries waiting; of ``look_around``."""

    def look_around(self) -> Around:
        """What waits, what has ended, and what nobody needs any more. Reads the whole table.

        It may lag behind what was written just now, and what it says is looked at once more.
        Costs: 1 scan for each MB.
        """

    def drop_stray(self, team: str, hook_id: str) -> None:
        """Forget what is on its way to a webhook that is gone: who deleted it has died at it.

        Costs: 1 read; where it is gone 1 query, 1 transaction for each hundred deliveries.
        """

    def drop_orphan(self, hook: Webhook) -> None:
        """Delete a webhook whose repository is gone, or lives another life; no other one.

        Nor one that is still to be told something: a look that takes its time may have missed it.
        Costs: 1 read; of an orphan 2 queries, and those of ``delete_hook``.
        """


class DeliveryStore(Protocol):
    """Deliveries in their lanes."""

    def claim_lane(self, lane: Lane, claim: str, *, now_s: int, until_s: int) -> bool:
        """Take a lane for one run; False while another run holds it. Costs: 1 conditional write."""

    def release_lane(self, lane: Lane, claim: str) -> None:
        """Costs: 1 conditional write; no error where it is held by somebody else."""

    def first_delivery(self, lane: Lane) -> Delivery | None:
        """The oldest pending one, whether or not it is due. Costs: 1 query."""

    def settle_delivery(
        self, lane: Lane, claim: str, delivery: Delivery, *, keep_until_s: int
    ) -> None:
        """Store what came of an attempt: it stays first while it is pending, else it is done.

        Raises: Conflict: the lane is not held by this claim any more.
        Costs: 1 transaction.
        """

    def pending_lanes(self, team: str, hook_id: str) -> Sequence[Lane]:
        """Those in which something waits. Costs: 1 query for each, and 1 more."""

    def list_deliveries(self, team: str, hook_id: str, page: Page) -> Listing[Delivery]:
        """Pending and done, the newest event first; ``page.after`` is an event's order.

        Of more than two hundred pending ones some are left out.
        Costs: 1 query; 2 for the pages after the first.
        """

    def find_delivery(self, team: str, hook_id: str, event_id: str) -> Delivery | None:
        """Costs: 1 query for each MB of what is kept of the webhook."""

    def repeat_delivery(self, lane: Lane, delivery: Delivery) -> None:
        """Put one that is done into its lane again, as new; its answer stays until the next.

        Raises: Conflict: it is not there any more, or is pending. Costs: 1 transaction.
        """


class HookStore(WebhookStore, DeliveryStore, Protocol):
    """Both."""


@dataclass(frozen=True)
class Wake:
    """A message: look at what waits in a repository, or with ``hook_id`` in one lane.

    One with ``for_s`` is sent ahead for the time at which a lane's first delivery is due again. It
    is sent on and on until then, because no message waits longer than 900 s; without ``for_s`` a
    lane that is not due is left to the one that has it.
    """

    team: str
    repository: str
    hook_id: str | None = None
    for_s: int | None = None

    def text(self) -> str:
        """As a message holds it."""
        return json.dumps({name: value for name, value in vars(self).items() if value is not None})

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises: ValueError: it is not what ``text`` makes."""
        try:
            wake = cls(**json.loads(text))
        except (TypeError, RecursionError):
            raise ValueError("this is no wake") from None
        if not all(isinstance(each, str) for each in (wake.team, wake.repository)):
            raise ValueError("this is no wake")
        if not isinstance(wake.hook_id, str | None) or not isinstance(wake.for_s, int | None):
            raise ValueError("this is no wake")
        return wake


class Queue(Protocol):
    """Messages, each handed over at least once, perhaps late, in no order."""

    def send(self, wakes: Sequence[Wake], *, delay_s: int = 0) -> None:
        """At most 900 s of delay. Raises: Unavailable: some may be sent. Costs: 1 call for ten."""


class Poster(Protocol):
    """Sends what webhooks are told. Never raises: what went wrong stands in the answer."""

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Within ten seconds, whatever the receiver does; to public addresses only."""
