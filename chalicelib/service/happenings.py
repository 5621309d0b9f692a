"""What happens, as webhooks are told of it: events that go into the writes that make it so."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.domain.access import Actor
from chalicelib.domain.records import Change, Repository
from chalicelib.domain.webhooks import Event, EventKind, order_after
from chalicelib.service.world import World
from chalicelib.trace import note


def happening(
    world: World, actor: Actor, record: Repository | None, kind: EventKind, **facts: object
) -> Change:
    """The change that somebody makes now; with an event where anybody is to hear of it.

    ``record`` is what was looked up for this try: its last event is the one that this comes after.
    The request's line says that somebody listens, and by it the meter wakes the deliverer.
    Costs: 0.
    """
    change = world.change_by(actor)
    if record is None or not record.is_hooked:
        return change
    note(hooked=True)
    event = Event(
        f"evt_{change.word}",
        kind,
        world.team_of(record.name),
        record.name.path,
        change.at_ms,
        order_after(change.at_ms, change.word, record.last_event),
        facts | ({"actor": actor.name} if actor.name else {}),
        record.life,
    )
    return replace(change, event=event)


def pulled(record: Repository | None, digest: object) -> None:
    """Note a pull for those who want to hear of a manifest's first. Costs: 0."""
    if record is not None and record.is_hooked:
        note(hooked=True, digest=str(digest))
