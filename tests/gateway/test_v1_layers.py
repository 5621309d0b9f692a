"""v1 layers of any length through the gateway."""

from __future__ import annotations

import json

import pytest

from tests.gateway.client import MIB, payload
from tests.gateway.places import Place
from tests.gateway.test_hangups import begin, until
from tests.gateway.v1 import (
    checksum_of,
    describe,
    image_id_of,
    json_of,
    layer_path,
    read_json,
    seal,
    seal_and_read,
)
from tests.gateway.wire import connected, head, send


@pytest.mark.parametrize("in_chunks", [True, False], ids=["in chunks", "with a length"])
def test_a_streamed_layer_is_sealed_by_its_payload_checksum(place: Place, in_chunks: bool) -> None:
    image_id, layer = describe(place, 100 + in_chunks), payload(12 * MIB)
    answer = send(place.host, "PUT", layer_path(image_id), layer, in_chunks=in_chunks)
    assert (answer.status, json.loads(answer.body)) == (200, True)
    assert read_json(place, image_id).status == 400
    seal_and_read(place, image_id, layer)


SIZES = [0, 1, 1000, 4_500_000, 4_500_001, 5 * MIB, 8 * MIB, 8 * MIB + 1]


@pytest.mark.parametrize("size_bytes", SIZES)
def test_a_layer_of_any_size_is_sealed(memory: Place, size_bytes: int) -> None:
    image_id, layer = describe(memory, 110), payload(size_bytes)
    assert send(memory.host, "PUT", layer_path(image_id), layer, in_chunks=True).status == 200
    seal_and_read(memory, image_id, layer)


@pytest.mark.parametrize("size_bytes", [4_500_001, 8 * MIB])
def test_a_layer_at_an_edge_is_sealed_on_the_embedded_servers(
    embedded: Place, size_bytes: int
) -> None:
    image_id, layer = describe(embedded, 120 + size_bytes % 7), payload(size_bytes)
    assert send(embedded.host, "PUT", layer_path(image_id), layer, in_chunks=True).status == 200
    seal_and_read(embedded, image_id, layer)


@pytest.mark.parametrize("size_bytes", [1000, 9 * MIB])
def test_a_wrong_checksum_is_a_400_and_then_the_right_one_seals(
    memory: Place, size_bytes: int
) -> None:
    image_id, layer = describe(memory, 130), payload(size_bytes)
    assert send(memory.host, "PUT", layer_path(image_id), layer, in_chunks=True).status == 200
    answer = seal(memory, image_id, checksum_of(json_of(int(image_id, 16)), b"other"))
    assert (answer.status, json.loads(answer.body)) == (400, {"error": "Checksum mismatch"})
    assert read_json(memory, image_id).status == 400
    seal_and_read(memory, image_id, layer)


def test_a_layer_put_again_replaces_the_one_before(memory: Place) -> None:
    image_id, layer = describe(memory, 131), payload(9 * MIB)
    for data in (payload(6 * MIB), b"small", layer):
        assert send(memory.host, "PUT", layer_path(image_id), data, in_chunks=True).status == 200
    assert seal(memory, image_id, checksum_of(json_of(int(image_id, 16)), b"small")).status == 400
    seal_and_read(memory, image_id, layer)


@pytest.mark.parametrize("sent", [1000, 9 * MIB], ids=["at once", "late"])
@pytest.mark.parametrize("in_chunks", [True, False], ids=["in chunks", "with a length"])
def test_a_layer_that_breaks_off_is_no_layer_and_a_retry_works(
    memory: Place, in_chunks: bool, sent: int
) -> None:
    image_id, layer = describe(memory, 140), payload(12 * MIB)
    with connected(memory.host) as wire:
        begin(wire, "PUT", layer_path(image_id), layer, sent, in_chunks)
        if sent > MIB:
            until(lambda: bool(memory.door.seen), "a part under way")
    answer = read_json(memory, image_id)
    assert (answer.status, json.loads(answer.body)["error"][:23]) == (
        400,
        "Image is being uploaded",
    )
    assert seal(memory, image_id, checksum_of(json_of(int(image_id, 16)), layer)).status == 400
    assert send(memory.host, "PUT", layer_path(image_id), layer, in_chunks=True).status == 200
    seal_and_read(memory, image_id, layer)


def sealed(place: Place) -> str:
    image_id = describe(place, 150)
    assert send(place.host, "PUT", layer_path(image_id), b"layer").status == 200
    seal_and_read(place, image_id, b"layer")
    return image_id


def refused(place: Place, image_id: str) -> tuple[int, str]:
    """What a client is told that waits before it sends its twenty megabytes."""
    with connected(place.host) as wire:
        wait = [("Content-Length", "20000000"), ("Expect", "100-continue")]
        wire.send(head("PUT", layer_path(image_id), wait))
        answer = wire.answer()
        return answer.status, json.loads(answer.body)["error"]


def test_a_layer_of_an_unknown_image_is_refused_before_it_is_sent(memory: Place) -> None:
    assert refused(memory, image_id_of(160)) == (404, "Image not found")


def test_a_layer_of_a_sealed_image_is_refused_before_it_is_sent(memory: Place) -> None:
    assert refused(memory, sealed(memory)) == (409, "Image already exists")


def test_a_layer_under_an_id_that_is_none_is_refused_before_it_is_sent(memory: Place) -> None:
    assert refused(memory, "not-an-id") == (404, "Invalid image ID")


def test_a_sealed_image_keeps_its_layer(memory: Place) -> None:
    image_id = sealed(memory)
    for data in (b"other", payload(6 * MIB)):
        assert send(memory.host, "PUT", layer_path(image_id), data, in_chunks=True).status == 409
    assert seal(memory, image_id, checksum_of(json_of(int(image_id, 16)), b"other")).status == 409


def test_an_image_sealed_while_its_layer_streams_keeps_what_it_was_sealed_with(
    memory: Place,
) -> None:
    image_id, late = describe(memory, 170), payload(12 * MIB)
    with connected(memory.host) as wire:
        begin(wire, "PUT", layer_path(image_id), late, 9 * MIB, False)
        until(lambda: bool(memory.door.seen), "a part under way")
        assert send(memory.host, "PUT", layer_path(image_id), b"layer").status == 200
        seal_and_read(memory, image_id, b"layer")
        wire.send(late[9 * MIB :])
        assert wire.answer().status == 409
    assert seal(memory, image_id, checksum_of(json_of(int(image_id, 16)), late)).status == 409
