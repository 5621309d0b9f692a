"""Blobs in several PATCHes with Content-Range, inline and streamed mixed."""

from __future__ import annotations

import pytest

from tests.gateway.client import (
    MIB,
    assert_pulled,
    close,
    code_of,
    digest_of,
    offset_of,
    payload,
    pull,
    span,
    start,
)
from tests.gateway.places import Place
from tests.gateway.wire import send

# Sizes of the PATCHes, and of what the closing PUT brings.
SPLITS = {
    "5 MB pieces": ([5_000_000] * 3, 0),
    "5 MiB pieces": ([5 * MIB] * 3, 0),
    "1 MB pieces": ([1_000_000] * 9, 0),
    "odd sizes": ([1, 4_499_999, 3_333_333, 5 * MIB + 7, 2, 777_777], 0),
    "small then large": ([1000, 9 * MIB], 0),
    "large then small": ([9 * MIB, 1000], 0),
    "a tail carried on and on": ([4_000_000, 4_000_000, 6_000_000, 100, 12 * MIB, 1], 0),
    "the end in the PUT": ([6 * MIB], 1000),
    "a large end in the PUT": ([1000], 9 * MIB),
    "both ends large": ([9 * MIB], 9 * MIB),
    "just a part, then nothing": ([8 * MIB], 0),
    "an empty PATCH between": ([6 * MIB, 0, 1000], 0),
}


def push(place: Place, repository: str, sizes: list[int], last: int, *, ranges: bool) -> bytes:
    data = payload(sum(sizes) + last)
    location, offset = start(place, repository), 0
    for size_bytes in sizes:
        headers = span(offset, size_bytes) if ranges and size_bytes else {}
        piece = data[offset : offset + size_bytes]
        answer = send(place.host, "PATCH", location, piece, headers)
        offset += size_bytes
        assert (answer.status, answer.header("range")) == (202, f"0-{offset - 1}")
        assert offset_of(place, location) == (offset if offset > 1 else 0)
        location = answer.location
    headers = span(offset, last) if ranges and last else {}
    closed = close(place, location, digest_of(data), data[offset:], headers=headers)
    assert closed.status == 201
    return data


@pytest.mark.parametrize(("sizes", "last"), SPLITS.values(), ids=SPLITS.keys())
def test_a_blob_in_pieces_is_the_blob(
    memory: Place, repository: str, sizes: list[int], last: int
) -> None:
    assert_pulled(memory, repository, push(memory, repository, sizes, last, ranges=True))


@pytest.mark.parametrize("name", ["small then large", "odd sizes", "an empty PATCH between"])
def test_pieces_without_a_range_follow_one_another(
    memory: Place, repository: str, name: str
) -> None:
    sizes, last = SPLITS[name]
    assert_pulled(memory, repository, push(memory, repository, sizes, last, ranges=False))


ON_SERVERS = ["a tail carried on and on", "both ends large"]


@pytest.mark.parametrize("name", ON_SERVERS)
def test_a_blob_in_pieces_is_the_blob_on_the_embedded_servers(
    embedded: Place, repository: str, name: str
) -> None:
    sizes, last = SPLITS[name]
    assert_pulled(embedded, repository, push(embedded, repository, sizes, last, ranges=True))


# {n} is one past the last byte, as regctl writes it; the others are spellings of RFC 9110.
SPELLINGS = ["0-{end}", "0-{n}", "bytes 0-{end}/*", "bytes=0-{end}", "bytes 0-{end}/{n}"]


@pytest.mark.parametrize("size_bytes", [1000, 6 * MIB])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_content_range_is_read_in_every_spelling(
    memory: Place, repository: str, spelling: str, size_bytes: int
) -> None:
    data = payload(size_bytes)
    headers = {"Content-Range": spelling.format(end=size_bytes - 1, n=size_bytes)}
    answer = send(memory.host, "PATCH", start(memory, repository), data, headers)
    assert (answer.status, answer.header("range")) == (202, f"0-{size_bytes - 1}")


MALFORMED = ["", "x", "0", "5-2", "-5", "0-", "bytes */5", "0-99999999999999999999", "0-5-9"]


@pytest.mark.parametrize("size_bytes", [1000, 6 * MIB])
@pytest.mark.parametrize("text", MALFORMED[1:])
def test_a_malformed_content_range_is_a_400_and_changes_nothing(
    memory: Place, repository: str, text: str, size_bytes: int
) -> None:
    location = start(memory, repository)
    headers = {"Content-Range": text}
    answer = send(memory.host, "PATCH", location, payload(size_bytes), headers)
    assert (answer.status, code_of(answer)) == (400, "BLOB_UPLOAD_INVALID")
    assert send(memory.host, "PATCH", location, b"hello").header("range") == "0-4"


