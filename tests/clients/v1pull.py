"""A v1 pull, request by request as Docker 1.12 sends it, with its resumption by Range.

    GET repositories/NAME/images -> GET tags/TAG -> GET images/ID/ancestry ->
    root first: GET json -> GET layer (3 at a time)

Source: moby 1.12 distribution/pull_v1.go, registry/session.go, pkg/httputils/resumable.go.
"""

import hashlib
import json
import re
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any

from .registry import Registry
from .v1images import PayloadSum
from .v1wire import Session, V1Error, endpoints, ping

BLOCK = 32 * 1024
FAILURES = 5


@dataclass(frozen=True)
class Pulled:
    """One v1 image as it arrived."""

    id: str
    json: bytes
    layer: Path
    size: int
    sha256: str
    claimed_sums: list[str]
    resumed: int

    @property
    def payload_sum(self) -> str:
        total = PayloadSum(self.json)
        with self.layer.open("rb") as content:
            while block := content.read(1 << 20):
                total.update(block)
        return str(total)


@dataclass(frozen=True)
class _Config:
    id: str
    json: bytes
    size: int
    claimed_sums: list[str]


def pull(
    registry: Registry, repository: str, tag: str, folder: Path, cut_every: int | None = None
) -> list[Pulled]:
    """The chain, root first; `cut_every` drops each layer's connection after so many bytes."""
    session = Session(registry)
    ping(session)
    place = _repository(session, repository)
    name = repository if "/" in repository else f"library/{repository}"
    top = _json(session, f"{place}repositories/{name}/tags/{tag}")
    if not isinstance(top, str) or not re.fullmatch("[a-f0-9]{64}", top):
        raise V1Error(f"image id {top!r} is invalid")
    history = _json(session, f"{place}images/{top}/ancestry")
    if not history or history[0] != top:
        raise V1Error(f"empty or foreign history for image {top}: {history}")
    configs = [_config(session, place, image_id) for image_id in reversed(history)]
    folder.mkdir()
    with ThreadPoolExecutor(3) as pool:
        return list(pool.map(lambda one: _layer(session, place, one, folder, cut_every), configs))


def all_tags(registry: Registry, repository: str) -> Mapping[str, str]:
    """As 1.7 and older ask, and 1.12 with --all-tags."""
    session = Session(registry)
    place = _repository(session, repository)
    found = _json(session, f"{place}repositories/{repository}/tags")
    if not isinstance(found, dict):
        raise V1Error(f"tags are no object: {found!r}")
    return found


def _repository(session: Session, repository: str) -> str:
    url = f"{session.index}repositories/{repository}/images"
    status, headers, said = session.send("GET", url, {"X-Docker-Token": "true"})
    if status != 200:
        raise V1Error(f"GET {url}: {status} {said!r}")
    for entry in json.loads(said):
        if not isinstance(entry, dict) or "id" not in entry:
            raise V1Error(f"not a list of images: {said!r}")
    return (endpoints(session, headers) or [session.index])[0]


def _json(session: Session, url: str) -> Any:
    status, _, said = session.send("GET", url)
    if status != 200:
        raise V1Error(f"GET {url}: {status} {said!r}")
    return json.loads(said)


def _config(session: Session, place: str, image_id: str) -> _Config:
    """Five tries, as the daemon; the size must be a number if it is there."""
    for attempt in range(1, 6):
        status, headers, said = session.send("GET", f"{place}images/{image_id}/json")
        if status == 200:
            sums = headers.get_all("X-Docker-Checksum-Payload") or []
            return _Config(image_id, said, int(headers.get("X-Docker-Size") or -1), sums)
        time.sleep(attempt * 0.5 if attempt < 5 else 0)
    raise V1Error(f"GET {image_id}/json: {status} {said!r}")


def _layer(
    session: Session, place: str, config: _Config, folder: Path, cut_every: int | None
) -> Pulled:
    url = f"{place}images/{config.id}/layer"
    target = folder / config.id
    with target.open("wb") as sink:
        download = _Download(session, url, config.size, sink, cut_every)
        download.run()
    if config.size not in {-1, download.got}:
        raise V1Error(f"X-Docker-Size was {config.size}, the layer has {download.got} bytes")
    sha256 = download.sha256.hexdigest()
    sums, again = config.claimed_sums, download.resumed
    return Pulled(config.id, config.json, target, download.got, sha256, sums, again)


class _Download:
    """The daemon's resumable reader."""

    def __init__(
        self, session: Session, url: str, size: int, sink: IO[bytes], cut_every: int | None
    ) -> None:
        self._session, self._url, self._size, self._sink = session, url, size, sink
        self._cut_every = cut_every
        self.got, self.resumed, self.sha256 = 0, 0, hashlib.sha256()
        self._resumable = False

    def run(self) -> None:
        failures, before = 0, 0
        while not self._attempt():
            failures = 0 if self.got > before else failures + 1
            before = self.got
            if not self._resumable:
                raise V1Error(f"{self._url}: cut at {self.got}, and no resumption was offered")
            if failures > FAILURES:
                raise V1Error(f"{self._url}: too many failures, at byte {self.got}")

    def _attempt(self) -> bool:
        """Whether the layer is complete now."""
        # The end is one past the last byte: so the daemon writes it, and so it must be taken.
        wanted = {"Range": f"bytes={self.got}-{self._size}"} if self.got else {}
        self.resumed += bool(wanted)
        with self._session.open("GET", self._url, wanted) as answer:
            if wanted and answer.status == 416 and answer.headers["Content-Length"] == "0":
                return True
            expected = 206 if wanted else 200
            if answer.status != expected:
                raise V1Error(f"GET {self._url} {wanted}: {answer.status}, not {expected}")
            if "Content-Encoding" in answer.headers:
                raise V1Error("Go would silently unpack a layer with a Content-Encoding")
            if not wanted:
                self._resumable = answer.headers["Accept-Ranges"] == "bytes" and self._size > 0
            return self._read(answer)

    def _read(self, answer: Any) -> bool:
        until = self.got + self._cut_every if self._cut_every else None
        try:
            while block := answer.read(BLOCK):
                self._sink.write(block)
                self.sha256.update(block)
                self.got += len(block)
                if until is not None and self.got >= until:
                    return False  # the connection is closed with bytes still to come
        except (OSError, HTTPException):
            return False
        return answer.length in {None, 0}
