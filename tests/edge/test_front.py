"""front.js: who is asked for a login, in which words, and what is passed to the API."""

import json
from typing import Any
from urllib.parse import unquote

import pytest

from chalicelib.domain.access import Action
from chalicelib.domain.bearer import Challenge
from chalicelib.web.challenge import challenge_for
from chalicelib.web.endpoint import Endpoint, Family
from chalicelib.web.endpoints import ENDPOINTS, match, url_for
from chalicelib.web.messages import Headers, Request
from tests.edge.engines import Edge, request_event

BEARER = {"challenge": "bearer", "anonymous": "on"}
BASIC = {"challenge": "basic", "anonymous": "off"}
DIGEST = f"sha256:{'0a' * 32}"
SAMPLES = {
    "repository": "team/img",
    "reference": "v1.0",
    "digest": DIGEST,
    "upload_id": "Zk3-_x",
    "tag": "latest",
    "token_id": "t1",
    "hook_id": "0123456789abcdef",
    "event_id": "evt_1",
    "team": "crew",
    "username": "bob",
}


def _fronted() -> list[tuple[Endpoint, str]]:
    return [
        (endpoint, method)
        for endpoint in ENDPOINTS
        if endpoint.family in (Family.V2, Family.UPLOADER)
        for method in endpoint.methods
    ]


def _path(endpoint: Endpoint) -> str:
    names = {key: value for key, value in SAMPLES.items() if f"{{{key}}}" in endpoint.path}
    return url_for(endpoint.name, **names)


def _is_passed(endpoint: Endpoint) -> bool:
    """Of a request without a login: the token's address, and what belongs to accounts."""
    return endpoint.action in (Action.NONE, Action.SIGNED_IN)


def _challenge(method: str, path: str, query: dict[str, str] | None = None) -> str:
    """What the API says to the same request."""
    found = match(method, path)
    assert found.endpoint is not None, path
    request = Request(
        method,
        path,
        params=found.params,
        query=query or {},
        headers=Headers([("Host", "registry.example"), ("X-Forwarded-Proto", "https")]),
    )
    return challenge_for(Challenge.BEARER, found.endpoint, request)


@pytest.mark.parametrize(
    ("endpoint", "method"), _fronted(), ids=lambda each: getattr(each, "name", each)
)
def test_the_challenge_of_every_v2_endpoint_is_the_apis(
    edge: Edge, endpoint: Endpoint, method: str
) -> None:
    path = _path(endpoint)
    outcome = edge.call("front.js", BEARER, request_event(method, path))
    if _is_passed(endpoint):
        assert not outcome.refused
        return
    assert outcome.status == 401
    assert outcome.headers["www-authenticate"] == _challenge(method, path)
    assert outcome.headers["docker-distribution-api-version"] == "registry/2.0"
    if method == "HEAD":
        assert "body" not in outcome.result
    else:
        assert outcome.error == {"code": "UNAUTHORIZED", "message": "authentication required"}


# Odd spellings of a path: the API's decision is the measure.
ODD_PATHS = [
    ("GET", "/v2"),
    ("GET", "/v2/"),
    ("GET", "/v2/busybox/manifests/latest"),
    ("GET", "/v2/busybox/manifests/latest/"),
    ("GET", "/v2/a/b/c/d/e/manifests/latest"),
    ("GET", "/v2/team%2Fimg/manifests/latest"),
    ("GET", "/v2/team/img/manifests/%6Catest"),
    ("GET", "/v2/team/img%2Fmanifests%2Flatest"),
    ("GET", "/v2/manifests/manifests/manifests/manifests"),
    ("GET", "/v2/a/blobs/uploads/manifests/x"),
    ("GET", "/v2/a/blobs/blobs/uploads"),
    ("PUT", "/v2/a/blobs/uploads/blobs/uploads/x"),
    ("POST", "/v2/a/blobs/uploads/blobs/uploads/"),
    ("GET", "/v2/a/tags/tags/list"),
    ("GET", "/v2/token/manifests/x"),
    ("GET", "/v2/a--b/c__d/e.f/manifests/x"),
    ("DELETE", "/v2/a/blobs/uploads/x"),
    ("DELETE", "/v2/a/blobs/x"),
]


@pytest.mark.parametrize(("method", "uri"), ODD_PATHS)
def test_an_oddly_spelt_path_is_challenged_as_the_api_would(
    edge: Edge, method: str, uri: str
) -> None:
    outcome = edge.call("front.js", BEARER, request_event(method, uri))
    assert outcome.headers["www-authenticate"] == _challenge(method, unquote(uri))


