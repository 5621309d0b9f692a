"""The page of usage: what a team has pulled, pushed and stored, day by day."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.plot import HEIGHT, WIDTH, Plot, days_until, plotted
from chalicelib.domain.usage import day_of, grouped, shown_day
from chalicelib.page.paper import page
from chalicelib.page.repositories import Show
from chalicelib.service import usage
from chalicelib.usage_ports import Span
from chalicelib.web.messages import Response
from chalicelib.web.pipeline import Call

DAYS = 30
_TEAM = re.compile(r"[a-z0-9._-]{1,64}", re.ASCII)
# Counts by their names in a report, what they are called, and whether they are bytes.
PLOTS = (
    ("pulls", "Pulls", False),
    ("bytes_pulled", "Bytes pulled", True),
    ("pushes", "Pushes", False),
    ("bytes_pushed", "Bytes pushed", True),
    ("stored", "Bytes stored, on average", True),
)


@dataclass(frozen=True)
class Drawn:
    """One plot with its words."""

    title: str
    is_bytes: bool
    plot: Plot


def show_usage(call: Call) -> Response:
    subject = _subject(call)
    last = day_of(call.world.clock.now_s())
    days = days_until(last, DAYS)
    report = usage.report(call.world, subject, Span(days[0], last), "day", usage.MAX_ROWS)
    by_day = {row.day: dict(row.counts) for row in grouped(report.rows, "day")}
    for counts in by_day.values():
        counts["stored"] = counts.get("stored_byte_hours", 0) // 24
    drawn = [
        Drawn(title, is_bytes, plotted(days, {d: c.get(name, 0) for d, c in by_day.items()}))
        for name, title, is_bytes in PLOTS
    ]
    return page(
        call,
        "usage.html",
        team=subject.team,
        drawn=drawn,
        first=shown_day(days[0]),
        last=shown_day(last),
        shown_day=shown_day,
        width=WIDTH,
        height=HEIGHT,
        is_cut=report.next_place is not None,
    )


def _subject(call: Call) -> usage.Subject:
    """Whose usage is asked for. Raises: RegistryError(BAD_REQUEST, DENIED)."""
    asked = call.request.query.get("team") or None
    if asked is not None and not _TEAM.fullmatch(asked):
        raise RegistryError(ErrorCode.BAD_REQUEST, "that is no name of a team")
    return usage.whose(call.world, call.actor, asked)


SHOWS: Mapping[str, Show] = {"page.usage": show_usage}
