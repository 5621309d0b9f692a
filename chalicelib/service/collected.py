"""What the collector takes, as webhooks are told of it.

An end is told once, by whoever comes across it first: the meter's hourly look, the collector before
it takes what has ended, or a request that begins anew under its name. What rules of retention take
is told in the transaction that takes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from chalicelib.domain.marking import EXPIRED, UNTAGGED, Contents, Going, Kind
from chalicelib.domain.records import Change, Repository
from chalicelib.domain.webhooks import Event, EventKind, end_event, order_after
from chalicelib.service.world import World


def tell_end(world: World, team: str, record: Repository | None) -> None:
    """Note that a repository has ended, before it goes.

    Costs: 0 where nobody listens; 1 batch read, and 1 transaction where nobody has noted it.
    """
    if record is None or record.expires_at_s is None:
        return
    _note(world, team, record, record.expires_at_s)


def tell_tags(world: World, team: str, contents: Contents, going: Sequence[Going]) -> None:
    """The same of the tags among what goes. Costs: those of ``tell_end`` for each."""
    record = contents.repository
    words = {each.text for each in going if each.kind is Kind.TAG and each.why == EXPIRED}
    for tag in contents.tags if record else ():
        if record and tag.name.value in words and tag.expires_at_s is not None:
            digest = str(tag.manifest.digest) if tag.manifest else ""
            _note(world, team, record, tag.expires_at_s, tag.name.value, digest)


def _note(
    world: World, team: str, record: Repository, end_s: int, tag: str = "", digest: str = ""
) -> None:
    if world.webhooks is not None and record.is_hooked:
        path, at_ms = record.name.path, world.clock.now_ms()
        world.webhooks.note_event(*end_event(team, path, end_s, at_ms, tag=tag, digest=digest))


def told(team: str, contents: Contents, going: Sequence[Going], change: Change) -> Change:
    """The collector's change with the event of the tags and manifests that rules take. Costs: 0."""
    record = contents.repository
    taken = [each for each in going if _is_by_rule(each)]
    if record is None or not record.is_hooked or not taken:
        return change
    facts: dict[str, object] = {
        "what": "collected",
        "actor": change.by or "",
        "tags": [each.text for each in taken if each.kind is Kind.TAG],
        "manifests": [each.text for each in taken if each.kind is Kind.MANIFEST],
        "reason": "; ".join(dict.fromkeys(each.why for each in taken)),
    }
    event = Event(
        f"evt_{change.word}",
        EventKind.DELETE,
        team,
        record.name.path,
        change.at_ms,
        order_after(change.at_ms, change.word, record.last_event),
        facts,
        record.life,
    )
    return replace(change, event=event)


def _is_by_rule(thing: Going) -> bool:
    """Whether a rule of retention takes it; what goes along with something else is not told."""
    if thing.kind is Kind.TAG:
        return thing.why != EXPIRED
    return thing.kind is Kind.MANIFEST and thing.why == UNTAGGED
