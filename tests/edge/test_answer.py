"""answer.js: S3's answers in a registry's words, and API Gateway's under their own names."""

from typing import Any

import pytest

from tests.edge.engines import Edge, Event, request_event, response_event

HEX = "0a" * 32
DIGEST = f"sha256:{HEX}"
PATH = "/v2/team/img/blobs/uploads/Zk3-_x"
STORED = f"/team/edge/r0_a-1/{HEX}"

# AWS does not say which of these a viewer response is shown: the viewer's, or upload.js's.
VIEWERS = request_event("PUT", f"/_up{PATH}", query={"_up": "x", "digest": DIGEST})
ESCAPED = request_event("PUT", f"/_up{PATH}", query={"_up": "x", "digest": f"sha256%3A{HEX}"})
REWRITTEN = request_event("PUT", STORED, headers={"x-roadstead-upload": PATH})
WITHOUT_NOTE = request_event("PUT", STORED)

OF_S3: dict[str, Any] = {
    "etag": '"x"',
    "server": "AmazonS3",
    "date": "today",
    "content-length": "0",
    "x-amz-id-2": "x",
    "x-amz-request-id": "x",
    "x-amz-checksum-sha256": "x",
    "x-amz-checksum-type": "FULL_OBJECT",
    "x-amz-server-side-encryption": "AES256",
    "x-amz-version-id": "x",
    "via": "1.1 x",
}


@pytest.mark.parametrize(
    ("request_", "location"),
    [
        (VIEWERS, f"/v2/team/img/blobs/{DIGEST}"),
        (ESCAPED, f"/v2/team/img/blobs/{DIGEST}"),
        (REWRITTEN, f"/v2/team/img/blobs/{DIGEST}"),
        (WITHOUT_NOTE, None),
    ],
    ids=["viewer's", "viewer's, escaped", "rewritten", "rewritten, without the header"],
)
def test_what_s3_has_taken_is_created(edge: Edge, request_: Event, location: str | None) -> None:
    outcome = edge.call("answer.js", {}, response_event(request_, 200, OF_S3))
    assert outcome.status == 201
    assert outcome.headers == {
        "docker-content-digest": DIGEST,
        "docker-distribution-api-version": "registry/2.0",
        "content-length": "0",
        "date": "today",
        "via": "1.1 x",
    } | ({"location": location} if location else {})
    assert "body" not in outcome.result


PLAIN: dict[str, Any] = {"etag": "x", "content-length": "2", "location": "/x"}
NOT_OF_THE_BUCKET = [
    (request_event("GET", "/v2/a/blobs/x"), 200),
    (request_event("GET", STORED), 200),
    (request_event("GET", f"/_up{PATH}", query={"digest": DIGEST}), 200),
    (request_event("PUT", f"/_up{PATH}", query={"digest": DIGEST}), 201),
    (request_event("PUT", f"/_up{PATH}", query={"digest": DIGEST}), 202),
    (request_event("PUT", f"/_up{PATH}"), 200),
    (request_event("PATCH", f"/_up{PATH}", query={"digest": DIGEST}), 202),
    (request_event("PUT", "/v2/a/manifests/x"), 201),
    (request_event("PUT", "/v1/images/x/json"), 200),
    (request_event("PUT", f"/x{STORED}"), 200),
    (request_event("PUT", "/v1/images/x/json", headers={"x-roadstead-upload": PATH}), 200),
    (request_event("GET", "/v2/a/blobs/x"), 307),
]


@pytest.mark.parametrize(("request_", "status"), NOT_OF_THE_BUCKET)
def test_every_other_answer_stays_as_it_is(edge: Edge, request_: Event, status: int) -> None:
    event = response_event(request_, status, PLAIN)
    assert edge.call("answer.js", {}, event).result == event["response"]


@pytest.mark.parametrize("uri", ["/v2/", f"/_up{PATH}"])
@pytest.mark.parametrize("challenge", ['Basic realm="Roadstead"', 'Bearer realm="https://a/b",x'])
def test_a_299_becomes_the_401_that_it_stands_for(edge: Edge, uri: str, challenge: str) -> None:
    headers: dict[str, Any] = {
        "x-roadstead-status": "401",
        "x-roadstead-challenge": challenge,
        "content-type": "application/json",
        "content-length": "12",
        "docker-distribution-api-version": "registry/2.0",
    }
    event = response_event(request_event("GET", uri), 299, headers)
    outcome = edge.call("answer.js", {}, event)
    assert outcome.status == 401
    assert outcome.result["statusDescription"] == "Unauthorized"
    assert outcome.headers == {
        "www-authenticate": challenge,
        "content-type": "application/json",
        "content-length": "12",
        "docker-distribution-api-version": "registry/2.0",
    }
    # The body is the origin's as long as the function names none.
    assert "body" not in outcome.result


@pytest.mark.parametrize(
    ("status", "given", "seen"),
    [
        (299, None, 299),
        (299, "", 299),
        (299, "200", 299),
        (299, "500", 299),
        (299, "4011", 299),
        (299, "x401", 299),
        (299, "403", 403),
        (200, "401", 200),
        (307, "401", 307),
    ],
)
def test_only_a_299_that_names_a_refusal_is_changed(
    edge: Edge, status: int, given: str | None, seen: int
) -> None:
    headers: dict[str, Any] = {} if given is None else {"x-roadstead-status": given}
    event = response_event(request_event("GET", "/v2/"), status, headers)
    outcome = edge.call("answer.js", {}, event)
    assert outcome.status == seen
    assert outcome.headers == {}


def test_api_gateways_own_headers_go(edge: Edge) -> None:
    headers: dict[str, Any] = {
        "x-amzn-remapped-content-length": "5",
        "x-amzn-remapped-date": "x",
        "x-amzn-remapped-www-authenticate": "x",
        "x-amzn-requestid": "x",
        "x-amzn-trace-id": "x",
        "x-amz-apigw-id": "x",
        "content-length": "3",
        "warning": '299 - "x"',
        "link": ["<a>", "<b>"],
        "via": "x",
    }
    event = response_event(request_event("HEAD", "/v2/a/manifests/x"), 200, headers)
    outcome = edge.call("answer.js", {}, event)
    assert sorted(outcome.headers) == ["content-length", "link", "via", "warning"]
    assert outcome.result["headers"]["link"] == event["response"]["headers"]["link"]
    assert outcome.headers["content-length"] == "3"


@pytest.mark.parametrize(("own", "seen"), [({}, "0-4"), ({"range": "0-9"}, "0-9")])
def test_a_range_that_was_renamed_gets_its_name_back(
    edge: Edge, own: dict[str, Any], seen: str
) -> None:
    headers = {"x-amzn-remapped-range": "0-4", **own}
    event = response_event(request_event("PATCH", f"/_up{PATH}"), 202, headers)
    assert edge.call("answer.js", {}, event).headers == {"range": seen}


def test_a_presigned_address_passes_untouched(edge: Edge) -> None:
    where = "https://bucket.s3.example/x?X-Amz-Signature=abc"
    event = response_event(request_event("GET", "/v2/a/blobs/x"), 307, {"location": where})
    assert edge.call("answer.js", {}, event).headers == {"location": where}
