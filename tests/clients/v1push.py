"""A v1 push, request by request as Docker 1.12 sends it.

    PUT repositories/NAME/ -> GET images/ID/json (5 at a time) -> for each missing, root first:
    PUT json, PUT layer (chunked), PUT checksum -> PUT tags/TAG -> PUT repositories/NAME/images

Source: moby 1.12 distribution/push_v1.go, registry/session.go.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from .registry import Registry
from .v1images import PayloadSum, V1Image, V1Layer, tarsum
from .v1wire import Session, V1Error, endpoints, ping

JSON = {"Content-Type": "application/json"}
# The index calls set their header map directly, so Go does not spell this one canonically.
INDEX = {"Content-type": "application/json", "X-Docker-Token": "true"}


@dataclass(frozen=True)
class Sent:
    """What went over the wire for one image; a puller must get exactly this."""

    json: bytes
    sha256: str
    size: int
    payload_sum: str
    tarsum: str


class _Stream:
    """The layer as it is sent, counted and summed on the way."""

    def __init__(self, layer: V1Layer) -> None:
        self._layer = layer
        self.payload, self.sha256, self.size = PayloadSum(layer.json), hashlib.sha256(), 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._layer.stream():
            self.payload.update(piece)
            self.sha256.update(piece)
            self.size += len(piece)
            yield piece


def push(
    registry: Registry, repository: str, image: V1Image, tags: Sequence[str] = ("latest",)
) -> dict[str, Sent]:
    """What was sent, by image id; empty if the registry had everything."""
    session = Session(registry)
    ping(session)
    places = register(session, repository, image, tags)
    sent: dict[str, Sent] = {}
    for endpoint in places:
        with ThreadPoolExecutor(5) as pool:
            found = pool.map(lambda layer: _exists(session, endpoint, layer), image.chain)  # noqa: B023
        missing = [layer for layer, there in zip(image.chain, found, strict=True) if not there]
        for layer in missing:
            if (one := push_image(session, endpoint, layer)) is not None:
                sent[layer.id] = one
        for tag in tags:
            _tag(session, endpoint, repository, tag, image.top.id)
    _finish(session, repository, places)
    return sent


def register(session: Session, repository: str, image: V1Image, tags: Sequence[str]) -> list[str]:
    entries: list[dict[str, str]] = [{"id": layer.id} for layer in image.chain[:-1]]
    entries += [{"id": image.top.id, "Tag": tag} for tag in tags]
    body = _compact(entries)
    url = f"{session.index}repositories/{repository}/"
    status, headers, said = session.send("PUT", url, INDEX, body)
    if status not in {200, 201}:
        raise V1Error(f"PUT {url}: {status} {said!r}")
    if not (places := endpoints(session, headers)):
        raise V1Error("Index response didn't contain any endpoints")
    return places


def _exists(session: Session, endpoint: str, layer: V1Layer) -> bool:
    status, _, _ = session.send("GET", f"{endpoint}images/{layer.id}/json")
    return status == 200


def push_image(session: Session, endpoint: str, layer: V1Layer) -> Sent | None:
    """None where the registry said, in the exact words, that it has this image."""
    url = f"{endpoint}images/{layer.id}"
    status, _, said = session.send("PUT", f"{url}/json", JSON, layer.json)
    if _already(status, said):
        return None
    _expect("PUT json", status, said)
    stream = _Stream(layer)
    kind = {"Content-Type": "application/octet-stream"}
    status, _, said = session.send("PUT", f"{url}/layer", kind, stream)
    _expect("PUT layer", status, said)
    with layer.plain() as tar:
        sums = tarsum(layer.json, tar)
    claimed = {"X-Docker-Checksum": sums, "X-Docker-Checksum-Payload": str(stream.payload)}
    status, _, said = session.send("PUT", f"{url}/checksum", claimed)
    _expect("PUT checksum", status, said)
    sha256 = stream.sha256.hexdigest()
    return Sent(layer.json, sha256, stream.size, str(stream.payload), sums)


def _already(status: int, said: bytes) -> bool:
    """The daemon decodes errors as a map of strings: any other shape is an error to it."""
    if status == 200:
        return False
    try:
        body = json.loads(said)
    except ValueError:
        return False
    strings = isinstance(body, dict) and all(isinstance(value, str) for value in body.values())
    return strings and body.get("error") == "Image already exists"


def _tag(session: Session, endpoint: str, repository: str, tag: str, image_id: str) -> None:
    url = f"{endpoint}repositories/{repository}/tags/{tag}"
    status, _, said = session.send("PUT", url, JSON, f'"{image_id}"'.encode())
    if status not in {200, 201}:
        raise V1Error(f"PUT {url}: {status} {said!r}")


def _finish(session: Session, repository: str, places: Sequence[str]) -> None:
    """The list is empty: 1.12 keeps only entries with a checksum, and never sets one here."""
    url = f"{session.index}repositories/{repository}/images"
    headers = {**INDEX, "X-Docker-Endpoints": "\n".join(places)}
    status, _, said = session.send("PUT", url, headers, b"[]")
    if status != 204:
        raise V1Error(f"PUT {url}: {status} {said!r}, must be exactly 204")


def _expect(step: str, status: int, said: bytes) -> None:
    if status != 200:
        raise V1Error(f"{step}: {status} {said!r}")


def _compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
