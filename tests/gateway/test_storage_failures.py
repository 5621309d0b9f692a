"""S3 refusing, slow or gone in the middle of a stream: 503, nothing visible, a retry works."""

from __future__ import annotations

import json
import socket
from contextlib import ExitStack

import pytest

from chalicelib.domain.limits import MAX_INLINE_BODY_BYTES
from roadstead.gateway.asgi import CALL_THREADS
from tests.gateway.client import (
    MIB,
    assert_pulled,
    close,
    code_of,
    digest_of,
    offset_of,
    payload,
    pull,
    start,
)
from tests.gateway.places import Place
from tests.gateway.test_hangups import held_by, until
from tests.gateway.v1 import describe, layer_path, read_json, seal_and_read
from tests.gateway.wire import Answer, connected, cut, exchange, head, send

DATA = payload(9 * MIB)
TWO_PARTS = payload(17 * MIB)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def break_door(place: Place, how: int | str) -> None:
    if how == "refused":
        place.door.base_url = f"http://127.0.0.1:{free_port()}"
    else:
        place.door.always = how


@pytest.fixture
def memory(memory: Place) -> Place:
    """A place whose door is where it was when the test is over."""
    address = memory.door.base_url
    yield memory
    memory.door.base_url = address


HOW = [500, 503, 403, 404, 429, "drop", "refused"]


def assert_unavailable(answer: Answer) -> None:
    assert (answer.status, code_of(answer)) == (503, "UNAVAILABLE")
    assert answer.header("retry-after") is not None
    # A presigned URL is a secret, and where S3 is, is nobody's business.
    assert b"127.0.0.1" not in answer.body
    assert b"mac=" not in answer.body


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
@pytest.mark.parametrize("how", HOW)
def test_s3_taking_no_parts_is_a_503_and_a_retry_works_at_once(
    memory: Place, repository: str, how: int | str, method: str
) -> None:
    address, location = memory.door.base_url, start(memory, repository)
    break_door(memory, how)
    path = f"{location}?digest={digest_of(DATA)}"
    assert_unavailable(send(memory.host, method, path, DATA, in_chunks=method == "PATCH"))
    assert offset_of(memory, location) == 0
    assert pull(memory, repository, digest_of(DATA)) is None
    memory.door.mend()
    memory.door.base_url = address
    assert close(memory, location, digest_of(DATA), DATA).status == 201
    assert_pulled(memory, repository, DATA)


# Which of the requests to S3 go wrong: parts 1, 2, and the tail.
PASSING = {
    "the first part, once": [500],
    "the first part, three times": [503, 503, 503],
    "the tail": ["serve", "serve", 500, "drop"],
    "hung up on": ["drop", "serve", "drop"],
}


@pytest.mark.parametrize("script", PASSING.values(), ids=PASSING.keys())
def test_what_passes_is_not_noticed(
    memory: Place, repository: str, script: list[int | str]
) -> None:
    location = start(memory, repository)
    memory.door.script.extend(script)
    assert close(memory, location, digest_of(TWO_PARTS), TWO_PARTS).status == 201
    assert_pulled(memory, repository, TWO_PARTS)


@pytest.mark.parametrize("sizes", [(9 * MIB, 6 * MIB), (1000, 9 * MIB), (9 * MIB, 1000)])
def test_s3_failing_in_a_later_patch_leaves_what_the_earlier_ones_brought(
    memory: Place, repository: str, sizes: tuple[int, int]
) -> None:
    location, first = start(memory, repository), TWO_PARTS[: sizes[0]]
    assert send(memory.host, "PATCH", location, first).status == 202
    rest = TWO_PARTS[sizes[0] : sizes[0] + max(sizes[1], 5 * MIB)]
    memory.door.always = 500
    assert_unavailable(send(memory.host, "PATCH", location, rest))
    memory.door.mend()
    assert offset_of(memory, location) == len(first)
    assert send(memory.host, "PATCH", location, rest).status == 202
    assert close(memory, location, digest_of(first + rest)).status == 201
    assert_pulled(memory, repository, first + rest)


def test_a_slow_s3_slows_the_client_and_nothing_else(memory: Place, repository: str) -> None:
    location = start(memory, repository)
    memory.door.opened.clear()
    memory.door.script.extend(["hold"] * 2)
    data, sent = payload(20 * MIB), 18 * MIB
    with connected(memory.host) as wire:
        wire.send(head("PUT", f"{location}?digest={digest_of(data)}", length(data)))
        wire.send(*cut(data[:sent]))
        until(lambda: len(memory.door.seen) == 2, "two parts under way")
        assert held_by(memory, location)
        assert send(memory.host, "GET", "/v2/").status == 200
        memory.door.opened.set()
        wire.send(data[sent:])
        assert wire.answer().status == 201
    assert_pulled(memory, repository, data)


def test_a_slow_s3_slows_many_clients_and_nothing_else(memory: Place, repository: str) -> None:
    """As many pushes as there are threads for them wait for S3, each with bytes in its hands."""
    data, pushes = payload(MAX_INLINE_BODY_BYTES + 1), CALL_THREADS
    locations = [start(memory, repository) for _ in range(pushes)]
    memory.door.opened.clear()
    memory.door.always = "hold"
    with ExitStack() as wires:
        sending = [wires.enter_context(connected(memory.host)) for _ in range(pushes)]
        for wire, location in zip(sending, locations, strict=True):
            wire.send(head("PATCH", location, length(data)), *cut(data))
        until(lambda: len(memory.door.seen) == pushes, "all threads are taken")
        other = wires.enter_context(connected(memory.host))
        other.link.settimeout(5)
        try:
            assert exchange(other, "GET", "/v2/").status == 200
        finally:
            memory.door.mend()
            memory.door.opened.set()
        assert {wire.answer().status for wire in sending} == {202}


def length(data: bytes) -> list[tuple[str, str]]:
    return [("Content-Length", str(len(data)))]


def test_the_failure_is_told_to_a_client_that_has_not_sent_everything(
    memory: Place, repository: str
) -> None:
    location, endless = start(memory, repository), payload(64 * MIB)
    memory.door.always = 500
    with connected(memory.host) as wire:
        wire.send(head("PATCH", location, length(endless)), *cut(endless))
        assert_unavailable(wire.answer())


@pytest.mark.parametrize("how", [500, 403, "drop", "refused"])
def test_s3_taking_no_layer_is_a_503_and_a_retry_works_at_once(
    memory: Place, how: int | str
) -> None:
    address, image_id = memory.door.base_url, describe(memory, 40)
    break_door(memory, how)
    answer = send(memory.host, "PUT", layer_path(image_id), DATA, in_chunks=True)
    assert answer.status == 503
    # v1 clients decode a map of strings.
    assert read_json(memory, image_id).status == 400
    memory.door.mend()
    memory.door.base_url = address
    assert send(memory.host, "PUT", layer_path(image_id), DATA, in_chunks=True).status == 200
    seal_and_read(memory, image_id, DATA)


def test_the_refusal_of_a_layer_is_a_map_of_strings(memory: Place) -> None:
    image_id = describe(memory, 41)
    memory.door.always = 500
    answer = send(memory.host, "PUT", layer_path(image_id), DATA, in_chunks=True)
    document = json.loads(answer.body)
    assert all(isinstance(value, str) for value in document.values()), document
    assert document["error"]
