"""The forwarder itself: it cuts once, and follows a redirect to a store that checks its name."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from . import wire
from .middle import between
from .registry import Registry

pytestmark = pytest.mark.clients
CONTENT = bytes(range(256)) * 4096


class _Server(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    location: str | None = None

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        known = self.headers["Host"] == f"127.0.0.1:{self.connection.getsockname()[1]}"
        self.send_response(307 if self.location else 200 if known else 403)
        if self.location:
            self.send_header("Location", self.location + self.path)
        body = CONTENT if known and not self.location else b""
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            self.close_connection = True


@contextmanager
def serve(location: str | None = None) -> Iterator[str]:
    handler = type("Handler", (_Server,), {"location": location})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_middle_cuts_what_a_store_sends_after_a_redirect() -> None:
    with serve() as store, serve(f"http://{store}") as front:
        registry = Registry(front, f"http://{front}")
        with between(registry) as (near, middle):
            whole = wire.send("GET", f"{near.url}/blob")
            middle.cut_at = 500_000
            with wire.opened("GET", f"{near.url}/blob", {"Range": "bytes=0-"}) as answer:
                part = answer.read(len(CONTENT))
            again = wire.send("GET", f"{near.url}/blob")

    assert whole.body == again.body == CONTENT
    assert len(part) < 500_000
    assert CONTENT.startswith(part)
    assert (middle.cuts, middle.asked("GET"), middle.ranges) == (1, ["/blob"] * 6, ["bytes=0-"] * 2)
