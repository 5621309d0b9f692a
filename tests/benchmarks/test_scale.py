"""Large repositories cost what small ones cost: requests and rows, counted at both sizes."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from benchmarks import scale, sides
from benchmarks.sides import LARGE, SIDES, SMALL, Cost, Meter
from tests.support.stack import Stack

SIZES = scale.Sizes(tags=320, manifests=40, referrers=220, rounds=1, requests=2)
# The batch reads the records that say whether the repository has ended (ADR 42).
ONE_PAGE = (("BatchGetItem", 1), ("Query", 1))


@pytest.fixture(scope="module")
def meter(stack: Stack) -> Iterator[Meter]:
    with scale.bench(stack, SIZES, under=f"scale-{secrets.token_hex(4)}") as bench:
        assert len(list(bench.fill())) == 5
        assert bench.filler.tags == 320 + scale.N + 40
        yield scale.measure(bench)


def test_the_requests_are_the_same_at_both_sizes(meter: Meter) -> None:
    assert list(meter.faults()) == []


@pytest.mark.parametrize("kind", ["tags", "referrers"])
def test_a_page_is_one_query_that_reads_what_it_shows_and_one_row_more(
    meter: Meter, kind: str
) -> None:
    pages = [name for name in meter.steps if name.startswith(kind)]
    assert len(pages) >= 3
    for name in pages:
        for side in SIDES:
            (cost,) = meter.costs[name, side]
            assert cost.requests == ONE_PAGE, (name, side)
            assert cost.rows - meter.entries[name, side] in range(sides.RECORDS + 2), (name, side)


@pytest.mark.parametrize(
    ("step", "requests"),
    {
        ". PUT manifest by tag": (("BatchGetItem", 1), ("TransactWriteItems", 1)),
        ". GET manifest by tag": (("BatchGetItem", 1),),
        "HEAD manifest by tag": (("BatchGetItem", 1),),
    }.items(),
)
def test_a_manifest_keeps_its_budget_in_a_large_repository(
    meter: Meter, step: str, requests: tuple[tuple[str, int], ...]
) -> None:
    for side in SIDES:
        assert {cost.requests for cost in meter.costs[step, side]} == {requests}


def test_the_tables_have_a_line_for_each_step(meter: Meter) -> None:
    for lines in (sides.table(meter), sides.costs(meter)):
        assert len(list(lines)) == len(meter.steps) + 1


@pytest.mark.parametrize(
    ("large", "fault"),
    {
        Cost((("Query", 2),), 101): "page: requests differ",
        Cost(ONE_PAGE, 104): "page: the large one reads more rows than its page has",
    }.items(),
)
def test_what_grows_is_a_fault(large: Cost, fault: str) -> None:
    meter = Meter(sides.Heard(), steps=["page"])
    for side, cost in ((SMALL, Cost(ONE_PAGE, 100)), (LARGE, large)):
        meter.costs["page", side].add(cost)
        meter.entries["page", side] = 100
    assert list(meter.faults()) == [fault]
