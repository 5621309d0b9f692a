"""What of a team ends within the next days: the team itself, its repositories, their tags."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.domain import limits
from chalicelib.domain.access import OPEN_TEAM
from chalicelib.domain.paging import Page
from chalicelib.service.world import World

# A report is one request: so many repositories are looked at, and the first tags of so many.
MAX_REPOSITORIES = 100
MAX_LISTED = 20
MAX_SHOWN = 100


@dataclass(frozen=True)
class Ahead:
    """Something that ends: ``what`` is team, repository or tag."""

    what: str
    name: str
    at_s: int


@dataclass(frozen=True)
class Coming:
    """The first ends to come; ``more`` says that not everything was looked at, or shown."""

    ends: tuple[Ahead, ...] = ()
    more: bool = False


def coming(world: World, team: str, within_s: int) -> Coming:
    """What ends within so many seconds, the next first.

    Costs: 1 batch read for the team, 1 read and 1 query for its repositories, 1 or 2 batch reads
    for their records, 1 batch read and 1 query for the tags of each of the first twenty.
    """
    if not team:
        return Coming()
    metadata, until_s = world.metadata, world.clock.now_s() + within_s
    found = None if team == OPEN_TEAM else world.accounts.find_membership(team, None).team
    listing = metadata.list_repositories(team, Page(MAX_REPOSITORIES))
    names = list(listing.entries)
    more = listing.more or len(names) > MAX_LISTED
    ends = [Ahead("team", team, found.expires_at_s)] if found and found.expires_at_s else []
    for record in world.search.find_repositories([(team, name) for name in names]):
        if record.expires_at_s is not None:
            ends.append(Ahead("repository", record.name.shown, record.expires_at_s))
    for name in names[:MAX_LISTED]:
        tags = metadata.list_tags(team, name, Page(limits.MAX_PAGE_ENTRIES))
        more = more or tags.more
        ends += [
            Ahead("tag", f"{name.shown}:{tag.name}", tag.expires_at_s)
            for tag in tags.entries
            if tag.expires_at_s is not None
        ]
    near = sorted((each for each in ends if each.at_s <= until_s), key=lambda each: each.at_s)
    return Coming(tuple(near[:MAX_SHOWN]), more or len(near) > MAX_SHOWN)
