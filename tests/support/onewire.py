"""An HTTP server that says what it is told to, and remembers on which connection it was asked."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HANG_UP = 0


@dataclass(frozen=True)
class Said:
    """One answer; the status ``HANG_UP`` is none."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Server:
    """``script`` is said first, one after the other; then ``always``."""

    host: str
    always: Said
    script: deque[Said] = field(default_factory=deque)
    connections: list[int] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next(self, port: int) -> Said:
        with self.lock:
            self.connections.append(port)
            return self.script.popleft() if self.script else self.always


@contextmanager
def one_wire(always: Said) -> Iterator[Server]:
    """Serve for as long as the block runs."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def _serve(self) -> None:
            said = server.next(self.client_address[1])
            if said.status == HANG_UP:
                self.close_connection = True
                return
            self.send_response(said.status)
            for name, value in {"Content-Length": str(len(said.body)), **said.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(said.body)

        do_GET = do_HEAD = _serve  # noqa: N815

        def handle(self) -> None:
            try:
                super().handle()
            except ConnectionError:
                return

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listener.daemon_threads = True
    server = Server(f"127.0.0.1:{listener.server_address[1]}", always)
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()
