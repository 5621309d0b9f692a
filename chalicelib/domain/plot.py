"""Bars over days as numbers for a drawing: where each stands and how high, and the marks beside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

WIDTH, HEIGHT = 600, 120


@dataclass(frozen=True)
class Bar:
    """One day's bar in units of the drawing, the origin at its upper left."""

    day: str
    value: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Plot:
    """A drawing of ``WIDTH`` by ``HEIGHT``; ``top`` is the value at its upper edge."""

    bars: tuple[Bar, ...]
    top: int
    total: int


def days_until(last: str, count: int) -> list[str]:
    """So many days up to this one, ``yyyymmdd``, the oldest first."""
    end = datetime.strptime(last + "+0000", "%Y%m%d%z").astimezone(UTC)
    return [(end - timedelta(days=n)).strftime("%Y%m%d") for n in range(count - 1, -1, -1)]


def plotted(days: list[str], values: Mapping[str, int]) -> Plot:
    """Bars of these days, those without a value with none."""
    found = [max(0, values.get(day, 0)) for day in days]
    top, step = max(found, default=0), WIDTH / max(1, len(days))
    bars: list[Bar] = []
    for number, (day, value) in enumerate(zip(days, found, strict=True)):
        # Something is seen of what is not nothing.
        height = round(max(1.0, value / top * HEIGHT), 2) if value else 0.0
        x, y = round(number * step + 1, 2), round(HEIGHT - height, 2)
        bars.append(Bar(day, value, x, y, round(step - 2, 2), height))
    return Plot(tuple(bars), top, sum(found))
