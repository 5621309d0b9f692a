"""Metering: log lines become counts, each exactly once, whoever hands them over and how often."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from chalicelib.domain.usage import (
    STORAGE,
    Account,
    Part,
    day_of,
    measure,
    parts,
    totals,
)
from chalicelib.ports import Conflict, Unavailable
from chalicelib.usage_ports import UsageStore

log = logging.getLogger("roadstead.meter")

DAY_S = 24 * 3600
HOUR_S = 3600
# So often another meter may come in between with lines of the same process.
TRIES = 20


@dataclass(frozen=True)
class Terms:
    """How long lines may be on their way, and how long it is known which have been counted.

    CloudWatch Logs tries for 24 hours to hand lines over, and Lambda for 6 to run the function.
    What comes later than ``late_s`` is not counted, because nobody knows any more whether it was;
    ``known_s`` is longer, so that up to then somebody does. ``late_s`` of None: nothing is late.
    """

    late_s: int | None = 7 * DAY_S
    known_s: int = 14 * DAY_S


@dataclass(frozen=True)
class Taken:
    """What became of lines: ``other`` are none of a request, ``late`` were left out."""

    counted: int = 0
    repeated: int = 0
    late: int = 0
    other: int = 0


def take(store: UsageStore, lines: Iterable[object], *, now_s: int, terms: Terms) -> Taken:
    """Count log lines, each an object as it was written.

    When it raises, some are counted and some are not: hand them all over again.
    Raises: Unavailable.
    Costs: for each process, and each 90 accounts of it, 1 read and 1 transaction; 1 read where all
    has been counted before.
    """
    found = [measure(line) for line in lines]
    measured = [line for line in found if line is not None]
    oldest_ms = 0 if terms.late_s is None else (now_s - terms.late_s) * 1000
    timely = [line for line in measured if line.at_ms >= oldest_ms]
    late = len(measured) - len(timely)
    if late:
        log.warning("%d lines came more than %s s late and are not counted", late, terms.late_s)
    counted = sum(_count(store, part, seen_until_s=now_s + terms.known_s) for part in parts(timely))
    return Taken(counted, len(timely) - counted, late, len(found) - len(measured))


def _count(store: UsageStore, part: Part, *, seen_until_s: int) -> int:
    for _ in range(TRIES):
        before = store.find_seen(part.process)
        fresh = [line for line in part.lines if line.number not in before]
        if not fresh:
            return 0
        after = before.with_numbers(line.number for line in fresh)
        try:
            store.count(part.process, before, after, totals(fresh), seen_until_s=seen_until_s)
        except Conflict:
            continue
        return len(fresh)
    raise Unavailable("other meters are at the lines of the same process; try again")


def measure_storage(store: UsageStore, *, now_s: int) -> int:
    """Add one hour of what lies there now, to the day and hour that it is; answers how many rows.

    Repeated within the hour it adds nothing, and ends what was cut off. What comes and goes
    between two hours is not seen, and an hour in which this does not run is not counted.
    Costs: 1 scan for each MB of the table, 1 write for each repository and each team.
    """
    sizes: Counter[tuple[str, str]] = Counter()
    for held in store.held():
        sizes[held.team, held.repository] += held.size_bytes
    linked, stored = STORAGE
    for (team, repository), size_bytes in sorted(sizes.items()):
        account = Account(team, day_of(now_s), repository)
        counts = {linked if repository else stored: size_bytes}
        store.count_storage(account, now_s // HOUR_S, counts)
    return len(sizes)
