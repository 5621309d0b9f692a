"""The uploader: whoever holds many bytes sends them straight to S3, in parts.

It asks the registry's API for part URLs and reports what it has stored; it needs a token of the
registry and no AWS credentials. Bytes are pushed into it (`feed`), hashed, cut into parts, and
sent by a few threads; when those are behind, `feed` waits, and with it the sender.

Memory: the part that is being filled and those under way, at most ``IN_FLIGHT + 1`` parts.
"""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

import urllib3

from chalicelib.domain import limits
from chalicelib.domain.digest import Digest
from chalicelib.domain.upload import RunningHash
from chalicelib.ports import Hasher, Hashing, PortError

IN_FLIGHT = 2
PAUSES_S = (0.2, 0.8, 3.2)
RENEW_AFTER_S = 15.0
OCTETS = {"Content-Type": "application/octet-stream"}


class UploadRefused(Exception):
    """The registry refused a step; ``answer`` is what it said, for whoever asked us."""

    def __init__(self, answer: ApiAnswer) -> None:
        super().__init__(f"the registry answered {answer.status}")
        self.answer = answer


class StorageFailed(Exception):
    """S3 would not take a part, however often it was tried."""


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


class PartStorage:
    """PUTs parts to presigned URLs, with a few tries; shared by all uploads of a process."""

    def __init__(
        self,
        *,
        connections: int = 16,
        timeout_s: float = 60.0,
        pauses_s: Sequence[float] = PAUSES_S,
    ) -> None:
        self._pauses_s = (0.0, *pauses_s)
        self._pool = urllib3.PoolManager(
            num_pools=4,
            maxsize=connections,
            retries=False,
            timeout=urllib3.Timeout(connect=5.0, read=timeout_s),
        )

    def put(self, url: str, data: bytes | bytearray) -> str:
        """Store bytes and return S3's ETag.

        Raises: StorageFailed. The URL is a secret: it stands in no message.
        """
        last = ""
        for pause_s in self._pauses_s:
            time.sleep(pause_s)
            try:
                # A view, because urllib3 would copy a bytearray that it takes for an iterable.
                body: Any = memoryview(data)
                answer = self._pool.request("PUT", url, body=body, headers=OCTETS)
            except urllib3.exceptions.HTTPError as error:
                last = type(error).__name__
                continue
            if answer.status == 200:
                return str(answer.headers.get("ETag", ""))
            last = f"status {answer.status}"
            if answer.status < 500 and answer.status != 429:
                break
        raise StorageFailed(f"S3 at {urlsplit(url).netloc} did not take a part: {last}")

    def get(self, url: str) -> bytes:
        """Fetch a small object. Raises: StorageFailed."""
        try:
            answer = self._pool.request("GET", url)
        except urllib3.exceptions.HTTPError as error:
            raise StorageFailed(f"S3 did not answer: {type(error).__name__}") from None
        if answer.status != 200:
            raise StorageFailed(f"S3 answered {answer.status}")
        return answer.data

    def close(self) -> None:
        self._pool.clear()


@dataclass
class _Parts:
    """Part URLs by number, renewed through the API before they or the claim run out."""

    api: RegistryApi
    path: str
    fixed: Mapping[str, object]
    urls: dict[int, str]
    renewed_at: float = field(default_factory=time.monotonic)

    def url(self, number: int) -> str:
        if number not in self.urls:
            self.renew(number)
        return self.urls[number]

    def renew(self, number: int) -> None:
        answer = self.api.post(self.path, {**self.fixed, "first": number})
        self.urls = {part["number"]: part["url"] for part in answer.document()["parts"]}
        self.renewed_at = time.monotonic()

    def keep_alive(self, number: int) -> None:
        if time.monotonic() - self.renewed_at > RENEW_AFTER_S:
            self.renew(number)


@dataclass(frozen=True)
class Stored:
    """The end of a stream: what an `advance` or `finish` reports."""

    offset_bytes: int
    stored: list[list[object]]
    tail: dict[str, object] | None
    running: RunningHash | None
    extra_hex: str | None


