"""explain.js under node and Lambda@Edge's rules: what AWS refuses, in a registry's words."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from collections.abc import Callable, Iterator

import pytest

from roadstead.awslimits.edgeevents import Pairs, Viewed
from roadstead.awslimits.functions import EXPLAIN, NodeFunctions, read_explain
from roadstead.awslimits.lambdaedge import Sent, event_of, read_answer
from roadstead.awslimits.limits import EdgeLimits
from tests.clients.commands import find, not_run
from tests.edge.engines import EDGE

LIMITS = EdgeLimits()
Answer = tuple[int, dict[str, str], bytes | None]
Explain = Callable[[str, str, int, Pairs], Answer]

UPLOAD = "/v2/team/img/blobs/uploads/Zk3-_x"
STORED = f"/team/edge/r0_a-1/{'0a' * 32}"
VIEWERS = f"/_up{UPLOAD}"
LAYER = f"/v1/images/{'0b' * 32}/layer"
OF_AWS: Pairs = [
    ("content-type", "text/plain"),
    ("content-length", "46"),
    ("via", "1.1 x"),
    ("x-amz-apigw-id", "id"),
]
OF_S3: Pairs = [
    ("content-type", "application/xml"),
    ("transfer-encoding", "chunked"),
    ("server", "AmazonS3"),
    ("x-amz-request-id", "id"),
    ("etag", "x"),
]
OF_V2: Pairs = [("docker-distribution-api-version", "registry/2.0")]
OF_V1: Pairs = [("x-docker-registry-version", "0.9.1")]


@pytest.fixture(scope="module")
def explain() -> Iterator[Explain]:
    if find("node") is None:
        not_run("not installed: node")
    functions = NodeFunctions({}, read_explain(EDGE, LIMITS.lambda_characters))

    def run(method: str, uri: str, status: int, headers: Pairs) -> Answer:
        sent = Sent(Viewed(method, uri, [], [("host", "x")]), "198.51.100.7", "api", False)
        outcome = asyncio.run(functions.run(EXPLAIN, event_of(sent, status, "", headers)))
        found, pairs, body = read_answer(headers, outcome.result, LIMITS.lambda_answer_bytes)
        return found, dict(pairs), body

    yield run
    functions.close()


ROADS = "roadstead push"
EXPLAINED = [
    # method, uri, origin's status, its headers -> status, code, words
    ("PATCH", UPLOAD, 413, OF_AWS, 413, "DENIED", ROADS),
    ("PUT", UPLOAD, 413, OF_AWS, 413, "DENIED", ROADS),
    ("PATCH", VIEWERS, 413, OF_AWS, 413, "DENIED", ROADS),
    ("PUT", STORED, 400, OF_S3, 400, "DIGEST_INVALID", "not those of the digest"),
    ("PUT", VIEWERS, 400, OF_S3, 400, "DIGEST_INVALID", "not those of the digest"),
    ("PUT", STORED, 403, OF_S3, 403, "DENIED", "begin the upload again"),
    ("PUT", VIEWERS, 403, OF_S3, 403, "DENIED", "begin the upload again"),
    ("PUT", STORED, 411, OF_S3, 411, "SIZE_INVALID", "their length"),
    ("PUT", STORED, 501, OF_S3, 411, "SIZE_INVALID", "their length"),
    ("PUT", STORED, 503, OF_S3, 503, "UNAVAILABLE", "try again"),
    ("PUT", STORED, 500, OF_S3, 500, "UNAVAILABLE", "try again"),
    ("PUT", STORED, 405, OF_S3, 405, "UNKNOWN", "refused"),
    ("PATCH", UPLOAD, 400, OF_AWS, 400, "UNKNOWN", "refused"),
    ("PATCH", UPLOAD, 403, OF_AWS, 403, "UNKNOWN", "refused"),
    ("PATCH", UPLOAD, 429, OF_AWS, 429, "TOOMANYREQUESTS", "try again"),
    ("PATCH", UPLOAD, 501, OF_AWS, 501, "UNAVAILABLE", "try again"),
    ("PATCH", UPLOAD, 502, OF_AWS, 502, "UNAVAILABLE", "try again"),
    ("PATCH", UPLOAD, 504, OF_AWS, 504, "UNAVAILABLE", "try again"),
    ("PUT", LAYER, 413, OF_AWS, 413, None, ROADS),
    ("PUT", LAYER, 502, OF_AWS, 502, None, "try again"),
    ("PUT", LAYER, 400, OF_AWS, 400, None, "refused"),
]


@pytest.mark.parametrize(
    ("method", "uri", "status", "headers", "seen", "code", "words"),
    EXPLAINED,
    ids=[f"{method} {uri[:6]} {status}" for method, uri, status, *_ in EXPLAINED],
)
def test_what_aws_refuses_is_said_in_the_familys_shape(
    explain: Explain,
    method: str,
    uri: str,
    status: int,
    headers: Pairs,
    seen: int,
    code: str | None,
    words: str,
) -> None:
    found, named, body = explain(method, uri, status, headers)
    said = json.loads(body or b"")
    assert found == seen
    if code is None:
        assert list(said) == ["error"]
        assert words in said["error"]
        assert named["x-docker-registry-version"] == "0.9.1"
        assert "docker-distribution-api-version" not in named
    else:
        (error,) = said["errors"]
        assert error["code"] == code
        assert words in error["message"]
        assert named["docker-distribution-api-version"] == "registry/2.0"
    assert named["content-type"] == "application/json"
    assert ("retry-after" in named) is (seen == 429 or seen >= 500)
    # What only described the origin's body is gone; what AWS's support asks for is not.
    assert not named.keys() & {"content-length", "etag", "server"}
    assert "id" in (named.get("x-amz-apigw-id"), named.get("x-amz-request-id"))


@pytest.mark.parametrize(
    ("method", "uri", "status", "headers"),
    [
        *(("PUT", STORED, status, OF_S3) for status in (200, 201, 299, 307, 399)),
        ("PATCH", UPLOAD, 202, OF_AWS),
        *(("PATCH", UPLOAD, status, OF_V2) for status in (400, 401, 404, 413, 416, 500, 503)),
        *(("PUT", LAYER, status, OF_V1) for status in (400, 404, 413, 503)),
    ],
)
def test_what_is_no_refusal_and_what_is_ours_is_left_alone(
    explain: Explain, method: str, uri: str, status: int, headers: Pairs
) -> None:
    assert explain(method, uri, status, headers) == (status, dict(headers), None)


def test_a_head_has_no_body(explain: Explain) -> None:
    assert explain("HEAD", VIEWERS, 403, OF_S3)[2] == b""


def test_the_ways_are_those_of_upload_js() -> None:
    """One sentence, whoever refuses."""
    node = find("node")
    if node is None:
        not_run("not installed: node")
    found = []
    for name in ("upload.js", EXPLAIN):
        (text,) = re.findall(r"^const WAYS = (.*?);$", (EDGE / name).read_text(), re.S | re.M)
        done = subprocess.run(
            [node, "-p", text], capture_output=True, text=True, timeout=60, check=True
        )
        found.append(done.stdout)
    assert found[0] == found[1]
    for way in ("docker 29", "oras", "`roadstead push`", "`roadstead proxy`", "gateway"):
        assert way in found[0]


def test_it_goes_inline_into_a_template_and_needs_nothing_of_its_surroundings() -> None:
    text = (EDGE / EXPLAIN).read_text()
    assert len(text) <= 4096
    assert text.isascii()
    for word in ("require(", "import ", "process.", "console", "fetch("):
        assert word not in text
