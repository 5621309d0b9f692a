"""Bodies too large for Lambda: in every dialect, in memory and on the embedded servers."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

import pytest

from tests.gateway.client import (
    MIB,
    assert_pulled,
    close,
    code_of,
    digest_of,
    fetch,
    offset_of,
    payload,
    pull,
    start,
)
from tests.gateway.places import Place
from tests.gateway.wire import send

TWENTY = 20 * MIB


@pytest.mark.parametrize("in_chunks", [True, False], ids=["in chunks", "with a length"])
def test_one_endless_patch_and_an_empty_put_is_a_push(
    place: Place, repository: str, in_chunks: bool
) -> None:
    location, data = start(place, repository), payload(TWENTY)
    answer = send(place.host, "PATCH", location, data, in_chunks=in_chunks)
    assert (answer.status, answer.body) == (202, b"")
    assert answer.header("range") == f"0-{TWENTY - 1}"
    assert answer.header("docker-upload-uuid") == location.rsplit("/", 1)[-1]
    assert offset_of(place, answer.location) == TWENTY
    assert pull(place, repository, digest_of(data)) is None
    closed = close(place, answer.location, digest_of(data))
    assert (closed.status, closed.header("docker-content-digest")) == (201, digest_of(data))
    assert closed.location == f"/v2/{repository}/blobs/{digest_of(data)}"
    assert send(place.host, "GET", location).status == 404
    assert_pulled(place, repository, data)


@pytest.mark.parametrize("in_chunks", [True, False], ids=["in chunks", "with a length"])
def test_one_put_with_all_bytes_is_a_push(place: Place, repository: str, in_chunks: bool) -> None:
    location, data = start(place, repository), payload(TWENTY, 1)
    answer = close(place, location, digest_of(data), data, in_chunks=in_chunks)
    assert (answer.status, answer.header("docker-content-digest")) == (201, digest_of(data))
    assert_pulled(place, repository, data)


def test_one_post_with_all_bytes_is_a_push(place: Place, repository: str) -> None:
    data = payload(TWENTY, 2)
    path = f"/v2/{repository}/blobs/uploads/?digest={digest_of(data)}"
    answer = send(place.host, "POST", path, data)
    assert (answer.status, answer.header("docker-content-digest")) == (201, digest_of(data))
    assert_pulled(place, repository, data)


def test_a_part_of_a_streamed_blob_can_be_pulled(place: Place, repository: str) -> None:
    location, data = start(place, repository), payload(TWENTY, 3)
    assert close(place, location, digest_of(data), data).status == 201
    answer = send(place.host, "GET", f"/v2/{repository}/blobs/{digest_of(data)}")
    first = 8 * MIB - 10
    status, body = fetch(answer.location, {"Range": f"bytes={first}-{first + 19}"})
    assert (status, body) == (206, data[first : first + 20])


def test_head_of_a_streamed_blob_leads_to_its_length(place: Place, repository: str) -> None:
    location, data = start(place, repository), payload(9 * MIB)
    assert close(place, location, digest_of(data), data).status == 201
    answer = send(place.host, "HEAD", f"/v2/{repository}/blobs/{digest_of(data)}")
    parts = urlsplit(answer.location)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    connection.request("HEAD", f"{parts.path}?{parts.query}")
    found = connection.getresponse()
    connection.close()
    assert (found.status, found.headers["Content-Length"]) == (200, str(len(data)))


# Around what fits into Lambda, S3's smallest part, and the gateway's own parts.
EDGES = [0, 1, 4_500_000, 5 * MIB, 8 * MIB]
SIZES = sorted({size + off for size in EDGES for off in (-1, 0, 1) if size + off >= 0})


@pytest.mark.parametrize("size_bytes", SIZES)
def test_a_blob_of_any_size_arrives_by_each_dialect(
    memory: Place, repository: str, size_bytes: int
) -> None:
    for way in ("patch", "put", "post"):
        data = payload(size_bytes, len(way)) if size_bytes > 1 else way[:size_bytes].encode()
        digest = digest_of(data)
        if way == "post":
            path = f"/v2/{repository}/blobs/uploads/?digest={digest}"
            assert send(memory.host, "POST", path, data).status == 201
        else:
            location = start(memory, repository)
            if way == "patch":
                answer = send(memory.host, "PATCH", location, data, in_chunks=True)
                assert answer.header("range") == f"0-{max(size_bytes - 1, 0)}"
            assert close(memory, location, digest, data if way == "put" else b"").status == 201
        assert_pulled(memory, repository, data)


@pytest.mark.parametrize("size_bytes", [0, 4_500_000, 4_500_001, 5 * MIB, 8 * MIB, 8 * MIB + 1])
def test_a_blob_at_an_edge_arrives_on_the_embedded_servers(
    embedded: Place, repository: str, size_bytes: int
) -> None:
    data = payload(size_bytes)
    location = start(embedded, repository)
    assert send(embedded.host, "PATCH", location, data, in_chunks=True).status == 202
    assert close(embedded, location, digest_of(data)).status == 201
    assert_pulled(embedded, repository, data)


@pytest.mark.parametrize("size_bytes", [0, 1000, 9 * MIB])
@pytest.mark.parametrize("said", [True, False], ids=["said at the start", "said at the end"])
def test_a_sha512_digest_is_proved_too(
    memory: Place, repository: str, size_bytes: int, said: bool
) -> None:
    data = payload(size_bytes)
    path = f"/v2/{repository}/blobs/uploads/" + ("?digest-algorithm=sha512" if said else "")
    location = send(memory.host, "POST", path).location
    assert send(memory.host, "PATCH", location, data, in_chunks=True).status == 202
    wrong = "sha512:" + "0" * 128
    assert code_of(close(memory, location, wrong)) == "DIGEST_INVALID"
    assert close(memory, location, digest_of(data, "sha512")).status == 201
    assert_pulled(memory, repository, data, "sha512")


def test_a_sha512_digest_is_proved_on_the_embedded_servers(
    embedded: Place, repository: str
) -> None:
    data = payload(9 * MIB)
    path = f"/v2/{repository}/blobs/uploads/?digest={digest_of(data, 'sha512')}"
    assert send(embedded.host, "POST", path, data).status == 201
    assert_pulled(embedded, repository, data, "sha512")


# How the bytes come and end: PATCH in chunks and PUT, one PUT, one POST.
@pytest.mark.parametrize("way", ["patch", "put", "post"])
@pytest.mark.parametrize("size_bytes", [1000, 5_000_000, 9 * MIB])
def test_a_wrong_digest_is_refused_and_nothing_is_visible(
    memory: Place, repository: str, way: str, size_bytes: int
) -> None:
    data, wrong = payload(size_bytes), digest_of(b"other")
    if way == "post":
        path = f"/v2/{repository}/blobs/uploads/?digest={wrong}"
        answer = send(memory.host, "POST", path, data)
    else:
        location = start(memory, repository)
        if way == "patch":
            assert send(memory.host, "PATCH", location, data, in_chunks=True).status == 202
        answer = close(memory, location, wrong, data if way == "put" else b"")
    assert (answer.status, code_of(answer)) == (400, "DIGEST_INVALID")
    assert pull(memory, repository, wrong) is None
    assert pull(memory, repository, digest_of(data)) is None


def test_a_wrong_digest_is_refused_on_the_embedded_servers(
    embedded: Place, repository: str
) -> None:
    location, data = start(embedded, repository), payload(9 * MIB)
    answer = close(embedded, location, digest_of(b"other"), data)
    assert (answer.status, code_of(answer)) == (400, "DIGEST_INVALID")
    assert pull(embedded, repository, digest_of(b"other")) is None
    # What was sent is still there to be closed by its own name.
    assert close(embedded, location, digest_of(data)).status == 201
    assert_pulled(embedded, repository, data)


def test_the_same_blob_pushed_twice_is_one_blob_and_each_push_ends_well(
    place: Place, repository: str
) -> None:
    data = payload(9 * MIB, 4)
    for name in (repository, repository, f"{repository}-other"):
        assert close(place, start(place, name), digest_of(data), data).status == 201
        assert_pulled(place, name, data)


def test_what_one_repository_has_is_not_served_to_another(place: Place, repository: str) -> None:
    data = payload(9 * MIB, 5)
    assert close(place, start(place, repository), digest_of(data), data).status == 201
    assert pull(place, f"{repository}-other", digest_of(data)) is None


@pytest.mark.parametrize("target", ["none", "{other}", "{expired}", "{cancelled}"])
@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_an_upload_that_is_not_there_takes_no_bytes(
    memory: Place, repository: str, method: str, target: str
) -> None:
    cancelled, expired = start(memory, repository), start(memory, repository)
    assert send(memory.host, "DELETE", cancelled).status == 204
    memory.clock.at_s += 24 * 3600 + 1
    other = start(memory, f"{repository}-other")
    found = {"other": other, "expired": expired, "cancelled": cancelled}
    upload_id = target.format(**{key: path.rsplit("/", 1)[-1] for key, path in found.items()})
    path = f"/v2/{repository}/blobs/uploads/{upload_id}?digest={digest_of(payload(6 * MIB))}"
    for data in (b"hello", payload(6 * MIB)):
        answer = send(memory.host, method, path, data)
        assert (answer.status, code_of(answer)) == (404, "BLOB_UPLOAD_UNKNOWN")
    # Whoever knocked at the wrong door has not locked the right one.
    assert send(memory.host, "PATCH", other, b"hello").status == 202
