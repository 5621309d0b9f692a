"""The S3 door: S3's refusals in front of a local server that is more lenient, bodies streamed.

Signatures are for the door's own address, and the server behind checks them: the Host header
passes as it is. What the door adds of its own: the rules of `s3rules`, and the payload hash of a
signed request, of which SeaweedFS stores the body whatever it is.
"""

from __future__ import annotations

import hashlib
import re
from collections import deque
from typing import Any

from roadstead.awslimits.asgi import (
    HOP_BY_HOP,
    has_body,
    send_stream,
    send_whole,
    target_of,
    without,
)
from roadstead.awslimits.exchange import Address, Exchange, OriginError, RawHeaders, connect
from roadstead.awslimits.s3rules import Head, S3Refusal, refusal_of
from roadstead.gateway.intake import ClientGoneError, Intake, Receive, Send

HELD_BYTES = 1024 * 1024
_HASH = re.compile(r"[0-9a-f]{64}")
_OF_SEAWEED = (b"server", b"vary", b"accept-ranges")
_UNREACHED = S3Refusal(503, "ServiceUnavailable", "The store behind the door does not answer.")


class HashMismatch(Exception):
    """The body is not what the request's signed hash says."""

    def __init__(self, claimed: str, computed: str) -> None:
        super().__init__("the body has another hash")
        message = "The provided 'x-amz-content-sha256' header does not match what was computed."
        more = {"ClientComputedContentSHA256": claimed, "S3ComputedContentSHA256": computed}
        self.refusal = S3Refusal(400, "XAmzContentSHA256Mismatch", message, more)


class CheckedPieces:
    """A body that is held back a little, so that a wrong one never gets to the end.

    Its first MiB is read before the server behind hears of it: of a small body that is cut short
    SeaweedFS 4.48 stores an empty object. Its last piece waits until the hash is known to be right.
    """

    def __init__(self, body: Intake, claimed: str | None) -> None:
        self._body, self._claimed = body, claimed
        self._sha256 = hashlib.sha256()
        self._held: deque[bytes] = deque()
        self._ended = False

    async def hold(self) -> None:
        """Read the first MiB. Raises: HashMismatch, ClientGoneError."""
        held_bytes = 0
        while held_bytes < HELD_BYTES and not self._ended:
            held_bytes += await self._take()

    async def piece(self) -> bytes:
        """Raises: HashMismatch, ClientGoneError."""
        while len(self._held) < 2 and not self._ended:
            await self._take()
        return self._held.popleft() if self._held else b""

    async def _take(self) -> int:
        data = await self._body.piece()
        if data:
            self._held.append(data)
            if self._claimed is not None:
                self._sha256.update(data)
            return len(data)
        self._ended = True
        if self._claimed is not None and self._sha256.hexdigest() != self._claimed:
            raise HashMismatch(self._claimed, self._sha256.hexdigest())
        return 0


class S3Door:
    """An ASGI application in front of an S3 server.

    ``shares_host``: the door has the registry's own host name. Go's clients then send their login
    along when they are redirected here, which they would not on AWS: it is dropped unseen.
    """

    def __init__(self, behind: Address, *, shares_host: bool = False) -> None:
        self._behind = behind
        self._shares_host = shares_host

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if self._shares_host and b"X-Amz-Algorithm=" in scope["query_string"]:
            scope = {**scope, "headers": without(scope["headers"], [b"authorization"])}
        head = head_of(scope)
        intake = Intake(receive, waits="expect" in head.headers)
        refused = refusal_of(head)
        if refused is not None:
            await _refuse(send, head, refused, intake)
            return
        exchange: Exchange | None = None
        claimed = head.headers.get("x-amz-content-sha256", "")
        body = CheckedPieces(intake, claimed if _HASH.fullmatch(claimed) else None)
        try:
            if has_body(scope):
                await body.hold()
            exchange = await connect(self._behind)
            await self._pass_on(scope, head, body, exchange)
        except HashMismatch as mismatch:
            await _refuse(send, head, mismatch.refusal, intake)
        except OriginError:
            await _refuse(send, head, _UNREACHED, intake)
        except ClientGoneError:
            return
        else:
            headers = answer_headers(exchange.headers)
            await send_stream(send, exchange.status, headers, exchange.body(), intake)
        finally:
            if exchange is not None:
                await exchange.close()

    async def _pass_on(
        self, scope: dict[str, Any], head: Head, body: CheckedPieces, exchange: Exchange
    ) -> None:
        headers = without(scope["headers"], [*HOP_BY_HOP, b"expect"])
        headers.append((b"connection", b"close"))
        await exchange.send(
            head.method, target_of(scope), headers, body if has_body(scope) else None
        )


def head_of(scope: dict[str, Any]) -> Head:
    """The head of a request; of a repeated header the values joined, as SigV4 has them."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return Head(
        scope["method"],
        scope["raw_path"].decode("latin-1"),
        scope["query_string"].decode("latin-1"),
        headers,
    )


def answer_headers(headers: RawHeaders) -> RawHeaders:
    """An answer's headers as S3 has them."""
    found = [
        (name, value)
        for name, value in without(headers, [*HOP_BY_HOP, b"date", *_OF_SEAWEED])
        if not name.lower().startswith(b"seaweed-")
    ]
    named = {name.lower(): value for name, value in found}
    checksum = named.get(b"x-amz-checksum-sha256")
    # SeaweedFS leaves it out where it is not COMPOSITE.
    if checksum is not None and b"x-amz-checksum-type" not in named:
        kind = b"COMPOSITE" if b"-" in checksum else b"FULL_OBJECT"
        found.append((b"x-amz-checksum-type", kind))
    return [*found, (b"server", b"AmazonS3"), (b"accept-ranges", b"bytes")]


async def _refuse(send: Send, head: Head, refused: S3Refusal, intake: Intake) -> None:
    body = b"" if head.method == "HEAD" else refused.document(head.path)
    headers = [(b"content-type", b"application/xml"), (b"server", b"AmazonS3")]
    await send_whole(send, refused.status, headers, body, intake)
