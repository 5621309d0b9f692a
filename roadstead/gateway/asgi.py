"""The ASGI application: small requests become events, large bodies are streamed.

A body that fits into a Lambda event goes the inline way, exactly as on AWS; only what is larger,
and only on the endpoints that take blobs, goes past the app to S3.
"""

from __future__ import annotations

import asyncio
import functools
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qsl, unquote

from chalicelib.adapters.clock import ticking_ms
from chalicelib.domain.errors import ErrorCode
from chalicelib.domain.limits import MAX_INLINE_BODY_BYTES
from chalicelib.ports import Hashing
from chalicelib.web.endpoints import Carries, Match, match
from roadstead.gateway.downloads import Downloads, Relay, is_download
from roadstead.gateway.events import (
    MAX_EVENT_BODY_BYTES,
    Front,
    HttpRequest,
    HttpResponse,
    refusal,
)
from roadstead.gateway.intake import ClientGoneError, Intake, Receive, Send
from roadstead.gateway.passage import CLIENT_GONE, Passage
from roadstead.gateway.shared import Bounds, Streaming
from roadstead.gateway.streams import (
    answered,
    stream_blob,
    stream_layer,
    stream_whole,
)
from roadstead.uploader import PartStorage

CALL_THREADS = 32


class Gateway:
    """Serves a registry over ASGI: the app behind a `LambdaFront`, or one that is elsewhere.

    ``gateway_key`` is the operator's; without it the registry reads back what we have streamed.
    """

    def __init__(
        self,
        front: Front,
        hashing: Hashing,
        gateway_key: bytes | None,
        storage: PartStorage | None = None,
        bounds: Bounds | None = None,
        downloads: Downloads = Downloads.REDIRECT,
    ) -> None:
        self._pool = ThreadPoolExecutor(CALL_THREADS, thread_name_prefix="call")
        # Streams wait here for a slow S3, so that nobody else waits behind them.
        self._streams = ThreadPoolExecutor(CALL_THREADS, thread_name_prefix="stream")
        self._relay = Relay(self._pool) if downloads is Downloads.THROUGH else None
        self._serving: set[asyncio.Task[Any]] = set()
        self._front = front
        self._storage = storage or PartStorage()
        self._shared = Streaming(
            self._front, self._storage, hashing, self._streams, gateway_key, bounds or Bounds()
        )

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            task = asyncio.current_task()
            assert task is not None, "a server calls from a task"
            self._serving.add(task)
            try:
                await self._http(scope, receive, send)
            finally:
                self._serving.discard(task)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                await self._close()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return

    async def _close(self) -> None:
        # uvicorn has cancelled those whose grace is over, and does not wait for them; they need
        # the pool to let go of their claims.
        if self._serving:
            await asyncio.wait(self._serving)
        self._pool.shutdown(wait=False)
        self._streams.shutdown(wait=False)
        self._storage.close()
        if self._relay:
            self._relay.close()

    async def _http(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        request = _read_head(scope)
        intake = Intake(receive, waits=request.header("expect") is not None)
        passage = Passage(request, ticking_ms(), intake)
        response = await answered(request, functools.partial(self._respond, passage))
        if response is None:
            passage.write(CLIENT_GONE)
        elif self._relay and is_download(passage.endpoint, response):
            leaving = asyncio.ensure_future(intake.gone())
            try:
                sent = await self._relay.send(request, response, send, leaving.done)
            finally:
                leaving.cancel()
            passage.went_past = True
            passage.write(sent.status, sent.size_bytes)
        else:
            passage.write(response.status)
            await _send(send, response, None if intake.ended else intake)

    async def _respond(self, passage: Passage) -> HttpResponse:
        request, intake = passage.request, passage.intake
        found = match(request.method, unquote(request.raw_path))
        carries = found.endpoint.carries if found.endpoint else Carries.DOCUMENT
        if carries is Carries.DOCUMENT:
            return await self._inline(passage, MAX_EVENT_BODY_BYTES, bytearray())
        declared = request.header("content-length") or ""
        held = bytearray()
        if not declared.isdigit() or int(declared) <= MAX_INLINE_BODY_BYTES:
            held = await intake.up_to(MAX_INLINE_BODY_BYTES)
            if intake.ended and len(held) <= MAX_INLINE_BODY_BYTES:
                return await self._inline(passage, MAX_INLINE_BODY_BYTES, held)
        passage.went_past = True
        return await self._stream(request, found, carries, intake, bytes(held))

    async def _inline(self, passage: Passage, limit_bytes: int, held: bytearray) -> HttpResponse:
        request, intake = passage.request, passage.intake
        if int(_number(request.header("content-length"))) > limit_bytes:
            passage.went_past = True
            return _too_large(request, limit_bytes)
        body = held + await intake.up_to(limit_bytes) if not intake.ended else held
        if len(body) > limit_bytes:
            passage.went_past = True
            return _too_large(request, limit_bytes)
        whole = HttpRequest(**{**vars(request), "body": bytes(body)})
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, self._front.call, whole)

    async def _stream(
        self, request: HttpRequest, found: Match, carries: Carries, intake: Intake, held: bytes
    ) -> HttpResponse:
        if carries is Carries.V1_LAYER:
            return await stream_layer(self._shared, request, found.params, intake, held)
        if request.method != "POST":
            return await stream_blob(self._shared, request, found.params, intake, held)
        if "digest" in dict(parse_qsl(request.query)):
            return await stream_whole(self._shared, request, found.params, intake, held)
        return _too_large(request, MAX_INLINE_BODY_BYTES)


def _number(text: str | None) -> int:
    return int(text) if text and text.isdigit() else 0


def _too_large(request: HttpRequest, limit_bytes: int) -> HttpResponse:
    message = f"this request takes at most {limit_bytes} bytes"
    return refusal(request, ErrorCode.SIZE_EXCEEDED, message)


def _read_head(scope: dict[str, Any]) -> HttpRequest:
    headers = [(name.decode().lower(), value.decode("latin-1")) for name, value in scope["headers"]]
    client = scope.get("client")
    return HttpRequest(
        method=scope["method"],
        raw_path=scope["raw_path"].decode("latin-1"),
        query=scope["query_string"].decode("latin-1"),
        headers=headers,
        source_ip=client[0] if client else "",
    )


async def _send(send: Send, response: HttpResponse, unread: Intake | None) -> None:
    """Send an answer; one that comes before the body has been read ends the connection."""
    pairs = [
        (name.lower().encode("latin-1"), value.encode("latin-1", "replace"))
        for name, value in response.headers
    ]
    if unread is not None:
        pairs.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": response.status, "headers": pairs})
    if unread is not None:
        # The client has the whole answer now, but for us it must not be over: uvicorn closes the
        # socket with the last message, and hears nothing more.
        await send({"type": "http.response.body", "body": response.body, "more_body": True})
        await unread.drain()
        await send({"type": "http.response.body", "body": b""})
    else:
        await send({"type": "http.response.body", "body": response.body})


__all__ = ["ClientGoneError", "Gateway"]
