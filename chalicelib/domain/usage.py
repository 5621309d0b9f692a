"""Usage: log lines in, counts by team, day and repository out. Nothing here is kept or read.

The line of a request is the record of what it did. Each line bears the word of the process that
wrote it, and a number that no other line of that process has: whatever is handed over twice, in
other cuts or out of order, is known by these two and counted once.

    status or error of the answer          whose line it is
    below 400                              the repository's, of its team
    401, 403, 429, not through the edge    the registry's own: strangers run up nobody's bill
    any other from 400 up                  the team's, under no repository: names that do not
                                           exist get no row
A request that names no repository is its team's (open registry) or the registry's own.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

# What is counted, in the order in which it is shown.
COUNTS = (
    "requests",
    "refused",
    "pulls",
    "pushes",
    "bytes_out",
    "bytes_in",
    "bytes_pulled",
    "bytes_pushed",
    "downloads",
    "table_reads",
    "table_writes",
    "s3_reads",
    "s3_writes",
    "billed_ms",
)
# What stands in a line under the same name; some of it counts only where nothing was refused. What
# the edge has taken becomes visible even with a manifest that is refused for another blob.
_DONE = ("pulls", "pushes", "bytes_pulled")
_PASSED = ("bytes_in", "bytes_out", "bytes_pushed")
# Sizes by the hour: of what a repository serves, and of what a team has stored, each blob once.
STORAGE = ("linked_byte_hours", "stored_byte_hours")
ALL = (*COUNTS, *STORAGE)

NOBODY = ""
_DOWNLOADS = ("v2.blob.get", "v1.image.layer.get")
_REDIRECTS = (302, 307)
_STRANGERS = ("UNAUTHORIZED", "DENIED", "TOOMANYREQUESTS", "NOT_THE_EDGE")
_STRANGERS_STATUS = (401, 403, 429)
_READS = ("Get", "BatchGet", "Query", "Scan", "Head", "List")
_PROCESS = re.compile(r"[0-9a-f]{32}")
_NAME = re.compile(r"[a-z0-9._/-]{0,255}")
# Fewer than the hundred items of a transaction: one more holds what has been counted.
MAX_ACCOUNTS = 90
MAX_NUMBER = 1 << 53

Counts = Mapping[str, int]


@dataclass(frozen=True, order=True)
class Account:
    """Under what something is counted; ``day`` is ``yyyymmdd`` in UTC, "" stands for none."""

    team: str
    day: str
    repository: str


@dataclass(frozen=True)
class Measured:
    """What one line says, and by what it is known."""

    process: str
    number: int
    at_ms: int
    account: Account
    counts: Counts


@dataclass(frozen=True)
class Part:
    """Lines of one process, of at most so many accounts as one transaction takes."""

    process: str
    lines: tuple[Measured, ...]


def measure(line: object) -> Measured | None:
    """A log line, parsed; None for what is not the line of a request of ours. Never raises."""
    if not isinstance(line, dict) or line.get("kind") != "request":
        return None
    process, number, at_ms = line.get("process"), line.get("number"), _at_ms(line)
    if not (isinstance(process, str) and _PROCESS.fullmatch(process)):
        return None
    if at_ms is None or not _is_count(number) or not _is_count(line.get("status")):
        return None
    return Measured(process, int(str(number)), at_ms, _account(line, at_ms), _counts(line))


def _at_ms(line: Mapping[str, object]) -> int | None:
    document = line.get("_aws")
    at_ms = document.get("Timestamp") if isinstance(document, dict) else line.get("at_ms")
    # The year 9999 is the last that a day can be made of.
    return int(str(at_ms)) if _is_count(at_ms) and int(str(at_ms)) < 253402300800000 else None


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MAX_NUMBER


def _count(value: object) -> int:
    return int(str(value)) if _is_count(value) else 0


def _account(line: Mapping[str, object], at_ms: int) -> Account:
    day, status = day_of(at_ms // 1000), _count(line["status"])
    if status in _STRANGERS_STATUS or line.get("error") in _STRANGERS:
        return Account(NOBODY, day, "")
    team = _name(line.get("team"))
    repository = _name(line.get("repository")) if status < 400 else ""
    return Account(team, day, repository)


def _name(value: object) -> str:
    return value if isinstance(value, str) and _NAME.fullmatch(value) else ""


def _counts(line: Mapping[str, object]) -> Counts:
    status = _count(line["status"])
    refused = status >= 400 or line.get("error") is not None
    found: dict[str, int] = {"requests": 1, "refused": int(refused)}
    found |= {name: _count(line.get(name)) for name in _PASSED}
    if not refused:
        found |= {name: _count(line.get(name)) for name in _DONE}
        is_download = line.get("endpoint") in _DOWNLOADS and line.get("method") == "GET"
        found["downloads"] = int(is_download and status in _REDIRECTS)
    took_ms = line.get("duration_ms")
    if isinstance(took_ms, int | float) and 0 <= took_ms < MAX_NUMBER:
        # Lambda bills whole milliseconds, begun ones included.
        found["billed_ms"] = math.ceil(took_ms)
    calls = line.get("calls")
    for called, times in calls.items() if isinstance(calls, dict) else ():
        service, _, operation = str(called).partition(".")
        way = "reads" if operation.startswith(_READS) else "writes"
        name = {"dynamodb": f"table_{way}", "s3": f"s3_{way}"}.get(service)
        if name is not None:
            found[name] = found.get(name, 0) + _count(times)
    return {name: value for name, value in found.items() if value}


def parts(lines: Iterable[Measured], most_accounts: int = MAX_ACCOUNTS) -> Iterator[Part]:
    """The lines by process, each once, cut where they are of too many accounts."""
    by_process: dict[str, dict[int, Measured]] = {}
    for line in lines:
        by_process.setdefault(line.process, {})[line.number] = line
    for process, numbered in by_process.items():
        taken: list[Measured] = []
        accounts: set[Account] = set()
        for _, line in sorted(numbered.items()):
            if line.account not in accounts and len(accounts) == most_accounts:
                yield Part(process, tuple(taken))
                taken, accounts = [], set()
            taken.append(line)
            accounts.add(line.account)
        yield Part(process, tuple(taken))


def totals(lines: Iterable[Measured]) -> dict[Account, Counts]:
    """What these lines come to, by account."""
    found: dict[Account, Counter[str]] = {}
    for line in lines:
        found.setdefault(line.account, Counter()).update(line.counts)
    return {account: dict(counted) for account, counted in found.items()}


# --- which numbers of a process have been counted -------------------------------------------------


@dataclass(frozen=True)
class Seen:
    """A set of numbers, as few spans as it takes: a process counts up, so mostly it is one.

    As a text: ``1-5000,5002-5010``.
    """

    spans: tuple[tuple[int, int], ...] = ()

    @classmethod
    def parse(cls, text: str) -> Seen:
        pairs = (span.partition("-") for span in text.split(",") if span)
        return cls(tuple((int(first), int(last)) for first, _, last in pairs))

    def __str__(self) -> str:
        return ",".join(f"{first}-{last}" for first, last in self.spans)

    def __contains__(self, number: int) -> bool:
        return any(first <= number <= last for first, last in self.spans)

    def with_numbers(self, numbers: Iterable[int]) -> Seen:
        """This set with more numbers in it."""
        merged: list[tuple[int, int]] = []
        for first, last in sorted([*self.spans, *((number, number) for number in numbers)]):
            if merged and first <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(merged[-1][1], last))
            else:
                merged.append((first, last))
        return Seen(tuple(merged))


# --- reports --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Used:
    """A line of a report: what was counted under a day and a repository, "" for all or none."""

    day: str
    repository: str
    counts: Counts = field(default_factory=dict)


GROUPS: Mapping[str, tuple[bool, bool]] = {
    # by: whether days, whether repositories are kept apart
    "day": (True, False),
    "repository": (False, True),
    "day,repository": (True, True),
    "all": (False, False),
}


def grouped(rows: Iterable[Used], by: str) -> list[Used]:
    """Rows added up, in order; what has been grouped may be grouped again with more."""
    days, repositories = GROUPS[by]
    found: dict[tuple[str, str], Counter[str]] = {}
    for row in rows:
        key = (row.day if days else "", row.repository if repositories else "")
        found.setdefault(key, Counter()).update(row.counts)
    return [Used(*key, dict(counted)) for key, counted in sorted(found.items())]


def day_of(at_s: int) -> str:
    """``yyyymmdd``, in UTC."""
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y%m%d")


def end_of(day: str) -> int:
    """The second at which a day ends."""
    return int(datetime.strptime(day + "+0000", "%Y%m%d%z").timestamp()) + 24 * 3600


def parse_day(text: str) -> str | None:
    """``2026-11-24`` as ``20261124``; None for what is no day."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text, re.ASCII):
        return None
    try:
        return datetime.strptime(text + "+0000", "%Y-%m-%d%z").strftime("%Y%m%d").zfill(8)
    except ValueError:
        return None


def shown_day(day: str) -> str:
    return f"{day[:4]}-{day[4:6]}-{day[6:]}" if day else ""
