"""Downloads that come through the gateway: the same bytes, ranges, and what S3 does on the way."""

from __future__ import annotations

import hashlib
import http.client
import random
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from chalicelib.adapters.hashing import ResumableHashing
from chalicelib.api.blueprints import register_all
from chalicelib.domain.digest import digest_of
from chalicelib.domain.names import RepositoryName
from chalicelib.service import uploads
from chalicelib.service.world import World
from chalicelib.web.edge import RegistryApp
from roadstead.gateway.asgi import Gateway
from roadstead.gateway.downloads import Downloads
from roadstead.gateway.events import LambdaFront
from tests.conformance.cases import of
from tests.gateway.s3door import Bucket, DoorBlobs, S3Door, open_door
from tests.support.registry import serving
from tests.support.stack import Stack
from tests.support.world import GATEWAY_KEY, SettableClock, memory_world

APP = RepositoryName("acme/app")
DATA = random.Random(7).randbytes(3_000_000)
URL = f"/v2/acme/app/blobs/{of(DATA)}"


@dataclass
class Seen:
    status: int
    headers: http.client.HTTPMessage
    body: bytes


def ask(host: str, method: str, url: str = URL, **headers: str) -> Seen:
    connection = http.client.HTTPConnection(host, timeout=30)
    try:
        connection.request(method, url, headers=headers)
        answer = connection.getresponse()
        return Seen(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


def through(world: World) -> Gateway:
    app = register_all(RegistryApp("roadstead"), lambda: world)
    return Gateway(LambdaFront(app), ResumableHashing(), GATEWAY_KEY, downloads=Downloads.THROUGH)


@pytest.fixture(scope="module")
def host(stack: Stack) -> Iterator[str]:
    """A gateway on the embedded servers, with one blob."""
    world = memory_world(metadata=stack.metadata(), blobs=stack.blobs())
    uploads.put_whole(world, APP, digest_of(DATA), DATA)
    with serving(through(world)) as host:
        yield host


def test_a_blob_comes_whole_with_its_digest(host: str) -> None:
    seen = ask(host, "GET")
    assert seen.status == 200
    assert hashlib.sha256(seen.body).digest() == hashlib.sha256(DATA).digest()
    assert seen.headers["Docker-Content-Digest"] == of(DATA)
    assert seen.headers["Content-Length"] == str(len(DATA))
    assert seen.headers["Content-Type"] == "application/octet-stream"
    assert seen.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
    assert seen.headers["Location"] is None
    assert not any(name.lower().startswith("x-amz") for name in seen.headers)


def test_a_head_has_the_length_and_no_body(host: str) -> None:
    seen = ask(host, "HEAD")
    assert (seen.status, seen.body) == (200, b"")
    assert seen.headers["Content-Length"] == str(len(DATA))
    assert seen.headers["Docker-Content-Digest"] == of(DATA)


RANGES = [
    ("bytes=0-99", slice(0, 100)),
    ("bytes=500-", slice(500, None)),
    ("bytes=-7", slice(-7, None)),
    (f"bytes={len(DATA) - 1}-{len(DATA) + 5}", slice(-1, None)),
]


@pytest.mark.parametrize(("wanted", "part"), RANGES, ids=str)
def test_a_range_is_a_range(host: str, wanted: str, part: slice) -> None:
    seen = ask(host, "GET", Range=wanted)
    assert seen.status == 206
    assert digest_of(seen.body) == digest_of(DATA[part])
    first = range(len(DATA))[part].start
    assert (
        seen.headers["Content-Range"] == f"bytes {first}-{first + len(seen.body) - 1}/{len(DATA)}"
    )


def test_a_range_behind_the_end_is_refused_in_the_registrys_words(host: str) -> None:
    seen = ask(host, "GET", Range=f"bytes={len(DATA)}-")
    assert seen.status == 416
    assert b'"RANGE_INVALID"' in seen.body


def test_a_blob_that_is_not_there_is_the_registrys_404(host: str) -> None:
    seen = ask(host, "GET", f"/v2/acme/app/blobs/{of(b'nothing')}")
    assert seen.status == 404
    assert b'"BLOB_UNKNOWN"' in seen.body


@dataclass
class Place:
    host: str
    door: S3Door


@pytest.fixture
def failing() -> Iterator[Place]:
    """A gateway in memory behind a door that fails as it is told to."""
    from chalicelib.adapters.memory import MemoryBlobs

    clock, bucket = SettableClock(), Bucket()
    with open_door(bucket) as door:
        bucket.blobs = MemoryBlobs(clock)
        world = memory_world(clock=clock, blobs=DoorBlobs(bucket.blobs, door))
        uploads.put_whole(world, APP, digest_of(DATA), DATA)
        with serving(through(world)) as host:
            yield Place(host, door)


@pytest.mark.parametrize("faults", [[500], [503], [403], [404], ["drop", "drop"]], ids=str)
def test_a_store_that_fails_is_a_503_that_tells_no_address(
    failing: Place, faults: list[int | str]
) -> None:
    failing.door.script.extend(faults)
    seen = ask(failing.host, "GET")
    assert seen.status == 503
    assert seen.headers["Retry-After"]
    assert b"UNAVAILABLE" in seen.body
    assert failing.door.base_url.encode() not in seen.body
    again = ask(failing.host, "GET")
    assert again.status == 200, again.body[:300]
    assert digest_of(again.body) == digest_of(DATA)


def test_a_client_that_goes_away_does_no_harm(failing: Place) -> None:
    for _ in range(3):
        connection = http.client.HTTPConnection(failing.host, timeout=30)
        connection.request("GET", URL)
        connection.getresponse().read(1000)
        connection.close()
    assert digest_of(ask(failing.host, "GET").body) == digest_of(DATA)
