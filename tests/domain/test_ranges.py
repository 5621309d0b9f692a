"""Byte ranges of uploads. Spec: OCI Distribution 1.1, "Pushing a blob in chunks"."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.ranges import ByteSpan, parse_content_range, render_received
from tests.support.refusals import outcome_of, refusal_of

GOOD = {
    "0-0": (0, 0),
    "0-99": (0, 99),
    "100-199": (100, 199),
    " 0-99 ": (0, 99),
    "bytes 0-99/200": (0, 99),
    "bytes=0-99": (0, 99),
    "bytes 0-99": (0, 99),
    "0-99/200": (0, 99),
    "0-99/*": (0, 99),
    "bytes 0-99/*": (0, 99),
    "0-9999999999999999999": (0, 9_999_999_999_999_999_999),
    "007-008": (7, 8),
}

BAD = {
    "empty": "",
    "only a dash": "-",
    "open end": "0-",
    "suffix": "-5",
    "end before start": "10-9",
    "negative": "-1-5",
    "two ranges": "0-1,2-3",
    "words": "a-b",
    "another unit": "items 0-9",
    "fraction": "0.5-9",
    "hexadecimal": "0x0-0x9",
    "spaces": "0 - 9",
    "unknown length": "bytes */100",
    "total in words": "0-9/ten",
    "other digits": "\u0660-\u0669",
    "twenty digits": "0-99999999999999999999",
    "a million digits": "0-" + "9" * 1_000_000,
    "newline": "0-9\n0-9",
    "NUL": "0-9\x00",
}


@pytest.mark.parametrize(("text", "span"), GOOD.items(), ids=GOOD)
def test_every_spelling_that_clients_send_is_read(text: str, span: tuple[int, int]) -> None:
    assert parse_content_range(text) == ByteSpan(*span)


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_a_malformed_content_range_is_refused(text: str) -> None:
    error = refusal_of(parse_content_range, text)
    assert (error.code, error.status) == (ErrorCode.BLOB_UPLOAD_INVALID, 400)
    assert len(str(error.items[0].detail)) < 200


@pytest.mark.parametrize(
    ("offset_bytes", "text"), [(0, "0-0"), (1, "0-0"), (2, "0-1"), (1024, "0-1023")]
)
def test_what_was_received_is_said_with_an_inclusive_end(offset_bytes: int, text: str) -> None:
    assert render_received(offset_bytes) == text


@given(st.integers(0, 10**18), st.integers(0, 10**18), st.sampled_from(["", "bytes ", "bytes="]))
def test_a_span_reads_as_it_is_written(start: int, more: int, unit: str) -> None:
    span = parse_content_range(f"{unit}{start}-{start + more}")
    assert span == ByteSpan(start, start + more)
    assert span.size_bytes == more + 1


@given(st.integers(1, 10**18))
def test_what_we_answer_can_be_read_by_the_same_rule(offset_bytes: int) -> None:
    assert parse_content_range(render_received(offset_bytes)).size_bytes == offset_bytes


@given(st.one_of(st.text(), st.text("0123456789-/* bytes=", max_size=20)))
def test_no_text_does_worse_than_be_refused(text: str) -> None:
    outcome = outcome_of(parse_content_range, text)
    if isinstance(outcome, RegistryError):
        assert outcome.code is ErrorCode.BLOB_UPLOAD_INVALID
    else:
        assert 0 <= outcome.start <= outcome.end
