"""Lambda@Edge's rules at origin response: functions of the tests' own under node."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from roadstead.awslimits.cloudfront import Behaviour, Origin
from roadstead.awslimits.functions import EDGE, EXPLAIN, read_explain
from roadstead.awslimits.home import BEHAVIOURS, Plan, behaviours_of
from roadstead.awslimits.limits import EdgeLimits
from roadstead.awslimits.s3door import S3Door
from roadstead.awslimits.servers import bind
from roadstead.failure import Failure
from roadstead.package.function import PROJECT
from tests.awslimits.edge import Echo, answering, edge, returning
from tests.awslimits.wire import ask, served

TEXT = [("content-type", "text/plain"), ("via", "1.1 origin")]


def module(statements: str) -> str:
    """A function that does this with the answer `r` of the record `c`, and returns it."""
    return (
        "exports.handler = async (event) => { const c = event.Records[0].cf; let r = c.response;"
        f"{statements} return r; }};"
    )


@pytest.mark.parametrize("status", [200, 307, 400, 413, 502, 503])
def test_it_runs_whatever_the_origin_answers(status: int) -> None:
    text = module("r.headers['x-ran'] = [{key: 'X-Ran', value: r.status}];")
    with edge(on_origin_answer=text, origin=Echo(status, TEXT)) as place:
        said = ask(place.address, "GET", "/x")
    assert (said.status, said.headers["X-Ran"], said.body) == (status, str(status), b"origin")


def test_status_and_body_are_its_own_and_the_length_is_counted() -> None:
    text = module("r = {status: '411', headers: {via: r.headers.via}, body: 'longer than it was'};")
    with edge(on_origin_answer=text, origin=Echo(501, TEXT)) as place:
        said = ask(place.address, "PUT", "/x", {}, b"body")
        head = ask(place.address, "HEAD", "/x")
    assert (said.status, said.body) == (411, b"longer than it was")
    assert said.headers["Content-Length"] == "18"
    assert (head.status, head.body) == (411, b"")


def test_it_is_shown_the_request_that_went_out_and_no_body() -> None:
    text = module("r.body = JSON.stringify([c.request, r, c.config]);")
    with edge(
        "function handler(event) { event.request.uri = '/new'; return event.request; }",
        on_origin_answer=text,
        origin=Echo(400, TEXT),
    ) as place:
        said = ask(place.address, "PUT", "/old?a=1", {"X-One": "1"}, b"secret")
    request, response, config = json.loads(said.body)
    assert (request["method"], request["uri"], request["querystring"]) == ("PUT", "/new", "a=1")
    assert request["headers"]["x-one"] == [{"key": "x-one", "value": "1"}]
    assert list(request["origin"]) == ["custom"]
    assert (response["status"], response["statusDescription"]) == ("400", "Bad Request")
    assert "body" not in response
    assert config["eventType"] == "origin-response"


@pytest.mark.parametrize(("status", "runs"), [(200, True), (400, False)])
def test_the_viewers_function_asks_what_the_origin_answered(status: int, runs: bool) -> None:
    text = module("r.status = '299';")
    viewers = answering("r.headers['x-viewer'] = {value: String(r.statusCode)};")
    with edge(on_answer=viewers, on_origin_answer=text, origin=Echo(status, TEXT)) as place:
        said = ask(place.address, "GET", "/x")
    assert said.status == 299
    assert said.headers["X-Viewer"] == ("299" if runs else None)


@pytest.mark.parametrize(
    "statements",
    [
        "delete r.headers.via;",
        "r.headers.via = [{key: 'Via', value: 'x'}];",
        "r.headers['transfer-encoding'] = [{key: 'Transfer-Encoding', value: 'chunked'}];",
        "r.headers.connection = [{key: 'Connection', value: 'close'}];",
        "r.headers['x-edge-a'] = [{key: 'X-Edge-A', value: 'x'}];",
        "r.headers['X-A'] = [{key: 'X-A', value: 'x'}];",
        "r.headers['x-a'] = [{key: 'X-B', value: 'x'}];",
        "r.headers['x-a'] = [{key: 'X-A', value: 'a\\nb'}];",
        "r.headers['x-a'] = [{key: 'X-A'}];",
        "r.status = '99';",
        "r.status = '600';",
        "r.status = 'OK';",
        "r.body = 7;",
        "r.body = 'x'; r.bodyEncoding = 'gzip';",
        "r.body = '?'; r.bodyEncoding = 'base64';",
        "r.body = 'x'.repeat(1024 * 1024);",
        "r = null;",
        "r = {headers: {}};",
    ],
)
def test_what_it_may_not_return_is_502(statements: str) -> None:
    with edge(on_origin_answer=module(statements), origin=Echo(400, TEXT)) as place:
        said = ask(place.address, "GET", "/x")
    assert said.status == 502
    assert b"CloudFront" in said.body


@pytest.mark.parametrize(
    "statements",
    ["throw new Error('x');", "await Promise.reject(new Error('x'));", "require('fs');"],
)
def test_one_that_fails_is_503_and_the_next_is_served(statements: str) -> None:
    text = module(f"if (c.request.uri === '/bad') {{ {statements} }}")
    with edge(on_origin_answer=text, origin=Echo(400, TEXT)) as place:
        assert ask(place.address, "GET", "/bad").status == 503
        assert ask(place.address, "GET", "/good").status == 400


STORED = f"/team/edge/r0_a-1/{hashlib.sha256(b'body').hexdigest()}"
SIGNED = {"X-Amz-Content-Sha256": STORED[-64:]}


@pytest.mark.parametrize(
    ("method", "headers", "body", "status", "code"),
    [
        ("PUT", {}, [b"body"], 411, "SIZE_INVALID"),
        ("PUT", {}, None, 411, "SIZE_INVALID"),
        ("PUT", SIGNED, b"other", 400, "DIGEST_INVALID"),
        (
            "PUT",
            {"Authorization": "AWS4-HMAC-SHA256 SignedHeaders=host", "X-Amz-Acl": "private"},
            b"body",
            403,
            "DENIED",
        ),
        ("PUT", SIGNED, b"body", 503, "UNAVAILABLE"),
        ("PATCH", {}, b"body", 405, "UNKNOWN"),
    ],
    ids=["chunked", "no length", "other bytes", "an unsigned header", "no store", "PATCH"],
)
def test_each_refusal_of_s3_comes_in_a_registrys_words(
    method: str,
    headers: dict[str, str],
    body: bytes | list[bytes] | None,
    status: int,
    code: str,
) -> None:
    """The door's own refusals: behind it there is nothing."""
    text = (EDGE / EXPLAIN).read_text()
    choose = returning("cf.selectRequestOriginById('bucket');")
    nowhere = bind(Echo())
    behind = nowhere.address
    nowhere.listener.close()
    with served(S3Door(behind)) as door:
        origins = {"bucket": Origin(door)}
        with edge(choose, on_origin_answer=text, settings=origins) as place:
            said = ask(place.address, method, STORED, headers, body)
    (error,) = json.loads(said.body)["errors"]
    assert (said.status, error["code"]) == (status, code)
    assert said.headers["Docker-Distribution-Api-Version"] == "registry/2.0"


