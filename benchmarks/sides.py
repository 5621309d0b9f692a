"""Steps that are done at a small and at a large size: their times, and what they asked for."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

SMALL, LARGE = "small", "large"
SIDES = (SMALL, LARGE)
# What a page reads beside its rows, to know whether they have ended (ADR 42).
RECORDS = 2


@dataclass(frozen=True)
class Cost:
    """Requests to the back ends by name, and the rows that DynamoDB read for them."""

    requests: tuple[tuple[str, int], ...]
    rows: int

    def __str__(self) -> str:
        short = {"TransactWriteItems": "Transact", "BatchGetItem": "BatchGet"}
        named = [f"{count} {short.get(name, name)}" for name, count in self.requests]
        return f"{', '.join(named) or 'none'}; {self.rows} rows"


@dataclass
class Heard:
    """Every request that the registry has sent, as its stores tell."""

    requests: list[str] = field(default_factory=list)
    rows: int = 0

    def answer(self, parsed: dict[str, Any], **_: Any) -> None:
        """An answer of DynamoDB; a Query has read what it scanned, whatever it gave back."""
        batches = parsed.get("Responses", {})
        self.rows += parsed.get("ScannedCount", 0) + ("Item" in parsed)
        self.rows += sum(map(len, batches.values())) if isinstance(batches, dict) else 0


@dataclass
class Meter:
    """Times by (step, side) and round; costs and entries as sets, which should have one element."""

    heard: Heard
    times_s: dict[tuple[str, str], list[list[float]]] = field(default_factory=dict)
    costs: dict[tuple[str, str], set[Cost]] = field(default_factory=lambda: defaultdict(set))
    entries: dict[tuple[str, str], int] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)
    rounds: int = 0

    def begin_round(self) -> None:
        self.rounds += 1

    @contextlib.contextmanager
    def step(self, name: str, side: str, entries: int = 0) -> Iterator[None]:
        """Time what the block does; a block within a block counts for both."""
        if name not in self.steps:
            self.steps.append(name)
        key, first, rows = (name, side), len(self.heard.requests), self.heard.rows
        began_s = time.perf_counter()
        yield
        took_s = time.perf_counter() - began_s
        rounds = self.times_s.setdefault(key, [])
        while len(rounds) < self.rounds:
            rounds.append([])
        rounds[-1].append(took_s)
        requests = Counter(self.heard.requests[first:])
        self.costs[key].add(Cost(tuple(sorted(requests.items())), self.heard.rows - rows))
        self.entries[key] = entries

    def medians_ms(self, name: str, side: str) -> list[float]:
        return [statistics.median(times) * 1000 for times in self.times_s[name, side]]

    def faults(self) -> Iterator[str]:
        """What would grow with the size: more requests, or more rows than a page's own.

        Those are its entries, one behind them, and the repository's and the team's records.
        """
        for name in self.steps:
            if len({cost.requests for side in SIDES for cost in self.costs[name, side]}) != 1:
                yield f"{name}: requests differ"
            for side in SIDES:
                entries = self.entries[name, side]
                if entries and any(
                    cost.rows > entries + 1 + RECORDS for cost in self.costs[name, side]
                ):
                    yield f"{name}: the {side} one reads more rows than its page has"


def table(meter: Meter) -> Iterator[str]:
    """A line for each step: medians of rounds with the lowest and the highest, ratios likewise."""
    yield (
        f"{'step':37}{'entries':>9}{'small ms':>9}{'(range)':>14}{'large ms':>9}{'(range)':>14}"
        f"{'ratio':>7}{'(range)':>13}"
    )
    for name in meter.steps:
        columns, sides = "", [meter.medians_ms(name, side) for side in SIDES]
        for medians in sides:
            spread = f"({min(medians):.1f}..{max(medians):.1f})"
            columns += f"{statistics.median(medians):9.2f}{spread:>14}"
        ratios = [large / small for small, large in zip(*sides, strict=True)]
        spread = f"({min(ratios):.2f}..{max(ratios):.2f})"
        shown = [meter.entries[name, side] for side in SIDES]
        entries = f"{shown[0]}/{shown[1]}" if any(shown) else ""
        yield f"{name:37}{entries:>9}{columns}{statistics.median(ratios):7.2f}{spread:>13}"


def costs(meter: Meter) -> Iterator[str]:
    """A line for each step: what it asked of the back ends; both sizes where they differ."""
    yield f"{'step':37}requests to DynamoDB and S3; rows that DynamoDB read"
    for name in meter.steps:
        small, large = (" or ".join(sorted(map(str, meter.costs[name, side]))) for side in SIDES)
        yield f"{name:37}{small if small == large else f'{small}  |  large: {large}'}"