# What is no endpoint of v2's: the API answers, with 404 or 405, and nobody is asked for a login.
PASSED = [
    ("GET", "/"),
    ("GET", "/v1/_ping"),
    ("GET", "/v1/repositories/team/img/tags"),
    ("PUT", "/v1/images/x/layer"),
    ("GET", "/v22/"),
    ("GET", "/V2/"),
    ("GET", "/v2/nothing"),
    ("GET", "/v2//manifests/x"),
    ("GET", "/v2/team/img/manifests/"),
    ("GET", "/v2/team/img/manifests/a//"),
    ("POST", "/v2/team/img/manifests/x"),
    ("PATCH", "/v2/team/img/blobs/uploads"),
    ("DELETE", "/v2/"),
    ("OPTIONS", "/v2/"),
    ("GET", "/v2/%zz/manifests/x"),
    ("GET", "/v2/%ff/manifests/x"),
    ("GET", "/v2/token"),
    ("GET", "/v2/token/"),
    ("POST", "/v2/_roadstead/tokens"),
    ("GET", "/_upx/v2/"),
    ("GET", "/v2\n"),
    # Names that cannot be, for which the API has its own words.
    ("GET", "/v2/team/img/%2e%2e/manifests/latest"),
    ("GET", "/v2/../manifests/latest"),
    ("GET", "/v2/team//img/manifests/latest"),
    ("GET", "/v2/team/img//manifests/latest"),
    ("GET", "/v2/TEAM/img/manifests/latest"),
    ("GET", '/v2/team/i"m\\g/manifests/latest'),
    ("GET", "/v2/team/%C3%A9/manifests/latest"),
    ("GET", "/v2/team/img%0d%0ax-evil:%201/manifests/latest"),
    ("GET", "/v2/a/_roadstead/tags/_roadstead/tags/rules"),
    ("GET", "/v2/a___b/manifests/x"),
    ("GET", "/v2/_roadstead/manifests/x"),
    ("GET", "/v2/team/img%0a/manifests/latest"),
]


@pytest.mark.parametrize(("method", "uri"), PASSED)
@pytest.mark.parametrize("settings", [BEARER, BASIC], ids=["bearer", "basic"])
def test_what_is_no_endpoint_is_passed_to_the_api(
    edge: Edge, settings: dict[str, Any], method: str, uri: str
) -> None:
    outcome = edge.call("front.js", settings, request_event(method, uri))
    assert not outcome.refused
    assert outcome.origins == []
    assert outcome.result["uri"] == uri


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ({"mount": DIGEST, "from": "team/other"}, {"from": "team/other"}),
        ({"mount": DIGEST, "from": "team%2Fother"}, {"from": "team/other"}),
        ({"from": ["a/b", "c/d"]}, {"from": "c/d"}),
        ({"from": ""}, {}),
        ({"from": 'x",realm="https://evil'}, {"from": 'x",realm="https://evil'}),
        ({"from": "x%22%0d%0ay"}, {"from": 'x"\r\ny'}),
        ({"from": "a+b"}, {"from": "a b"}),
    ],
)
def test_a_mount_asks_for_its_source_as_well(
    edge: Edge, query: dict[str, Any], asked: dict[str, str]
) -> None:
    path = "/v2/team/img/blobs/uploads/"
    outcome = edge.call("front.js", BEARER, request_event("POST", path, query=query))
    assert outcome.headers["www-authenticate"] == _challenge("POST", path, asked)


def test_a_source_that_cannot_be_decoded_is_not_asked_for(edge: Edge) -> None:
    path = "/v2/team/img/blobs/uploads/"
    outcome = edge.call("front.js", BEARER, request_event("POST", path, query={"from": "%zz"}))
    assert outcome.headers["www-authenticate"] == _challenge("POST", path)


# Settings, Authorization or none, whether it is refused here.
WHO_IS_ASKED = [
    (BEARER, None, True),
    (BEARER, "", True),
    (BEARER, "  ", True),
    (BEARER, "Bearer x", False),
    (BEARER, "Basic x", False),
    (BEARER, "nonsense", False),
    (BEARER, ["", "Bearer x"], True),
    ({"challenge": "bearer", "anonymous": "off"}, None, True),
    (BASIC, None, True),
    (BASIC, "Basic x", False),
    ({"challenge": "basic", "anonymous": "on"}, None, False),
    ({"challenge": "basic"}, None, False),
    ({"challenge": "off", "anonymous": "off"}, None, False),
    ({}, None, False),
    ({**BEARER, "v1Hosts": "old.example, Registry.Example"}, None, False),
    ({**BEARER, "v1Hosts": "old.example"}, None, True),
    ({**BEARER, "v1Hosts": ""}, None, True),
]


@pytest.mark.parametrize(("settings", "given", "refused"), WHO_IS_ASKED)
def test_who_is_asked_for_a_login(
    edge: Edge, settings: dict[str, Any], given: Any, refused: bool
) -> None:
    headers = {} if given is None else {"authorization": given}
    outcome = edge.call("front.js", settings, request_event("GET", "/v2/", headers=headers))
    assert outcome.refused is refused


def test_basic_is_asked_for_in_the_apis_words(edge: Edge) -> None:
    outcome = edge.call("front.js", BASIC, request_event("GET", "/v2/a/manifests/x"))
    assert outcome.headers["www-authenticate"] == 'Basic realm="Roadstead"'


