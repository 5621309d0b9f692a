"""`roadstead proxy` over the wire: both dialects, v1, limits, faults, stopping."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib.adapters.hashing import ResumableHashing
from roadstead.client.names import Host
from roadstead.gateway.asgi import Gateway
from roadstead.proxy.front import RemoteFront
from roadstead.proxy.run import make_proxy
from roadstead.uploader import PartStorage
from tests.clients import v1push
from tests.clients.images import Shelf
from tests.clients.registry import Registry
from tests.clients.v1images import from_image
from tests.clients.v1pull import pull as v1pull
from tests.gateway.client import digest_of, payload
from tests.gateway.wire import connected, head, send
from tests.support.registry import serving
from tests.uploader.conftest import Command, Remote
from tests.uploader.driving import digest_at

MIB = 1 << 20
SIZES = (0, 1, 4_500_000, 4_500_001, 8 * MIB, 30 * MIB)


@pytest.fixture
def proxy(remote: Remote) -> Iterator[str]:
    """Where a proxy listens; its tries follow one another without a pause."""
    host = Host(remote.host, "http")
    front = RemoteFront(host, pauses_s=(0.0, 0.0, 0.0), sleep=lambda _: None)
    storage = PartStorage(pauses_s=(0.0, 0.0, 0.0))
    with serving(Gateway(front, ResumableHashing(), None, storage)) as found:
        yield found


def push_a(host: str, repository: str, data: bytes) -> int:
    """Dialect A: POST, one chunked PATCH, empty PUT."""
    opened = send(host, "POST", f"/v2/{repository}/blobs/uploads/")
    if opened.status != 202:
        return opened.status
    patched = send(host, "PATCH", opened.location, data, in_chunks=True)
    if patched.status != 202:
        return patched.status
    return send(host, "PUT", f"{patched.location}?digest={digest_of(data)}").status


def push_b(host: str, repository: str, data: bytes) -> int:
    """Dialect B: POST, one PUT with its length."""
    opened = send(host, "POST", f"/v2/{repository}/blobs/uploads/")
    if opened.status != 202:
        return opened.status
    return send(host, "PUT", f"{opened.location}?digest={digest_of(data)}", data).status


def push_at_once(host: str, repository: str, data: bytes) -> int:
    """POST ?digest= with all bytes."""
    path = f"/v2/{repository}/blobs/uploads/?digest={digest_of(data)}"
    return send(host, "POST", path, data).status


DIALECTS = {"A": push_a, "B": push_b, "at once": push_at_once}


@pytest.mark.parametrize("size_bytes", SIZES)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_and_size_arrives(
    remote: Remote, proxy: str, repository: str, dialect: str, size_bytes: int
) -> None:
    data = payload(size_bytes)
    assert DIALECTS[dialect](proxy, repository, data) == 201
    assert digest_at(remote, repository, digest_of(data)) == digest_of(data)
    assert "uploads" not in remote.s3.seen or size_bytes > 4_500_000


def test_a_pull_goes_straight_to_s3(remote: Remote, proxy: str, repository: str) -> None:
    data = payload(8 * MIB)
    assert push_b(proxy, repository, data) == 201
    answer = send(proxy, "GET", f"/v2/{repository}/blobs/{digest_of(data)}")
    assert answer.status == 307
    assert answer.location.startswith(remote.s3.url)


@pytest.mark.parametrize("dialect", ["A", "B"])
def test_other_bytes_than_the_digests_are_refused(
    remote: Remote, proxy: str, repository: str, dialect: str
) -> None:
    data, other = payload(8 * MIB), digest_of(b"other")
    opened = send(proxy, "POST", f"/v2/{repository}/blobs/uploads/")
    location, body = opened.location, data
    if dialect == "A":
        location, body = send(proxy, "PATCH", location, data).location, b""
    answer = send(proxy, "PUT", f"{location}?digest={other}", body)
    assert (answer.status, b"DIGEST_INVALID" in answer.body) == (400, True)
    assert digest_at(remote, repository, other) is None


@pytest.mark.parametrize(("method", "size_bytes"), [("PATCH", 2 << 30), ("PUT", 5 << 30)])
def test_a_layer_that_nobody_here_can_prove_is_refused_before_it_is_sent(
    proxy: str, repository: str, method: str, size_bytes: int
) -> None:
    opened = send(proxy, "POST", f"/v2/{repository}/blobs/uploads/")
    query = f"?digest={digest_of(b'')}" if method == "PUT" else ""
    headers = [("Content-Length", str(size_bytes + 1)), ("Expect", "100-continue")]
    with connected(proxy) as wire:
        wire.send(head(method, opened.location + query, headers))
        answer = wire.answer(method)
    assert answer.status == 413
    assert b"roadstead push" in answer.body


@pytest.mark.parametrize("fault", ["busy", "drop", "unheard"])
@pytest.mark.parametrize("dialect", ["A", "B"])
def test_whatever_fails_a_client_that_tries_again_succeeds(
    remote: Remote, proxy: str, repository: str, dialect: str, fault: str
) -> None:
    data, push = payload(12 * MIB), DIALECTS[dialect]
    assert push(proxy, f"{repository}-counted", data) == 201
    total = len(remote.api.seen)
    for number in range(1, total + 1):
        remote.mend()
        remote.api.at = {number: fault}
        each = f"{repository}-{number}"
        status = push(proxy, each, data)
        assert status in (201, 503) or (fault == "unheard" and status == 404), status
        found = digest_at(remote, each, digest_of(data))
        assert found in (None, digest_of(data))
        assert status != 201 or found is not None, "said to be there"
        remote.mend()
        assert push(proxy, each, data) == 201
        assert digest_at(remote, each, digest_of(data)) == digest_of(data)


@pytest.mark.parametrize("fault", ["busy", "drop", "unheard", "expired"])
@pytest.mark.parametrize("dialect", ["A", "B"])
def test_s3_may_fail_once_at_any_part(
    remote: Remote, proxy: str, repository: str, dialect: str, fault: str
) -> None:
    data = payload(20 * MIB)
    for number in (1, 2, 3):
        remote.mend()
        remote.s3.at = {number: fault}
        each = f"{repository}-{number}"
        status = DIALECTS[dialect](proxy, each, data)
        assert status == 201, number
        assert digest_at(remote, each, digest_of(data)) == digest_of(data)


@pytest.mark.parametrize("name", ["five", "thirty-mb"])
def test_v1_pushes_and_pulls_through_it(
    proxy: str, images: Shelf, tmp_path: Path, name: str
) -> None:
    registry = Registry(proxy, f"http://{proxy}")
    repository = f"v1/{name}-{hashlib.sha256(str(tmp_path).encode()).hexdigest()[:8]}"
    image = from_image(images[name], repository)
    sent = v1push.push(registry, repository, image)
    pulled = v1pull(registry, repository, "latest", tmp_path / "pulled")
    assert {one.id: one.sha256 for one in pulled} == {i: one.sha256 for i, one in sent.items()}


# --- the command ------------------------------------------------------------------------------


def started(roadstead: Command, *words: str) -> tuple[subprocess.Popen[str], str]:
    """The process, and the host that its ready line names."""
    process = roadstead.start("proxy", "--port", "0", *words)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("ready http://"):
            return process, line.split()[1].removeprefix("http://")
    raise AssertionError(process.communicate()[1])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_serves_on_loopback_and_stops_when_it_is_told(
    remote: Remote, repository: str, roadstead: Command, number: signal.Signals
) -> None:
    process, host = started(roadstead, "--to", remote.api.url)
    try:
        assert host.startswith("127.0.0.1:")
        data = payload(8 * MIB)
        assert push_a(host, repository, data) == 201
    finally:
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "stopped\n", "")
    assert digest_at(remote, repository, digest_of(data)) == digest_of(data)


def test_a_push_that_is_under_way_when_it_stops_is_ended(
    remote: Remote, repository: str, roadstead: Command
) -> None:
    process, host = started(roadstead, "--to", remote.api.url)
    data = payload(30 * MIB)

    def stop_at_part(line: str) -> None:
        if line.startswith("PUT") and process.poll() is None:
            process.send_signal(signal.SIGTERM)
            time.sleep(0.2)

    remote.s3.on_request = stop_at_part
    try:
        opened = send(host, "POST", f"/v2/{repository}/blobs/uploads/")
        assert send(host, "PATCH", opened.location, data).status == 202
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert process.returncode == 0


REFUSED = {
    "no registry there": (("--to", "http://127.0.0.1:1"), "does not answer"),
    "no url": (("--to", "what/ever"), "is no host"),
    "plain http elsewhere": (("--to", "http://registry.example.test"), "say --insecure"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_the_command_refuses_with_a_sentence(roadstead: Command, name: str) -> None:
    words, sentence = REFUSED[name]
    status, out, err = roadstead.outcome("proxy", "--port", "0", *words)
    assert (status, out) == (1, "")
    assert sentence in err


def test_a_port_that_is_taken_is_told(remote: Remote, roadstead: Command) -> None:
    port = remote.host.rpartition(":")[2]
    status, _, err = roadstead.outcome("proxy", "--to", remote.api.url, "--port", port)
    assert status == 1
    assert f"Port {port} cannot be had" in err


def test_a_proxy_has_no_key(remote: Remote) -> None:
    assert make_proxy(Host(remote.host, "http"))._shared.key is None
