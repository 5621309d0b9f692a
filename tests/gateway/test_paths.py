"""Paths, queries, methods and headers, the sane and the absurd: never a 500, always our shape."""

from __future__ import annotations

import json

import pytest

from tests.gateway.client import MANIFEST, code_of, digest_of, manifest_of, start
from tests.gateway.places import Place
from tests.gateway.wire import Answer, connected, head, send

CONFIG = b"{}"


@pytest.fixture
def tagged(memory: Place) -> bytes:
    """The manifest at ``team/app:v1.0``."""
    path = f"/v2/team/app/blobs/uploads/?digest={digest_of(CONFIG)}"
    assert send(memory.host, "POST", path, CONFIG).status == 201
    manifest = manifest_of(CONFIG)
    headers = {"Content-Type": MANIFEST}
    assert send(memory.host, "PUT", "/v2/team/app/manifests/v1.0", manifest, headers).status == 201
    return manifest


# {d} is the manifest's digest.
SPELLINGS = [
    "/v2/team/app/manifests/v1.0",
    "/v2/team/app/manifests/v1.0/",
    "/v2/team/app/manifests/v1%2E0",
    "/v2/team%2Fapp/manifests/v1.0",
    "/v2/team%2fapp/manifests/v1%2e0",
    "/v2/%74eam/app/manifests/v1.0",
    "/v2/team/app/manifests/v1.0?x=1&x=2&y",
    "/v2/team/app/manifests/{d}",
    "/v2/team/app/manifests/{encoded}",
    "http://registry.test/v2/team/app/manifests/v1.0",
]


@pytest.mark.parametrize("target", SPELLINGS)
def test_a_path_is_decoded_once_and_one_slash_at_its_end_does_not_count(
    memory: Place, tagged: bytes, target: str
) -> None:
    digest = digest_of(tagged)
    answer = send(memory.host, "GET", target.format(d=digest, encoded=digest.replace(":", "%3A")))
    assert (answer.status, answer.body) == (200, tagged)


# A path, and the status and code that it gets.
STRANGE = [
    ("/v2/team/app/manifests/v1%252E0", 400, "TAG_INVALID"),
    ("/v2/team%252Fapp/manifests/v1.0", 400, "NAME_INVALID"),
    ("/v2/team/app/manifests/v1.0//", 404, "UNSUPPORTED"),
    ("/v2//team/app/manifests/v1.0", 400, "NAME_INVALID"),
    ("/v2/team//app/manifests/v1.0", 400, "NAME_INVALID"),
    ("/v2/team/../app/manifests/v1.0", 400, "NAME_INVALID"),
    ("/v2/team/%2e%2e/app/manifests/v1.0", 400, "NAME_INVALID"),
    ("/v2/../v2/team/app/manifests/v1.0", 400, "NAME_INVALID"),
    ("/v2/team/app%00/manifests/v1.0", 400, "NAME_INVALID"),
    ("/v2/team/app/manifests/v1.0%00", 400, "TAG_INVALID"),
    ("/v2/team/app/manifests/v1.0%0d%0aX-Evil:%201", 400, "DIGEST_INVALID"),
    ("/v2/team/app%0d%0aX-Evil:%201/tags/list", 400, "NAME_INVALID"),
    ("/v2/team/%ff%fe/manifests/v1.0", 400, "NAME_INVALID"),
    ("/v2/team/%C3%A4/manifests/v1.0", 400, "NAME_INVALID"),
    ("/v2/team/%/manifests/v1.0", 400, "NAME_INVALID"),
    ("/v2/team/%zz/manifests/v1.0", 400, "NAME_INVALID"),
    ("/v2/team/app/manifests/" + "a" * 129, 400, "TAG_INVALID"),
    ("/v2/" + "a/" * 2000 + "manifests/v1.0", 400, "NAME_INVALID"),
    ("/v2/team/app/blobs/sha256:abc", 400, "DIGEST_INVALID"),
    ("/v2/team/app/blobs/" + "x" * 5000, 400, "DIGEST_INVALID"),
    ("/v2/team/app/blobs/uploads/nothing-of-that-name", 404, "BLOB_UPLOAD_UNKNOWN"),
    ("/v2/team/app/blobs/uploads/%2e%2e", 404, "BLOB_UPLOAD_UNKNOWN"),
    ("//v2/team/app/manifests/v1.0", 404, "UNSUPPORTED"),
    ("/../v2/", 404, "UNSUPPORTED"),
    ("/V2/team/app/manifests/v1.0", 404, "UNSUPPORTED"),
    ("/v2/team/app", 404, "UNSUPPORTED"),
    ("/favicon.ico", 404, "UNSUPPORTED"),
    ("/{proxy+}", 404, "UNSUPPORTED"),
    ("/%00", 404, "UNSUPPORTED"),
]


@pytest.mark.parametrize(("target", "status", "code"), STRANGE, ids=lambda value: str(value)[:40])
def test_a_strange_path_is_refused_in_the_shape_of_v2(
    memory: Place, tagged: bytes, target: str, status: int, code: str
) -> None:
    answer = send(memory.host, "GET", target)
    assert (answer.status, code_of(answer)) == (status, code)
    assert answer.header("x-evil") is None


V1_STRANGE = [
    "/v1/images/abc/json",
    "/v1/images/abc%2Fjson",
    "/v1/images/%00/layer",
    "/v1/images/..%2f..%2fetc/ancestry",
    "/v1/repositories/a//tags",
    "/v1/nothing",
    "/v1/",
]


