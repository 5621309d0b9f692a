"""The arithmetic of costs: units, prices and what is said of them."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import Any

import pytest

from benchmarks.costs import PARTS, Bill, Prices, kilobytes, report, transaction_units
from benchmarks.team_costs import told

KEY = {"pk": {"S": "p" * 10}, "sk": {"S": "s" * 10}}


def item(size_bytes: int) -> dict[str, Any]:
    """An item of so many bytes, names included."""
    return {**KEY, "x": {"B": b"x" * (size_bytes - 25)}}


@pytest.mark.parametrize(
    ("size_bytes", "step_kb", "steps"),
    [(30, 1, 1), (1024, 1, 1), (1025, 1, 2), (4096, 4, 1), (4097, 4, 2), (8193, 4, 3)],
)
def test_an_item_fills_whole_steps(size_bytes: int, step_kb: int, steps: int) -> None:
    assert kilobytes(item(size_bytes), step_kb) == steps


def test_lists_maps_and_numbers_have_their_size() -> None:
    nested = {"m": {"M": {"name": {"S": "x" * 500}, "l": {"L": [{"S": "y" * 500}, {"N": "12"}]}}}}
    assert kilobytes(nested, 1) == 1
    assert kilobytes({**nested, "s": {"SS": ["z" * 20]}}, 1) == 2


def test_a_transaction_takes_two_units_for_each_started_kilobyte_of_each_item() -> None:
    """Spec: DynamoDB developer guide, "Managing complex workflows with transactions"."""
    items = [{"Put": {"Item": item(100)}}, {"Put": {"Item": item(1500)}}, {"Delete": {"Key": KEY}}]
    assert transaction_units(items) == 2 + 4 + 2


def test_every_price_says_where_it_is_from_or_that_nobody_looked() -> None:
    document = Prices().document
    for row in (*document["prices"].values(), *document["assumed"].values()):
        assert bool(row["source"]) or row["from_memory"]
    assert {name for names in PARTS.values() for name in names} <= set(document["prices"])


def test_a_bill_is_amounts_times_prices() -> None:
    prices = Prices()
    amounts = {"api_gateway_request": 12, "s3_put": 1, "s3_get": 1000}
    assert prices.cost("API Gateway", amounts) * 1_000_000 == pytest.approx(42.0)
    assert prices.cost("S3", amounts) == pytest.approx(0.005 / 1000 + 0.0004)


def test_the_report_adds_up() -> None:
    bill = Bill(Counter({"api_gateway_request": 24, "cloudfront_request": 24}), Counter({"x": 24}))
    asked = argparse.Namespace(layers=8, image_mb=100, memory_mb=1024, rounds=2)
    text = "\n".join(report(asked, Prices(), {"pull": bill, "push": bill}))
    assert "42.00" in text
    assert "54.00" in text, "42 of API Gateway, 12 of CloudFront"
    assert f"{54 / 0.077:,.0f} GB" in text
    assert "ecr_gb_month" in text.rpartition("From memory")[2]


def test_what_a_team_takes_is_told_with_what_each_pass_reads() -> None:
    bill = Bill(Counter({"dynamodb_write_unit": 8, "scanned_unit": 1000}))
    (_, title, amounts, passes) = told(Prices(), {"team taken away": bill})
    assert title == "one team taken away, with one such image: 5.00 USD a million"
    assert amounts.strip() == "8 dynamodb_write_unit", "what is scanned is everybody's"
    assert "0.061 USD a GB" in passes
