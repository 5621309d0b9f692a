"""Log lines in, counts out: tables, and properties of what has been counted."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.ranges import asked_bytes
from chalicelib.domain.usage import (
    Account,
    Seen,
    Used,
    end_of,
    grouped,
    measure,
    parse_day,
    parts,
    shown_day,
    totals,
)

PROCESS = "ab" * 16
AT_MS = 1_800_000_000_000
DAY = "20270115"
PULL: dict[str, Any] = {
    "kind": "request",
    "process": PROCESS,
    "number": 7,
    "at_ms": AT_MS,
    "endpoint": "v2.manifest.get",
    "method": "GET",
    "status": 200,
    "team": "acme",
    "repository": "acme/app",
    "duration_ms": 4.2,
    "bytes_out": 500,
    "pulls": 1,
    "calls": {"dynamodb.GetItem": 1},
}
OWN, TEAM, APP = Account("", DAY, ""), Account("acme", DAY, ""), Account("acme", DAY, "acme/app")
DONE = {"requests": 1, "pulls": 1, "bytes_out": 500, "billed_ms": 5, "table_reads": 1}
REFUSED = {"requests": 1, "refused": 1, "bytes_out": 500, "billed_ms": 5, "table_reads": 1}

CASES: dict[str, tuple[dict[str, Any], Account, dict[str, int]]] = {
    "a pull": ({}, APP, DONE),
    "with metrics, the time stands elsewhere": (
        {"at_ms": None, "_aws": {"Timestamp": AT_MS}},
        APP,
        DONE,
    ),
    "asked for a login": ({"status": 401, "error": "UNAUTHORIZED"}, OWN, REFUSED),
    "asked for one behind the edge": ({"status": 299, "error": "UNAUTHORIZED"}, OWN, REFUSED),
    "forbidden": ({"status": 403, "error": "DENIED"}, OWN, REFUSED),
    "too many wrong passwords": ({"status": 429, "error": "TOOMANYREQUESTS"}, OWN, REFUSED),
    "past the edge": ({"status": 403, "error": "NOT_THE_EDGE"}, OWN, REFUSED),
    "nothing there": ({"status": 404, "error": "NAME_UNKNOWN"}, TEAM, REFUSED),
    "failed": ({"status": 503, "error": "UNAVAILABLE"}, TEAM, REFUSED),
    "refused, with blobs that the edge had taken": (
        {"status": 404, "error": "MANIFEST_BLOB_UNKNOWN", "bytes_pushed": 8, "bytes_pulled": 8},
        TEAM,
        {**REFUSED, "bytes_pushed": 8},
    ),
    "of no repository": ({"repository": None}, TEAM, DONE),
    "of nobody": ({"repository": None, "team": None}, OWN, DONE),
    "a name that is none of ours": ({"repository": "a#b"}, TEAM, DONE),
    "a download": (
        {"endpoint": "v2.blob.get", "status": 307, "pulls": 0, "bytes_pulled": 9},
        APP,
        {**{k: v for k, v in DONE.items() if k != "pulls"}, "bytes_pulled": 9, "downloads": 1},
    ),
    "the head of a blob": (
        {"endpoint": "v2.blob.get", "status": 307, "method": "HEAD", "pulls": 0},
        APP,
        {k: v for k, v in DONE.items() if k != "pulls"},
    ),
    "calls": (
        {
            "calls": {
                "dynamodb.Query": 2,
                "dynamodb.TransactWriteItems": 3,
                "s3.HeadObject": 4,
                "s3.PutObject": 5,
                "sqs.Send": 6,
                "s3": "x",
            }
        },
        APP,
        {**DONE, "table_reads": 2, "table_writes": 3, "s3_reads": 4, "s3_writes": 5},
    ),
}


@pytest.mark.parametrize(("changes", "account", "counts"), CASES.values(), ids=CASES)
def test_what_a_line_counts_and_for_whom(
    changes: dict[str, Any], account: Account, counts: dict[str, int]
) -> None:
    found = measure({**PULL, **changes})
    assert found is not None
    assert (found.process, found.number, found.at_ms) == (PROCESS, 7, AT_MS)
    assert found.account == account
    assert found.counts == counts


@pytest.mark.parametrize(
    "line",
    [
        None,
        "text",
        [],
        {},
        {**PULL, "kind": "message"},
        {**PULL, "process": "x"},
        {**PULL, "process": None},
        {**PULL, "number": "7"},
        {**PULL, "number": -1},
        {**PULL, "number": True},
        {**PULL, "number": 1 << 80},
        {**PULL, "at_ms": None},
        {**PULL, "at_ms": 10**18},
        {**PULL, "status": None},
        {**PULL, "_aws": {"Timestamp": "now"}},
    ],
)
def test_what_is_no_line_of_a_request_is_passed_over(line: object) -> None:
    assert measure(line) is None


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=3,
)


@given(st.dictionaries(st.sampled_from(sorted(PULL)), ANY))
def test_no_line_whatever_stands_in_it_stops_the_meter(changes: dict[str, Any]) -> None:
    found = measure({**PULL, **changes})
    if found is not None:
        assert all(type(value) is int and value > 0 for value in found.counts.values())


@given(st.lists(st.integers(0, 40)), st.lists(st.integers(0, 40)))
def test_what_has_been_counted_is_the_set_of_its_numbers(first: list[int], more: list[int]) -> None:
    seen = Seen().with_numbers(first).with_numbers(more)
    assert {number for number in range(50) if number in seen} == {*first, *more}
    assert Seen.parse(str(seen)) == seen
    gaps = [b[0] - a[1] for a, b in zip(seen.spans, seen.spans[1:], strict=False)]
    assert all(gap > 1 for gap in gaps), "neighbours are one span"


def test_a_process_that_counts_up_takes_one_span() -> None:
    assert str(Seen().with_numbers(range(1, 100_000))) == "1-99999"


@given(st.integers(1, 4), st.integers(0, 60), st.randoms(use_true_random=False))
def test_parts_hold_each_line_once_and_few_accounts(
    most: int, lines: int, chance: random.Random
) -> None:
    made = [
        measure(
            {
                **PULL,
                "number": number,
                "process": f"{number % 3:032x}",
                "repository": f"acme/{number % 7}",
            }
        )
        for number in range(lines)
    ]
    measured = [line for line in made if line is not None]
    given_ = [*measured, *measured]
    chance.shuffle(given_)
    found = list(parts(given_, most))
    assert sorted(line.number for part in found for line in part.lines) == list(range(lines))
    for part in found:
        assert {line.process for line in part.lines} <= {part.process}
        assert len(totals(part.lines)) <= most


def test_rows_are_grouped_and_may_be_grouped_again() -> None:
    rows = [
        Used("20261101", "a/b", {"pulls": 1}),
        Used("20261101", "a/c", {"pulls": 2, "pushes": 1}),
        Used("20261102", "a/b", {"pulls": 4}),
    ]
    both = {"pulls": 7, "pushes": 1}
    assert grouped(rows, "all") == [Used("", "", both)]
    assert grouped(rows, "day") == [
        Used("20261101", "", {"pulls": 3, "pushes": 1}),
        Used("20261102", "", {"pulls": 4}),
    ]
    assert grouped(rows, "repository") == [
        Used("", "a/b", {"pulls": 5}),
        Used("", "a/c", {"pulls": 2, "pushes": 1}),
    ]
    assert grouped(grouped(rows, "day,repository"), "all") == grouped(rows, "all")


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-11-24", "20261124"),
        ("2024-02-29", "20240229"),
        ("2026-02-29", None),
        ("2026-13-01", None),
        ("26-01-01", None),
        ("2026-1-1", None),
        ("", None),
        ("2026-11-24T00:00:00Z", None),
        ("٢٠٢٦-١١-٢٤", None),  # noqa: RUF001
    ],
)
def test_a_day_is_one_of_the_calendar(text: str, day: str | None) -> None:
    assert parse_day(text) == day
    if day:
        assert shown_day(day) == text
        assert end_of(day) % 86400 == 0


@pytest.mark.parametrize(
    ("wanted", "size_bytes"),
    [
        (None, 100),
        ("bytes=0-", 100),
        ("bytes=0-9", 10),
        ("bytes=90-", 10),
        ("bytes=90-200", 10),
        ("bytes=-7", 7),
        ("bytes=-700", 100),
        ("bytes=100-", 0),
        ("bytes=5-2", 100),
        ("bytes=-", 100),
        ("bytes=0-1,5-6", 100),
        ("items=0-1", 100),
        ("nonsense", 100),
    ],
)
def test_a_range_counts_what_it_can_get(wanted: str | None, size_bytes: int) -> None:
    assert asked_bytes(wanted, 100) == size_bytes
