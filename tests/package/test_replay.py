"""Recorded events through the packaged function, under AWS's own runtime client.

The zip for Lambda holds wheels for arm64, which this machine need not run: what is run here is
built by the same code with the platform alone exchanged.
"""

from __future__ import annotations

import base64
import hashlib
import json
import urllib.request
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib.domain.access import Mode
from roadstead.gateway.events import HttpRequest, HttpResponse, LambdaFront
from tests.conformance.bodies import CONFIG, LAYER, OCI, image
from tests.conformance.cases import of
from tests.logs import emf
from tests.matrix.protocols import PULLS, PUSHES, Pulled, Sample
from tests.package.conftest import Start
from tests.package.lambda_runtime import Function
from tests.support.stack import Stack
from tests.support.world import Registry, app_of, basic, memory_world
from tests.web.events import Answer, Event, body_of, error_of, event, v2_event

R = "acme/app"
RAW = image()
IMAGE_ID = "a" * 64
V1_JSON = json.dumps({"id": IMAGE_ID}).encode()
CHECKSUM = "sha256:" + hashlib.sha256(V1_JSON + b"\n" + LAYER).hexdigest()


def carrying(body: bytes, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The changes of an event that carries a body: base64, for the binary type is `*/*`."""
    sent = {"Accept": "*/*", "Host": "abc123.execute-api.eu-central-1.amazonaws.com"}
    sent |= headers or {}
    return {
        "headers": sent,
        "multiValueHeaders": {name: [value] for name, value in sent.items()},
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }


def query(**parameters: str) -> dict[str, Any]:
    return {
        "queryStringParameters": parameters,
        "multiValueQueryStringParameters": {name: [value] for name, value in parameters.items()},
    }


def v1_event(method: str, resource: str, variables: Mapping[str, str], **more: Any) -> Event:
    return event(method, resource.format(**variables), resource, variables, **more)


def blob_event(data: bytes) -> Event:
    return v2_event("POST", f"{R}/blobs/uploads/", **carrying(data), **query(digest=of(data)))


def served(answer: Answer) -> bytes:
    """The bytes behind a redirect."""
    assert answer["statusCode"] in (302, 307), answer
    with urllib.request.urlopen(answer["headers"]["Location"], timeout=20) as response:
        found: bytes = response.read()
    return found


IMAGE = {"image_id": IMAGE_ID}
FIRST = {"first": "acme", "second": "old"}
PUSH_IMAGE = carrying(RAW, {"Content-Type": OCI})
# What is sent, in this order, to one function; then the status.
EVENTS: list[tuple[str, Event, int]] = [
    ("v1 ping", event("GET", "/v1/_ping", "/v1/_ping"), 200),
    ("v2 base", event("GET", "/v2/", "/v2"), 200),
    ("blob HEAD, unknown", v2_event("HEAD", f"{R}/blobs/{of(LAYER)}"), 404),
    ("manifest PUT before its blobs", v2_event("PUT", f"{R}/manifests/1.0", **PUSH_IMAGE), 404),
    ("config, inline", blob_event(CONFIG), 201),
    ("layer, inline", blob_event(LAYER), 201),
    ("manifest PUT", v2_event("PUT", f"{R}/manifests/1.0", **PUSH_IMAGE), 201),
    ("manifest GET", v2_event("GET", f"{R}/manifests/1.0"), 200),
    ("manifest HEAD", v2_event("HEAD", f"{R}/manifests/{of(RAW)}"), 200),
    ("blob GET", v2_event("GET", f"{R}/blobs/{of(LAYER)}"), 307),
    ("tags", v2_event("GET", f"{R}/tags/list"), 200),
    (
        "v1 repository",
        v1_event(
            "PUT",
            "/v1/repositories/{first}/{second}",
            FIRST,
            **carrying(json.dumps([{"id": IMAGE_ID}]).encode()),
        ),
        200,
    ),
    ("v1 json", v1_event("PUT", "/v1/images/{image_id}/json", IMAGE, **carrying(V1_JSON)), 200),
    ("v1 layer", v1_event("PUT", "/v1/images/{image_id}/layer", IMAGE, **carrying(LAYER)), 200),
    (
        "v1 checksum",
        v1_event(
            "PUT",
            "/v1/images/{image_id}/checksum",
            IMAGE,
            **carrying(b"", {"X-Docker-Checksum-Payload": CHECKSUM}),
        ),
        200,
    ),
    (
        "v1 tag",
        v1_event(
            "PUT",
            "/v1/repositories/{first}/{second}/tags/{tag}",
            {**FIRST, "tag": "latest"},
            **carrying(json.dumps(IMAGE_ID).encode()),
        ),
        200,
    ),
    ("v1 ancestry", v1_event("GET", "/v1/images/{image_id}/ancestry", IMAGE), 200),
    (
        "the page",
        event("GET", f"/ui/r/{R}", "/ui/{proxy+}", {"proxy": f"r/{R}"}),
        200,
    ),
    ("no such endpoint", event("GET", "/nothing", "/{proxy+}", {"proxy": "nothing"}), 404),
]


def test_recorded_events_are_answered_by_the_package(start: Start) -> None:
    function = start(ROADSTEAD_AUTH="off")
    answers = {}
    for name, sent, status in EVENTS:
        answers[name] = answer = function(sent)
        assert answer["statusCode"] == status, (name, body_of(answer), function.said())
    manifest = answers["manifest GET"]
    assert body_of(manifest) == RAW
    assert manifest["headers"]["Docker-Content-Digest"] == of(RAW)
    assert served(answers["blob GET"]) == LAYER
    assert json.loads(body_of(answers["tags"])) == {"name": R, "tags": ["1.0"]}
    assert json.loads(body_of(answers["v1 ancestry"])) == [IMAGE_ID]
    assert error_of(answers["manifest PUT before its blobs"]) == "MANIFEST_BLOB_UNKNOWN"
    assert b'<a href="/ui/r/acme/app/-/tags/1.0">1.0</a>' in body_of(answers["the page"])


def test_the_packages_log_is_a_line_of_json_for_each_event(start: Start) -> None:
    """As AWS's own runtime client writes it: CloudWatch makes metrics of what stands alone."""
    function = start(ROADSTEAD_AUTH="off", ROADSTEAD_STAGE="dev")
    sent = EVENTS[:8]
    for _, asked, _ in sent:
        function(asked)
    lines = [json.loads(text) for text in function.log.read_text().splitlines()]
    assert [line["kind"] for line in lines] == ["request"] * len(sent)
    assert [line["status"] for line in lines] == [status for _, _, status in sent]
    assert [line.get("cold") for line in lines] == [True] + [None] * (len(sent) - 1)
    # The first push of a repository's life makes its record, and looks once more (ADR 40).
    assert lines[6]["calls"] == {"dynamodb.BatchGetItem": 2, "dynamodb.TransactWriteItems": 2}
    assert {line["stage"] for line in lines} == {"dev"}
    for line in lines:
        emf.check(line)


def test_without_a_login_the_package_challenges(start: Start) -> None:
    function = start(ROADSTEAD_AUTH="on")
    for sent in (event("GET", "/v2/", "/v2"), v2_event("GET", f"{R}/manifests/1.0")):
        answer = function(sent)
        assert answer["statusCode"] == 401
        assert answer["headers"]["WWW-Authenticate"].startswith("Basic ")
        assert error_of(answer) == "UNAUTHORIZED"


def test_a_password_is_checked_by_the_packaged_argon2(
    start: Start, stack: Stack, team: str
) -> None:
    function = start(ROADSTEAD_AUTH="on")
    store = type(stack.metadata())(
        team, stack.region, stack.endpoints.dynamodb_url, session=stack.session
    )
    world = memory_world(Mode.ACCOUNTS, metadata=store, accounts=store, search=store)
    Registry(world).add_user("alice", "alice-secret")
    for password, status in (("alice-secret", 200), ("another-one", 401)):
        headers = {"Authorization": basic("alice", password)}
        answer = function(event("GET", "/v2/", "/v2", **carrying(b"", headers)))
        assert answer["statusCode"] == status, (password, function.said())
    assert "alice-secret" not in function.said()


class Behind(LambdaFront):
    """HTTP requests as events of API Gateway, to a function in a process of its own."""

    def __init__(self, function: Function) -> None:
        super().__init__(app_of(memory_world()))
        self._app = function


class Place:
    """What the matrix of protocols asks of a registry, with real redirects to follow."""

    def __init__(self, front: LambdaFront) -> None:
        self._front = front
        self.world = SimpleNamespace(blobs=SimpleNamespace(fetch=self.fetch))

    def send(
        self, method: str, url: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> HttpResponse:
        path, _, asked = url.partition("?")
        pairs = [("host", "registry.test"), *((k.lower(), v) for k, v in (headers or {}).items())]
        return self._front.call(HttpRequest(method, path, asked, pairs, body))

    def fetch(self, url: str) -> SimpleNamespace:
        with urllib.request.urlopen(url, timeout=20) as response:
            return SimpleNamespace(body=response.read())


@pytest.mark.parametrize("push", PUSHES)
def test_the_package_serves_what_was_pushed_to_it(start: Start, push: str) -> None:
    place: Any = Place(Behind(start(ROADSTEAD_AUTH="off")))
    sample = Sample()
    PUSHES[push](place, sample)
    whole = Pulled(sample.layers, sample.command, sample.created, sample.author)
    assert {name: pull(place) == whole for name, pull in PULLS.items()} == dict.fromkeys(
        PULLS, True
    )


def test_a_chunked_upload_runs_through_the_package(start: Start) -> None:
    """The parts of botocore's S3 client that the trimmed model has to know."""
    place: Any = Place(Behind(start(ROADSTEAD_AUTH="off")))
    chunks = [bytes([number]) * 4_000_000 for number in range(3)]
    location = place.send("POST", f"/v2/{R}/blobs/uploads/").header("location")
    for chunk in chunks:
        answer = place.send("PATCH", location, chunk)
        assert answer.status == 202, answer.body
        location = answer.header("location")
    whole = b"".join(chunks)
    closed = place.send("PUT", f"{location}{'&' if '?' in location else '?'}digest={of(whole)}")
    assert closed.status == 201, closed.body
    found = place.send("GET", f"/v2/{R}/blobs/{of(whole)}")
    assert place.fetch(found.header("location")).body == whole


def test_a_missing_setting_is_named_in_the_log_and_to_nobody_else(start: Start) -> None:
    function = start(ROADSTEAD_TABLE="")
    answer = function(event("GET", "/v2/", "/v2"))
    assert answer["statusCode"] == 500
    assert "ROADSTEAD_TABLE is not set" in function.said()
    assert "ROADSTEAD_TABLE" not in body_of(answer).decode()
