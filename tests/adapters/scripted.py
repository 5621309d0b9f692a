"""An HTTP server that says what it is told to: errors that no real store gives on demand."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Say:
    """One answer; ``silent`` is none at all until the client gives up, ``cut_off`` half of it."""

    status: int = 200
    body: bytes = b"{}"
    silent: bool = False
    cut_off: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)


def dynamo_error(code: str, status: int = 400, **members: Any) -> Say:
    kind = f"com.amazonaws.dynamodb.v20120810#{code}"
    document = {"__type": kind, "message": "scripted", **members}
    return Say(status, json.dumps(document).encode())


def cancelled(*codes: str) -> Say:
    """A cancelled transaction with a reason for each of its items."""
    reasons = [{"Code": code, "Message": "scripted"} for code in codes]
    return dynamo_error("TransactionCanceledException", CancellationReasons=reasons)


def s3_error(code: str, status: int) -> Say:
    text = f"<Error><Code>{code}</Code><Message>scripted</Message></Error>"
    return Say(status, text.encode(), headers={"Content-Type": "application/xml"})


@dataclass
class Scripted:
    """The running server, and the requests it got. Its last answer repeats."""

    url: str
    bodies: list[bytes]
    headers: list[dict[str, str]]


@contextmanager
def scripted(answers: Sequence[Say]) -> Iterator[Scripted]:
    """Serve these answers in order on a port of the loopback."""
    released = threading.Event()
    bodies: list[bytes] = []
    headers: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            headers.append({name.lower(): value for name, value in self.headers.items()})
            bodies.append(self.rfile.read(int(self.headers.get("Content-Length", 0))))
            say = answers[min(len(bodies), len(answers)) - 1]
            if say.silent:
                released.wait(30)
                self.close_connection = True
                return
            self.send_response(say.status)
            for name, value in say.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(say.body)))
            self.end_headers()
            self.wfile.write(say.body[: len(say.body) // 2] if say.cut_off else say.body)
            self.close_connection = say.cut_off

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield Scripted(f"http://127.0.0.1:{server.server_port}", bodies, headers)
    finally:
        released.set()
        server.shutdown()
        thread.join()
        server.server_close()
