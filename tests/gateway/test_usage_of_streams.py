"""What a gateway streams past the app is counted once: by the request that made it visible."""

from __future__ import annotations

from collections import Counter
from typing import Any

from chalicelib.domain.usage import measure
from tests.conformance.bodies import CONFIG, LAYER, OCI, image
from tests.conformance.cases import of
from tests.conformance.runner import put_by_edge
from tests.gateway.client import MIB, payload
from tests.gateway.places import Place
from tests.gateway.v1 import describe, layer_path
from tests.gateway.wire import send
from tests.logs.heard import Heard, heard
from tests.support.world import EDGE_KEY, EDGE_WORD, Registry, memory_world

R = "acme/app"


def counted(log: Heard) -> Counter[str]:
    """All that the lines come to; a gateway's own lines of streams among them."""
    found: Counter[str] = Counter()
    for line in log.lines:
        measured = measure(line)
        found.update(measured.counts if measured else {})
    return found


def test_a_streamed_blob_is_counted_by_its_closing_request(memory: Place) -> None:
    data = payload(6 * MIB)
    with heard() as log:
        opened = send(memory.host, "POST", f"/v2/{R}/blobs/uploads/")
        sent = send(memory.host, "PATCH", opened.location, data, in_chunks=True)
        assert sent.status == 202
        assert send(memory.host, "PUT", f"{sent.location}?digest={of(data)}").status == 201
    assert any(line["kind"] == "stream" for line in log.lines)
    assert counted(log)["bytes_pushed"] == len(data)


def test_a_streamed_v1_layer_is_counted_when_it_is_the_images(memory: Place) -> None:
    image_id, layer = describe(memory, 700), payload(6 * MIB)
    with heard() as log:
        assert send(memory.host, "PUT", layer_path(image_id), layer, in_chunks=True).status == 200
    assert counted(log)["bytes_pushed"] == len(layer)


def test_what_the_edge_has_taken_is_counted_when_it_is_found() -> None:
    world: Any = memory_world(edge_word=EDGE_WORD, edge_key=EDGE_KEY)
    registry = Registry(world)
    edge = {"x-roadstead-edge": EDGE_WORD}
    with heard() as log:
        for data in (CONFIG, LAYER):
            opened = registry.send("POST", f"/v2/{R}/blobs/uploads/", b"", edge)
            url = f"{opened.header('Location')}&digest={of(data)}"
            assert put_by_edge(world, url, data) == 201
        assert counted(log)["bytes_pushed"] == 0
        raw, headers = image(), {**edge, "content-type": OCI}
        url = f"/v2/{R}/manifests/1"
        assert registry.send("PUT", url, raw, headers).status == 201
        assert registry.send("PUT", url, raw, headers).status == 201
    found = counted(log)
    assert found["bytes_pushed"] == len(CONFIG) + len(LAYER) + 2 * len(raw)
    assert found["pushes"] == 2
