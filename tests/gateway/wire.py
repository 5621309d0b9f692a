"""HTTP/1.1 by hand: what goes over the socket is exactly what the test wrote."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

TIMEOUT_S = 30.0
PIECE_BYTES = 256 * 1024


class Closed(AssertionError):
    """The gateway closed the connection where an answer was due."""


@dataclass(frozen=True)
class Answer:
    """One answer as it came: header names lower-case, in order, repeated ones kept."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    version: str = "HTTP/1.1"

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)

    @property
    def location(self) -> str:
        found = self.header("location")
        assert found is not None, self
        return found


@dataclass
class Wire:
    """One connection."""

    link: socket.socket
    _held: bytes = field(default=b"", repr=False)

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.link.sendall(piece)

    def answer(self, method: str = "GET") -> Answer:
        """Read the next answer; ``method`` tells whether it may have a body."""
        head = self._until(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        version, status = first.split(" ")[:2]
        headers = tuple(
            (name.lower(), value.strip())
            for name, _, value in (line.partition(":") for line in lines)
        )
        known = dict(headers)
        code = int(status)
        if method == "HEAD" or code < 200 or code in (204, 304):
            body = b""
        elif known.get("transfer-encoding") == "chunked":
            body = b"".join(self._chunks())
        else:
            body = self._exactly(int(known["content-length"]))
        return Answer(code, headers, body, version)

    def closed(self) -> bool:
        """Whether the gateway has closed the connection, and sent nothing more before it did."""
        try:
            return self._held == b"" and self.link.recv(1) == b""
        except ConnectionResetError:
            return True

    def silent(self) -> bool:
        """Whether nothing has arrived that was not read; does not wait."""
        self.link.setblocking(False)
        try:
            self._held += self.link.recv(1, socket.MSG_PEEK)[:0]
        except BlockingIOError:
            return self._held == b""
        finally:
            self.link.settimeout(TIMEOUT_S)
        return False

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._held:
            self._more()
        found, _, self._held = self._held.partition(mark)
        return found

    def _exactly(self, size_bytes: int) -> bytes:
        while len(self._held) < size_bytes:
            self._more()
        found, self._held = self._held[:size_bytes], self._held[size_bytes:]
        return found

    def _chunks(self) -> Iterator[bytes]:
        while size_bytes := int(self._until(b"\r\n").split(b";")[0], 16):
            yield self._exactly(size_bytes)
            assert self._until(b"\r\n") == b""
        assert self._until(b"\r\n") == b""

    def _more(self) -> None:
        data = self.link.recv(65536)
        if not data:
            raise Closed(f"closed after {self._held[:200]!r}")
        self._held += data


@contextmanager
def connected(host: str) -> Iterator[Wire]:
    """A connection to ``name:port``."""
    name, _, port = host.partition(":")
    with socket.create_connection((name, int(port)), timeout=TIMEOUT_S) as link:
        yield Wire(link)


def head(method: str, target: str, headers: Iterable[tuple[str, str]] = ()) -> bytes:
    """The head of a request; a Host is put before the headers given."""
    lines = [f"{method} {target} HTTP/1.1", "Host: registry.test"]
    lines += [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def chunked(pieces: Iterable[bytes], *, extension: str = "", trailers: str = "") -> Iterator[bytes]:
    """A body in chunks, as RFC 9112 section 7.1 has them."""
    for piece in pieces:
        yield b"%x%s\r\n" % (len(piece), extension.encode()) + piece + b"\r\n"
    yield b"0\r\n" + trailers.encode() + b"\r\n"


def cut(data: bytes, size_bytes: int = PIECE_BYTES) -> Iterator[bytes]:
    return (data[at : at + size_bytes] for at in range(0, len(data), size_bytes))


def send(
    host: str,
    method: str,
    target: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    *,
    in_chunks: bool = False,
) -> Answer:
    """One request on a connection of its own."""
    with connected(host) as wire:
        return exchange(wire, method, target, body, headers, in_chunks=in_chunks)


def exchange(
    wire: Wire,
    method: str,
    target: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    *,
    in_chunks: bool = False,
) -> Answer:
    """One request on a connection that is there."""
    pairs = list((headers or {}).items())
    if in_chunks:
        wire.send(head(method, target, [*pairs, ("Transfer-Encoding", "chunked")]))
        wire.send(*chunked(cut(body)))
    else:
        sized = [("Content-Length", str(len(body)))] if body or method in ("PUT", "POST") else []
        wire.send(head(method, target, [*pairs, *sized]), *cut(body))
    return wire.answer(method)
