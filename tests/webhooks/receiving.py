"""Receivers on loopback that behave as strangers do; each keeps what it was sent."""

from __future__ import annotations

import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

from tests.clients.commands import need

Behave = Callable[[socket.socket, Event], None]


@dataclass
class Receiver:
    """``connections`` counts whoever came; ``requests`` what they sent, as bytes."""

    port: int
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    stopped: Event = field(default_factory=Event)


def read_request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return data
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1])
        for line in head.lower().split(b"\r\n")
        if line.startswith(b"content-length:")
    )
    while len(body) < length:
        piece = connection.recv(65536)
        if not piece:
            break
        body += piece
    return head + b"\r\n\r\n" + body


def says(data: bytes) -> Behave:
    def behave(connection: socket.socket, _: Event) -> None:
        connection.sendall(data)

    return behave


def status(code: int, body: bytes = b"", *headers: bytes) -> Behave:
    lines = b"".join(header + b"\r\n" for header in headers)
    head = b"HTTP/1.1 %d Said\r\n%scontent-length: %d\r\n\r\n" % (code, lines, len(body))
    return says(head + body)


@contextmanager
def receiving(
    behave: Behave,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    tls: ssl.SSLContext | None = None,
    reads: bool = True,
) -> Iterator[Receiver]:
    """A receiver that treats every connection so; ``behave`` ends early when it is stopped."""
    listener = socket.create_server((host, port))
    listener.settimeout(0.05)
    place = Receiver(listener.getsockname()[1])
    threads: list[Thread] = []

    def serve(plain: socket.socket) -> None:
        with suppress(OSError, ssl.SSLError):
            plain.settimeout(20)
            connection = tls.wrap_socket(plain, server_side=True) if tls else plain
            with connection:
                if reads:
                    place.requests.append(read_request(connection))
                behave(connection, place.stopped)
        plain.close()

    def accept() -> None:
        while not place.stopped.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            place.connections += 1
            threads.append(Thread(target=serve, args=(connection,), daemon=True))
            threads[-1].start()

    acceptor = Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield place
    finally:
        place.stopped.set()
        acceptor.join()
        for thread in threads:
            thread.join()
        listener.close()


@dataclass(frozen=True)
class Certificates:
    """``server`` is good for these names; ``client`` trusts nobody but it."""

    server: ssl.SSLContext
    client: ssl.SSLContext


def certificates(folder: Path, names: str) -> Certificates:
    """Made for ``names``, as `DNS:hooks.test`."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    need("openssl")
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    made += [
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=hooks.test",
        "-addext",
        f"subjectAltName={names}",
    ]
    subprocess.run(
        [*made, "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    return Certificates(server, ssl.create_default_context(cafile=str(certificate)))
