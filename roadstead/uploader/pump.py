"""Bytes that are pushed in: hashed, cut into parts, and sent by a few threads.

When those are behind, ``feed`` waits, and with it the sender.
Memory: the part that is being filled and those under way, at most ``IN_FLIGHT + 1`` parts.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from chalicelib.domain import limits
from chalicelib.domain.digest import Digest
from chalicelib.domain.upload import RunningHash
from chalicelib.ports import Hasher, Hashing, PortError
from roadstead.uploader.session import PartUrls, RegistryApi, Stored
from roadstead.uploader.storage import PartStorage

IN_FLIGHT = 2


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
        self._parts = PartUrls.of(api, parts_path, claimed)
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
        self._parts.url(number)  # renewed here, where a refusal stops the feeding
        self._next, self._filling = number + 1, bytearray()
        self._slots.acquire()
        self._sending.append(self._pool.submit(self._put, number, data))

    def _put(self, number: int, data: bytearray) -> list[object]:
        try:
            return [number, self._parts.put(self._storage, number, data), len(data)]
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
            key = self._parts.put_tail(self._storage, self._next, self._filling)
            tail = {"key": key, "size_bytes": len(self._filling)}
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
