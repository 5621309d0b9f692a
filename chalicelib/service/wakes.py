"""What the meter does for webhooks: events that only log lines or the clock tell of, and wakes.

A request whose line says that somebody listens has kept its event itself; here the deliverer is
woken to it. It is told twice where a line is handed over twice, and finds nothing the second time.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from chalicelib.domain.errors import RegistryError
from chalicelib.domain.names import parse_repository_name
from chalicelib.domain.usage import day_of, measure
from chalicelib.domain.webhooks import Event, EventKind, end_event
from chalicelib.ports import Missing
from chalicelib.webhook_ports import Queue, Wake, WebhookStore

log = logging.getLogger("roadstead.webhooks")


@dataclass(frozen=True)
class Listeners:
    """Where events are noted, and who is woken to them."""

    hooks: WebhookStore
    queue: Queue


@dataclass(frozen=True)
class Heard:
    """What a line tells: who is to look, and the event that nobody else brings, of each once."""

    wake: Wake
    event: Event | None = None
    once: str = ""


def tell(listeners: Listeners, lines: Iterable[object]) -> int:
    """Note what log lines tell of, then wake the deliverer; answers how many places are woken.

    When it raises, hand the same lines over again: what happened once is one event, and whoever
    was not woken to it is.
    Raises: Unavailable. Costs: 0 where nobody listens; 1 batch read for each manifest that was
    pulled and for each quota that refused, 1 transaction for the first of each; 1 call for each
    ten places.
    """
    found = [heard for line in lines for heard in heard_in(line)]
    once: dict[str, Event] = {}
    for heard in found:
        if heard.event is not None:
            once.setdefault(heard.once, heard.event)
    told = {word for word, event in once.items() if listeners.hooks.note_event(event, _key(word))}
    wakes = dict.fromkeys(
        heard.wake for heard in found if heard.event is None or heard.once in told
    )
    return _send(listeners.queue, list(wakes))


def _key(once: str) -> str:
    """Without the team, which the store adds."""
    return once.partition("#")[2]


def heard_in(line: object) -> Iterator[Heard]:
    """What one log line says to webhooks. Never raises: others write into logs as well."""
    measured = measure(line)
    if measured is None:
        return
    fields = cast("Mapping[str, object]", line)
    team, path = _text(fields.get("team")), _path(fields.get("repository"))
    if not team:
        return
    word = f"evt_{measured.process}-{measured.number}"
    actor = _text(fields.get("actor"))
    by: dict[str, object] = {"actor": actor} if actor else {}
    quota, digest = _text(fields.get("quota")), _text(fields.get("digest"))
    if quota:
        day = day_of(measured.at_ms // 1000)
        facts = by | {"quota": quota} | ({"refused_in": path} if path else {})
        event = Event(word, EventKind.QUOTA, team, "", measured.at_ms, "", facts)
        yield Heard(Wake(team, ""), event, f"{team}#quota#{quota}#{day}")
    if fields.get("hooked") is not True:
        return
    if digest and path and measured.counts.get("pulls") and not fields.get("error"):
        facts = by | {"digest": digest}
        event = Event(word, EventKind.FIRST_PULL, team, path, measured.at_ms, "", facts)
        yield Heard(Wake(team, path), event, f"{team}#pull#{path}#{digest}")
    elif not digest:
        yield Heard(Wake(team, path))


def look(listeners: Listeners, *, now_s: int) -> int:
    """The hourly look at everything: ends are noted, what waits is woken, orphans and strays go.

    Nothing is forgotten when a line or a message is lost. Raises: Unavailable.
    Costs: 1 scan for each MB of the table; 1 batch read for each end that is listened to, and 1
    transaction for each new one; 1 call for each ten places.
    """
    around = listeners.hooks.look_around()
    wakes = dict.fromkeys(Wake(*place) for place in around.waiting)
    for ended in around.ended:
        where, end_s = (ended.team, ended.repository), ended.ends_at_s
        told = end_event(*where, end_s, now_s * 1000, tag=ended.tag, digest=ended.digest)
        if listeners.hooks.note_event(*told):
            wakes[Wake(ended.team, ended.repository)] = None
    for team, hook_id in around.strays:
        listeners.hooks.drop_stray(team, hook_id)
    for hook in around.orphans:
        try:
            listeners.hooks.drop_orphan(hook)
        except Missing:
            # Somebody else was faster.
            continue
    return _send(listeners.queue, list(wakes))


def _send(queue: Queue, wakes: Sequence[Wake]) -> int:
    if wakes:
        queue.send(wakes)
    return len(wakes)


def _text(value: object) -> str:
    return value if isinstance(value, str) and len(value) <= 255 else ""


def _path(value: object) -> str:
    try:
        return parse_repository_name(_text(value)).path
    except RegistryError:
        return ""
