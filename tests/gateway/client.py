"""Pushes and pulls over the wire, step by step."""

from __future__ import annotations

import hashlib
import http.client
import json
import random
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from tests.gateway.places import Place
from tests.gateway.wire import Answer, send

MIB = 1024 * 1024
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


@lru_cache(maxsize=8)
def payload(size_bytes: int, seed: int = 0) -> bytes:
    """Bytes that look like nothing, the same in every run."""
    return random.Random(size_bytes * 31 + seed).randbytes(size_bytes)


@lru_cache(maxsize=8)
def digest_of(data: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def fetch(url: str, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
    """Follow a presigned URL."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    try:
        connection.request("GET", f"{parts.path}?{parts.query}", headers=dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def code_of(answer: Answer) -> str:
    """The code of a v2 error; fails when the body has another shape."""
    document: dict[str, Any] = json.loads(answer.body)
    entry = document["errors"][0]
    assert set(entry) <= {"code", "message", "detail"}, entry
    assert entry["message"]
    return str(entry["code"])


def start(place: Place, repository: str) -> str:
    """Open a session; the answer is its path."""
    answer = send(place.host, "POST", f"/v2/{repository}/blobs/uploads/")
    assert answer.status == 202, answer
    return answer.location


def close(place: Place, location: str, digest: str, body: bytes = b"", **named: Any) -> Answer:
    return send(place.host, "PUT", f"{location}?digest={digest}", body, **named)


def offset_of(place: Place, location: str) -> int:
    """How many bytes the status says have arrived; ``0-0`` is read as none."""
    answer = send(place.host, "GET", location)
    assert answer.status == 204, answer
    last = int((answer.header("range") or "").removeprefix("0-"))
    return last + 1 if last else 0


def pull(place: Place, repository: str, digest: str) -> bytes | None:
    """The blob as a client gets it; None when it is not there."""
    answer = send(place.host, "GET", f"/v2/{repository}/blobs/{digest}")
    if answer.status == 404:
        assert code_of(answer) == "BLOB_UNKNOWN"
        return None
    assert answer.status == 307, answer
    assert answer.header("docker-content-digest") == digest
    status, body = fetch(answer.location)
    assert status == 200, (status, body[:300])
    return body


def assert_pulled(place: Place, repository: str, data: bytes, algorithm: str = "sha256") -> None:
    found = pull(place, repository, digest_of(data, algorithm))
    assert found is not None, "the blob is not there"
    assert len(found) == len(data)
    assert found == data, "other bytes than were pushed"


def span(first: int, size_bytes: int) -> dict[str, str]:
    """Content-Range as the specification has it."""
    return {"Content-Range": f"{first}-{first + size_bytes - 1}"}


def manifest_of(config: bytes, *layers: bytes) -> bytes:
    def described(kind: str, data: bytes) -> dict[str, object]:
        return {"mediaType": kind, "digest": digest_of(data), "size": len(data)}

    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": described(CONFIG, config),
            "layers": [described(LAYER, layer) for layer in layers],
        }
    ).encode()
