"""Blobs put through the real edge functions and a door with S3's refusals, found by the API."""

from __future__ import annotations

import http.client
import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

from tests.awslimits.places import Place, aws_place
from tests.conformance.bodies import CONFIG, OCI, image
from tests.conformance.cases import of
from tests.support.stack import Stack

LARGE = secrets.token_bytes(12_000_000)


@pytest.fixture(scope="module")
def place(stack: Stack) -> Iterator[Place]:
    with aws_place(stack) as found:
        yield found


@pytest.fixture
def repository() -> str:
    return f"adopted/{secrets.token_hex(6)}"


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes


def send(
    place: Place, method: str, target: str, body: bytes | None = None, **headers: str
) -> Reply:
    parts = urlsplit(target)
    host = parts.netloc or place.host
    connection = http.client.HTTPConnection(host, timeout=60)
    try:
        query = f"?{parts.query}" if parts.query else ""
        connection.request(method, f"{parts.path}{query}", body, headers)
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, found, answer.read())
    finally:
        connection.close()


def put_blob(place: Place, repository: str, data: bytes, digest: str | None = None) -> Reply:
    begun = send(place, "POST", f"/v2/{repository}/blobs/uploads/")
    assert begun.status == 202, begun
    location = begun.headers["location"]
    assert location.startswith("/_up/v2/")
    return send(place, "PUT", f"{location}&digest={digest or of(data)}", data)


def put_image(place: Place, repository: str, data: bytes) -> Reply:
    headers = {"Content-Type": OCI}
    return send(place, "PUT", f"/v2/{repository}/manifests/v1", image(OCI, data), **headers)


def test_an_image_put_through_the_edge_is_pulled(place: Place, repository: str) -> None:
    for data in (CONFIG, LARGE):
        stored = put_blob(place, repository, data)
        assert (stored.status, stored.headers["docker-content-digest"]) == (201, of(data))
    assert put_image(place, repository, LARGE).status == 201
    found = send(place, "GET", f"/v2/{repository}/blobs/{of(LARGE)}")
    assert found.status == 307
    assert send(place, "GET", found.headers["location"]).body == LARGE
    assert send(place, "GET", f"/v2/{repository}/manifests/v1", Accept=OCI).status == 200


def test_other_bytes_are_refused_by_s3_and_the_manifest_by_us(
    place: Place, repository: str
) -> None:
    assert put_blob(place, repository, CONFIG).status == 201
    assert put_blob(place, repository, LARGE, of(b"other")).status == 400
    answer = put_image(place, repository, LARGE)
    assert answer.status == 404
    assert json.loads(answer.body)["errors"][0]["code"] == "MANIFEST_BLOB_UNKNOWN"
    assert send(place, "HEAD", f"/v2/{repository}/blobs/{of(b'other')}").status == 404


def test_a_repository_made_anew_finds_nothing_of_its_predecessor(
    place: Place, repository: str
) -> None:
    for data in (CONFIG, LARGE):
        assert put_blob(place, repository, data).status == 201
    assert put_image(place, repository, LARGE).status == 201
    assert send(place, "DELETE", f"/v1/repositories/{repository}/").status == 200
    for data in (CONFIG, LARGE):
        assert send(place, "HEAD", f"/v2/{repository}/blobs/{of(data)}").status == 404
    assert put_blob(place, repository, CONFIG).status == 201
    assert put_image(place, repository, LARGE).status == 404
