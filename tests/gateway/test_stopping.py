"""A gateway that is stopped while bytes pass, and whose grace for them is over."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest

from chalicelib.adapters.hashing import ResumableHashing
from chalicelib.api.blueprints import register_all
from chalicelib.web.edge import RegistryApp
from roadstead.gateway.asgi import Gateway
from roadstead.gateway.events import HttpRequest, HttpResponse, LambdaFront
from roadstead.gateway.intake import Intake, Message
from roadstead.gateway.serve import listen, make_server
from roadstead.gateway.shared import Bounds, Streaming
from roadstead.gateway.streams import stream_blob
from roadstead.uploader import PartStorage
from tests.gateway.client import MIB, digest_of, payload, start
from tests.gateway.places import Place
from tests.gateway.s3door import Bucket, open_door
from tests.gateway.test_hangups import begin, held_by, until
from tests.gateway.wire import connected
from tests.logs.heard import heard
from tests.support.world import GATEWAY_KEY
from tests.uploader.lambdaonly import QuietHandler
from tests.uploader.lambdaonly import serving as s3_serving

REPOSITORY = "acme/app"
TEAM = "open"


@contextmanager
def stopped_at_once(place: Place, gateway: Gateway) -> Iterator[threading.Event]:
    """Serve for as long as the block runs; the event is set when the server has ended."""
    listener, ended = listen("127.0.0.1", 0), threading.Event()
    port = listener.getsockname()[1]
    server = make_server(gateway, host="127.0.0.1", port=port, grace_s=0)

    def run() -> None:
        server.run(sockets=[listener])
        ended.set()

    threading.Thread(target=run, daemon=True).start()
    until(lambda: server.started, "the gateway listens")
    place.host = f"127.0.0.1:{port}"
    yield ended
    server.should_exit = True
    assert ended.wait(20), "the gateway does not end"
    listener.close()


@pytest.fixture
def place() -> Iterator[Place]:
    bucket = Bucket()
    with open_door(bucket) as door:
        place = Place(door=door, bucket=bucket)
        place.renew()
        yield place


def gateway_of(place: Place, key: bytes | None, bounds: Bounds | None = None) -> Gateway:
    app = register_all(RegistryApp("roadstead"), lambda: place.world)
    return Gateway(LambdaFront(app), ResumableHashing(), key, PartStorage(pauses_s=()), bounds)


def claim_of(place: Place, location: str) -> str | None:
    upload_id, now_s = location.rsplit("/", 1)[-1], place.world.clock.now_s()
    session = place.world.metadata.find_upload(TEAM, upload_id, now_s=now_s)
    assert session is not None
    return session.claim


@pytest.mark.parametrize("sent", [5 * MIB, 20 * MIB])
def test_the_claim_of_a_push_that_is_cut_off_is_let_go(place: Place, sent: int) -> None:
    with ExitStack() as wires:
        with stopped_at_once(place, gateway_of(place, GATEWAY_KEY)):
            location = start(place, REPOSITORY)
            wire = wires.enter_context(connected(place.host))
            begin(wire, "PATCH", location, payload(30 * MIB), sent, False)
            until(lambda: bool(held_by(place, location)), "the claim")
        assert claim_of(place, location) is None


def test_a_push_that_s3_would_have_checked_does_not_hold_the_process(place: Place) -> None:
    data, bounds = payload(30 * MIB), Bounds(whole_above_bytes=10 * MIB)
    gateway = gateway_of(place, None, bounds)
    with ExitStack() as wires, heard() as log, stopped_at_once(place, gateway):
        target = f"{start(place, REPOSITORY)}?digest={digest_of(data)}"
        wire = wires.enter_context(connected(place.host))
        begin(wire, "PUT", target, data, 20 * MIB, False)
        until(lambda: "uploader.whole" in log.text, "it goes whole")


class Remote:
    """A registry that answers slowly where it gives URLs, and notes what it has done."""

    def __init__(self, part_url: str) -> None:
        self.did: list[str] = []
        self.asked, self.answers = threading.Event(), threading.Event()
        self._part = {"number": 1, "url": part_url, "size_bytes": 8 * MIB}

    def call(self, request: HttpRequest) -> HttpResponse:
        verb = request.raw_path.rpartition("/")[2]
        if verb == "parts":
            self.asked.set()
            self.answers.wait(20)
        self.did.append(verb)
        document = {
            "upload_id": "0",
            "claim": "c",
            "offset_bytes": 0,
            "algorithm": "sha256",
            "stored": [],
            "parts": [{**self._part, "number": 1 + (verb == "parts")}],
            "tail": {"key": "t", "url": self._part["url"]},
        }
        return HttpResponse(200, [], json.dumps(document).encode())


def test_nothing_is_asked_for_under_a_claim_that_was_let_go() -> None:
    """To ask for part URLs renews a claim: a thread that did so last would leave it held."""

    async def push_and_cancel(remote: Remote) -> None:
        shared = Streaming(remote, PartStorage(), ResumableHashing(), ThreadPoolExecutor(4), b"k")
        pieces = iter([payload(MIB)] * 20)

        async def receive() -> Message:
            if (data := next(pieces, None)) is None:
                await asyncio.get_running_loop().create_future()
            return {"type": "http.request", "body": data, "more_body": True}

        request = HttpRequest("PATCH", "/v2/acme/app/blobs/uploads/0", "", [])
        named = {"repository": REPOSITORY, "upload_id": "0"}
        push = asyncio.ensure_future(stream_blob(shared, request, named, Intake(receive), b""))
        await asyncio.to_thread(remote.asked.wait, 20)
        push.cancel()
        # With the defect it is over in this time, and has let go.
        await asyncio.wait([push], timeout=0.5)
        remote.answers.set()
        await asyncio.wait([push])

    with one_put() as url:
        remote = Remote(url)
        asyncio.run(push_and_cancel(remote))
    assert remote.did == ["claim", "parts", "advance"]


@contextmanager
def one_put() -> Iterator[str]:
    class Handler(QuietHandler):
        def do_PUT(self) -> None:  # noqa: N802
            self.rfile.read(int(self.headers["Content-Length"]))
            self.answer(200, [("ETag", '"e"'), ("Content-Length", "0")], b"")

    with s3_serving(Handler) as url:
        yield f"{url}/part"
