"""POST to whoever has a webhook: a stranger, who may mean harm or be broken.

The name is resolved once, every address that it has is judged, and the connection goes to one of
these very addresses: a name cannot lead elsewhere in between. No redirects, no proxies, one
deadline for all of it, a few kilobytes of the answer at most.
"""

from __future__ import annotations

import io
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from http.client import HTTPException, HTTPResponse
from ipaddress import ip_address
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

from chalicelib.domain.receivers import (
    Address,
    Network,
    Receiver,
    is_listed,
    is_public,
    parse_receiver,
)
from chalicelib.domain.webhooks import Answer
from chalicelib.ports import Clock

DEADLINE_S = 10.0
# What comes after the head of an answer is only looked at.
BODY_S = 2.0
MAX_ANSWER_BYTES = 16 * 1024
EXCERPT_CHARS = 512
# A name with more addresses is tried at the first of them.
MAX_ADDRESSES = 3

Resolve = Callable[[str, int], Sequence[str]]


class _Failed(Exception):
    """An attempt ends here; the text is for the owner of the webhook."""


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a name, as this machine finds them. Raises: OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


class SafePoster:
    """Poster; ``networks`` are those beside the public internet that it may speak to.

    There, and only there, it also speaks http. ``tls`` is for tests with a CA of their own.
    """

    def __init__(
        self,
        clock: Clock,
        networks: Sequence[Network] = (),
        *,
        resolve: Resolve = resolve,
        tls: ssl.SSLContext | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._clock, self._networks, self._resolve = clock, tuple(networks), resolve
        self._tls = tls
        self._deadline_s = deadline_s

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        began = time.monotonic()
        status, problem, excerpt = None, "", ""
        try:
            status, excerpt = self._exchange(url, headers, body, began + self._deadline_s)
        except _Failed as failure:
            problem = str(failure)
        except TimeoutError:
            problem = f"no answer within {self._deadline_s:g} seconds"
        except ssl.SSLCertVerificationError as error:
            problem = f"its certificate is not accepted: {error.verify_message}"
        except ssl.SSLError as error:
            problem = f"TLS fails: {error.reason or 'no reason is given'}"
        except OSError as error:
            problem = f"the connection fails: {error.strerror or type(error).__name__}"
        except (HTTPException, ValueError):
            problem = "the answer is not HTTP"
        if status is not None and 300 <= status < 400:
            problem = "redirects are not followed"
        took_ms = int((time.monotonic() - began) * 1000)
        return Answer(self._clock.now_s(), status, problem, took_ms, excerpt)

    def _exchange(
        self, url: str, headers: Mapping[str, str], body: bytes, deadline: float
    ) -> tuple[int, str]:
        try:
            receiver = parse_receiver(url)
        except ValueError as error:
            raise _Failed(str(error)) from error
        addresses = self._judged(receiver, deadline)
        with self._connected(receiver, addresses, deadline) as connection:
            connection.settimeout(_left_s(deadline))
            # It may have answered without reading to the end.
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(_request(receiver, headers, body))
            return _answer(connection, deadline)

    def _judged(self, receiver: Receiver, deadline: float) -> list[Address]:
        """The addresses to connect to; all of a name's are good, or none is."""
        found = [ip_address(each) for each in self._resolved(receiver, deadline)]
        if not found:
            raise _Failed("the name has no address")
        is_ours = all(is_listed(each, self._networks) for each in found)
        if not is_ours and not all(
            is_public(each) or is_listed(each, self._networks) for each in found
        ):
            raise _Failed("the name leads to an address that is not in the public internet")
        if not receiver.is_secure and not is_ours:
            raise _Failed("only https:// is spoken in the public internet")
        return found[:MAX_ADDRESSES]

    def _resolved(self, receiver: Receiver, deadline: float) -> Sequence[str]:
        """Raises: TimeoutError: nothing makes the system's resolver give up in time."""
        answers: SimpleQueue[Sequence[str] | OSError | UnicodeError] = SimpleQueue()

        def look_up() -> None:
            try:
                answers.put(self._resolve(receiver.host, receiver.port))
            except (OSError, UnicodeError) as error:
                answers.put(error)

        Thread(target=look_up, name="resolver", daemon=True).start()
        try:
            found = answers.get(timeout=_left_s(deadline))
        except Empty:
            raise TimeoutError from None
        if isinstance(found, Exception):
            raise _Failed("the name cannot be resolved")
        return found

    def _connected(
        self, receiver: Receiver, addresses: Sequence[Address], deadline: float
    ) -> socket.socket:
        """Raises: OSError: what the last address says."""
        for number, address in enumerate(addresses, start=1):
            family = socket.AF_INET if address.version == 4 else socket.AF_INET6
            connection = socket.socket(family, socket.SOCK_STREAM)
            try:
                # A share of the time for each, so that one that is deaf does not take it all.
                share = len(addresses) - number + 1
                connection.settimeout(_left_s(deadline) / share)
                connection.connect((str(address), receiver.port))
            except OSError:
                connection.close()
                if number == len(addresses):
                    raise
                continue
            return self._secured(connection, receiver, deadline)
        raise AssertionError("the last address returns or raises")

    def _secured(
        self, connection: socket.socket, receiver: Receiver, deadline: float
    ) -> socket.socket:
        if not receiver.is_secure:
            return connection
        try:
            tls = (self._tls or _tls()).wrap_socket(
                connection, server_hostname=receiver.host, do_handshake_on_connect=False
            )
        except BaseException:
            connection.close()
            raise
        try:
            tls.settimeout(_left_s(deadline))
            tls.do_handshake()
        except BaseException:
            tls.close()
            raise
        return tls


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _left_s(deadline: float) -> float:
    left_s = deadline - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    return left_s


def _request(receiver: Receiver, headers: Mapping[str, str], body: bytes) -> bytes:
    sent = {
        "host": receiver.authority,
        "accept": "*/*",
        "accept-encoding": "identity",
        "connection": "close",
        "content-length": str(len(body)),
        **headers,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
    return f"POST {receiver.target} HTTP/1.1\r\n{lines}\r\n".encode("ascii") + body


class _Bounded(io.RawIOBase):
    """A connection that is read until a deadline, and so far."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection, self.deadline = connection, deadline
        self._room_bytes = MAX_ANSWER_BYTES
        self.has_ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._room_bytes:
            raise _Failed(f"the head of the answer is above {MAX_ANSWER_BYTES} bytes")
        self._connection.settimeout(_left_s(self.deadline))
        view = memoryview(buffer)[: self._room_bytes]
        count = self._connection.recv_into(view)
        self._room_bytes -= count
        self.has_ended = not count
        return count


class _Made:
    """What ``HTTPResponse`` takes for a socket."""

    def __init__(self, raw: _Bounded) -> None:
        self._raw = raw

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self._raw)


def _answer(connection: socket.socket, deadline: float) -> tuple[int, str]:
    raw = _Bounded(connection, deadline)
    response = HTTPResponse(_Made(raw), method="POST")  # type: ignore[arg-type]
    response.begin()
    if raw.has_ended:
        raise _Failed("the connection ended within the head of the answer")
    raw.deadline = min(deadline, time.monotonic() + BODY_S)
    return response.status, _excerpt(response)


def _excerpt(response: HTTPResponse) -> str:
    found = b""
    # The status has come, and says it all.
    with suppress(_Failed, OSError, HTTPException, ValueError):
        # No character of UTF-8 has more than four bytes.
        while len(found) < EXCERPT_CHARS * 4:
            piece = response.read1(EXCERPT_CHARS * 4 - len(found))
            if not piece:
                break
            found += piece
    text = found.decode("utf-8", "replace")[:EXCERPT_CHARS]
    return "".join(sign if sign.isprintable() or sign in "\n\t" else "\ufffd" for sign in text)
