"""Downloads: clients are sent to S3, or their bytes come through here.

    redirect   302 or 307 to a presigned URL, as on AWS: nothing but the address passes here
    through    the gateway follows the redirect itself and hands the bytes on, for clients that
               cannot reach S3; only so can the last answer carry Docker-Content-Digest

Memory is bounded: one piece a download; while the client is slow, nothing more is read from S3.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar
from urllib.parse import urlsplit

import urllib3

from chalicelib.domain.errors import ErrorCode
from roadstead.gateway.events import HttpRequest, HttpResponse, refusal
from roadstead.gateway.intake import Send

log = logging.getLogger("roadstead.gateway")
T = TypeVar("T")

PIECE_BYTES = 256 * 1024
REDIRECTS = (302, 307)
# What of S3's answer is about the bytes; its own ids and dates are nobody's business.
PASSED_ON = ("Content-Length", "Content-Range", "Accept-Ranges")
# What of the redirect still holds for the bytes themselves.
LEFT_OUT = ("location", "content-length", "cache-control")
# A kept connection may be hung up by S3 in the moment in which it is used again.
ATTEMPTS = 2


class Downloads(Enum):
    """How blobs and layers go out."""

    REDIRECT = "redirect"
    THROUGH = "through"


@dataclass(frozen=True)
class Sent:
    """What a client was answered, and how many bytes of a body."""

    status: int
    size_bytes: int


class Relay:
    """Follows redirects to S3 on behalf of clients; shared by all downloads of a process."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool
        self._http = urllib3.PoolManager(
            num_pools=4,
            maxsize=32,
            retries=False,
            timeout=urllib3.Timeout(connect=5.0, read=60.0),
        )

    def close(self) -> None:
        self._http.clear()

    async def send(
        self,
        request: HttpRequest,
        redirect: HttpResponse,
        send: Send,
        is_gone: Callable[[], bool] = lambda: False,
    ) -> Sent:
        """Answer with what the redirect leads to; when the client ``is_gone``, that is the end.

        Raises: OSError when S3 breaks off: the client then sees fewer bytes than were promised.
        """
        try:
            found = await self._call(functools.partial(self._fetch, request, redirect))
        except urllib3.exceptions.HTTPError as error:
            # The URL is a secret, and urllib3's messages hold it.
            host = urlsplit(redirect.header("location") or "").netloc
            log.warning("S3 at %s did not answer a download: %s", host, type(error).__name__)
            return await _send_whole(send, _unavailable(request))
        if found.status not in (200, 206):
            # Its body is not read: the next download on this connection would get it.
            found.close()
            return await _send_whole(send, _refused(request, found))
        return await self._stream(redirect, found, send, is_gone)

    def _fetch(self, request: HttpRequest, redirect: HttpResponse) -> urllib3.BaseHTTPResponse:
        wanted = request.header("range")
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._http.request(
                    request.method,
                    redirect.header("location") or "",
                    headers={"Range": wanted} if wanted else {},
                    preload_content=False,
                    decode_content=False,
                )
            except urllib3.exceptions.ProtocolError:
                if attempt == ATTEMPTS:
                    raise
        raise AssertionError("the last attempt returns or raises")

    async def _stream(
        self,
        redirect: HttpResponse,
        found: urllib3.BaseHTTPResponse,
        send: Send,
        is_gone: Callable[[], bool],
    ) -> Sent:
        pairs = [(name, value) for name, value in redirect.headers if name.lower() not in LEFT_OUT]
        pairs += [(name, found.headers[name]) for name in PASSED_ON if name in found.headers]
        whole, sent_bytes = False, 0
        try:
            await send(_start(found.status, pairs))
            # To its end also for HEAD, which has no bytes: a connection is of no use to the next
            # download before the answer on it has been read, and a client that has these headers
            # may ask for the next at once.
            while data := await self._call(functools.partial(found.read, PIECE_BYTES)):
                if is_gone():
                    # uvicorn drops what is sent to nobody, without a word and without a pause.
                    return Sent(found.status, sent_bytes)
                await send({"type": "http.response.body", "body": data, "more_body": True})
                sent_bytes += len(data)
            whole = True
        except urllib3.exceptions.HTTPError as error:
            raise OSError(f"S3 broke off: {type(error).__name__}") from None
        finally:
            # A connection with bytes still on it is of no use to the next download.
            if whole:
                found.release_conn()
            else:
                found.close()
        await send({"type": "http.response.body", "body": b""})
        return Sent(found.status, sent_bytes)

    async def _call(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)


def is_download(endpoint_name: str | None, response: HttpResponse) -> bool:
    """Whether an answer sends the client to the bytes of a blob or a layer."""
    goes_out = endpoint_name in ("v2.blob.get", "v1.image.layer.get")
    return goes_out and response.status in REDIRECTS


def _unavailable(request: HttpRequest) -> HttpResponse:
    message = "the store behind the registry did not give the bytes; try again"
    return refusal(request, ErrorCode.UNAVAILABLE, message, headers={"Retry-After": "2"})


def _refused(request: HttpRequest, found: urllib3.BaseHTTPResponse) -> HttpResponse:
    if found.status != 416:
        log.warning("S3 answered a download with %d", found.status)
        return _unavailable(request)
    whole = found.headers.get("Content-Range")
    message = "the blob has no such range"
    headers = {"Content-Range": whole} if whole else {}
    return refusal(request, ErrorCode.RANGE_INVALID, message, headers=headers)


async def _send_whole(send: Send, response: HttpResponse) -> Sent:
    await send(_start(response.status, list(response.headers)))
    await send({"type": "http.response.body", "body": response.body})
    return Sent(response.status, len(response.body))


def _start(status: int, pairs: list[tuple[str, str]]) -> dict[str, object]:
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in pairs]
    return {"type": "http.response.start", "status": status, "headers": headers}
