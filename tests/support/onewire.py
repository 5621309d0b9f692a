"""An HTTP server that says what it is told to, and remembers on which connection it was asked."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.uploader.lambdaonly import QuietHandler, serving

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
    server = Server("", always)

    class Handler(QuietHandler):
        def _serve(self) -> None:
            said = server.next(self.client_address[1])
            if said.status == HANG_UP:
                self.hang_up()
                return
            headers = {"Content-Length": str(len(said.body)), **said.headers}
            self.answer(said.status, headers.items(), said.body)

        do_GET = do_HEAD = _serve  # noqa: N815

    with serving(Handler) as url:
        server.host = urlsplit(url).netloc
        yield server
