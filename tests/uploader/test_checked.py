"""A gateway without a key leaves large blobs of known digest to S3; its bounds set low here."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from chalicelib.adapters.hashing import ResumableHashing
from roadstead.client.names import Host
from roadstead.gateway.asgi import Gateway
from roadstead.gateway.shared import Bounds
from roadstead.proxy.front import RemoteFront
from roadstead.uploader import PartStorage
from tests.gateway.client import digest_of, payload
from tests.gateway.wire import connected, head, send
from tests.support.registry import serving
from tests.uploader.conftest import Remote
from tests.uploader.driving import digest_at

MIB = 1 << 20
BOUNDS = Bounds(whole_above_bytes=10 * MIB, read_back_bytes=20 * MIB)


@pytest.fixture
def proxy(remote: Remote) -> Iterator[str]:
    front = RemoteFront(Host(remote.host, "http"), pauses_s=(0.0,), sleep=lambda _: None)
    storage = PartStorage(pauses_s=(0.0,))
    with serving(Gateway(front, ResumableHashing(), None, storage, BOUNDS)) as host:
        yield host


def put(host: str, repository: str, data: bytes, digest: str, *, in_chunks: bool = False) -> int:
    opened = send(host, "POST", f"/v2/{repository}/blobs/uploads/")
    return send(host, "PUT", f"{opened.location}?digest={digest}", data, in_chunks=in_chunks).status


@pytest.mark.parametrize("size_bytes", [10 * MIB, 10 * MIB + 1, 21 * MIB, 40 * MIB + 7])
def test_a_put_of_known_digest_goes_whole_above_the_bound(
    remote: Remote, proxy: str, repository: str, size_bytes: int
) -> None:
    data = payload(size_bytes)
    assert put(proxy, repository, data, digest_of(data)) == 201
    assert digest_at(remote, repository, digest_of(data)) == digest_of(data)
    whole = sum("/whole" in line for line in remote.api.seen)
    assert whole == (1 if size_bytes > 10 * MIB else 0)


def test_s3_refuses_other_bytes_and_the_client_is_told(
    remote: Remote, proxy: str, repository: str
) -> None:
    other = digest_of(b"other")
    assert put(proxy, repository, payload(21 * MIB), other) == 400
    assert digest_at(remote, repository, other) is None


@pytest.mark.parametrize("there", [1, 6 * MIB])
@pytest.mark.parametrize(("size_bytes", "status"), [(12 * MIB, 201), (21 * MIB, 413)])
def test_the_end_of_a_blob_is_not_taken_for_the_whole(
    remote: Remote, proxy: str, repository: str, there: int, size_bytes: int, status: int
) -> None:
    data = payload(there + size_bytes)
    opened = send(proxy, "POST", f"/v2/{repository}/blobs/uploads/")
    assert send(proxy, "PATCH", opened.location, data[:there]).status == 202
    target = f"{opened.location}?digest={digest_of(data)}"
    assert send(proxy, "PUT", target, data[there:]).status == status
    found = digest_of(data) if status == 201 else None
    assert digest_at(remote, repository, digest_of(data)) == found


@pytest.mark.parametrize("fault", ["busy", "drop", "expired"])
def test_s3_that_breaks_off_is_a_503_that_the_client_may_repeat(
    remote: Remote, proxy: str, repository: str, fault: str
) -> None:
    data = payload(21 * MIB)
    remote.s3.at = {1: fault}
    assert put(proxy, repository, data, digest_of(data)) == 503
    assert put(proxy, repository, data, digest_of(data)) == 201
    assert digest_at(remote, repository, digest_of(data)) == digest_of(data)


def test_a_client_that_hangs_up_leaves_nothing_to_be_seen(
    remote: Remote, proxy: str, repository: str
) -> None:
    data = payload(21 * MIB)
    opened = send(proxy, "POST", f"/v2/{repository}/blobs/uploads/")
    target = f"{opened.location}?digest={digest_of(data)}"
    with connected(proxy) as wire:
        wire.send(head("PUT", target, [("Content-Length", str(len(data)))]), data[: 15 * MIB])
        wire.link.shutdown(socket.SHUT_RDWR)
    assert digest_at(remote, repository, digest_of(data)) is None
    assert put(proxy, repository, data, digest_of(data)) == 201


@pytest.mark.parametrize(("method", "in_chunks"), [("PATCH", False), ("PATCH", True)])
def test_what_the_registry_could_not_read_back_is_refused_with_the_way_out(
    remote: Remote, proxy: str, repository: str, method: str, in_chunks: bool
) -> None:
    opened = send(proxy, "POST", f"/v2/{repository}/blobs/uploads/")
    answer = send(proxy, method, opened.location, payload(21 * MIB), in_chunks=in_chunks)
    assert answer.status == 413
    assert b"`roadstead push` takes up to 5 GiB" in answer.body
    # The claim is let go: the upload may go on.
    assert send(proxy, "PATCH", opened.location, b"x").status == 202
