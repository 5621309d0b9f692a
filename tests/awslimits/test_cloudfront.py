"""CloudFront's rules, each a case: functions of the tests' own under node, origins that listen."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from roadstead.awslimits.cloudfront import bucket_origin
from roadstead.awslimits.edgeevents import HIDDEN, Viewed, request_document, split_query
from roadstead.awslimits.exchange import Address
from roadstead.awslimits.functions import (
    EDGE,
    PLACEHOLDER,
    NodeFunctions,
    read_functions,
    with_settings,
)
from roadstead.awslimits.limits import MIB, EdgeLimits, OacSwitches
from roadstead.awslimits.s3door import S3Door
from roadstead.failure import Failure
from tests.awslimits.edge import Echo, Edge, answering, edge, generated, returning, trying
from tests.awslimits.places import need_node
from tests.awslimits.test_s3door import BODY, HEX, OTHER, Store, checksum
from tests.awslimits.wire import ask, pieces, served
from tests.support.stack import BUCKET, Stack

FOUND = {"statusCode": 200, "headers": {}}


# --- what reaches an origin -----------------------------------------------------------------


def test_an_origin_gets_the_viewers_headers_and_the_distributions_own() -> None:
    with edge() as place:
        sent = {
            "Host": "registry.example",
            "User-Agent": "docker/20",
            "X-Roadstead-Edge": "forged",
            "X-Forwarded-For": "198.51.100.7",
            "Expect": "100-continue",
            "Authorization": "Basic eA==",
        }
        assert ask(place.address, "PUT", "/v2/a?x=1&y=%2F", sent, b"body").status == 200
        (seen,) = place.origin.seen

    assert seen["target"] == "/stage/v2/a?x=1&y=%2F"
    assert seen["headers"]["host"] != "registry.example"
    assert seen["headers"]["x-roadstead-edge"] == "the word"
    assert seen["headers"]["user-agent"] == "docker/20"
    assert seen["headers"]["authorization"] == "Basic eA=="
    assert seen["headers"]["x-forwarded-for"] == "198.51.100.7, 127.0.0.1"
    assert "expect" not in seen["headers"]
    assert (seen["headers"]["content-length"], seen["size"]) == ("4", 4)


def test_a_body_without_a_length_stays_without_one() -> None:
    with edge() as place:
        assert ask(place.address, "PATCH", "/v2/a", {}, pieces(3 * MIB)).status == 200
        (seen,) = place.origin.seen

    assert seen["headers"]["transfer-encoding"] == "chunked"
    assert "content-length" not in seen["headers"]
    assert seen["size"] == 3 * MIB


def test_a_function_changes_path_query_headers_and_origin() -> None:
    text = returning(
        "r.uri = '/new'; r.querystring = {b: {value: '2'}}; delete r.headers.cookie;"
        "r.headers['x-new'] = {value: 'v'}; cf.selectRequestOriginById('other');"
    )
    with edge(text) as place:
        said = ask(place.address, "GET", "/old?a=1", {"Cookie": "c=1"})
        (seen,) = place.other.seen

    assert said.body == b"other"
    assert seen["target"] == "/new?b=2"
    assert seen["headers"]["x-new"] == "v"
    assert "x-roadstead-edge" not in seen["headers"]


def test_what_a_function_is_not_shown_passes_it_by() -> None:
    text = returning("if (r.headers['x-real-ip'] || r.headers.upgrade) { throw new Error(); }")
    with edge(text) as place:
        assert ask(place.address, "GET", "/", {"X-Real-IP": "198.51.100.7"}).status == 200
        assert place.origin.seen[0]["headers"]["x-real-ip"] == "198.51.100.7"


# --- what a function may not do -------------------------------------------------------------


REFUSED = [
    "r.method = 'PUT';",
    "r.uri = 'no-slash';",
    "delete r.headers.host;",
    "r.headers.host = {value: 'elsewhere'};",
    "r.headers['content-length'] = {value: '7'};",
    "r.headers['transfer-encoding'] = {value: 'chunked'};",
    "r.headers.via = {value: 'me'};",
    "r.headers['X-Upper'] = {value: '1'};",
    "r.headers['x-break'] = {value: 'a\\r\\nb: c'};",
    "r.headers['x-none'] = {};",
    "r.headers['x-amz-cf-id'] = {value: '1'};",
    "r.headers['x-edge-any'] = {value: '1'};",
    "cf.selectRequestOriginById('nowhere');",
    "return null;",
    "return {statusCode: 99};",
    "return {statusCode: 200, headers: {connection: {value: 'close'}}};",
    *(f"r.headers['{name}'] = {{value: '1'}};" for name in sorted(HIDDEN)),
]


@pytest.fixture(scope="module")
def refusing() -> Iterator[Edge]:
    with edge(trying("request", REFUSED)) as place:
        yield place


@pytest.mark.parametrize("number", range(len(REFUSED)), ids=lambda number: REFUSED[number])
def test_what_a_function_may_not_return_is_502_and_reaches_no_origin(
    refusing: Edge, number: int
) -> None:
    assert ask(refusing.address, "GET", f"/case/{number}").status == 502
    assert refusing.origin.seen == []


FAULTS = [
    "throw new Error('told to');",
    "while (true) {}",
    "setTimeout(function () {}, 1);",
    "require('fs');",
    "fetch('http://127.0.0.1');",
    "process.exit(1);",
    "eval('1');",
    "cf.updateRequestOrigin({domainName: 'elsewhere'});",
    "event.request.body.data;",
]


@pytest.fixture(scope="module")
def failing() -> Iterator[Edge]:
    with edge(trying("request", FAULTS)) as place:
        yield place


@pytest.mark.parametrize("number", range(len(FAULTS)), ids=lambda number: FAULTS[number])
def test_a_function_that_fails_is_503_and_the_next_one_is_served(
    failing: Edge, number: int
) -> None:
    assert ask(failing.address, "GET", f"/case/{number}").status == 503
    assert ask(failing.address, "GET", "/good").status == 200


def test_a_function_with_all_cloudfront_gives_it_runs() -> None:
    text = returning(
        "const h = crypto.createHmac('sha256', Buffer.from('6b', 'hex')).update('x');"
        "r.headers['x-sum'] = {value: h.digest('hex')};"
        "console.log('never printed');"
    )
    with edge(text) as place:
        assert ask(place.address, "GET", "/").status == 200
        assert len(place.origin.seen[0]["headers"]["x-sum"]) == 64


# --- answers --------------------------------------------------------------------------------


def test_an_answer_that_a_function_makes_meets_neither_origin_nor_the_other_function() -> None:
    made = generated(
        statusCode=401,
        headers={"www-authenticate": {"value": "Basic"}},
        body={"encoding": "text", "data": "who?"},
    )
    with edge(made, answering("r.headers['x-ran'] = {value: '1'};")) as place:
        said = ask(place.address, "GET", "/v2/")
        head = ask(place.address, "HEAD", "/v2/")
        assert place.origin.seen == []

    assert (said.status, said.body) == (401, b"who?")
    assert said.headers["WWW-Authenticate"] == "Basic"
    assert said.headers["X-Cache"] == "FunctionGeneratedResponse from cloudfront"
    assert "x-ran" not in said.headers
    assert (head.status, head.body) == (401, b"")


@pytest.mark.parametrize(
    ("status", "runs"), [(200, True), (299, True), (307, True), (400, False), (401, False)]
)
def test_the_answers_function_runs_below_400_only(status: int, runs: bool) -> None:
    text = answering("r.headers['x-ran'] = {value: '1'};")
    with edge(on_answer=text, origin=Echo(status)) as place:
        said = ask(place.address, "GET", "/v2/")

    assert said.status == status
    assert ("x-ran" in said.headers) == runs


def test_a_function_changes_an_answers_status_and_headers_and_not_its_body() -> None:
    text = answering(
        "r.statusCode = 401; r.headers['www-authenticate'] = r.headers['x-challenge'];"
        "delete r.headers['x-challenge'];"
    )
    origin = Echo(299, [("X-Challenge", "Bearer"), ("x-amzn-RequestId", "shown to nobody")])
    with edge(on_answer=text, origin=origin) as place:
        said = ask(place.address, "GET", "/v2/")

    assert (said.status, said.body) == (401, b"origin")
    assert said.headers["WWW-Authenticate"] == "Bearer"
    assert "x-challenge" not in said.headers
    assert said.headers["x-amzn-requestid"] == "shown to nobody"


REFUSED_ANSWERS = [
    "r.headers['content-length'] = {value: '1'};",
    "delete r.headers['content-length'];",
    "r.headers.via = {value: '1'};",
    "r.headers.warning = {value: '1'};",
    "r.headers['x-cache'] = {value: 'Hit'};",
    "r.statusCode = 'fine';",
    "return null;",
]


@pytest.fixture(scope="module")
def refusing_answers() -> Iterator[Edge]:
    with edge(on_answer=trying("response", REFUSED_ANSWERS)) as place:
        yield place


@pytest.mark.parametrize("number", range(len(REFUSED_ANSWERS)), ids=REFUSED_ANSWERS.__getitem__)
def test_what_an_answers_function_may_not_return_is_502(
    refusing_answers: Edge, number: int
) -> None:
    assert ask(refusing_answers.address, "GET", f"/case/{number}").status == 502


def test_a_function_that_returns_nothing_is_502() -> None:
    with edge("function handler(event) {}") as place:
        assert ask(place.address, "GET", "/").status == 502


def test_an_origin_that_cannot_be_reached_is_502() -> None:
    closed = socket.socket()
    closed.bind(("127.0.0.1", 0))
    gone = bucket_origin(Address("127.0.0.1", closed.getsockname()[1]), "b", ("k", "s"), "r")
    with (
        closed,
        edge(returning("cf.selectRequestOriginById('gone');"), settings={"gone": gone}) as place,
    ):
        assert ask(place.address, "GET", "/").status == 502


def test_an_origin_that_says_nothing_is_504() -> None:
    silent = socket.create_server(("127.0.0.1", 0))
    slow = bucket_origin(Address("127.0.0.1", silent.getsockname()[1]), "b", ("k", "s"), "r")
    limits = EdgeLimits(origin_timeout_s=0.1)
    text = returning("cf.selectRequestOriginById('slow');")
    with silent, edge(text, limits=limits, settings={"slow": slow}) as place:
        assert ask(place.address, "GET", "/").status == 504


def test_an_origin_that_answers_before_the_body_is_heard() -> None:
    with edge(origin=Echo(413, reads=False, body=b"too large")) as place:
        said = ask(place.address, "PUT", "/", {}, b"", declared=300 * MIB)

    assert (said.status, said.body) == (413, b"too large")


def test_a_viewer_that_hangs_up_is_no_whole_body_to_the_origin() -> None:
    with edge() as place:
        with socket.create_connection((place.address.host, place.address.port)) as client:
            client.sendall(b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nhalf")
            while not place.origin.seen or place.origin.seen[0]["size"] < 4:
                time.sleep(0.01)
        # A second request is served after the first one's end is seen.
        assert ask(place.address, "GET", "/").status == 200
        assert place.origin.broke_off
        assert len(place.origin.seen) == 2


def test_a_body_passes_piece_by_piece() -> None:
    """The second half is sent only when the origin has the first: nobody may have held it."""
    half = 4 * MIB
    with edge() as place:
        address = (place.address.host, place.address.port)
        with socket.create_connection(address, timeout=30) as client:
            head = f"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: {2 * half}\r\n\r\n"
            client.sendall(head.encode() + b"x" * half)
            while not place.origin.seen or place.origin.seen[0]["size"] < half:
                time.sleep(0.01)
            client.sendall(b"y" * half)
            assert client.recv(15) == b"HTTP/1.1 200 OK"
        assert place.origin.seen[0]["size"] == 2 * half


# --- limits ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "headers", "status"),
    [
        ("/" + "u" * 8_191, {}, 200),
        ("/" + "u" * 8_192, {}, 413),
        ("/", {"X-Long": "x" * 20_000}, 200),
        ("/", {"X-Long": "x" * 20_480}, 413),
    ],
    ids=["URL", "URL too long", "head", "head too long"],
)
def test_requests_have_a_largest_head(target: str, headers: dict[str, str], status: int) -> None:
    with edge() as place:
        assert ask(place.address, "GET", target, headers).status == status


def test_a_function_with_its_settings_has_a_largest_size() -> None:
    text = f"{PLACEHOLDER}\n"
    fits = with_settings("f.js", text, {"k": "x" * 100}, 200)
    assert fits == 'const SETTINGS = {"k": "' + "x" * 100 + '"};\n'
    with pytest.raises(Failure, match="CloudFront takes 200"):
        with_settings("f.js", text, {"k": "x" * 200}, 200)


@pytest.mark.parametrize("text", ["", f"{PLACEHOLDER}\n{PLACEHOLDER}"], ids=["none", "two"])
def test_a_function_without_one_place_for_its_settings_is_refused(text: str) -> None:
    with pytest.raises(Failure, match="once"):
        with_settings("f.js", text, {}, 10_240)


def test_the_real_functions_fit_with_two_keys() -> None:
    settings = {"keys": ["0" * 64, "1" * 64], "v1Hosts": "registry.example", "proto": "https"}
    assert sorted(read_functions(EDGE, settings, 10_240)) == ["answer.js", "front.js", "upload.js"]


def test_a_folder_without_functions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="no edge functions"):
        read_functions(tmp_path, {}, 10_240)


def test_without_node_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(Failure, match="Install Node"):
        NodeFunctions({})


def test_a_function_that_does_not_parse_is_refused_at_the_start() -> None:
    need_node()
    with pytest.raises(Failure, match="cannot be loaded"):
        NodeFunctions({"f.js": "function handler(event) {"})


def test_events_have_cloudfronts_shape() -> None:
    query = split_query("a=1&a=%2F&b=&c")
    seen = Viewed("GET", "/p", query, [("accept", "x"), ("accept", "y"), ("cookie", "k=v; l=w")])

    assert request_document(seen) == {
        "method": "GET",
        "uri": "/p",
        "querystring": {
            "a": {"value": "1", "multiValue": [{"value": "1"}, {"value": "%2F"}]},
            "b": {"value": ""},
            "c": {"value": ""},
        },
        "headers": {"accept": {"value": "x", "multiValue": [{"value": "x"}, {"value": "y"}]}},
        "cookies": {"k": {"value": "v"}, "l": {"value": "w"}},
    }


# --- origin access control ------------------------------------------------------------------


def to_bucket(key: str, hex_digest: str) -> str:
    return returning(
        f"r.uri = '/{key}'; r.querystring = {{}};"
        f"r.headers['x-amz-content-sha256'] = {{value: '{hex_digest}'}};"
        f"r.headers['x-amz-checksum-sha256'] = {{value: '{checksum(hex_digest)}'}};"
        "cf.selectRequestOriginById('bucket');"
    )


@pytest.mark.parametrize(
    ("switches", "hex_digest", "status"),
    [
        (OacSwitches(), HEX, 200),
        (OacSwitches(), OTHER, 400),
        (OacSwitches(takes_hash=False), HEX, 200),
        (OacSwitches(takes_hash=False), OTHER, 400),
        (OacSwitches(signs_amz=False), HEX, 403),
    ],
    ids=["right", "wrong", "no hash, right", "no hash, wrong", "checksum unsigned"],
)
def test_the_bucket_takes_what_origin_access_control_has_signed(
    stack: Stack, team: str, switches: OacSwitches, hex_digest: str, status: int
) -> None:
    endpoints = stack.endpoints
    host, port = endpoints.s3_url.removeprefix("http://").split(":")
    keys = (endpoints.s3_access_key, endpoints.s3_secret_key)
    with served(S3Door(Address(host, int(port)))) as door:
        origin = bucket_origin(door, BUCKET, keys, stack.region, switches)
        with edge(to_bucket(team, hex_digest), settings={"bucket": origin}) as place:
            login = {"Authorization": "Basic eA=="}
            said = ask(place.address, "PUT", f"/any?digest=sha256:{HEX}", login, BODY)
        assert said.status == status, said.body
        assert Store(door, stack).holds(team) == (status == 200)
