"""v1 pushes over the wire."""

from __future__ import annotations

import hashlib
import json

from tests.gateway.client import fetch
from tests.gateway.places import Place
from tests.gateway.wire import Answer, send


def image_id_of(number: int) -> str:
    return f"{number:064x}"


def json_of(number: int, parent: int | None = None) -> bytes:
    document = {"id": image_id_of(number), "created": "2013-11-23T00:00:00Z"}
    if parent is not None:
        document["parent"] = image_id_of(parent)
    return json.dumps(document).encode()


def describe(place: Place, number: int, parent: int | None = None) -> str:
    """PUT an image's json; the answer is its id."""
    image_id = image_id_of(number)
    path = f"/v1/images/{image_id}/json"
    assert send(place.host, "PUT", path, json_of(number, parent)).status == 200
    return image_id


def layer_path(image_id: str) -> str:
    return f"/v1/images/{image_id}/layer"


def checksum_of(raw_json: bytes, layer: bytes) -> str:
    return "sha256:" + hashlib.sha256(raw_json + b"\n" + layer).hexdigest()


def seal(place: Place, image_id: str, checksum: str) -> Answer:
    headers = {"X-Docker-Checksum-Payload": checksum, "X-Docker-Checksum": "tarsum+sha256:0"}
    return send(place.host, "PUT", f"/v1/images/{image_id}/checksum", b"", headers)


def read_json(place: Place, image_id: str) -> Answer:
    return send(place.host, "GET", f"/v1/images/{image_id}/json")


def seal_and_read(place: Place, image_id: str, layer: bytes) -> None:
    """End the push and hold what is read against what was pushed."""
    raw = json_of(int(image_id, 16))
    assert seal(place, image_id, checksum_of(raw, layer)).status == 200
    assert read_json(place, image_id).body == raw
    answer = send(place.host, "GET", layer_path(image_id))
    assert answer.status == 302, answer
    status, body = fetch(answer.location)
    assert (status, len(body)) == (200, len(layer))
    assert body == layer
