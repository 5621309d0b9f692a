"""The collector's function: called by a schedule, or by hand with the same event.

{"team": "<team>", "repository": "<name>", "dry_run": true}     all may be left out
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from chalicelib.domain.names import parse_repository_name
from chalicelib.ports import Conflict
from chalicelib.service.collect import collect
from chalicelib.service.sweep import Removed, Run, sweep_repository
from chalicelib.web.lines import Line

# What is left when a run stops: enough for its last transaction, and to save where it is.
MARGIN_MS = 90_000
MAX_SHOWN = 200

Remaining = Callable[[], int]


def answer(make: Callable[..., Run], event: object, remaining_ms: Remaining) -> Line:
    """Do a run; the answer says whether the pass has ended, and what went, counted and shown.

    Raises: RegistryError: the event names a repository that is none.
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
