"""What a team has used, for whoever may know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from chalicelib.domain.access import OPEN_TEAM, Actor, Mode
from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.paging import Listing, Page
from chalicelib.domain.teams import Role
from chalicelib.domain.usage import NOBODY, Used, day_of, grouped
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


@dataclass(frozen=True)
class Subject:
    """Whose usage is shown, and from which day on: a name may have been another's before."""

    team: str
    since: str = ""


def whose(world: World, actor: Actor, asked: str | None) -> Subject:
    """The team whose usage somebody asks for; "" are the requests that are nobody's.

    Administrators see it from its beginning, and that of teams which have ended.
    Raises: RegistryError(DENIED): they neither own it, nor are they an administrator.
    Costs: 0; 1 read of an owner.
    """
    own = OPEN_TEAM if world.mode is Mode.OPEN else actor.name or NOBODY
    team = own if asked is None else asked
    if world.mode is Mode.OPEN or actor.is_administrator:
        return Subject(team)
    created_at_s = _owned_since(world, actor, team)
    if created_at_s is None:
        raise RegistryError(
            ErrorCode.DENIED, "a team's usage is shown to its owner", detail={"team": team[:100]}
        )
    return Subject(team, day_of(created_at_s))


def _owned_since(world: World, actor: Actor, team: str) -> int | None:
    if not team or actor.name is None:
        return None
    if team == actor.name:
        user = world.accounts.find_user(team)
        return user.created_at_s if user else None
    found = world.accounts.find_membership(team, actor.name)
    return found.team.created_at_s if found.team and found.role is Role.OWNER else None


def teams(world: World, actor: Actor, page: Page) -> Listing[str]:
    """Teams that have counts, for administrators. Costs: 1 query.

    Raises: RegistryError(DENIED).
    """
    if world.mode is not Mode.OPEN and not actor.is_administrator:
        raise RegistryError(ErrorCode.DENIED, "teams are listed to administrators")
    return world.usage.list_counted_teams(page)


def report(world: World, subject: Subject, span: Span, by: str, limit: int) -> Report:
    """A page of a report; of its rows several may be of one line. Costs: 1 query."""
    first = max(span.first, subject.since)
    if first > span.last:
        return Report(subject.team, (), None)
    seen = replace(span, first=first)
    listing = world.usage.list_usage(subject.team, seen, min(limit, MAX_ROWS))
    rows = grouped((place.used for place in listing.entries), by)
    more = listing.more and bool(listing.entries)
    return Report(subject.team, rows, listing.entries[-1].place if more else None)
