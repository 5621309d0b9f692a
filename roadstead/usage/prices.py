"""What counts come to in dollars, by a list of prices that people can replace with their own.

A list has the form of `prices.json` beside this module: ``prices`` by name, each ``usd`` for so
many units (``per``), and ``assumed`` numbers that no count says. What a list has no price for is
left out, and said.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from roadstead.failure import Failure

OWN = Path(__file__).with_name("prices.json")
GB = 1 << 30
# As AWS bills a month.
MONTH_HOURS = 730
MB_A_GB, MS_A_S = 1024, 1000

LEFT_OUT = (
    "free tiers, discounts and taxes; transfer that costs nothing (within the region) or less",
    "requests that S3 itself answers to uploads by parts and to the edge; repeated downloads",
    "bytes of uploads that were never finished, deleted versions, the table's own storage",
    "functions beside the API, alarms, metrics, secrets, backups, WAF, domain names",
)


class PricesError(Failure):
    """A sentence about a list of prices."""


@dataclass(frozen=True)
class Item:
    """A line of a bill: so many units of what; ``usd`` is None where the list has no price."""

    title: str
    units: float
    unit: str
    usd: float | None


@dataclass(frozen=True)
class Prices:
    """A list that has been read; ``usd`` is for one unit."""

    region: str
    read: str
    usd: Mapping[str, float]
    assumed: Mapping[str, float]
    from_memory: tuple[str, ...]

    def items(self, counts: Mapping[str, int]) -> Iterator[Item]:
        """What the counts come to, item by item."""
        for title, unit, name, units in _amounts(counts, self.assumed):
            price = self.usd.get(name)
            yield Item(title, units, unit, None if price is None else units * price)

    def total_usd(self, counts: Mapping[str, int]) -> float:
        return sum(item.usd or 0.0 for item in self.items(counts))


def _amounts(
    counts: Mapping[str, int], assumed: Mapping[str, float]
) -> Iterator[tuple[str, str, str, float]]:
    """Title, unit, the price's name, and how many units."""

    def n(name: str) -> int:
        return counts.get(name, 0)

    requests = n("requests")
    lambda_gb = assumed["lambda_memory_mb"] / MB_A_GB
    yield "API Gateway", "requests", "api_gateway_request", requests
    yield "CloudFront", "requests", "cloudfront_request", requests
    # One function sees the request, another the answer.
    yield "CloudFront functions", "calls", "cloudfront_function", 2 * requests
    # Another sees every answer of the application, and makes a sentence of what was refused.
    yield "Lambda@Edge requests", "requests", "lambda_edge_request", requests
    edge_s = requests * assumed["lambda_edge_gb_seconds_a_request"]
    yield "Lambda@Edge time", "GB-s", "lambda_edge_gb_second", edge_s
    yield "Lambda requests", "requests", "lambda_request", requests
    yield "Lambda time", "GB-s", "lambda_gb_second", n("billed_ms") / MS_A_S * lambda_gb
    reads = n("table_reads") * assumed["read_units_a_call"]
    yield "DynamoDB reads", "units", "dynamodb_read_unit", reads
    writes = n("table_writes") * assumed["write_units_a_call"]
    yield "DynamoDB writes", "units", "dynamodb_write_unit", writes
    metering = requests * assumed["metering_units_a_request"]
    yield "metering itself", "units", "dynamodb_write_unit", metering
    yield "S3 reads", "requests", "s3_get", n("s3_reads") + n("downloads")
    yield "S3 writes", "requests", "s3_put", n("s3_writes")
    yield "S3 storage", "GB-months", "s3_gb_month", n("stored_byte_hours") / GB / MONTH_HOURS
    yield "transfer out", "GB", "s3_transfer_gb", (n("bytes_pulled") + n("bytes_out")) / GB
    yield "logs", "GB", "log_gb", requests * assumed["log_bytes_a_request"] / GB


def read_prices(path: Path | None = None) -> Prices:
    """A list of prices; ours where none is named. What it does not assume is as in ours.

    Raises: PricesError.
    """
    own = _document(OWN)
    document = own if path is None else _document(path)
    try:
        rows = document["prices"]
        usd = {name: float(row["usd"]) / float(row["per"]) for name, row in rows.items()}
        both = {**own["assumed"], **document.get("assumed", {})}
        assumed = {name: float(row["value"]) for name, row in both.items()}
        unsure = tuple(name for name, row in rows.items() if row.get("from_memory"))
        region, read = str(document["region"]), str(document["read"])
    except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError) as error:
        raise PricesError(
            f"{path} is no list of prices ({type(error).__name__}: {error}). "
            f"It has the form of {OWN.name}: docs/usage.md shows it."
        ) from None
    if not all(0 <= price < float("inf") for price in (*usd.values(), *assumed.values())):
        raise PricesError(f"{path}: a price is a number from 0.")
    return Prices(region, read, usd, assumed, unsure)


def _document(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except OSError as error:
        raise PricesError(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError:
        raise PricesError(f"{path} is not JSON.") from None
    if not isinstance(found, dict):
        raise PricesError(f"{path} is no list of prices: it must be a JSON object.")
    return found
