"""HTTP as it is on the wire: heads that no library would send, and answers as they come."""

from __future__ import annotations

import http.client
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from roadstead.awslimits.exchange import Address
from roadstead.awslimits.servers import serving

Headers = Mapping[str, str]


@dataclass(frozen=True)
class Said:
    status: int
    headers: http.client.HTTPMessage
    body: bytes


def ask(
    address: Address,
    method: str,
    target: str,
    headers: Headers | None = None,
    body: bytes | Iterable[bytes] | None = None,
    *,
    declared: int | None = None,
    host: str | None = None,
) -> Said:
    """One request with these headers and no others; a body in pieces goes chunked.

    ``declared``: the Content-Length, whatever is sent. ``host``: what is called, if it is not the
    address.
    """
    connection = http.client.HTTPConnection(address.host, address.port, timeout=60)
    named = host is not None
    connection.putrequest(method, target, skip_host=named, skip_accept_encoding=True)
    if host is not None:
        connection.putheader("Host", host)
    for name, value in (headers or {}).items():
        connection.putheader(name, value)
    if declared is not None:
        connection.putheader("Content-Length", str(declared))
    elif isinstance(body, bytes):
        connection.putheader("Content-Length", str(len(body)))
    elif body is not None:
        connection.putheader("Transfer-Encoding", "chunked")
    try:
        connection.endheaders()
        # Who refuses need not read the rest.
        with suppress(ConnectionError):
            _send(connection, body)
        answer = connection.getresponse()
        return Said(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


def _send(connection: http.client.HTTPConnection, body: bytes | Iterable[bytes] | None) -> None:
    if isinstance(body, bytes):
        connection.send(body)
    elif body is not None:
        for piece in body:
            connection.send(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        connection.send(b"0\r\n\r\n")


def pieces(size: int, piece: int = 1 << 16) -> Iterator[bytes]:
    """A body of so many bytes that is never held."""
    while size > 0:
        yield b"\0" * min(size, piece)
        size -= piece


@contextmanager
def served(app: Any) -> Iterator[Address]:
    with serving(app, "the test's server") as address:
        yield address