@pytest.mark.parametrize(
    ("pattern", "uri", "fits"),
    [
        ("*", "/", True),
        ("/_up/*", "/_up/v2/a", True),
        ("/_up/*", "/_up", False),
        ("/_up/*", "/v2/_up/x", False),
        ("/v1/images/*/layer", "/v1/images/ab/layer", True),
        ("/v1/images/*/layer", "/v1/images/ab/layers", False),
        ("/v1/images/*/layer", "/v1/images/layer", False),
        ("/v1/images/*/layer", "/v1/images/ab/json", False),
        ("/a.b", "/axb", False),
    ],
)
def test_a_behaviour_is_chosen_by_its_pattern(pattern: str, uri: str, fits: bool) -> None:
    assert Behaviour(pattern, "main").fits(uri) is fits


def test_the_behaviours_are_those_of_the_template() -> None:
    document = json.loads((PROJECT / "infra" / "app.json").read_text())
    config = document["Resources"]["Distribution"]["Properties"]["DistributionConfig"]
    functions = {"FrontFunction": "front.js", "UploadFunction": "upload.js"}
    described = []
    for each in [*config["CacheBehaviors"], config["DefaultCacheBehavior"]]:
        first = each["FunctionAssociations"][0]["FunctionARN"]["Fn::GetAtt"][0]
        described.append(
            Behaviour(
                each.get("PathPattern", "*"),
                each["TargetOriginId"],
                functions[first],
                "answer.js",
                "explain.js" if "LambdaFunctionAssociations" in each else None,
            )
        )
    assert tuple(described) == BEHAVIOURS
    assert {each.on_origin_answer for each in behaviours_of(Plan(explain=False))} == {None}


def test_a_function_that_is_missing_or_too_long_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="not there"):
        read_explain(tmp_path, 10)
    (tmp_path / "explain.js").write_text("// 4567890")
    assert read_explain(tmp_path, 10)
    with pytest.raises(Failure, match="10 characters; 9 go"):
        read_explain(tmp_path, 9)
    assert EdgeLimits().lambda_characters == 4096
