"""The quirks of API Gateway's events and of Chalice, one by one."""

from __future__ import annotations

import base64
import json
import os
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.web.edge import RegistryApp
from tests.conformance.bodies import LAYER
from tests.conformance.cases import of
from tests.support.world import app_of, memory_world
from tests.web.events import Event, answer_to, body_of, error_of, event, v2_event

BASE = event("GET", "/v2/", "/v2")
MANY = ["application/vnd.oci.image.index.v1+json", "application/json", "*/*"]


def post_blob(data: object, **changes: Any) -> Event:
    """A blob in one request, its body as given."""
    query = {"digest": of(LAYER)}
    return v2_event(
        "POST",
        "acme/app/blobs/uploads/",
        queryStringParameters=query,
        multiValueQueryStringParameters={k: [v] for k, v in query.items()},
        body=data,
        **changes,
    )


ACCEPTS: dict[str, dict[str, Any]] = {
    "no headers at all": {"headers": None, "multiValueHeaders": None},
    "empty maps": {"headers": {}, "multiValueHeaders": {}},
    "no Accept": {"headers": {"Host": "x"}, "multiValueHeaders": {"Host": ["x"]}},
    "lower-case accept": {"headers": {"accept": MANY[1]}, "multiValueHeaders": {}},
    "repeated Accept": {"headers": {"Accept": MANY[-1]}, "multiValueHeaders": {"Accept": MANY}},
    "an Accept of another type": {"headers": {"Accept": "text/html"}, "multiValueHeaders": {}},
    "an empty Accept": {"headers": {"Accept": ""}, "multiValueHeaders": {"Accept": [""]}},
    "a malformed Accept": {"headers": {"Accept": ";;,,"}, "multiValueHeaders": {}},
}


@pytest.mark.parametrize("headers", ACCEPTS.values(), ids=ACCEPTS)
def test_any_accept_is_answered(headers: dict[str, Any]) -> None:
    answer = answer_to({**BASE, **headers})
    assert answer["statusCode"] == 200
    assert body_of(answer) == b"{}"


def test_the_event_is_left_as_it_was() -> None:
    request = {**BASE, "headers": {}}
    answer_to(request)
    assert request["headers"] == {}


@pytest.mark.parametrize(
    "changes",
    [
        {"body": base64.b64encode(LAYER).decode(), "isBase64Encoded": True},
        {"body": LAYER.decode(), "isBase64Encoded": False},
        {"body": LAYER.decode(), "isBase64Encoded": ...},
    ],
    ids=["base64", "plain", "plain and not marked"],
)
def test_a_body_comes_in_base64_or_plain(changes: dict[str, Any]) -> None:
    body = changes.pop("body")
    assert answer_to(post_blob(body, **changes))["statusCode"] == 201


@pytest.mark.parametrize("body", [None, ""], ids=repr)
def test_no_body_is_an_empty_one(body: object) -> None:
    answer = answer_to(post_blob(body))
    assert (answer["statusCode"], error_of(answer)) == (400, "DIGEST_INVALID")


def test_head_answers_as_get_does() -> None:
    got, asked = (answer_to(event(method, "/v2/", "/v2")) for method in ("GET", "HEAD"))
    assert got == asked


@pytest.mark.parametrize("value", [None, ""], ids=repr)
def test_null_fields_are_empty_ones(value: object) -> None:
    request = v2_event("GET", "acme/app/tags/list", headers=value or {})
    request |= {"multiValueHeaders": None, "stageVariables": None}
    request["requestContext"]["identity"] = None
    request["requestContext"]["requestId"] = None
    answer = answer_to(request)
    assert (answer["statusCode"], error_of(answer)) == (404, "NAME_UNKNOWN")


def test_of_a_repeated_query_parameter_the_last_counts() -> None:
    request = v2_event(
        "GET",
        "acme/app/tags/list",
        queryStringParameters={"n": "5"},
        multiValueQueryStringParameters={"n": ["5", "ten"]},
    )
    assert error_of(answer_to(request)) == "PAGINATION_NUMBER_INVALID"


