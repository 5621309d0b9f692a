"""A connection is used again only when the answer on it has been read, and is used again then."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from roadstead.client.errors import RegistryRefused
from roadstead.client.http import RegistryClient
from roadstead.client.image import Descriptor
from roadstead.client.names import ImageName, parse_image
from roadstead.client.sources.registry import RemoteBlob
from tests.support.onewire import Said, Server, one_wire
from tests.uploader.driving import client_of

BLOB = bytes(range(256)) * 32
WHOLE = Said(200, BLOB)
LONG = b"x" * 20_000
DESCRIPTOR = Descriptor("application/octet-stream", "sha256:" + "0" * 64, len(BLOB))


@pytest.fixture
def server() -> Iterator[Server]:
    with one_wire(WHOLE) as server:
        yield server


def client(server: Server, tries: int) -> RegistryClient:
    name: ImageName = parse_image(f"http://{server.host}/acme/app:latest")
    return client_of(name, tries=tries)


def test_after_a_long_refusal_the_next_answer_is_the_next_answer(server: Server) -> None:
    ours = client(server, tries=1)
    server.script.append(Said(404, LONG))
    with pytest.raises(RegistryRefused) as refused:
        ours.open("/v2/acme/app/blobs/x", scopes=[])
    assert refused.value.status == 404
    assert ours.read("/v2/acme/app/blobs/x", limit_bytes=len(BLOB)).body == BLOB
    assert len(set(server.connections)) == 1


def test_a_place_that_is_busy_once_is_asked_again_on_the_same_connection(server: Server) -> None:
    ours = client(server, tries=2)
    server.script.append(Said(307, b"", {"Location": "/elsewhere"}))
    server.script.append(Said(503, LONG))
    assert ours.read("/v2/acme/app/blobs/x", limit_bytes=len(BLOB)).body == BLOB
    assert len(server.connections) == 3
    assert len(set(server.connections)) == 1


def test_where_there_are_no_ranges_what_was_not_asked_for_is_left_behind(server: Server) -> None:
    blob = RemoteBlob(client(server, tries=1), "acme/app", DESCRIPTOR)
    assert blob.read_at(100, 50) == BLOB[100:150]
    assert blob.read_at(0, 10) == BLOB[:10]
    assert len(server.connections) == 2, "the blob was fetched whole once, after one try of a range"
    assert len(set(server.connections)) == 1


def test_a_body_too_long_to_be_dropped_costs_its_connection(server: Server) -> None:
    ours = client(server, tries=1)
    server.script.append(Said(404, b"x" * 1_000_000))
    with pytest.raises(RegistryRefused):
        ours.open("/v2/acme/app/blobs/x", scopes=[])
    assert ours.read("/v2/acme/app/blobs/x", limit_bytes=len(BLOB)).body == BLOB
    assert len(set(server.connections)) == 2
