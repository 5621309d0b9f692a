"""The collector's function: called by a schedule, or by hand with the same event.

{"team": "<team>", "repository": "<name>", "dry_run": true}     all may be left out
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from chalicelib.domain.expiry import written
from chalicelib.domain.names import parse_repository_name
from chalicelib.ports import Conflict
from chalicelib.service.collect import collect
from chalicelib.service.sweep import Removed, Run, sweep_repository
from chalicelib.web.lines import Line

# What is left when a run stops: enough for its last transaction, and to save where it is.
MARGIN_MS = 90_000
MAX_SHOWN = 200
# A pass of millions of things takes some hours. One that has no end is told by the alarm for runs
# that fail: there is no other.
OVERDUE_S = 3 * 24 * 3600

Remaining = Callable[[], int]


class PassOverdue(Exception):
    """A pass has not ended for days; it goes on all the same."""


def answer(make: Callable[..., Run], event: object, remaining_ms: Remaining) -> Line:
    """Do a run; the answer says whether the pass has ended, and what went, counted and shown.

    Raises: RegistryError: the event names a repository that is none. PassOverdue: the run is over
        and the pass, which began three days ago, is not; the next run goes on.
    """
    asked = event if isinstance(event, dict) else {}
    counted: Counter[str] = Counter()
    freed, shown = Counter[str](), list[str]()

    def note(removed: Removed) -> None:
        kind = removed.thing.kind.value
        counted[kind] += 1
        freed[kind] += removed.thing.size_bytes
        if len(shown) < MAX_SHOWN:
            shown.append(sentence(removed))

    run = make(
        report=note,
        is_dry=asked.get("dry_run") is True,
        is_over=lambda: remaining_ms() < MARGIN_MS,
    )
    ended, busy = _collected(run, asked)
    began_at_s = run.pass_began_at_s
    if not ended and began_at_s is not None and began_at_s < run.clock.now_s() - OVERDUE_S:
        raise PassOverdue(f"a pass of the collector that began at {written(began_at_s)} goes on")
    return {
        "ended": ended,
        "busy": busy,
        "dry_run": run.is_dry,
        "gone": dict(counted),
        "freed_bytes": freed["object"] + freed["blob of the team"],
        "shown": shown,
    }


def _collected(run: Run, asked: dict[str, Any]) -> tuple[bool, bool]:
    """Whether it has ended, and whether another run is under way."""
    team, path = asked.get("team"), asked.get("repository")
    try:
        if isinstance(path, str):
            name = parse_repository_name(path)
            return sweep_repository(run, run.world.team_of(name), name), False
        return collect(run, team if isinstance(team, str) and team else None), False
    except Conflict:
        return False, True


def sentence(removed: Removed) -> str:
    """What went and why, for a person."""
    place = removed.name.path if removed.name else removed.team
    return f"{place}: {removed.thing.kind.value} {removed.thing.text}: {removed.thing.why}"
