"""What a team has used, for whoever may know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from chalicelib.domain.access import OPEN_TEAM, Actor, Mode
from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.expiry import DAY_S, is_over
from chalicelib.domain.paging import Listing, Page
from chalicelib.domain.teams import Life
from chalicelib.domain.usage import NOBODY, Used, day_of, grouped
from chalicelib.service.world import World
from chalicelib.usage_ports import Place, Span

# Some 300 bytes each: what one query of DynamoDB gives at once, and less than Lambda may answer.
MAX_ROWS = 2000
# Sorts after every day.
EVER = "99999999"


@dataclass(frozen=True)
class Report:
    """Lines of a team's report; with ``next_place`` more follow, and lines of one kind add up."""

    team: str
    rows: Sequence[Used]
    next_place: str | None


@dataclass(frozen=True)
class Subject:
    """Whose usage is shown, and of which days, both inclusive; None is of all of them.

    A name may have been another team's before, and may be another's since.
    """

    team: str
    spans: Sequence[tuple[str, str]] | None = None


def whose(world: World, actor: Actor, asked: str | None) -> Subject:
    """The team whose usage somebody asks for; "" are the requests that are nobody's.

    The last owners of a team that has ended see it as long as counts are kept; administrators see
    all that there is under a name.
    Raises: RegistryError(DENIED): they do not own it, nor did at its end, nor are they an
    administrator. Costs: 0; 1 read for one's own namespace, 1 batch read and 1 query for another.
    """
    own = OPEN_TEAM if world.mode is Mode.OPEN else actor.name or NOBODY
    team = own if asked is None else asked
    if world.mode is Mode.OPEN or actor.is_administrator:
        return Subject(team)
    spans = _owned(world, actor, team)
    if not spans:
        raise RegistryError(
            ErrorCode.DENIED, "a team's usage is shown to its owner", detail={"team": team[:100]}
        )
    return Subject(team, spans)


def _owned(world: World, actor: Actor, team: str) -> Sequence[tuple[str, str]]:
    if not team or actor.name is None:
        return ()
    if team == actor.name:
        user = world.accounts.find_user(team)
        return [(day_of(user.created_at_s), EVER)] if user else ()
    lives = world.accounts.find_lives(team, actor.name)
    now_s = world.clock.now_s()
    return [_days_of(life, lives, now_s) for life in lives if life.is_owner]


def _days_of(life: Life, lives: Sequence[Life], now_s: int) -> tuple[str, str]:
    """The days of a team; its last one not where the next of its name began on it."""
    first = day_of(life.first_s)
    if life.end_s is None or not is_over(life.end_s, now_s):
        return first, EVER
    last = day_of(life.end_s)
    if any(each.first_s >= life.end_s and day_of(each.first_s) == last for each in lives):
        last = day_of(life.end_s - DAY_S)
    return first, last


def teams(world: World, actor: Actor, page: Page) -> Listing[str]:
    """Teams that have counts, for administrators. Costs: 1 query.

    Raises: RegistryError(DENIED).
    """
    if world.mode is not Mode.OPEN and not actor.is_administrator:
        raise RegistryError(ErrorCode.DENIED, "teams are listed to administrators")
    return world.usage.list_counted_teams(page)


def report(world: World, subject: Subject, span: Span, by: str, limit: int) -> Report:
    """A page of a report; of its rows several may be of one line.

    Costs: 1 query; of a team that had others of its name before, 1 for each stretch of its days.
    """
    limit = min(limit, MAX_ROWS)
    found: list[Place] = []
    more = False
    parts = _parts(subject, span)
    for number, part in enumerate(parts, 1):
        listing = world.usage.list_usage(subject.team, part, limit - len(found))
        found += listing.entries
        more = listing.more or number < len(parts)
        if listing.more or len(found) >= limit:
            break
    rows = grouped((place.used for place in found), by)
    # The next page begins behind a line of this subject's: no other team's name is in it.
    return Report(subject.team, rows, found[-1].place if more and found else None)


def _parts(subject: Subject, span: Span) -> Sequence[Span]:
    """The days that were asked for, as far as they are the subject's."""
    if subject.spans is None:
        return [span]
    begun = span.after.partition("#")[0]
    days = [(max(span.first, a, begun), min(span.last, b)) for a, b in subject.spans]
    return [replace(span, first=a, last=b) for a, b in sorted(days) if a <= b]
