"""API Gateway's and Lambda's limits: each a case, around an application of the tests' own."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from roadstead.awslimits.apigateway import REMAPPED, ApiGateway, Throttle
from roadstead.awslimits.exchange import Address
from roadstead.awslimits.limits import MIB, ApiLimits, TooLarge
from roadstead.awslimits.responses import INFRA, GatewayResponses
from tests.awslimits.wire import Said, ask, pieces, served

RESPONSES = GatewayResponses.of_template()
CONFIGURED = json.loads((INFRA / "app.json").read_text())["Resources"]["RestAPI"]["Properties"][
    "GatewayResponses"
]


@dataclass
class Function:
    """A Lambda function that says what it is told to; ``events`` are what it was given."""

    routes: dict[str, dict[str, None]] = field(
        default_factory=lambda: {"/v2/{proxy+}": dict.fromkeys(("GET", "HEAD", "PUT", "PATCH"))}
    )
    answer: Any = None
    raises: bool = False
    waits: threading.Event | None = None
    events: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, event: dict[str, Any], context: object) -> Any:
        self.events.append(event)
        if self.waits:
            self.waits.wait(30)
        if self.raises:
            raise RuntimeError("told to")
        return self.answer or {"statusCode": 200, "headers": {}, "body": "{}"}


def configured(kind: str) -> tuple[int, str]:
    """What the template says, read by this test and not by the code under test."""
    found = CONFIGURED[kind]
    return int(found["StatusCode"]), found["ResponseTemplates"]["application/json"]


@pytest.fixture
def function() -> Function:
    return Function()


@pytest.fixture
def api(function: Function) -> Iterator[Address]:
    with served(ApiGateway(function, RESPONSES)) as address:
        yield address


def assert_configured(said: Said, kind: str) -> None:
    assert (said.status, said.body.decode()) == configured(kind)
    for name, value in CONFIGURED[kind]["ResponseParameters"]["Headers"].items():
        assert said.headers[name] == value.strip("'")


# --- bodies ---------------------------------------------------------------------------------


# Base64 of 3/4 of 6 MB is 6 MB, and the rest of the event has to fit too.
FITS = 6 * MIB * 3 // 4 - 4096
SIZES = [
    ("fits", FITS, 200, b"{}"),
    ("event over 6 MB", 6 * MIB * 3 // 4, 413, b'{"message": "Request Too Long"}'),
    ("just 10 MB", 10 * MIB, 413, b'{"message": "Request Too Long"}'),
    ("over 10 MB", 10 * MIB + 1, 413, b"HTTP content length exceeded 10485760 bytes."),
]


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize(
    ("size", "status", "body"), [case[1:] for case in SIZES], ids=[case[0] for case in SIZES]
)
def test_bodies_are_counted_however_they_come(
    api: Address, function: Function, size: int, status: int, body: bytes, chunked: bool
) -> None:
    sent = pieces(size) if chunked else b"\0" * size

    said = ask(api, "PATCH", "/api/v2/a/b", {"Accept": "*/*"}, sent)

    assert (said.status, said.body) == (status, body)
    assert len(function.events) == (1 if status == 200 else 0)
    if status == 200:
        assert len(base64.b64decode(function.events[0]["body"])) == size


def test_a_declared_length_over_10_mb_is_refused_before_the_body(api: Address) -> None:
    said = ask(api, "PUT", "/api/v2/a/b", {"Accept": "*/*"}, b"", declared=11 * MIB)

    assert said.status == 413


def test_the_templates_own_413_can_be_switched_to(function: Function) -> None:
    limits = ApiLimits(too_large=TooLarge.CONFIGURED)
    with served(ApiGateway(function, RESPONSES, limits)) as api:
        said = ask(api, "PUT", "/api/v2/a/b", {}, b"", declared=11 * MIB)

    assert_configured(said, "REQUEST_TOO_LARGE")


def test_who_waits_for_100_continue_is_told_to_go_on(api: Address, function: Function) -> None:
    said = ask(api, "PUT", "/api/v2/a/b", {"Expect": "100-continue"}, b"body")

    assert said.status == 200
    assert base64.b64decode(function.events[0]["body"]) == b"body"


# --- what the function does -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"raises": True}, "INTEGRATION_FAILURE"),
        ({"answer": {"statusCode": 200, "body": "x" * (6 * MIB + 101)}}, "INTEGRATION_FAILURE"),
        ({"answer": {"no": "status"}}, "INTEGRATION_FAILURE"),
        ({"answer": ["no", "answer"]}, "INTEGRATION_FAILURE"),
    ],
    ids=["raises", "answer over 6 MB", "no status", "no document"],
)
def test_a_function_that_fails_gives_the_templates_answer(
    changes: dict[str, Any], kind: str
) -> None:
    with served(ApiGateway(replace(Function(), **changes), RESPONSES)) as api:
        assert_configured(ask(api, "GET", "/api/v2/a/b", {"Accept": "*/*"}), kind)


def test_an_answer_of_just_under_6_mb_passes(function: Function) -> None:
    function.answer = {"statusCode": 200, "body": "x" * (6 * MIB - 100)}
    with served(ApiGateway(function, RESPONSES)) as api:
        assert len(ask(api, "GET", "/api/v2/a/b").body) == 6 * MIB - 100


def test_a_function_that_takes_too_long_is_given_up_and_goes_on(function: Function) -> None:
    function.waits = threading.Event()
    with served(ApiGateway(function, RESPONSES, ApiLimits(timeout_s=0.05))) as api:
        said = ask(api, "GET", "/api/v2/a/b")
        function.waits.set()

    assert_configured(said, "INTEGRATION_TIMEOUT")


@pytest.mark.parametrize("target", ["/api/none", "/v2/a/b", "/api"])
def test_what_no_route_fits_gives_the_templates_answer(api: Address, target: str) -> None:
    assert_configured(ask(api, "GET", target), "MISSING_AUTHENTICATION_TOKEN")


def test_a_method_without_a_route_gives_the_templates_answer(api: Address) -> None:
    assert_configured(ask(api, "DELETE", "/api/v2/a/b"), "MISSING_AUTHENTICATION_TOKEN")


def test_requests_above_the_rate_give_the_templates_answer(function: Function) -> None:
    throttle = Throttle(rate_per_s=1.0, burst=2, now=lambda: 0.0)
    with served(ApiGateway(function, RESPONSES, throttle=throttle)) as api:
        said = [ask(api, "GET", "/api/v2/a/b") for _ in range(3)]

    assert [one.status for one in said] == [200, 200, 429]
    assert_configured(said[2], "THROTTLED")


def test_the_rate_grows_back_up_to_the_burst() -> None:
    at_s = [0.0]
    throttle = Throttle(rate_per_s=2.0, burst=3, now=lambda: at_s[0])
    assert [throttle.admits() for _ in range(4)] == [True, True, True, False]
    at_s[0] = 1.0
    assert [throttle.admits() for _ in range(3)] == [True, True, False]
    at_s[0] = 100.0
    assert [throttle.admits() for _ in range(4)] == [True, True, True, False]


def test_headers_over_10240_bytes_are_refused(api: Address, function: Function) -> None:
    assert ask(api, "GET", "/api/v2/a/b", {"X-Long": "x" * 10_240}).status == 431
    assert ask(api, "GET", "/api/v2/a/b", {"X-Long": "x" * 9_000}).status == 200
    assert len(function.events) == 1


# --- headers and bodies of answers ----------------------------------------------------------


def answering(headers: dict[str, str], body: str = "", status: int = 200, **more: Any) -> Function:
    found = {"statusCode": status, "headers": headers, "body": body, **more}
    return Function(answer=found)


@pytest.mark.parametrize("name", sorted(REMAPPED))
def test_headers_that_api_gateway_keeps_for_itself_are_renamed(name: str) -> None:
    with served(ApiGateway(answering({name: "value"}), RESPONSES)) as api:
        said = ask(api, "GET", "/api/v2/a/b")

    assert said.headers[f"x-amzn-Remapped-{name}"] == "value"
    assert said.headers[name] != "value"


@pytest.mark.parametrize(
    "name",
    ["Docker-Content-Digest", "Location", "Link", "OCI-Subject", "Docker-Upload-UUID", "X-Any"],
)
def test_other_headers_pass(name: str) -> None:
    with served(ApiGateway(answering({name: "value"}), RESPONSES)) as api:
        assert ask(api, "GET", "/api/v2/a/b").headers[name] == "value"


@pytest.mark.parametrize(
    ("accept", "body"),
    [("*/*", b"\x00\xff"), ("application/json", b"\x00\xff"), (None, b"AP8=")],
    ids=["any", "another", "none"],
)
def test_base64_is_decoded_only_for_who_says_what_he_accepts(
    accept: str | None, body: bytes
) -> None:
    function = answering({}, "AP8=", isBase64Encoded=True)
    with served(ApiGateway(function, RESPONSES)) as api:
        said = ask(api, "GET", "/api/v2/a/b", {"Accept": accept} if accept else {})

    assert said.body == body


def test_a_head_has_the_length_of_the_body_and_not_the_functions_own() -> None:
    function = answering({"Content-Length": "999"}, "12345")
    with served(ApiGateway(function, RESPONSES)) as api:
        said = ask(api, "HEAD", "/api/v2/a/b", {"Accept": "*/*"})

    assert (said.headers["Content-Length"], said.body) == ("5", b"")
    assert said.headers["x-amzn-Remapped-Content-Length"] == "999"


def test_the_event_says_who_came_and_how(api: Address, function: Function) -> None:
    ask(api, "GET", "/api/v2/a/b?n=1", {"X-Forwarded-For": "198.51.100.7", "Host": "some.host"})

    (event,) = function.events
    assert event["path"] == "/v2/a/b"
    assert event["headers"]["x-forwarded-for"] == "198.51.100.7, 127.0.0.1"
    assert event["headers"]["x-forwarded-proto"] == "http"
    assert event["headers"]["host"] == "some.host"
    assert event["requestContext"]["identity"]["sourceIp"] == "127.0.0.1"
    assert event["queryStringParameters"] == {"n": "1"}


def test_a_type_without_a_response_of_its_own_takes_the_default() -> None:
    found = GatewayResponses({"DEFAULT_5XX": {"ResponseTemplates": {"application/json": "own"}}})

    assert (found.answer("INTEGRATION_TIMEOUT").status, found.answer("THROTTLED").body) == (
        504,
        b'{"message": "Too Many Requests"}',
    )
    assert found.answer("INTEGRATION_TIMEOUT").body == b"own"