@pytest.mark.parametrize(
    ("settings", "host", "realm"),
    [
        (BEARER, "registry.example", "https://registry.example/v2/token"),
        (BEARER, "registry.example:8443", "https://registry.example:8443/v2/token"),
        ({**BEARER, "proto": "http"}, "127.0.0.1:5000", "http://127.0.0.1:5000/v2/token"),
        ({**BEARER, "proto": "gopher"}, "a.example", "https://a.example/v2/token"),
        (BEARER, 'a"b\\c', "https://abc/v2/token"),
    ],
)
def test_tokens_are_got_where_the_client_came_to(
    edge: Edge, settings: dict[str, Any], host: str, realm: str
) -> None:
    event = request_event("GET", "/v2/", headers={"host": host})
    challenge = edge.call("front.js", settings, event).headers["www-authenticate"]
    assert challenge == f'Bearer realm="{realm}",service="roadstead"'


def test_a_v1_host_is_known_with_its_port(edge: Edge) -> None:
    event = request_event("GET", "/v2/", headers={"host": "old.example:443"})
    assert not edge.call("front.js", {**BEARER, "v1Hosts": "old.example"}, event).refused


def test_what_is_passed_says_for_which_host_it_came_and_nothing_of_the_edges(edge: Edge) -> None:
    sent: dict[str, Any] = {
        "x-forwarded-host": "evil.example",
        "x-roadstead-edge": "guessed",
        "x-roadstead-upload": "/v2/a/blobs/uploads/x",
        "authorization": "Bearer x",
        "user-agent": ["a", "b"],
        "content-length": "3",
        "via": "1.1 somebody",
    }
    event = request_event("PUT", "/v2/a/manifests/x", query={"a": "%20"}, headers=sent)
    passed = edge.call("front.js", BEARER, event).result
    assert passed["headers"] == {
        "host": {"value": "registry.example"},
        "x-forwarded-host": {"value": "registry.example"},
        "accept": {"value": "*/*"},
        "authorization": {"value": "Bearer x"},
        "user-agent": event["request"]["headers"]["user-agent"],
        "content-length": {"value": "3"},
        "via": {"value": "1.1 somebody"},
    }
    assert passed["querystring"] == {"a": {"value": "%20"}}
    assert passed["method"] == "PUT"


@pytest.mark.parametrize("accept", ["application/json", ["a/b", "c/d"]])
def test_an_accept_that_was_sent_stays(edge: Edge, accept: Any) -> None:
    event = request_event("GET", "/v1/_ping", headers={"accept": accept})
    passed = edge.call("front.js", BEARER, event).result
    assert passed["headers"]["accept"] == event["request"]["headers"]["accept"]


def test_an_answer_is_json_and_kept_by_no_cache(edge: Edge) -> None:
    outcome = edge.call("front.js", BEARER, request_event("GET", "/v2/"))
    assert outcome.headers["cache-control"] == "no-store"
    assert outcome.headers["content-type"] == "application/json"
    assert json.loads(outcome.result["body"]["data"])


LAYER, SESSION = "/v1/images/ab12/layer", "/v2/team/img/blobs/uploads/Zk3-_x"
INLINE = 4_500_000
# Method, path, headers, whether it goes to a gateway.
BODIES: list[tuple[str, str, dict[str, Any], bool]] = [
    ("PUT", LAYER, {"transfer-encoding": "chunked"}, True),
    ("PUT", LAYER, {"content-length": str(INLINE)}, False),
    ("PUT", LAYER, {"content-length": str(INLINE + 1)}, True),
    ("GET", LAYER, {}, False),
    ("PATCH", SESSION, {"transfer-encoding": "chunked"}, True),
    ("PATCH", SESSION, {"content-length": "10"}, False),
    ("PATCH", SESSION, {"content-length": ["10", "20"]}, True),
    ("PUT", SESSION, {"content-length": "0"}, False),
    ("PUT", SESSION, {"content-length": str(9 * INLINE)}, True),
    ("GET", SESSION, {}, False),
    ("DELETE", SESSION, {}, False),
    ("POST", "/v2/team/img/blobs/uploads/", {}, False),
    ("POST", "/v2/team/img/blobs/uploads/", {"content-length": str(INLINE + 1)}, True),
    ("PUT", "/v2/team/img/manifests/latest", {"transfer-encoding": "chunked"}, False),
    ("PUT", "/v1/images/ab12/json", {"transfer-encoding": "chunked"}, False),
]


@pytest.mark.parametrize(("method", "path", "headers", "goes"), BODIES)
@pytest.mark.parametrize("gateway", ["on", "off"])
def test_bodies_that_the_api_cannot_take_go_to_the_gateway(
    edge: Edge, gateway: str, method: str, path: str, headers: dict[str, Any], goes: bool
) -> None:
    event = request_event(method, path, headers={**headers, "authorization": "Basic x"})
    outcome = edge.call("front.js", {**BEARER, "gateway": gateway}, event)
    assert outcome.origins == (["gateway"] if goes and gateway == "on" else [])
    assert outcome.result["uri"] == path
