"""Telling webhooks what happened: events into lanes, and lanes to their receivers, in order.

Whoever dies here dies with a message in the queue that comes again, and each step may be repeated:
a receiver may hear of an event twice, but of each, and in order. A message is sent before what
makes it needful is stored.
See ``docs/adr/0051-webhooks.md``.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from chalicelib.domain.signatures import after_attempt, body_of, headers_for
from chalicelib.domain.webhooks import Answer, Delivery, Event, Lane, Outcome, Webhook
from chalicelib.ports import Clock, Conflict, PortError, Unavailable, Words
from chalicelib.webhook_ports import DeliveryStore, Poster, Queue, Wake, WebhookStore

log = logging.getLogger("roadstead.webhooks")

EVENTS_AT_ONCE = 25
# How often webhooks may be deleted while an event is handed over.
TRIES = 4
# Longer than an attempt takes, so that nobody else begins one meanwhile.
LEASE_S = 60
# What an attempt needs: the poster's ten seconds, and what is stored after it.
ATTEMPT_S = 15
# When to look again at a lane that somebody is at.
BUSY_S = 20
MAX_DELAY_S = 900
KEPT_S = 7 * 24 * 3600
GONE = 410


@dataclass(frozen=True)
class Work:
    """What a run works with. ``counts`` says what it has done."""

    hooks: WebhookStore
    deliveries: DeliveryStore
    queue: Queue
    poster: Poster
    clock: Clock
    words: Words
    counts: Counter[str] = field(default_factory=Counter)


def handle(work: Work, wake: Wake, time_left_s: Callable[[], float]) -> None:
    """Do what a message asks for, as far as the time goes; the rest is sent on.

    Raises: Unavailable: the message is to come again.
    """
    if wake.hook_id is None:
        hand_over(work, wake, time_left_s)
    else:
        run_lane(work, Lane(wake.team, wake.hook_id, wake.repository), wake, time_left_s)


# --- events -----------------------------------------------------------------------------------


def hand_over(work: Work, wake: Wake, time_left_s: Callable[[], float]) -> None:
    """Put the events of a repository into the lanes of those who want them, and wake these.

    "" wakes all lanes of the team: somebody may have changed its webhooks.
    Costs: 2 queries for each 25 events; 1 transaction for each event; 1 query for each webhook, for
    each of its lanes where all are woken; 1 call for each ten lanes.
    """
    while True:
        events = work.hooks.list_events(wake.team, wake.repository, EVENTS_AT_ONCE)
        # After the events: a webhook that was made before one of them is sure to be among these.
        hooks = work.hooks.list_hooks(wake.team)
        for event in events:
            hooks = _hand_over(work, event, hooks)
        if len(events) < EVENTS_AT_ONCE:
            break
        if time_left_s() < ATTEMPT_S:
            work.queue.send([wake])
            break
    wakes = [
        Wake(lane.team, lane.repository, lane.hook_id)
        for hook in hooks
        if not hook.is_paused
        for lane in _lanes(work, hook, wake.repository)
        if _is_due(work, lane)
    ]
    if wakes:
        work.queue.send(wakes)


def _hand_over(work: Work, event: Event, hooks: Sequence[Webhook]) -> Sequence[Webhook]:
    """The team's webhooks, which may be others than they were. Raises: Unavailable."""
    for _ in range(TRIES):
        try:
            work.hooks.hand_over(event, [hook for hook in hooks if hook.wants(event)])
        except Conflict:
            # One was deleted meanwhile.
            hooks = work.hooks.list_hooks(event.team)
            continue
        work.counts["handed_over"] += 1
        return hooks
    raise Unavailable(f"webhooks of {event.team} come and go")


def _lanes(work: Work, hook: Webhook, repository: str) -> list[Lane]:
    """Those to look at, whether or not something was put there just now.

    A run may have died between putting it there and waking the lane.
    """
    if not repository:
        return list(work.deliveries.pending_lanes(hook.team, hook.hook_id))
    if hook.repository in (None, repository):
        return [Lane(hook.team, hook.hook_id, repository)]
    return []


