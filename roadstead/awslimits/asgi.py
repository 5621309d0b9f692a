"""What the stand-ins share: heads as they came, answers as they go."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Any

from roadstead.awslimits.exchange import RawHeaders
from roadstead.gateway.intake import Intake, Send

# RFC 9110, 7.6.1: what is between two neighbours only. Transfer-Encoding is said anew.
HOP_BY_HOP = frozenset(
    (
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"upgrade",
    )
)


def target_of(scope: dict[str, Any]) -> bytes:
    """Path and query as they came."""
    query: bytes = scope["query_string"]
    path: bytes = scope["raw_path"]
    return path + (b"?" + query if query else b"")


def head_bytes(scope: dict[str, Any]) -> int:
    """The size of the request line and the headers."""
    line = len(scope["method"]) + len(target_of(scope)) + len(b"  HTTP/1.1\r\n")
    return line + sum(len(name) + len(value) + 4 for name, value in scope["headers"])


def has_body(scope: dict[str, Any]) -> bool:
    """Whether the request says that bytes follow its head."""
    named = dict(scope["headers"])
    return b"transfer-encoding" in named or named.get(b"content-length", b"0") != b"0"


def without(headers: Iterable[tuple[bytes, bytes]], names: Iterable[bytes]) -> RawHeaders:
    left_out = frozenset(names)
    return [(name, value) for name, value in headers if name.lower() not in left_out]


async def send_whole(
    send: Send, status: int, headers: RawHeaders, body: bytes, unread: Intake | None
) -> None:
    """Send an answer; one that comes before the request's body was read ends the connection.

    What the client still sends is then read away within bounds: a reset would overtake the answer.
    """
    pairs = [*headers, (b"content-length", str(len(body)).encode())]
    early = unread is not None and not unread.ended
    if early:
        pairs.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body, "more_body": early})
    if early and unread is not None:
        await unread.drain()
        await send({"type": "http.response.body", "body": b""})


async def send_stream(
    send: Send,
    status: int,
    headers: RawHeaders,
    body: AsyncIterator[bytes],
    unread: Intake | None,
) -> None:
    """The same for an answer that passes through."""
    pairs = list(headers)
    early = unread is not None and not unread.ended
    if early:
        pairs.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    async for data in body:
        await send({"type": "http.response.body", "body": data, "more_body": True})
    if early and unread is not None:
        await send({"type": "http.response.body", "body": b"", "more_body": True})
        await unread.drain()
    await send({"type": "http.response.body", "body": b""})
