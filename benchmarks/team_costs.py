"""What a team costs beside its pushes and pulls: to make it, to end it, and to take it away.

A part of `benchmarks.costs`. The collector's own time is not counted: a pass is everybody's.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.costs import GB, MILLION, PARTS, Bill, Meter, Prices, push, want
from chalicelib.service.collect import collect
from chalicelib.service.ended import left_of
from chalicelib.service.sweep import AT_REST, Run

READ_UNIT_BYTES = 4096


class Hearing:
    """The bucket as the collector uses it, each call counted; deletions cost nothing."""

    def __init__(self, port: Any, bill: Bill) -> None:
        self._port, self._bill = port, bill

    def __getattr__(self, name: str) -> Any:
        # A listing is paid for as a write is.
        kind = {"put": "s3_put", "list_objects": "s3_put", "list_parts": "s3_put", "get": "s3_get"}
        if name in kind:
            self._bill.amounts[kind[name]] += 1
        return getattr(self._port, name)


def team_of(meter: Meter, blobs: list[bytes], raw: bytes) -> Mapping[str, Bill]:
    """A team made, pushed to and ended by requests, and taken away by the collector."""
    bills = {"team made and ended": Bill(), "team taken away": Bill()}
    name, world = "crew", meter.place.home.world
    meter.bill = bills["team made and ended"]
    made = json.dumps({"name": name, "expires_in_s": 3600}).encode()
    want(meter.ask("POST", "/v2/_roadstead/teams", made, Content_Type="application/json"), 201)
    meter.bill = Bill()
    push(meter, "v1", blobs, raw, f"{name}/app")
    meter.bill = bills["team made and ended"]
    want(meter.ask("DELETE", f"/v2/_roadstead/teams/{name}"), 202)
    meter.bill = bills["team taken away"]
    store: Any = world.metadata
    bucket: Any = Hearing(world.blobs, meter.bill)
    run = Run(world, store, bucket, AT_REST)
    while list(left_of(Run(world, Unheard(store, meter), world.blobs), name)):  # type: ignore[arg-type]
        collect(run, name)
        meter.bill.endpoints["passes"] += 1
        time.sleep(1.1)
    return bills


class Unheard:
    """A store that is asked only what is left; that is not counted."""

    def __init__(self, store: Any, meter: Meter) -> None:
        self._store, self._meter = store, meter

    def rows_of(self, team: str) -> list[str]:
        kept, self._meter.bill = self._meter.bill, Bill()
        try:
            return list(self._store.rows_of(team))
        finally:
            self._meter.bill = kept


def told(prices: Prices, teams: Mapping[str, Bill]) -> Iterator[str]:
    """What making, ending and removing a team of one such image takes, beside its pushes."""
    for name, bill in teams.items():
        told = [
            f"{bill.amounts[each]:.4g} {each}"
            for names in PARTS.values()
            for each in names
            if bill.amounts[each] >= 1
        ]
        usd = sum(prices.cost(part, bill.amounts) for part in PARTS)
        yield ""
        yield f"one {name}, with one such image: {usd * MILLION:.2f} USD a million"
        yield f"  {', '.join(told)}"
    scan_usd = GB / READ_UNIT_BYTES * prices.usd["dynamodb_read_unit"]
    yield (
        f"  Each pass of the collector reads the table twice: {2 * scan_usd:.3f} USD a GB, "
        f"hourly {2 * scan_usd * 730:.2f} USD a GB and month, whoever has ended."
    )