def _is_due(work: Work, lane: Lane) -> bool:
    """What is due later has its message already."""
    first = work.deliveries.first_delivery(lane)
    return first is not None and first.next_at_s <= work.clock.now_s()


# --- lanes ------------------------------------------------------------------------------------


def run_lane(work: Work, lane: Lane, wake: Wake, time_left_s: Callable[[], float]) -> None:
    """Tell a webhook of one event after the other, until one fails.

    Costs: 1 read, 2 conditional writes; 1 query, 1 transaction for each attempt, and 1 query more.
    """
    hook = work.hooks.find_hook(lane.team, lane.hook_id)
    if hook is None:
        return
    if not hook.is_paused:
        claim = work.words.fresh()
        if not _claim(work, lane, claim):
            work.queue.send([wake], delay_s=BUSY_S)
            return
        _run(work, hook, lane, claim, time_left_s)
    _send_on(work, wake)


def _run(
    work: Work, hook: Webhook, lane: Lane, claim: str, time_left_s: Callable[[], float]
) -> None:
    try:
        while _next(work, hook, lane, claim):
            if time_left_s() < ATTEMPT_S:
                work.queue.send([Wake(lane.team, lane.repository, lane.hook_id)])
                return
            if not _claim(work, lane, claim):
                return
    finally:
        with suppress(PortError):
            work.deliveries.release_lane(lane, claim)


def _send_on(work: Work, wake: Wake) -> None:
    """What was sent ahead stays until its time, whatever stands first in the lane meanwhile.

    Something that is repeated comes before it, and a pause may end: who then has the lane go on
    relies on it. It is done last, because a message that fails comes again by itself.
    """
    wait_s = (wake.for_s or 0) - work.clock.now_s()
    if wait_s > 0:
        work.queue.send([wake], delay_s=min(wait_s, MAX_DELAY_S))


def _claim(work: Work, lane: Lane, claim: str) -> bool:
    now_s = work.clock.now_s()
    return work.deliveries.claim_lane(lane, claim, now_s=now_s, until_s=now_s + LEASE_S)


def _next(work: Work, hook: Webhook, lane: Lane, claim: str) -> bool:
    """Deliver the first of the lane; whether the next may follow."""
    first = work.deliveries.first_delivery(lane)
    if first is None or first.next_at_s > work.clock.now_s():
        return False
    after = _attempt(work, hook, first)
    if after.outcome is Outcome.PENDING:
        later = Wake(lane.team, lane.repository, lane.hook_id, after.next_at_s)
        wait_s = max(after.next_at_s - work.clock.now_s(), 0)
        work.queue.send([later], delay_s=min(wait_s, MAX_DELAY_S))
    try:
        keep_until_s = work.clock.now_s() + KEPT_S
        work.deliveries.settle_delivery(lane, claim, after, keep_until_s=keep_until_s)
    except Conflict:
        # It took so long that somebody else is at the lane, or the webhook is gone.
        return False
    if after.answer is not None and after.answer.status == GONE:
        _pause(work, hook)
        return False
    return after.outcome is not Outcome.PENDING


def _attempt(work: Work, hook: Webhook, delivery: Delivery) -> Delivery:
    event, body = delivery.event, body_of(delivery.event)
    headers = headers_for(event, hook.secret, body, now_s=work.clock.now_s())
    answer: Answer = work.poster.post(hook.url, headers, body)
    after = after_attempt(delivery, answer)
    told = "failed" if after.outcome is Outcome.PENDING else after.outcome.name.lower()
    work.counts[told] += 1
    log.info(
        "webhook team=%s hook=%s event=%s attempt=%d status=%s took_ms=%d outcome=%s",
        hook.team,
        hook.hook_id,
        event.event_id,
        after.attempts,
        answer.status,
        answer.took_ms,
        told,
    )
    return after


def _pause(work: Work, hook: Webhook) -> None:
    """Who says that it is gone is not asked again until its owner says so."""
    with suppress(Conflict):
        paused = replace(hook, is_paused=True, paused_at_ms=work.clock.now_ms())
        work.hooks.change_hook(hook, paused)