def test_a_path_is_decoded_once_by_the_gateway_and_not_again() -> None:
    answer = answer_to(v2_event("GET", "acme%2Fapp/tags/list"))
    assert (answer["statusCode"], error_of(answer)) == (400, "NAME_INVALID")


def test_the_variable_counts_and_not_the_path_that_a_stage_makes_of_it() -> None:
    request = v2_event("GET", "acme/app/tags/list") | {"path": "/api/v2/acme%2Fapp/tags/list"}
    assert error_of(answer_to(request)) == "NAME_UNKNOWN"


def test_both_spellings_of_a_native_v1_route_are_one_repository() -> None:
    app = app_of(memory_world())
    route = "/v1/repositories/{first}"
    put = event("PUT", "/v1/repositories/a/", route, {"first": "a"}, body="[]")
    assert app(put, None)["statusCode"] == 200
    got = event(
        "GET",
        "/v1/repositories/library/a/tags",
        f"{route}/{{second}}/tags",
        {"first": "library", "second": "a"},
    )
    assert (app(got, None)["statusCode"], body_of(app(got, None))) == (200, b"{}")


UNUSUAL: dict[str, tuple[Event, int]] = {
    "a resource that is not ours": (event("GET", "/nothing", "/nothing"), 405),
    "a method that the route does not know": (event("OPTIONS", "/v2/", "/v2"), 405),
    "a v1 method that the route does not know": (event("PUT", "/v1/_ping", "/v1/_ping"), 405),
    "no resourcePath": ({**BASE, "requestContext": {"httpMethod": "GET"}}, 500),
    "an empty context": ({**BASE, "requestContext": {}}, 500),
    "no pathParameters where the route has some": (
        event("GET", "/v1/images/x/json", "/v1/images/{image_id}/json"),
        500,
    ),
    "a body that is not base64": (post_blob("a", isBase64Encoded=True), 500),
    "headers that are a list": ({**BASE, "headers": []}, 200),
    "a header whose values are null": ({**BASE, "multiValueHeaders": {"Accept": None}}, 500),
    "keys that are missing": ({"requestContext": BASE["requestContext"]}, 500),
    "a greedy route without its variable": (event("GET", "/v2/x", "/v2/{proxy+}"), 200),
}


@pytest.mark.parametrize(("request_event", "status"), UNUSUAL.values(), ids=UNUSUAL)
def test_an_event_that_is_none_is_answered_in_the_familys_shape(
    request_event: Event, status: int
) -> None:
    answer = answer_to(request_event)
    assert answer["statusCode"] == status
    assert not {"Code", "Message", "message"} & set(json.loads(body_of(answer)))
    if str(request_event.get("path", "")).startswith("/v1/"):
        document = json.loads(body_of(answer))
        assert list(document) == ["error"]
    if status >= 400:
        assert error_of(answer)


def test_our_mark_on_an_answer_stays_inside() -> None:
    for request in (BASE, v2_event("GET", "nothing"), event("GET", "/v1/_ping", "/v1/_ping")):
        assert not [name for name in answer_to(request)["headers"] if "roadstead" in name.lower()]


json_values = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text())


@given(st.sampled_from(sorted(BASE)), json_values)
def test_no_field_of_any_kind_makes_an_exception_leave(key: str, value: object) -> None:
    request = {**v2_event("GET", "acme/app/tags/list"), key: value}
    if key == "requestContext" and not isinstance(value, dict):
        return
    answer = app_of(memory_world())(request, None)
    document = json.loads(body_of(answer))
    assert answer["statusCode"] == 200 or "errors" in document


def test_an_app_leaves_the_environment_as_it_was() -> None:
    before = dict(os.environ)
    for _ in range(3):
        RegistryApp("roadstead")
    assert dict(os.environ) == before
