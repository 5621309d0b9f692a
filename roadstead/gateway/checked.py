"""Bodies that S3 proves: what a gateway without a key does with blobs too large to be read back.

    PUT of known digest, more than 1 GiB   one PUT to S3 with the SHA-256 signed, as it passes
    anything above what the registry reads refused: before the body where its length is declared,
      back (2 GiB)                         else when that much has come

A body that S3 refuses or that breaks off cannot be sent again from here: the client has to.
"""

from __future__ import annotations

import asyncio
import functools
import queue
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import IO
from urllib.parse import parse_qsl

from chalicelib.domain import limits
from chalicelib.domain.errors import ErrorCode
from chalicelib.web.endpoints import url_for
from roadstead.gateway.events import HttpRequest, HttpResponse, refusal
from roadstead.gateway.intake import Intake
from roadstead.gateway.shared import Bounds, CallerApi, Streaming, length_of, without_body
from roadstead.uploader import StorageFailed

UNPROVABLE = (
    "nobody here can prove the digest of so large a layer while it passes; "
    "`roadstead push` takes up to 5 GiB, a gateway that the operator runs takes more"
)
BATCH_BYTES = 1024 * 1024
BATCHES_WAITING = 4
LOOK_AFTER_S = 0.2


class UnprovableError(Exception):
    """A body that the registry would refuse at its end."""


@dataclass(frozen=True)
class Plan:
    """A body of declared length, the SHA-256 that the request names, and which way it goes."""

    size_bytes: int
    digest: str | None
    goes_whole: bool


def plan_for(request: HttpRequest, bounds: Bounds) -> Plan | None:
    """What is known of a body beforehand; None where its length is not.

    Raises: UnprovableError.
    """
    size_bytes = length_of(request)
    if size_bytes is None:
        return None
    digest = dict(parse_qsl(request.query)).get("digest", "")
    named = request.method == "PUT" and digest.startswith("sha256:")
    in_one = not request.header("content-range")
    fits = bounds.whole_above_bytes < size_bytes <= limits.MAX_WHOLE_BYTES
    goes_whole = fits and named and in_one
    if size_bytes > bounds.read_back_bytes and not goes_whole:
        raise UnprovableError
    return Plan(size_bytes, digest if named else None, goes_whole)


class Channel:
    """Bytes from the event loop to a thread that reads them as a file; a few MiB wait."""

    def __init__(self) -> None:
        self._waiting: queue.Queue[bytes | None] = queue.Queue(BATCHES_WAITING)
        self._begun = False
        self._rest = memoryview(b"")
        self.closed = False

    def opened(self) -> IO[bytes]:
        """The reading end, once. Raises: StorageFailed the second time."""
        if self._begun:
            raise StorageFailed("S3 broke off, and the bytes are gone")
        self._begun = True
        return self  # type: ignore[return-value]

    def put(self, data: bytes | None) -> None:
        """Hand on bytes, None for a stream that breaks off; given up when nobody reads."""
        while not self.closed:
            try:
                self._waiting.put(data, timeout=LOOK_AFTER_S)
            except queue.Full:
                continue
            return

    def read(self, size: int) -> bytes:
        """The next bytes, at most so many. Raises: OSError when the stream has broken off."""
        if not self._rest:
            data = self._waiting.get()
            if data is None:
                raise OSError("the client hung up")
            self._rest = memoryview(data)
        taken, self._rest = self._rest[:size], self._rest[size:]
        return bytes(taken)


async def stream_checked(
    shared: Streaming,
    request: HttpRequest,
    params: Mapping[str, str],
    intake: Intake,
    held: bytes,
    plan: Plan,
) -> HttpResponse | None:
    """Stream a PUT to S3, which checks it; then close the upload.

    None, before anything is read: the body is not the whole blob, its beginning is there.
    Raises: UploadRefused, StorageFailed, ClientGoneError.
    """
    api = CallerApi(shared.front, request)
    named = {"repository": params["repository"], "upload_id": params["upload_id"]}
    wanted = {"digest": plan.digest, "size_bytes": plan.size_bytes}
    path = url_for("uploader.whole", **named)
    asked = (await shared.run(api.post, path, wanted)).document()
    # An older registry does not say so: then S3 refuses the bytes.
    if asked.get("offset_bytes"):
        return None
    channel = Channel()
    put = functools.partial(shared.storage.put_whole, asked["url"], asked["headers"])
    sending = _sending(functools.partial(put, plan.size_bytes), channel)
    try:
        await _fill(shared, channel, intake, held)
    except BaseException:
        await asyncio.shield(shared.run(channel.put, None))
        await asyncio.wait([sending])
        sending.exception()
        raise
    try:
        await sending
    except StorageFailed as failure:
        if failure.is_mismatch:
            return refusal(request, ErrorCode.DIGEST_INVALID)
        raise
    return await shared.run(shared.front.call, without_body(request))


def _sending(
    put: Callable[[Callable[[], IO[bytes]]], None], channel: Channel
) -> asyncio.Future[None]:
    """The PUT, under way on a thread of its own.

    Those that feed it must never wait for a thread behind it, and where it waited for one itself,
    its bytes would hold the threads that feed the push before it.
    """
    thread = ThreadPoolExecutor(1, thread_name_prefix="whole")
    sending = asyncio.get_running_loop().run_in_executor(thread, put, channel.opened)
    thread.shutdown(wait=False)

    def close(_: object) -> None:
        channel.closed = True

    sending.add_done_callback(close)
    return sending


async def _fill(shared: Streaming, channel: Channel, intake: Intake, held: bytes) -> None:
    batch = bytearray(held)
    while not channel.closed and (data := await intake.piece()):
        batch += data
        if len(batch) >= BATCH_BYTES:
            await shared.run(channel.put, bytes(batch))
            batch = bytearray()
    await shared.run(channel.put, bytes(batch))
    # An empty batch is the end of the stream.
    if batch:
        await shared.run(channel.put, b"")
