"""Passes on DynamoDB Local and SeaweedFS, to the last row and the last object."""

from __future__ import annotations

import hashlib
import json
import secrets

import pytest

from chalicelib.adapters.clock import SystemClock
from chalicelib.adapters.dynamo import DynamoMetadata
from chalicelib.adapters.s3 import S3Blobs
from chalicelib.bootstrap import collector
from chalicelib.domain.access import Mode
from chalicelib.domain.paging import Page
from chalicelib.service.collect import collect
from chalicelib.service.sweep import AT_REST, Removed, Run
from tests.conformance.bodies import CONFIG, DOCKER, LAYER, OCI, OTHER, image
from tests.conformance.cases import of
from tests.package.conftest import make_stores
from tests.support.stack import Stack
from tests.support.world import Registry, memory_world


class Place:
    def __init__(self, stack: Stack) -> None:
        name = f"roadstead-{secrets.token_hex(6)}"
        make_stores(stack, name)
        url, s3 = stack.endpoints.dynamodb_url, stack.endpoints.s3_url
        self.store = DynamoMetadata(name, stack.region, url, session=stack.session)
        self.blobs = S3Blobs(name, stack.region, s3, clock=SystemClock(), session=stack.session)
        ports = dict.fromkeys(("metadata", "search", "accounts"), self.store)
        self.world = memory_world(Mode.OPEN, blobs=self.blobs, clock=SystemClock(), **ports)
        self.registry = Registry(self.world)
        self.gone: list[Removed] = []

    def send(self, method: str, url: str, body: bytes = b"", accept: str = "") -> int:
        headers = {"Content-Type": OCI, **({"Accept": accept} if accept else {})}
        return self.registry.send(method, url, body, headers).status

    def push(self, name: str, tag: str, layer: bytes) -> None:
        for blob in (CONFIG, layer):
            assert self.send("POST", f"/v2/{name}/blobs/uploads/?digest={of(blob)}", blob) == 201
        assert self.send("PUT", f"/v2/{name}/manifests/{tag}", image(OCI, layer)) == 201

    def passes(self, count: int) -> None:
        run: Run = collector(self.world, graces=AT_REST, report=self.gone.append)
        for _ in range(count):
            assert collect(run)


@pytest.fixture
def place(stack: Stack) -> Place:
    return Place(stack)


def test_what_is_needed_stays_and_all_else_goes(place: Place) -> None:
    image_id = "a" * 64
    raw = json.dumps({"id": image_id}).encode()
    place.push("a/app", "kept", LAYER)
    place.push("a/app", "gone", OTHER)
    assert place.send("GET", "/v2/a/app/manifests/gone", accept=DOCKER) == 200
    assert place.send("GET", "/v1/repositories/a/app/tags/gone") == 200
    assert place.send("PUT", f"/v1/images/{image_id}/json", raw) == 200
    assert place.send("PUT", f"/v1/images/{image_id}/layer", b"v1's") == 200
    checksum = hashlib.sha256(raw + b"\nv1's").hexdigest()
    url = f"/v1/images/{image_id}/checksum"
    headers = {"X-Docker-Checksum-Payload": f"sha256:{checksum}"}
    assert place.registry.send("PUT", url, b"", headers).status == 200
    assert place.send("PUT", "/v1/repositories/a/app/tags/old", f'"{image_id}"'.encode()) == 200
    place.push("a/whole", "gone", b"of a repository that goes")
    place.blobs.create_multipart("open/objects/nobody")
    assert place.send("DELETE", f"/v2/a/app/manifests/{of(image(OCI, OTHER))}") == 202
    assert place.send("DELETE", "/v1/repositories/a/whole/") == 200
    place.passes(8)
    for url in ("/v2/a/app/manifests/kept", f"/v2/a/app/blobs/{of(LAYER)}"):
        assert place.send("GET", url) < 400
    assert place.send("GET", "/v1/repositories/a/app/tags/kept") == 200
    for tail in ("json", "layer", "ancestry"):
        assert place.send("GET", f"/v1/images/{image_id}/{tail}") < 400
    left = [each.key for each in place.blobs.list_objects("", Page(1000)).entries]
    kept = {f"sha256/{of(each)[7:9]}/{of(each)[7:]}" for each in (CONFIG, LAYER, b"v1's")}
    assert {key.partition("/")[2].rpartition("/")[0] for key in left if key[0] != "."} == kept
    assert place.blobs.list_parts("") == []
    assert place.send("DELETE", "/v1/repositories/a/app/") == 200
    place.passes(8)
    left = [each.key for each in place.blobs.list_objects("", Page(1000)).entries]
    assert [key for key in left if key[0] != "."] == []
    assert place.store.scan(None).facts == []
    assert all(each.thing.why for each in place.gone)
