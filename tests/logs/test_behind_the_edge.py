"""Lines of what comes through the edge: what the client sees, and what nobody told us of."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from chalicelib.adapters.memory.blobs import MemoryBlobs
from chalicelib.domain.access import Mode
from chalicelib.service.world import World
from chalicelib.trace import Trace, begin, carried, end, hearing
from tests.conformance.bodies import CONFIG, LAYER, OCI, image
from tests.conformance.cases import of
from tests.logs.heard import heard
from tests.support.world import Registry, SettableClock, memory_world

WORD, KEY = "0d" * 32, b"e" * 32
THROUGH = {"x-roadstead-edge": WORD}
R = "acme/app"


@dataclass
class HeardBlobs:
    """Blobs in memory that are heard to be asked, as those in S3 are."""

    blobs: MemoryBlobs

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.blobs, name)

        def verb(*asked: Any, **more: Any) -> Any:
            hearing("s3")(name)
            return found(*asked, **more)

        return verb


def edge_world(**changes: Any) -> World:
    clock = SettableClock()
    blobs: Any = HeardBlobs(MemoryBlobs(clock))
    return memory_world(clock=clock, blobs=blobs, edge_word=WORD, edge_key=KEY, **changes)


def test_a_carried_401_is_a_401() -> None:
    registry = Registry(edge_world(mode=Mode.ACCOUNTS))
    with heard() as log:
        answer = registry.send("GET", "/v2/", headers=THROUGH)
    assert answer.status == 299, "what API Gateway sees"
    (line,) = log.requests
    assert (line["status"], line["client_errors"]) == (401, 1), "what the client sees"


def test_who_goes_around_the_edge_has_a_line() -> None:
    with heard() as log:
        Registry(edge_world()).send("GET", "/v2/", headers={"x-roadstead-edge": "guess"})
    (line,) = log.requests
    assert (line["status"], line["error"]) == (403, "NOT_THE_EDGE")
    assert "guess" not in log.text


def test_what_the_edge_took_is_pushed_when_it_is_found() -> None:
    world = edge_world()
    registry = Registry(world)
    with heard() as log:
        location = registry.send("POST", f"/v2/{R}/blobs/uploads/", headers=THROUGH).header(
            "location"
        )
        place = parse_qs(urlsplit(location or "").query)["_up"][0].split(".")[1]
        for data in (CONFIG, LAYER):
            hexed = hashlib.sha256(data).hexdigest()
            world.blobs.put(f"{place}/{hexed}", data, sha256_hex=hexed)
        raw = image()
        headers = {**THROUGH, "content-type": OCI}
        answer = registry.send("PUT", f"/v2/{R}/manifests/1.0", raw, headers)
        assert answer.status == 201, answer.body
        registry.send("GET", f"/v2/{R}/blobs/{of(LAYER)}", headers=THROUGH)
    pushed = log.requests[1]
    assert pushed["bytes_pushed"] == len(raw) + len(CONFIG) + len(LAYER)
    assert pushed["calls"]["s3.checked_size_bytes"] == 2, "they are made on threads"
    assert "bytes_pushed" not in log.requests[2]
    assert place not in log.text


def test_what_is_done_on_threads_counts_for_its_request() -> None:
    trace = Trace()
    token = begin(trace)
    try:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(carried(hearing("s3")), ["HeadObject"] * 500))
    finally:
        end(token)
    assert trace.calls == {"s3.HeadObject": 500}