class PartPump:
    """One stream of bytes on its way into an upload session that has been claimed.

    ``claimed`` is the document that the API answered to the claim. Not for several threads at
    once: whoever feeds it does so in order.
    """

    def __init__(
        self,
        api: RegistryApi,
        storage: PartStorage,
        hashing: Hashing,
        claimed: Mapping[str, Any],
        *,
        parts_path: str,
        extra: Hasher | None = None,
    ) -> None:
        self._claimed = claimed
        self._storage = storage
        self._stored: list[list[object]] = list(claimed["stored"])
        self._offset_bytes = int(claimed["offset_bytes"])
        self._hasher = _continued(hashing, claimed)
        self._extra = extra
        fixed = {"claim": claimed["claim"], "upload_id": claimed["upload_id"]}
        urls = {part["number"]: part["url"] for part in claimed["parts"]}
        self._parts = _Parts(api, parts_path, fixed, urls)
        self._next = len(self._stored) + 1
        self._filling = bytearray()
        self._slots = threading.Semaphore(IN_FLIGHT)
        self._sending: list[Future[list[object]]] = []
        self._pool = ThreadPoolExecutor(IN_FLIGHT, thread_name_prefix="part")
        held = claimed.get("held_tail")
        if held:
            # The tail of an earlier request is hashed already; it only has to move on.
            self._filling += storage.get(held["url"])

    def feed(self, data: bytes | memoryview) -> None:
        """Take the next bytes; waits while the parts before them are under way.

        Raises: StorageFailed, UploadRefused (the claim was lost).
        """
        view = memoryview(data)
        if self._hasher is not None:
            self._hasher.update(view)
        if self._extra is not None:
            self._extra.update(view)
        self._offset_bytes += len(view)
        while view.nbytes:
            room = limits.part_bytes(self._next) - len(self._filling)
            self._filling += view[:room]
            view = view[room:]
            if len(self._filling) >= limits.part_bytes(self._next):
                self._send()
        self._parts.keep_alive(self._next)

    def _send(self) -> None:
        self._raise_failed()
        number, data = self._next, self._filling
        url = self._parts.url(number)
        self._next, self._filling = number + 1, bytearray()
        self._slots.acquire()
        self._sending.append(self._pool.submit(self._put, number, url, data))

    def _put(self, number: int, url: str, data: bytearray) -> list[object]:
        try:
            return [number, self._storage.put(url, data), len(data)]
        finally:
            self._slots.release()

    def _raise_failed(self) -> None:
        for sending in self._sending:
            if sending.done() and (error := sending.exception()):
                raise error

    def finish(self) -> Stored:
        """Send what is left, wait for everything, and say what is stored.

        Raises: StorageFailed, UploadRefused.
        """
        tail: dict[str, object] | None = None
        if len(self._filling) >= limits.MIN_PART_BYTES:
            self._send()
        elif self._filling:
            place = self._claimed["tail"]
            self._storage.put(place["url"], self._filling)
            tail = {"key": place["key"], "size_bytes": len(self._filling)}
        for sending in self._sending:
            self._stored.append(sending.result())
        self._pool.shutdown()
        running = None
        if self._hasher is not None:
            algorithm = str(self._claimed["algorithm"])
            digest = Digest(algorithm, self._hasher.hexdigest())
            running = RunningHash(algorithm, digest, self._hasher.state())
        extra = self._extra.hexdigest() if self._extra else None
        return Stored(self._offset_bytes, self._stored, tail, running, extra)

    def abandon(self) -> None:
        """Stop: nothing more is sent, and nothing that was is reported."""
        for sending in self._sending:
            sending.cancel()
        self._pool.shutdown(wait=True)
        self._filling = bytearray()


def _continued(hashing: Hashing, claimed: Mapping[str, Any]) -> Hasher | None:
    """The running hash of the session; None when nobody can continue it."""
    algorithm, state = str(claimed["algorithm"]), claimed.get("hash_state")
    if claimed["offset_bytes"] == 0:
        return hashing.begin(algorithm)
    if state is None:
        return None
    try:
        return hashing.resume(algorithm, base64.b64decode(state))
    except PortError:
        return None


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
