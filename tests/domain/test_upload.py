"""The upload session: chunks in order, and reports that S3 could not keep."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain import limits
from chalicelib.domain.digest import digest_of
from chalicelib.domain.errors import ErrorCode
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.ranges import ByteSpan
from chalicelib.domain.upload import (
    Part,
    Progress,
    RunningHash,
    Tail,
    UploadSession,
    advanced,
    busy,
    check_chunk,
    check_progress,
    extended,
    upload_path,
)
from tests.support.refusals import refusal_of

NOW_S = 1_800_000_000
MIB5 = limits.MIN_PART_BYTES
ETAG = '"' + "0" * 32 + '"'
RUNNING = RunningHash("sha256", digest_of(b"x"), b"state")


def session(offset_bytes: int = 0, **changes: object) -> UploadSession:
    base = UploadSession("u1", "acme", RepositoryName("acme/app"), NOW_S + 10)
    return replace(base, offset_bytes=offset_bytes, **changes)  # type: ignore[arg-type]


def part(number: int, size_bytes: int = MIB5, etag: str = ETAG) -> Part:
    return Part(number, etag, size_bytes)


def progress(offset_bytes: int, *parts: Part, tail: int | None = None) -> Progress:
    held = Tail("acme/uploads/u1/w", tail) if tail is not None else None
    return Progress(offset_bytes, "m1", parts, held, RUNNING)


# Received so far, Content-Range, Content-Length.
FOLLOWS = [
    (0, None, 5),
    (0, None, None),
    (7, None, 0),
    (0, ByteSpan(0, 4), 5),
    (0, ByteSpan(0, 4), None),
    (5, ByteSpan(5, 9), 5),
    (0, ByteSpan(0, 0), 1),
    (0, ByteSpan(0, 5), 5),
    (5, ByteSpan(5, 10), 5),
]
GAPS = [(0, ByteSpan(1, 5), 5), (5, ByteSpan(6, 10), 5), (5, ByteSpan(2**62, 2**62), 1)]
OVERLAPS = [(5, ByteSpan(0, 4), 5), (5, ByteSpan(4, 8), 5), (5, ByteSpan(0, 9), 10)]
WRONG_LENGTHS = [(0, ByteSpan(0, 4), 3), (0, ByteSpan(0, 4), 6), (5, ByteSpan(5, 9), 0)]


@pytest.mark.parametrize(("received", "span", "length"), FOLLOWS, ids=str)
def test_a_chunk_that_follows_is_taken(
    received: int, span: ByteSpan | None, length: int | None
) -> None:
    check_chunk(session(received), span, length)


@pytest.mark.parametrize(("received", "span", "length"), [*GAPS, *OVERLAPS], ids=str)
def test_a_gap_or_an_overlap_is_told_where_to_go_on(
    received: int, span: ByteSpan, length: int
) -> None:
    error = refusal_of(check_chunk, session(received), span, length)
    assert (error.code, error.status) == (ErrorCode.RANGE_INVALID, 416)
    assert error.headers == {
        "Range": f"0-{max(0, received - 1)}",
        "Location": "/v2/acme/app/blobs/uploads/u1",
    }


@pytest.mark.parametrize(("received", "span", "length"), WRONG_LENGTHS, ids=str)
def test_a_length_that_is_not_the_ranges_is_refused(
    received: int, span: ByteSpan, length: int
) -> None:
    error = refusal_of(check_chunk, session(received), span, length)
    assert (error.code, error.status) == (ErrorCode.SIZE_INVALID, 400)


def test_a_session_that_is_held_answers_as_one_out_of_order() -> None:
    error = busy(session(5))
    assert (error.code, error.headers["Range"]) == (ErrorCode.RANGE_INVALID, "0-4")
    assert "try again" in error.message


@pytest.mark.parametrize(
    ("path", "url"),
    [("library/app", "/v2/app/blobs/uploads/u1"), ("a/b/c", "/v2/a/b/c/blobs/uploads/u1")],
)
def test_the_path_of_a_session_names_no_host(path: str, url: str) -> None:
    assert upload_path(RepositoryName(path), "u1") == url


def test_advancing_lets_go_of_the_claim_and_renews_the_life() -> None:
    held = session(claim="w", claim_expires_at_s=NOW_S + 60)
    after = advanced(held, progress(MIB5, part(1)), now_s=NOW_S)
    assert (after.claim, after.claim_expires_at_s) == (None, 0)
    assert after.expires_at_s == NOW_S + limits.UPLOAD_TTL_S
    assert (after.offset_bytes, after.parts, after.running) == (MIB5, (part(1),), RUNNING)


def test_extending_keeps_the_claim() -> None:
    held = session(claim="w", claim_expires_at_s=NOW_S + 60)
    after = extended(held, progress(3, tail=3))
    assert (after.claim, after.claim_expires_at_s, after.offset_bytes) == ("w", NOW_S + 60, 3)


@pytest.mark.parametrize(
    ("offset_bytes", "running", "lost"),
    [(0, None, False), (5, None, True), (5, RUNNING, False), (0, RUNNING, False)],
    ids=str,
)
def test_the_proof_is_lost_when_bytes_came_that_nobody_hashed(
    offset_bytes: int, running: RunningHash | None, lost: bool
) -> None:
    assert session(offset_bytes, running=running).proof_lost is lost


HELD = session(MIB5, parts=(part(1),))
HELD_TAIL = session(3, tail=Tail("acme/uploads/u1/w", 3))
SOUND = {
    "nothing yet": (session(), progress(0)),
    "one part": (session(), progress(MIB5, part(1))),
    "a part and a tail": (session(), progress(MIB5 + 7, part(1), tail=7)),
    "only a tail": (session(), progress(7, tail=7)),
    "a part more": (HELD, progress(2 * MIB5, part(1), part(2))),
    "no progress": (HELD, progress(MIB5, part(1))),
    "the tail grows": (HELD_TAIL, progress(4, tail=4)),
    "the tail becomes a part": (HELD_TAIL, progress(MIB5, part(1))),
    "the largest part": (session(), progress(5 * 1024**3, part(1, 5 * 1024**3))),
}
LIES = {
    "more than was stored": (session(), progress(MIB5 + 1, part(1))),
    "less than was stored": (session(), progress(MIB5 - 1, part(1))),
    "bytes of nothing": (session(), progress(100)),
    "going back": (HELD, progress(0)),
    "going back to a tail": (HELD, progress(MIB5 - 1, tail=MIB5 - 1)),
    "a part under 5 MiB": (session(), progress(MIB5 - 1, part(1, MIB5 - 1))),
    "a part of nothing": (session(), progress(MIB5, part(1), part(2, 0))),
    "a negative part": (session(), progress(0, part(1), part(2, -MIB5))),
    "a negative tail": (session(), progress(MIB5 - 1, part(1), tail=-1)),
    "an empty tail": (session(), progress(MIB5, part(1), tail=0)),
    "a tail of 5 MiB": (session(), progress(MIB5, tail=MIB5)),
    "a part above S3's largest": (session(), progress(5 * 1024**3 + 1, part(1, 5 * 1024**3 + 1))),
    "a part of 40 digits": (session(), progress(10**40, part(1, 10**40))),
    "numbers from 0": (session(), progress(MIB5, part(0))),
    "numbers from 2": (session(), progress(MIB5, part(2))),
    "a number twice": (session(), progress(2 * MIB5, part(1), part(1))),
    "numbers backwards": (session(), progress(2 * MIB5, part(2), part(1))),
    "a number left out": (session(), progress(2 * MIB5, part(1), part(3))),
    "a stored part replaced": (HELD, progress(MIB5, part(1, etag='"f"'))),
    "a stored part grown": (HELD, progress(MIB5 + 1, part(1, MIB5 + 1))),
    "a stored part left out": (HELD, progress(MIB5, Part(2, ETAG, MIB5))),
    "no room for the tail": (
        session(),
        progress(limits.MAX_PARTS * MIB5, *(part(n + 1) for n in range(limits.MAX_PARTS))),
    ),
    "an ETag of a megabyte": (session(), progress(MIB5, part(1, etag="0" * 10**6))),
    "an ETag of half a character": (session(), progress(MIB5, part(1, etag="\ud800"))),
}


@pytest.mark.parametrize(("held", "report"), SOUND.values(), ids=SOUND)
def test_a_sound_report_is_taken(held: UploadSession, report: Progress) -> None:
    check_progress(held, report)


@pytest.mark.parametrize(("held", "report"), LIES.values(), ids=LIES)
def test_a_report_that_s3_could_not_keep_is_refused(held: UploadSession, report: Progress) -> None:
    error = refusal_of(check_progress, held, report)
    assert (error.code, error.status) == (ErrorCode.BLOB_UPLOAD_INVALID, 400)


@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=20))
def test_chunks_in_order_are_taken_and_any_other_start_is_not(sizes: list[int]) -> None:
    received = 0
    for size in sizes:
        span = ByteSpan(received, received + size - 1)
        check_chunk(session(received), span, size)
        for start in {0, received - 1, received + 1} - {received, -1}:
            wrong = ByteSpan(start, start + size - 1)
            assert refusal_of(check_chunk, session(received), wrong, size).status == 416
        received += size