@pytest.mark.parametrize("target", V1_STRANGE)
def test_a_strange_path_is_refused_in_the_shape_of_v1(memory: Place, target: str) -> None:
    answer = send(memory.host, "GET", target)
    assert answer.status in (400, 404)
    document = json.loads(answer.body)
    assert all(isinstance(value, str) for value in document.values())
    assert document["error"]


# httptools' URL parser has no form for these.
UNREADABLE = [
    b"GET  HTTP/1.1",
    b"GET v2/ HTTP/1.1",
    b"GET /v2/\x00 HTTP/1.1",
    b"GET /v2/ HTTP/9.9",
    b"FROB /v2/ HTTP/1.1",
    b"get /v2/ HTTP/1.1",
    b"\xff\xfe\xfd",
]


@pytest.mark.parametrize("line", UNREADABLE)
def test_a_request_line_that_is_none_is_a_400(memory: Place, line: bytes) -> None:
    with connected(memory.host) as wire:
        wire.send(line + b"\r\nHost: a\r\n\r\n")
        assert wire.answer().status == 400
        assert wire.closed()


METHODS = [
    ("POST", "/v2/", 405),
    ("PUT", "/v2/team/app/tags/list", 405),
    ("PATCH", "/v2/team/app/manifests/v1.0", 405),
    ("DELETE", "/v2/_catalog", 405),
    ("OPTIONS", "/v2/", 404),
    ("PROPFIND", "/v2/team/app/manifests/v1.0", 404),
    ("TRACE", "/", 404),
    ("POST", "/", 404),
]


@pytest.mark.parametrize(("method", "target", "status"), METHODS)
def test_a_method_that_an_endpoint_does_not_take_is_refused(
    memory: Place, method: str, target: str, status: int
) -> None:
    answer = send(memory.host, method, target)
    assert (answer.status, code_of(answer)) == (status, "UNSUPPORTED")
    assert (answer.header("allow") is not None) == (status == 405)


def get(place: Place, target: str, headers: list[tuple[str, str]]) -> Answer:
    with connected(place.host) as wire:
        wire.send(head("GET", target, headers))
        return wire.answer()


ABSURD = {
    "docker's six Accepts": [("Accept", f"application/x.{number}+json") for number in range(6)],
    "no Accept": [],
    "an empty Accept": [("Accept", "")],
    "bytes that are no UTF-8": [("User-Agent", "\xff\xfe"), ("X-Any", "\xe4")],
    "a name in strange case": [("aCCepT", "*/*"), ("X-FOO", "1"), ("x-foo", "2")],
    "many headers": [(f"X-Number-{number}", str(number)) for number in range(500)],
    "a long value": [("Cookie", "c" * 30_000)],
    "a Host that is none": [("Host", "a:b:c/d@e")],
    "a body that never is": [("Expect", "200-maybe")],
    "a Range on a document": [("Range", "bytes=0-1")],
    "credentials of no scheme": [("Authorization", "Frob x"), ("Authorization", "")],
    "X-Forwarded": [("X-Forwarded-For", "1.2.3.4"), ("X-Forwarded-Proto", "https")],
}


@pytest.mark.parametrize("headers", ABSURD.values(), ids=ABSURD.keys())
def test_headers_that_mean_nothing_here_do_not_matter(
    memory: Place, tagged: bytes, headers: list[tuple[str, str]]
) -> None:
    answer = get(memory, "/v2/team/app/manifests/v1.0", headers)
    assert (answer.status, answer.body) == (200, tagged)


def test_a_repeated_header_keeps_all_its_values_in_the_event() -> None:
    from roadstead.gateway.events import HttpRequest, make_event

    pairs = [("accept", "a/b"), ("accept", "c/d"), ("host", "h")]
    event = make_event(HttpRequest("GET", "/v2/a%2Fb", "n=1&n=2&k", pairs), "/v2/{proxy+}", {})
    assert event["headers"] == {"accept": "c/d", "host": "h"}
    assert event["multiValueHeaders"] == {"accept": ["a/b", "c/d"], "host": ["h"]}
    assert event["multiValueQueryStringParameters"] == {"n": ["1", "2"], "k": [""]}
    assert event["path"] == "/v2/a/b"


QUERIES = ["digest={d}", "digest={e}", "ns=docker.io&digest={e}", "digest=x&digest={d}"]


@pytest.mark.parametrize("query", QUERIES)
def test_a_digest_in_the_query_may_be_encoded(memory: Place, repository: str, query: str) -> None:
    digest = digest_of(b"hello")
    text = query.format(d=digest, e=digest.replace(":", "%3A"))
    answer = send(memory.host, "PUT", f"{start(memory, repository)}?{text}", b"hello")
    assert (answer.status, answer.header("docker-content-digest")) == (201, digest)


BAD_QUERIES = ["", "digest", "digest=", "digest=sha256%253Aabc", "digest=md5:00", "Digest=%00"]


@pytest.mark.parametrize("query", BAD_QUERIES)
def test_a_closing_put_without_a_good_digest_is_refused_and_may_be_repeated(
    memory: Place, repository: str, query: str
) -> None:
    location = start(memory, repository)
    answer = send(memory.host, "PUT", f"{location}?{query}", b"hello")
    assert (answer.status, code_of(answer)) == (400, "DIGEST_INVALID")
    good = send(memory.host, "PUT", f"{location}?digest={digest_of(b'hello')}", b"hello")
    assert good.status == 201
