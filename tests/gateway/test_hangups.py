"""Clients that break off, gateways that die, and two who continue one upload at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.domain import limits
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
from tests.gateway.wire import Answer, Wire, chunked, connected, cut, head, send


def until(condition: Callable[[], bool], what: str) -> None:
    """Poll; the deadline is there so that a defect does not hang the run."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.01)


def is_free(place: Place, location: str, offset_bytes: int) -> bool:
    """Whether the session takes a request again: an empty PATCH changes nothing."""
    answer = send(place.host, "PATCH", location)
    assert answer.status in (202, 416)
    assert answer.header("range") == f"0-{max(offset_bytes - 1, 0)}"
    return answer.status == 202


def begin(wire: Wire, method: str, target: str, data: bytes, sent: int, in_chunks: bool) -> None:
    """Send a request's head and the first bytes of its body."""
    if in_chunks:
        wire.send(head(method, target, [("Transfer-Encoding", "chunked")]))
        pieces = list(chunked(cut(data[:sent])))
        wire.send(*pieces[:-1])
    else:
        wire.send(head(method, target, [("Content-Length", str(len(data)))]), data[:sent])


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
@pytest.mark.parametrize("in_chunks", [True, False], ids=["in chunks", "with a length"])
@pytest.mark.parametrize("sent", [1000, 9 * MIB], ids=["at once", "late"])
@pytest.mark.parametrize("there", [0, 1000])
def test_a_client_that_hangs_up_leaves_nothing_and_may_come_back_at_once(
    memory: Place, repository: str, there: int, sent: int, in_chunks: bool, method: str
) -> None:
    whole = payload(there + 10 * MIB)
    location, data = start(memory, repository), whole[there:]
    if there:
        assert send(memory.host, "PATCH", location, whole[:there]).status == 202
    target = f"{location}?digest={digest_of(whole)}" if method == "PUT" else location
    with connected(memory.host) as wire:
        begin(wire, method, target, data, sent, in_chunks)
        if sent > MIB:
            until(lambda: "uploads.claim" in held_by(memory, location), "the claim")
    until(lambda: is_free(memory, location, there), "the claim is let go")
    assert offset_of(memory, location) == there
    assert pull(memory, repository, digest_of(whole)) is None

    def comes_back() -> bool:
        # What was cut off at once may be claimed, and let go, after the first look.
        answer = send(memory.host, "PATCH", location, data, span(there, len(data)))
        assert answer.status in (202, 416)
        return answer.status == 202

    until(comes_back, "the upload goes on")
    assert close(memory, location, digest_of(whole)).status == 201
    assert_pulled(memory, repository, whole)


def held_by(place: Place, location: str) -> str:
    """``uploads.claim`` while a request holds the session."""
    answer = send(place.host, "PATCH", location)
    return "uploads.claim" if answer.status == 416 else ""


def test_a_client_that_hangs_up_on_the_embedded_servers_may_come_back_at_once(
    embedded: Place, repository: str
) -> None:
    location, data = start(embedded, repository), payload(20 * MIB)
    with connected(embedded.host) as wire:
        begin(wire, "PATCH", location, data, 12 * MIB, True)
        until(lambda: bool(held_by(embedded, location)), "the claim")
    until(lambda: is_free(embedded, location, 0), "the claim is let go")
    assert close(embedded, location, digest_of(data), data).status == 201
    assert_pulled(embedded, repository, data)


def test_the_claim_of_a_gateway_that_died_runs_out(memory: Place, repository: str) -> None:
    location, data = start(memory, repository), payload(6 * MIB)
    upload_id = location.rsplit("/", 1)[-1]
    claim = f"/v2/{repository}/_roadstead/uploads/{upload_id}/claim"
    assert send(memory.host, "POST", claim, b"{}").status == 200
    for method in ("PATCH", "PUT", "DELETE"):
        for body in (b"hello", data):
            path = f"{location}?digest={digest_of(body)}"
            answer = send(memory.host, method, path, body)
            assert (answer.status, code_of(answer)) == (416, "RANGE_INVALID")
            assert (answer.header("range"), answer.location) == ("0-0", location)
    memory.clock.at_s += limits.CLAIM_TTL_S - 1
    assert send(memory.host, "PATCH", location, data).status == 416
    memory.clock.at_s += 1
    assert close(memory, location, digest_of(data), data).status == 201
    assert_pulled(memory, repository, data)


def test_the_claim_of_a_gateway_that_died_runs_out_on_the_embedded_servers(
    embedded: Place, repository: str
) -> None:
    location, data = start(embedded, repository), payload(6 * MIB)
    upload_id = location.rsplit("/", 1)[-1]
    claim = f"/v2/{repository}/_roadstead/uploads/{upload_id}/claim"
    assert send(embedded.host, "POST", claim, b"{}").status == 200
    assert send(embedded.host, "PATCH", location, data).status == 416
    embedded.clock.at_s += limits.CLAIM_TTL_S
    assert close(embedded, location, digest_of(data), data).status == 201
    assert_pulled(embedded, repository, data)


def test_whoever_lost_the_claim_while_it_was_slow_changes_nothing(
    memory: Place, repository: str
) -> None:
    location, slow, fast = start(memory, repository), payload(14 * MIB), payload(9 * MIB, 1)
    with connected(memory.host) as wire:
        begin(wire, "PATCH", location, slow, 10 * MIB, False)
        until(lambda: bool(held_by(memory, location)), "the claim")
        memory.clock.at_s += limits.CLAIM_TTL_S
        assert send(memory.host, "PATCH", location, fast, in_chunks=True).status == 202
        wire.send(slow[10 * MIB :])
        assert wire.answer().status in (400, 416)
    assert offset_of(memory, location) == len(fast)
    assert close(memory, location, digest_of(fast)).status == 201
    assert_pulled(memory, repository, fast)


@pytest.mark.parametrize("size_bytes", [4000, 9 * MIB], ids=["inline", "streamed"])
def test_of_two_who_continue_one_upload_at_once_one_wins(
    place: Place, repository: str, size_bytes: int
) -> None:
    location, data = start(place, repository), payload(size_bytes, 7)
    half = size_bytes // 2
    assert send(place.host, "PATCH", location, data[:half]).status == 202
    rest = data[half:]

    def go_on(_: int) -> Answer:
        return send(place.host, "PATCH", location, rest, span(half, len(rest)), in_chunks=True)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(go_on, range(4)))
    assert sorted(answer.status for answer in answers) == [202, 416, 416, 416]
    for answer in answers:
        if answer.status == 416:
            assert code_of(answer) == "RANGE_INVALID"
            assert answer.location == location
    assert close(place, location, digest_of(data)).status == 201
    assert_pulled(place, repository, data)


def test_of_two_who_close_one_upload_at_once_one_wins(place: Place, repository: str) -> None:
    location, data = start(place, repository), payload(9 * MIB, 8)
    assert send(place.host, "PATCH", location, data, in_chunks=True).status == 202
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: close(place, location, digest_of(data)), range(4)))
    assert [answer.status for answer in answers].count(201) == 1
    assert {answer.status for answer in answers} <= {201, 404, 416}
    assert_pulled(place, repository, data)
