"""A Roadstead that is nothing but Lambda and S3, as far as a client can tell.

The application behind HTTP that refuses what API Gateway and Lambda refuse, before a function
runs: bodies of more than 4.5 MB, with API Gateway's own body. No gateway, no streaming. Faults
are injected at its door: ``script`` says how the next requests are treated.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from chalicelib.domain.limits import MAX_INLINE_BODY_BYTES
from chalicelib.service.world import World
from roadstead.gateway.events import HttpRequest, HttpResponse, LambdaFront
from tests.support.world import app_of

TOO_LARGE = b'{"message":"Request Too Long"}'
BUSY = b'{"message": "Internal server error"}'
Before = Callable[[HttpRequest], HttpResponse | None]


@dataclass
class Door:
    """What a door counts, and how it misbehaves.

    A word of the script: ``serve``; ``busy`` (503, nothing done); ``drop`` (nothing done, no
    answer); ``unheard`` (done, no answer). After the script all are served. ``at`` sets one word
    for the request of that number, counted from 1.
    """

    url: str = ""
    script: deque[str] = field(default_factory=deque)
    at: dict[int, str] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)
    ranges: list[str] = field(default_factory=list)
    before: Before | None = None
    on_request: Callable[[str], None] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc

    def mend(self) -> None:
        self.script.clear()
        self.at.clear()
        self.seen.clear()
        self.headers, self.ranges = [], []
        self.before = self.on_request = None

    def next_word(self, line: str) -> str:
        with self._lock:
            self.seen.append(line)
            number = len(self.seen)
            word = self.script.popleft() if self.script else "serve"
        if self.on_request is not None:
            self.on_request(line)
        return self.at.get(number, word)

    def count(self, start: str) -> int:
        return sum(line.startswith(start) for line in self.seen)


class QuietHandler(BaseHTTPRequestHandler):
    """HTTP/1.1, no log, and a client that hangs up is nobody's fault."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:
            return

    def hang_up(self) -> None:
        self.close_connection = True

    def answer(self, status: int, headers: Any, body: bytes) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


@contextmanager
def serving(handler: type[QuietHandler]) -> Iterator[str]:
    """Serve on a free port; yields the URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def lambda_only(world: Callable[[], World]) -> Iterator[Door]:
    """Serve a world through functions alone."""
    front = LambdaFront(app_of_any(world))
    door = Door()

    class Handler(QuietHandler):
        def serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            word = door.next_word(f"{self.command} {self.path}")
            if length > MAX_INLINE_BODY_BYTES or self.headers.get("Transfer-Encoding"):
                # Read, so that the refusal is seen: what API Gateway does is close.
                self._drain(length)
                self.answer(413, [("Content-Length", str(len(TOO_LARGE)))], TOO_LARGE)
                return None
            body = self.rfile.read(length)
            if word == "drop":
                return self.hang_up()
            if word == "busy":
                return self.answer(503, [("Content-Length", str(len(BUSY)))], BUSY)
            parts = urlsplit(self.path)
            pairs = [(name.lower(), value) for name, value in self.headers.items()]
            request = HttpRequest(self.command, parts.path, parts.query, pairs, body)
            response = door.before(request) if door.before else None
            response = response or front.call(request)
            if word == "unheard":
                return self.hang_up()
            return self.answer(response.status, response.headers, response.body)

        def _drain(self, length: int) -> None:
            while length > 0 and (data := self.rfile.read(min(length, 1 << 20))):
                length -= len(data)
            self.close_connection = True

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = serve  # noqa: N815

    with serving(Handler) as door.url:
        yield door


def app_of_any(world: Callable[[], World]) -> Any:
    from chalicelib.api.blueprints import register_all
    from chalicelib.web.edge import RegistryApp

    return register_all(RegistryApp("roadstead"), world)


__all__ = ["Door", "app_of", "lambda_only", "serving"]
