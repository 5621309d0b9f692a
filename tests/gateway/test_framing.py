"""How requests and answers are framed on a connection, for every spelling that clients use."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.gateway.client import (
    MANIFEST,
    assert_pulled,
    close,
    digest_of,
    manifest_of,
    payload,
    start,
)
from tests.gateway.places import Place
from tests.gateway.wire import Answer, chunked, connected, cut, exchange, head, send

DATA = payload(100_000)


def push_image(place: Place, repository: str, tag: str = "latest") -> bytes:
    """A small image, pushed inline; the answer is its manifest."""
    config, layer = b"{}", payload(2000)
    for data in (config, layer):
        path = f"/v2/{repository}/blobs/uploads/?digest={digest_of(data)}"
        assert send(place.host, "POST", path, data).status == 201
    manifest = manifest_of(config, layer)
    headers = {"Content-Type": MANIFEST}
    path = f"/v2/{repository}/manifests/{tag}"
    assert send(place.host, "PUT", path, manifest, headers).status == 201
    return manifest


CHUNKINGS = {
    "one chunk": ([DATA], "", ""),
    "single bytes": ([DATA[:7][at : at + 1] for at in range(7)] + [DATA[7:]], "", ""),
    "odd sizes": (list(cut(DATA, 4093)), "", ""),
    "a chunk extension": (list(cut(DATA, 8191)), ';name="a;b"', ""),
    "trailers": (list(cut(DATA, 8191)), "", "X-Checksum: 1\r\nX-More: 2\r\n"),
}


@pytest.mark.parametrize(
    ("pieces", "extension", "trailers"), CHUNKINGS.values(), ids=CHUNKINGS.keys()
)
def test_a_chunked_body_arrives_whole(
    memory: Place, repository: str, pieces: list[bytes], extension: str, trailers: str
) -> None:
    location = start(memory, repository)
    with connected(memory.host) as wire:
        wire.send(head("PATCH", location, [("Transfer-Encoding", "chunked")]))
        wire.send(*chunked(pieces, extension=extension, trailers=trailers))
        answer = wire.answer()
        assert (answer.status, answer.header("range")) == (202, f"0-{len(DATA) - 1}")
        assert exchange(wire, "PUT", f"{location}?digest={digest_of(DATA)}").status == 201
    assert_pulled(memory, repository, DATA)


def test_a_body_with_a_length_arrives_whole_in_whatever_pieces_tcp_brings_it(
    memory: Place, repository: str
) -> None:
    location = start(memory, repository)
    with connected(memory.host) as wire:
        request = head("PATCH", location, [("Content-Length", str(len(DATA)))]) + DATA
        for piece in [request[:1], request[1:90], request[90:5000], request[5000:]]:
            wire.send(piece)
        assert wire.answer().status == 202
    assert close(memory, location, digest_of(DATA)).status == 201
    assert_pulled(memory, repository, DATA)


def test_one_connection_serves_a_whole_push_and_pull(memory: Place, repository: str) -> None:
    config, layer = b"{}", payload(3000)
    manifest = manifest_of(config, layer)
    with connected(memory.host) as wire:
        for data in (config, layer):
            missing = exchange(wire, "HEAD", f"/v2/{repository}/blobs/{digest_of(data)}")
            assert (missing.status, missing.body) == (404, b"")
            location = exchange(wire, "POST", f"/v2/{repository}/blobs/uploads/").location
            assert exchange(wire, "PATCH", location, data, in_chunks=True).status == 202
            assert exchange(wire, "GET", location).status == 204
            assert exchange(wire, "PUT", f"{location}?digest={digest_of(data)}").status == 201
            found = exchange(wire, "HEAD", f"/v2/{repository}/blobs/{digest_of(data)}")
            assert (found.status, found.body) == (307, b"")
        tagged = f"/v2/{repository}/manifests/latest"
        headers = {"Content-Type": MANIFEST}
        assert exchange(wire, "PUT", tagged, manifest, headers).status == 201
        seen = exchange(wire, "HEAD", tagged)
        assert seen.header("content-length") == str(len(manifest))
        got = exchange(wire, "GET", tagged)
        assert (got.status, got.body) == (200, manifest)
        assert got.header("content-type") == MANIFEST
        known = exchange(wire, "GET", tagged, headers={"If-None-Match": got.header("etag") or ""})
        assert (known.status, known.body, known.header("content-length")) == (304, b"", None)
        assert exchange(wire, "GET", "/v2/").status == 200


BODILESS = [
    ("HEAD", "/v2/{r}/manifests/latest", 200),
    ("HEAD", "/v2/{r}/manifests/absent", 404),
    ("HEAD", "/v2/", 200),
    ("HEAD", "/v1/_ping", 200),
    ("HEAD", "/nothing/here", 404),
    ("GET", "{upload}", 204),
    ("DELETE", "{upload}", 204),
    ("HEAD", "/v2/{r}/blobs/{config}", 307),
    ("GET", "/v2/{r}/blobs/{config}", 307),
]


@pytest.mark.parametrize(("method", "target", "status"), BODILESS)
def test_nothing_follows_an_answer_without_a_body(
    memory: Place, repository: str, method: str, target: str, status: int
) -> None:
    push_image(memory, repository)
    names = {"r": repository, "config": digest_of(b"{}"), "upload": start(memory, repository)}
    with connected(memory.host) as wire:
        answer = exchange(wire, method, target.format(**names))
        assert answer.status == status
        assert wire.silent()
        # The connection is in step: what comes next is the next answer.
        assert exchange(wire, "GET", "/v2/").body == b"{}"


@pytest.mark.parametrize("target", ["/v2/{r}/manifests/latest", "/v2/", "/v1/_ping", "/v2/x"])
def test_head_has_the_length_that_get_has(memory: Place, repository: str, target: str) -> None:
    push_image(memory, repository)
    path = target.format(r=repository)
    got, seen = send(memory.host, "GET", path), send(memory.host, "HEAD", path)
    assert seen.status == got.status
    assert seen.header("content-length") == str(len(got.body)) == got.header("content-length")
    assert seen.header("content-type") == got.header("content-type")


def test_pipelined_requests_are_answered_in_order(memory: Place, repository: str) -> None:
    manifest = push_image(memory, repository)
    upload = start(memory, repository)
    with connected(memory.host) as wire:
        wire.send(
            head("GET", f"/v2/{repository}/manifests/latest")
            + head("HEAD", f"/v2/{repository}/manifests/latest")
            + head("PATCH", upload, [("Content-Length", "5")])
            + b"hello"
            + head("GET", upload)
            + head("GET", "/v1/_ping")
        )
        assert wire.answer().body == manifest
        assert wire.answer("HEAD").header("content-length") == str(len(manifest))
        assert wire.answer().status == 202
        assert wire.answer().header("range") == "0-4"
        assert wire.answer().header("x-docker-registry-version") is not None


def test_a_hundred_requests_at_once_each_get_their_own_answer(
    memory: Place, repository: str
) -> None:
    names = [f"{repository}-{number}" for number in range(10)]
    manifests = {}
    for name in names:
        body = json.dumps({"schemaVersion": 2, "name": name, "mediaType": "x/y"})
        data = body.encode()
        path = f"/v2/{name}/blobs/uploads/?digest={digest_of(data)}"
        assert send(memory.host, "POST", path, data).status == 201
        manifests[name] = manifest_of(data)
        headers = {"Content-Type": MANIFEST}
        assert (
            send(memory.host, "PUT", f"/v2/{name}/manifests/1", manifests[name], headers).status
            == 201
        )

    def one(number: int) -> tuple[str, Answer]:
        name = names[number % 10]
        return name, send(memory.host, "GET", f"/v2/{name}/manifests/1")

    with ThreadPoolExecutor(100) as pool:
        for name, answer in pool.map(one, range(100)):
            assert (answer.status, answer.body) == (200, manifests[name])


def test_http_1_0_is_answered_and_the_connection_closed(memory: Place) -> None:
    with connected(memory.host) as wire:
        wire.send(b"GET /v2/ HTTP/1.0\r\n\r\n")
        answer = wire.answer()
        assert (answer.status, answer.header("connection")) == (200, "close")
        assert wire.closed()


def test_a_tls_hello_on_the_plain_port_is_answered_with_a_status_line(memory: Place) -> None:
    # containerd falls back from https to http when it reads `HTTP/` in place of a TLS record.
    hello = bytes.fromhex("16030100c8010000c40303") + payload(32) + bytes(161)
    with connected(memory.host) as wire:
        wire.send(hello)
        answer = wire.answer()
        assert (answer.version[:5], answer.status) == ("HTTP/", 400)


SMUGGLED = {
    "length and chunks": "Content-Length: 3\r\nTransfer-Encoding: chunked",
    "two lengths": "Content-Length: 3\r\nContent-Length: 4",
    "a length that is no number": "Content-Length: three",
    "a negative length": "Content-Length: -3",
    "a length beyond 64 bits": "Content-Length: 99999999999999999999999",
    "an unknown coding after chunked": "Transfer-Encoding: chunked, x",
    "a space before the colon": "Content-Length : 3",
    "a header without a name": ": 3",
}


@pytest.mark.parametrize("lines", SMUGGLED.values(), ids=SMUGGLED.keys())
def test_ambiguous_framing_is_refused_and_the_connection_closed(memory: Place, lines: str) -> None:
    with connected(memory.host) as wire:
        wire.send(f"PUT /v2/a/manifests/b HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\nabc".encode())
        answer = wire.answer()
        assert (answer.status, answer.header("connection")) == (400, "close")
        assert wire.closed()


def test_a_broken_chunk_ends_the_request_and_changes_nothing(
    memory: Place, repository: str
) -> None:
    location = start(memory, repository)
    with connected(memory.host) as wire:
        wire.send(head("PATCH", location, [("Transfer-Encoding", "chunked")]))
        wire.send(b"5\r\nhello\r\nzz\r\n")
        assert wire.answer().status == 400
    assert send(memory.host, "GET", location).header("range") == "0-0"
    assert send(memory.host, "PATCH", location, b"hello").header("range") == "0-4"


def test_an_offer_to_upgrade_is_ignored(memory: Place) -> None:
    offer = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    assert send(memory.host, "GET", "/v2/", headers=offer).status == 200
