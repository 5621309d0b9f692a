"""What people see of the repositories: a place to look in, names with descriptions, in pages.

    place     what it holds                                  for
    own       the namespace that is one's own                accounts
    shared    what others have granted                       accounts
    public    what everybody may pull                        everybody
    all       everything                                     an open registry, where it is the only

A search looks in one place, so that its costs do not grow with the number of places.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.domain import search
from chalicelib.domain.access import (
    GRANTED,
    NOTHING,
    OPEN_TEAM,
    Action,
    Actor,
    Decision,
    Mode,
    decide,
)
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.paging import Page
from chalicelib.domain.records import Repository
from chalicelib.domain.search import Found
from chalicelib.service.world import World

OWN, SHARED, PUBLIC, ALL = "own", "shared", "public", "all"
PAGE_ENTRIES = 25


@dataclass(frozen=True)
class Shelf:
    """A page of repositories; ``next_after`` begins the next one, ``total`` only a search knows."""

    place: str
    entries: Sequence[Repository]
    next_after: str | None = None
    total: int | None = None


def places(world: World, actor: Actor) -> tuple[str, ...]:
    """The places that somebody can look in; the first is where they begin. Costs: 0."""
    if world.mode is Mode.OPEN:
        return (ALL,)
    return (OWN, SHARED, PUBLIC) if actor.name else (PUBLIC,)


def look(world: World, actor: Actor, place: str, query: str, after: str) -> Shelf:
    """A page of a place, bytewise by name, of those that a query means; "" means all.

    A place that is not the actor's to look in is taken for the first that is.
    Costs: 1 query, 1 batch read; 1 query more for a search of one's own, or of an open registry.
    """
    known = places(world, actor)
    place = place if place in known else known[0]
    if place in (OWN, ALL) and not search.query_words(query):
        team = actor.name if place == OWN and actor.name else OPEN_TEAM
        listing = world.metadata.list_repositories(team, Page(PAGE_ENTRIES, after))
        records = _records(world, listing.entries)
        last = listing.entries[-1].path if listing.more and listing.entries else None
        return Shelf(place, records, last)
    names, total = _found(world, actor, place, query)
    left = [name for name in names if name.path > after]
    page = left[:PAGE_ENTRIES]
    records = [each for each in _records(world, page) if _may_pull(world, actor, place, each)]
    return Shelf(place, records, page[-1].path if len(left) > len(page) else None, total)


def _found(
    world: World, actor: Actor, place: str, query: str
) -> tuple[Sequence[RepositoryName], int | None]:
    words = search.query_words(query)
    if place == SHARED:
        # By name alone: no scope of theirs has entries for what somebody was granted.
        entries = [Found(grant.name) for grant in world.accounts.list_granted(actor.name or "")]
    else:
        prefix = search.leading_word(words)
        entries = []
        for scope in _scopes(place, actor):
            left = search.MAX_MATCHES - len(entries)
            entries += world.search.find_entries(scope, prefix, left)
    names = {found.name for found in search.select(entries, words, query)}
    if place == OWN:
        names = {name for name in names if name.namespace == actor.name}
    return sorted(names), len(names)


def _scopes(place: str, actor: Actor) -> tuple[str, ...]:
    if place == ALL:
        return (f"team/{OPEN_TEAM}", "public")
    return (f"team/{actor.name}", "public") if place == OWN else ("public",)


def _records(world: World, names: Sequence[RepositoryName]) -> list[Repository]:
    wanted = [(world.team_of(name), name) for name in names]
    return sorted(world.search.find_repositories(wanted), key=lambda each: each.name)


def _may_pull(world: World, actor: Actor, place: str, record: Repository) -> bool:
    # Entries and grants can lag behind the records.
    granted = GRANTED["read"] if place == SHARED else NOTHING
    decision = decide(
        world.mode,
        actor,
        Action.PULL,
        record.name,
        is_public=record.is_public,
        granted=granted,
    )
    return decision is Decision.ALLOW
