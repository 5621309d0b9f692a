"""A gateway that is stopped while bytes pass, and whose grace for them is over."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from chalicelib.adapters.hashing import ResumableHashing
from chalicelib.api.blueprints import register_all
from chalicelib.web.edge import RegistryApp
from roadstead.gateway.asgi import Gateway
from roadstead.gateway.events import LambdaFront
from roadstead.gateway.serve import listen, make_server
from roadstead.gateway.shared import Bounds
from roadstead.uploader import PartStorage
from tests.gateway.client import MIB, digest_of, payload, start
from tests.gateway.places import Place
from tests.gateway.s3door import Bucket, open_door
from tests.gateway.test_hangups import begin, held_by, until
from tests.gateway.wire import connected
from tests.logs.heard import heard
from tests.support.world import GATEWAY_KEY

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
