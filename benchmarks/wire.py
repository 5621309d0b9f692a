"""A client with no logic but HTTP's, so that what is measured is the registry.

dialect A    POST, one chunked PATCH of unknown length, an empty PUT      (docker, podman)
dialect B    POST, one PUT with its length                                (containerd, oras)
v1           PUT json, PUT layer (chunked), PUT checksum                  (docker 1.x)
"""

from __future__ import annotations

import hashlib
import http.client
import json
import random
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

MIB = 1 << 20
PIECE_BYTES = 256 * 1024
TIMEOUT_S = 300.0


def noise(seed: str, size_bytes: int) -> Iterator[bytes]:
    """Bytes that no compressor shrinks, without the seconds that a gigabyte of random takes."""
    base = random.Random(seed).randbytes(4 * MIB + 1)
    made, turn = 0, 0
    while made < size_bytes:
        turn = (turn + 1_000_003) % len(base)
        block = (base[turn:] + base[:turn])[: min(4 * MIB, size_bytes - made)]
        made += len(block)
        view = memoryview(block)
        for at in range(0, len(block), PIECE_BYTES):
            yield bytes(view[at : at + PIECE_BYTES])


def sha256_of(blocks: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(block)
    return f"sha256:{digest.hexdigest()}"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes


class Client:
    """One kept-alive connection to one registry."""

    def __init__(self, host: str) -> None:
        self._connection = _connect(host)
        self._base = f"http://{host}"

    def close(self) -> None:
        self._connection.close()

    def ask(
        self, method: str, url: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """One exchange; a body that is an iterable goes out chunked."""
        parts = urlsplit(urljoin(self._base, url))
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        chunked = (
            body is not None
            and not isinstance(body, bytes)
            and "Content-Length" not in (headers or {})
        )
        self._connection.request(method, target, body, headers or {}, encode_chunked=chunked)
        answer = self._connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())

    def expect(self, status: int, method: str, url: str, *rest: Any) -> Answer:
        answer = self.ask(method, url, *rest)
        assert answer.status == status, (method, url, answer.status, answer.body[:300])
        return answer

    # --- v2 -----------------------------------------------------------------------------------

    def start(self, repository: str) -> str:
        answer = self.expect(202, "POST", f"/v2/{repository}/blobs/uploads/", b"")
        return str(answer.headers["Location"])

    def push_chunked(self, repository: str, blocks: Iterable[bytes]) -> str:
        """Dialect A. Returns the digest, which is known only at the end, as docker knows it."""
        place, digest = self.start(repository), hashlib.sha256()

        def passing() -> Iterator[bytes]:
            for block in blocks:
                digest.update(block)
                yield block

        octets = {"Content-Type": "application/octet-stream"}
        octets["Transfer-Encoding"] = "chunked"
        answer = self.expect(202, "PATCH", place, passing(), octets)
        name = f"sha256:{digest.hexdigest()}"
        self.expect(201, "PUT", _with_digest(str(answer.headers["Location"]), name), b"")
        return name

    def push_whole(
        self, repository: str, digest: str, size_bytes: int, blocks: Iterable[bytes]
    ) -> None:
        """Dialect B."""
        place = self.start(repository)
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Length": str(size_bytes),
        }
        self.expect(201, "PUT", _with_digest(place, digest), blocks, headers)

    def push_manifest(self, repository: str, tag: str, config: bytes, layer: bytes) -> bytes:
        """An image of one small layer."""
        kind = "application/vnd.oci.image"
        blobs = []
        for data, media_type in ((config, "config.v1+json"), (layer, "layer.v1.tar+gzip")):
            digest = sha256_of([data])
            self.push_whole(repository, digest, len(data), [data])
            named = {"mediaType": f"{kind}.{media_type}", "digest": digest, "size": len(data)}
            blobs.append(named)
        media_type = f"{kind}.manifest.v1+json"
        document = {"schemaVersion": 2, "mediaType": media_type}
        raw = json.dumps({**document, "config": blobs[0], "layers": blobs[1:]}).encode()
        path = f"/v2/{repository}/manifests/{tag}"
        self.expect(201, "PUT", path, raw, {"Content-Type": media_type})
        return raw


def _with_digest(location: str, digest: str) -> str:
    return f"{location}{'&' if '?' in location else '?'}digest={digest}"


def _connect(host: str) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection(host, timeout=TIMEOUT_S, blocksize=PIECE_BYTES)
    connection.connect()
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def pull(host: str, path: str) -> tuple[str, int]:
    """Digest and size of what a GET serves in the end; no byte is kept."""
    url = f"http://{host}{path}"
    for _ in range(5):
        parts = urlsplit(url)
        connection = _connect(parts.netloc)
        try:
            connection.request("GET", f"{parts.path}?{parts.query}" if parts.query else parts.path)
            answer = connection.getresponse()
            if answer.status in (302, 307):
                url = urljoin(url, answer.headers["Location"])
                continue
            assert answer.status == 200, (path, answer.status, answer.read(300))
            return _hashed(answer)
        finally:
            connection.close()
    raise AssertionError("too many redirects")


def _hashed(answer: http.client.HTTPResponse) -> tuple[str, int]:
    digest, size, room = hashlib.sha256(), 0, bytearray(MIB)
    view = memoryview(room)
    while got := answer.readinto(view):
        digest.update(view[:got])
        size += got
    return f"sha256:{digest.hexdigest()}", size
