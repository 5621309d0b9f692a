"""Clients that go away during a download that comes through: S3 is not read for nobody."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from chalicelib.adapters.hashing import ResumableHashing
from roadstead.gateway.asgi import Gateway
from roadstead.gateway.downloads import Downloads
from roadstead.gateway.events import HttpRequest, HttpResponse
from tests.gateway.wire import connected, head
from tests.logs.heard import heard
from tests.support.registry import serving
from tests.uploader.lambdaonly import QuietHandler
from tests.uploader.lambdaonly import serving as s3_serving

MIB = 1 << 20
SIZE_BYTES = 96 * MIB
URL = "/v2/acme/app/blobs/sha256:00"


@dataclass
class Store:
    """One large object: its first bytes at once, the others when the client is gone."""

    gone: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)
    was_read_whole: bool = False


@dataclass
class Redirects:
    """The app, as far as a download needs it."""

    to: str

    def call(self, _: HttpRequest) -> HttpResponse:
        return HttpResponse(307, [("Location", f"{self.to}/key"), ("Content-Length", "0")])


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def host(store: Store) -> Iterator[str]:
    class Handler(QuietHandler):
        def do_GET(self) -> None:  # noqa: N802
            try:
                self.answer(200, [("Content-Length", str(SIZE_BYTES))], bytes(MIB))
                store.gone.wait(20)
                for _ in range(SIZE_BYTES // MIB - 1):
                    self.wfile.write(bytes(MIB))
                store.was_read_whole = True
            finally:
                store.over.set()

    with s3_serving(Handler) as url:
        app = Redirects(url)
        with serving(
            Gateway(app, ResumableHashing(), None, downloads=Downloads.THROUGH)
        ) as gateway:
            yield gateway


def test_what_nobody_waits_for_is_not_fetched(host: str, store: Store) -> None:
    with heard() as log:
        with connected(host) as wire:
            wire.send(head("GET", URL))
            wire.link.recv(1000)
        store.gone.set()
        assert store.over.wait(20)
    assert not store.was_read_whole, "all of the object was fetched for a client that had gone"
    assert all(line.get("bytes_out", 0) < SIZE_BYTES for line in log.lines)