@pytest.mark.parametrize("in_chunks", [False, True], ids=["with a length", "in chunks"])
@pytest.mark.parametrize("size_bytes", [1000, 6 * MIB])
def test_an_empty_content_range_says_nothing(
    memory: Place, repository: str, size_bytes: int, in_chunks: bool
) -> None:
    location, data = start(memory, repository), payload(size_bytes)
    headers = {"Content-Range": ""}
    answer = send(memory.host, "PATCH", location, data, headers, in_chunks=in_chunks)
    assert (answer.status, answer.header("range")) == (202, f"0-{size_bytes - 1}")


# Bytes that are there, where the chunk claims to begin, its size.
GAPS = [
    (0, 1, 1000),
    (0, 1, 6 * MIB),
    (1000, 0, 1000),
    (1000, 999, 10),
    (1000, 1001, 10),
    (1000, 0, 6 * MIB),
    (6 * MIB, 0, 6 * MIB),
    (6 * MIB, 6 * MIB + 1, 1000),
    (6 * MIB, 6 * MIB - 1, 6 * MIB),
]


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
@pytest.mark.parametrize(("there", "begin", "size_bytes"), GAPS)
def test_a_gap_or_an_overlap_is_a_416_that_says_where_to_go_on(
    memory: Place, repository: str, there: int, begin: int, size_bytes: int, method: str
) -> None:
    assert_told(memory, repository, there, begin, size_bytes, method)


@pytest.mark.parametrize(("there", "begin", "size_bytes"), [GAPS[2], GAPS[6]])
def test_a_gap_or_an_overlap_is_a_416_on_the_embedded_servers(
    embedded: Place, repository: str, there: int, begin: int, size_bytes: int
) -> None:
    assert_told(embedded, repository, there, begin, size_bytes, "PATCH")


def assert_told(
    place: Place, repository: str, there: int, begin: int, size_bytes: int, method: str
) -> None:
    location, data = start(place, repository), payload(there + 6 * MIB)
    if there:
        assert send(place.host, "PATCH", location, data[:there]).status == 202
    path = f"{location}?digest={digest_of(data)}"
    answer = send(place.host, method, path, payload(size_bytes), span(begin, size_bytes))
    assert (answer.status, code_of(answer)) == (416, "RANGE_INVALID")
    assert answer.header("range") == f"0-{max(there - 1, 0)}"
    assert answer.location == location
    assert offset_of(place, location) == there
    # The client does what it was told to do.
    rest = data[there:]
    assert send(place.host, "PATCH", location, rest, span(there, len(rest))).status == 202
    assert close(place, location, digest_of(data)).status == 201
    assert_pulled(place, repository, data)


LIES = [(1000, 900), (1000, 1100), (6 * MIB, 1000), (1000, 6 * MIB)]


@pytest.mark.parametrize(("size_bytes", "said"), LIES)
def test_a_range_that_is_not_as_long_as_the_body_is_a_400(
    memory: Place, repository: str, size_bytes: int, said: int
) -> None:
    location = start(memory, repository)
    answer = send(memory.host, "PATCH", location, payload(size_bytes), span(0, said))
    assert (answer.status, code_of(answer)) == (400, "SIZE_INVALID")
    assert offset_of(memory, location) == 0


@pytest.mark.parametrize(("size_bytes", "said"), [(1000, 900), (6 * MIB, 5 * MIB)])
def test_a_range_that_is_not_as_long_as_a_chunked_body_is_a_400(
    memory: Place, repository: str, size_bytes: int, said: int
) -> None:
    location, data = start(memory, repository), payload(size_bytes)
    answer = send(memory.host, "PATCH", location, data, span(0, said), in_chunks=True)
    assert (answer.status, code_of(answer)) == (400, "SIZE_INVALID")
    assert offset_of(memory, location) == 0
    assert close(memory, location, digest_of(data), data).status == 201


def test_a_close_that_fails_leaves_what_was_there(memory: Place, repository: str) -> None:
    location, data = start(memory, repository), payload(9 * MIB)
    assert send(memory.host, "PATCH", location, data, in_chunks=True).status == 202
    answer = close(memory, location, digest_of(b"other"))
    assert (answer.status, code_of(answer)) == (400, "DIGEST_INVALID")
    assert offset_of(memory, location) == len(data)
    assert pull(memory, repository, digest_of(data)) is None
    assert close(memory, location, digest_of(data)).status == 201
    assert_pulled(memory, repository, data)
