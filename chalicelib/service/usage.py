"""What a team has used, for whoever may know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.domain.access import OPEN_TEAM, Actor, Mode
from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.paging import Listing, Page
from chalicelib.domain.usage import NOBODY, Used, grouped
from chalicelib.service.world import World
from chalicelib.usage_ports import Span

# Some 300 bytes each: what one query of DynamoDB gives at once, and less than Lambda may answer.
MAX_ROWS = 2000


@dataclass(frozen=True)
class Report:
    """Lines of a team's report; with ``next_place`` more follow, and lines of one kind add up."""

    team: str
    rows: Sequence[Used]
    next_place: str | None


def whose(world: World, actor: Actor, asked: str | None) -> str:
    """The team whose usage somebody asks for; "" are the requests that are nobody's.

    Raises: RegistryError(DENIED): it is neither theirs, nor are they an administrator.
    """
    own = OPEN_TEAM if world.mode is Mode.OPEN else actor.name or NOBODY
    team = own if asked is None else asked
    if world.mode is Mode.OPEN or actor.is_administrator:
        return team
    if team == NOBODY or team != actor.name:
        raise RegistryError(
            ErrorCode.DENIED, "a team's usage is shown to its owner", detail={"team": team[:100]}
        )
    return team


def teams(world: World, actor: Actor, page: Page) -> Listing[str]:
    """Teams that have counts, for administrators. Costs: 1 query.

    Raises: RegistryError(DENIED).
    """
    if world.mode is not Mode.OPEN and not actor.is_administrator:
        raise RegistryError(ErrorCode.DENIED, "teams are listed to administrators")
    return world.usage.list_counted_teams(page)


def report(world: World, team: str, span: Span, by: str, limit: int) -> Report:
    """A page of a report; of its rows several may be of one line. Costs: 1 query."""
    listing = world.usage.list_usage(team, span, min(limit, MAX_ROWS))
    rows = grouped((place.used for place in listing.entries), by)
    more = listing.more and bool(listing.entries)
    return Report(team, rows, listing.entries[-1].place if more else None)
