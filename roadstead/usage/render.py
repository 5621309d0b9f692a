"""A report as a table for people, as CSV, and as JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chalicelib.domain.usage import ALL, Used, grouped, shown_day
from roadstead.usage.prices import GB, LEFT_OUT, Prices

HEAD = (
    "DAY",
    "REPOSITORY",
    "PULLS",
    "PUSHES",
    "OUT",
    "IN",
    "GB-HOURS",
    "REQUESTS",
    "REFUSED",
    "USD",
)
LEFT_COLUMNS = 2
_UNITS = ((1 << 40, "TB"), (1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "kB"))


@dataclass(frozen=True)
class Ending:
    """Something that ends soon: a team, a repository or a tag, and when, in UTC."""

    what: str
    name: str
    expires_at: str


@dataclass(frozen=True)
class Usage:
    """A whole report: days as people write them, both inclusive.

    By ``team``, the teams stand where repositories do otherwise.
    """

    host: str
    team: str
    first: str
    last: str
    by: str
    rows: Sequence[Used]
    ends: Sequence[Ending] = ()
    more_ends: bool = False


def as_table(usage: Usage, prices: Prices) -> str:
    (total,) = grouped(usage.rows, "all") or [Used("", "")]
    head = HEAD if "day" in usage.by else HEAD[1:]
    if usage.by == "team":
        head = ("TEAM", *head[1:])
    lines = [_cells(row, prices) for row in usage.rows]
    lines.append(_cells(Used("", "", total.counts), prices))
    lines[-1][0], lines[-1][1] = ("total", "") if "day" in usage.by else ("", "total")
    if "day" not in usage.by:
        lines = [line[1:] for line in lines]
    told = [
        f"{usage.team or '(of no team)'} at {usage.host}, {usage.first} to {usage.last} (UTC)",
        "",
        *_columns([list(head), *lines], left=len(head) - len(HEAD) + LEFT_COLUMNS),
        "",
        *_bill(total, prices),
        *(["", *ending(usage)] if ending(usage) else ()),
    ]
    return "\n".join(told) + "\n"


def ending(usage: Usage) -> list[str]:
    """What ends soon, in lines for people; none where nothing does."""
    if not usage.ends and not usage.more_ends:
        return []
    lines = [[f"  {each.what}", each.name, each.expires_at] for each in usage.ends]
    told = ["Ends soon:", *(_columns(lines, left=3) if lines else ())]
    return [*told, "  and perhaps more: not everything was looked at"] if usage.more_ends else told


def _cells(row: Used, prices: Prices) -> list[str]:
    n = row.counts
    # A repository's own row has nothing stored, and links of two repositories may be one blob.
    hours = n.get("stored_byte_hours", 0) or n.get("linked_byte_hours", 0)
    return [
        shown_day(row.day) or "-",
        row.repository or "-",
        str(n.get("pulls", 0)),
        str(n.get("pushes", 0)),
        in_words(n.get("bytes_pulled", 0) + n.get("bytes_out", 0)),
        in_words(n.get("bytes_pushed", 0)),
        f"{hours / GB:.2f}",
        str(n.get("requests", 0)),
        str(n.get("refused", 0)),
        f"{prices.total_usd(n):.4f}",
    ]


def in_words(size_bytes: int) -> str:
    """A size with three digits or four, in units of 1024."""
    for unit_bytes, unit in _UNITS:
        if size_bytes >= unit_bytes:
            return f"{size_bytes / unit_bytes:.1f} {unit}"
    return f"{size_bytes} B"


def _columns(lines: Sequence[Sequence[str]], *, left: int) -> Iterator[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (
            cell.ljust(width) if at < left else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        yield "  ".join(cells).rstrip()


def _bill(total: Used, prices: Prices) -> Iterator[str]:
    yield f"An estimate by the prices of {prices.region} as read on {prices.read}:"
    lines = [
        [
            f"  {item.title}",
            f"{item.units:,.4f}".rstrip("0").rstrip("."),
            item.unit,
            "no price" if item.usd is None else f"{item.usd:.6f}",
        ]
        for item in prices.items(total.counts)
    ]
    lines.append(["  together", "", "USD", f"{prices.total_usd(total.counts):.6f}"])
    yield from _columns(lines, left=1)
    yield "Left out:"
    yield from (f"  {each}" for each in LEFT_OUT)
    if prices.from_memory:
        yield f"From memory, and so to be looked up: {', '.join(prices.from_memory)}"


def as_csv(usage: Usage, prices: Prices) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["team", "day", "repository", *ALL, "usd", "expires_at"])
    ends = {(each.what, each.name): each.expires_at for each in usage.ends}
    for row in usage.rows:
        counts = [row.counts.get(name, 0) for name in ALL]
        usd = f"{prices.total_usd(row.counts):.9f}"
        names = (row.repository, "") if usage.by == "team" else (usage.team, row.repository)
        what = ("repository", names[1]) if names[1] else ("team", names[0])
        writer.writerow([names[0], shown_day(row.day), names[1], *counts, usd, ends.get(what, "")])
    return text.getvalue()


def as_json(usage: Usage, prices: Prices) -> str:
    (total,) = grouped(usage.rows, "all") or [Used("", "")]
    document = {
        "host": usage.host,
        "team": usage.team,
        "from": usage.first,
        "to": usage.last,
        "by": usage.by,
        "rows": list(_documents(usage, prices)),
        "ends": [vars(each) for each in usage.ends],
        "more_ends": usage.more_ends,
        "estimate": {
            "region": prices.region,
            "read": prices.read,
            "items": [vars(item) for item in prices.items(total.counts)],
            "usd": prices.total_usd(total.counts),
            "left_out": list(LEFT_OUT),
            "from_memory": list(prices.from_memory),
        },
    }
    return json.dumps(document, indent=2) + "\n"


def _documents(usage: Usage, prices: Prices) -> Iterator[dict[str, object]]:
    name = "team" if usage.by == "team" else "repository"
    for row in usage.rows:
        yield {
            "day": shown_day(row.day),
            name: row.repository,
            **{name: row.counts.get(name, 0) for name in ALL},
            "usd": prices.total_usd(row.counts),
        }
