"""MemoryBlobs behind real HTTP on loopback, well behaved or not: the S3 of the gateway's tests."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from chalicelib.adapters.memory import MemoryBlobs

MEMORY = "memory://blobs"


@dataclass
class S3Door:
    """Where presigned URLs lead. ``script`` says how the next requests are treated.

    A word of the script: a status to answer, ``drop`` (hang up without an answer), ``hold``
    (serve when ``opened`` is set), ``serve``. After the script all are served.
    """

    base_url: str = ""
    script: deque[int | str] = field(default_factory=deque)
    always: int | str = "serve"
    opened: threading.Event = field(default_factory=threading.Event)
    seen: list[str] = field(default_factory=list)

    def mend(self) -> None:
        self.script.clear()
        self.always = "serve"
        self.seen.clear()

    def next_word(self, line: str) -> int | str:
        self.seen.append(line)
        try:
            return self.script.popleft()
        except IndexError:
            return self.always


class DoorBlobs:
    """MemoryBlobs whose presigned URLs lead through a door; all other verbs are its own."""

    def __init__(self, blobs: MemoryBlobs, door: S3Door) -> None:
        self._blobs = blobs
        self._door = door

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._blobs, name)
        if not name.startswith("presign_"):
            return found
        return lambda *given, **named: found(*given, **named).replace(MEMORY, self._door.base_url)


@dataclass
class Bucket:
    """The blobs that the door leads to now; tests exchange them."""

    blobs: MemoryBlobs | None = None


@contextmanager
def open_door(bucket: Bucket) -> Iterator[S3Door]:
    """Serve a bucket for as long as the block runs."""
    door = S3Door()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            word = door.next_word(f"{self.command} {self.path}")
            if word == "drop":
                self.close_connection = True
                return
            if word == "hold":
                door.opened.wait(20)
            if isinstance(word, int):
                self._say(word, {}, b"<Error/>")
                return
            assert bucket.blobs is not None
            url, headers = MEMORY + self.path, dict(self.headers.items())
            answer = bucket.blobs.fetch(url, self.command, body, headers)
            self._say(answer.status, dict(answer.headers), answer.body)

        def _say(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_HEAD = do_PUT = _serve  # noqa: N815

        def handle(self) -> None:
            try:
                super().handle()
            except ConnectionError:
                return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    door.base_url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield door
    finally:
        door.opened.set()
        server.shutdown()
        thread.join()
        server.server_close()
