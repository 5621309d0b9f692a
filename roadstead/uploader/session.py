"""An upload session as its uploader sees it: the API, part URLs, and the reports."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from chalicelib.domain.upload import RunningHash
from roadstead.uploader.storage import PartStorage, StorageFailed

RENEW_AFTER_S = 15.0


class UploadRefused(Exception):
    """The registry refused a step; ``answer`` is what it said, for whoever asked us."""

    def __init__(self, answer: ApiAnswer) -> None:
        super().__init__(f"the registry answered {answer.status}")
        self.answer = answer


@dataclass(frozen=True)
class ApiAnswer:
    """What the registry's API answered."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes

    def document(self) -> dict[str, Any]:
        """The body of a success. Raises: UploadRefused."""
        if self.status != 200:
            raise UploadRefused(self)
        found = json.loads(self.body)
        assert isinstance(found, dict)
        return found


class RegistryApi(Protocol):
    """The way to the API: in process, or over HTTP, with somebody's permission to push."""

    def post(self, path: str, document: Mapping[str, object]) -> ApiAnswer: ...


@dataclass
class PartUrls:
    """Part URLs by number, renewed through the API before they or the claim run out.

    Safe for several threads.
    """

    api: RegistryApi
    path: str
    fixed: Mapping[str, object]
    urls: dict[int, str]
    tail: Mapping[str, Any]
    renewed_at: float = field(default_factory=time.monotonic)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of(cls, api: RegistryApi, path: str, claimed: Mapping[str, Any]) -> PartUrls:
        """Those that came with a claim."""
        fixed = {"claim": claimed["claim"], "upload_id": claimed["upload_id"]}
        urls = {part["number"]: part["url"] for part in claimed["parts"]}
        return cls(api, path, fixed, urls, claimed["tail"])

    def url(self, number: int) -> str:
        with self._lock:
            if number not in self.urls:
                self._renew(number)
            return self.urls[number]

    def _renew(self, number: int) -> None:
        found = self.api.post(self.path, {**self.fixed, "first": number}).document()
        self.urls = {part["number"]: part["url"] for part in found["parts"]}
        self.tail = found.get("tail", self.tail)
        self.renewed_at = time.monotonic()

    def keep_alive(self, number: int) -> None:
        with self._lock:
            if time.monotonic() - self.renewed_at > RENEW_AFTER_S:
                self._renew(number)

    def put(self, storage: PartStorage, number: int, data: bytes | bytearray) -> str:
        """Store a part and return its ETag; a URL that has run out is asked for anew, once.

        Raises: StorageFailed, UploadRefused.
        """
        url = self.url(number)
        try:
            return storage.put(url, data)
        except StorageFailed as failure:
            if not failure.has_expired:
                raise
        with self._lock:
            if self.urls.get(number) == url:
                self._renew(number)
        return storage.put(self.url(number), data)

    def put_tail(self, storage: PartStorage, number: int, data: bytes | bytearray) -> str:
        """Store what is too small for part ``number``; the answer is its key.

        Raises: StorageFailed, UploadRefused.
        """
        try:
            storage.put(self.tail["url"], data)
        except StorageFailed as failure:
            if not failure.has_expired:
                raise
            with self._lock:
                self._renew(number)
            storage.put(self.tail["url"], data)
        return str(self.tail["key"])


@dataclass(frozen=True)
class Stored:
    """The end of a stream: what an `advance` or `finish` reports."""

    offset_bytes: int
    stored: list[list[object]]
    tail: dict[str, object] | None
    running: RunningHash | None
    extra_hex: str | None


def report_of(
    claimed: Mapping[str, Any], stored: Stored, prove: Callable[[Stored], str]
) -> dict[str, object]:
    """The document that reports a finished stream; ``prove`` signs it where that is ours to do."""
    document: dict[str, object] = {
        "upload_id": claimed["upload_id"],
        "claim": claimed["claim"],
        "offset_bytes": stored.offset_bytes,
        "stored": stored.stored,
    }
    if stored.tail:
        document["tail"] = stored.tail
    if stored.running:
        document["digest"] = str(stored.running.digest)
        if stored.running.state:
            document["hash_state"] = base64.b64encode(stored.running.state).decode()
        document["proof"] = prove(stored)
    return document


def release_of(claimed: Mapping[str, Any]) -> dict[str, object]:
    """The report that lets go of a claim and changes nothing else."""
    held = claimed.get("held_tail")
    document: dict[str, object] = {
        "claim": claimed["claim"],
        "offset_bytes": claimed["offset_bytes"],
        "stored": claimed["stored"],
    }
    if held:
        document["tail"] = {"key": held["key"], "size_bytes": held["size_bytes"]}
    return document
