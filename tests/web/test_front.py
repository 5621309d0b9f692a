"""What is believed of a request that came through the edge, and how answers go back to it."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from chalicelib.domain.access import Mode
from chalicelib.domain.errors import ErrorCode
from chalicelib.web.endpoints import Family
from chalicelib.web.front import carried, fronted, seen_by_client
from chalicelib.web.messages import Headers, Request, Response
from tests.support.world import EDGE_KEY, EDGE_WORD, Registry, memory_world
from tests.web.events import answer_to, v2_event

EDGE = ("x-roadstead-edge", EDGE_WORD)
HOST = ("host", "abc123.execute-api.eu-central-1.amazonaws.com")
CLIENT, CLOUDFRONT = "203.0.113.9", "198.51.100.7"


def request(*headers: tuple[str, str], source_ip: str = CLOUDFRONT) -> Request:
    return Request("GET", "/v2/", headers=Headers([HOST, *headers]), source_ip=source_ip)


def test_the_client_is_known_by_the_host_that_it_called() -> None:
    seen = seen_by_client(
        request(EDGE, ("X-Forwarded-Host", "hub.test"), ("X-Forwarded-Proto", "https"))
    )
    assert (seen.host, seen.origin) == ("hub.test", "https://hub.test")
    assert seen.through_edge


def test_without_a_forwarded_host_the_host_stays() -> None:
    assert seen_by_client(request(EDGE)).host == HOST[1]


def test_the_edges_word_goes_no_further() -> None:
    seen = seen_by_client(request(EDGE, ("x-forwarded-host", "hub.test"), ("accept", "a")))
    assert set(seen.headers) == {"host", "accept"}
    assert EDGE_WORD not in repr(seen)


@pytest.mark.parametrize(
    ("listed", "source_ip"),
    [
        ([f"{CLIENT}, {CLOUDFRONT}"], CLOUDFRONT),
        ([CLIENT, CLOUDFRONT], CLOUDFRONT),
        ([f"10.0.0.1, {CLIENT},{CLOUDFRONT}"], CLOUDFRONT),
        ([CLIENT], CLOUDFRONT),
        ([], CLIENT),
        ([CLIENT], CLIENT),
        (["", ","], CLIENT),
    ],
)
def test_the_address_is_the_last_that_is_not_the_edges(listed: list[str], source_ip: str) -> None:
    pairs = [("x-forwarded-for", text) for text in listed]
    assert seen_by_client(request(EDGE, *pairs, source_ip=source_ip)).source_ip == CLIENT


def test_what_the_client_says_of_itself_stays() -> None:
    many = [("accept", "a"), ("accept", "b"), ("authorization", "Basic x")]
    seen = seen_by_client(request(EDGE, *many))
    assert seen.headers.every("accept") == ("a", "b")
    assert seen.headers["authorization"] == "Basic x"


@pytest.mark.parametrize("status", [200, 202, 299, 307, 400, 403, 404, 416, 500])
def test_every_status_but_401_goes_back_as_it_is(status: int) -> None:
    response = Response(status, {"X-A": "b", "WWW-Authenticate": "Token"}, b"body")
    assert carried(response) == response


def test_a_401_is_carried_as_299_with_its_body() -> None:
    response = Response(401, {"X-A": "b", "www-authenticate": 'Basic realm="x"'}, b"body")
    assert carried(response) == Response(
        299,
        {"X-A": "b", "x-roadstead-challenge": 'Basic realm="x"', "x-roadstead-status": "401"},
        b"body",
    )


@pytest.mark.parametrize(
    "words",
    [(), ("",), (EDGE_WORD[:-1],), (EDGE_WORD + "0",), (EDGE_WORD, EDGE_WORD), ("\udcff",)],
)
def test_who_has_not_the_one_word_is_refused(words: tuple[str, ...]) -> None:
    world = memory_world(edge_word=EDGE_WORD)
    asked = request(*(("x-roadstead-edge", word) for word in words))
    answer = fronted(world, asked, Family.V2, lambda _: Response(200))
    assert answer.status == 403
    assert ErrorCode.NOT_THE_EDGE.value.message.encode() in answer.body


@pytest.mark.parametrize("word", [EDGE_WORD, EDGE_WORD.upper(), f" {EDGE_WORD} "])
def test_the_word_is_hex_in_any_case(word: str) -> None:
    world = memory_world(edge_word=EDGE_WORD)
    asked = request(("x-roadstead-edge", word))
    assert fronted(world, asked, Family.V2, lambda _: Response(200)).status == 200


def test_an_event_of_api_gateway_goes_through_with_the_edges_word() -> None:
    plain = v2_event("GET", "a/tags/list")
    many = {**plain["multiValueHeaders"], "x-roadstead-edge": [EDGE_WORD]}
    answers = [
        answer_to({**plain, "multiValueHeaders": headers}, edge_word=EDGE_WORD, mode=Mode.ACCOUNTS)
        for headers in (plain["multiValueHeaders"], many)
    ]
    assert [answer["statusCode"] for answer in answers] == [403, 299]
    assert answers[1]["headers"]["x-roadstead-challenge"] == 'Basic realm="Roadstead"'


def test_a_host_that_speaks_v1_only_is_one_of_the_edges_names() -> None:
    world = memory_world(edge_word=EDGE_WORD, v1_hosts=frozenset({"old.test"}))
    headers = {EDGE[0]: EDGE[1], "X-Forwarded-Host": "old.test:443"}
    assert Registry(world).send("GET", "/v2/", headers=headers).status == 404
    assert Registry(world).send("GET", "/v2/", headers={EDGE[0]: EDGE[1]}).status == 200


def test_no_secret_of_the_edge_reaches_a_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    world = memory_world(edge_word=EDGE_WORD, edge_key=EDGE_KEY)
    registry = Registry(world)
    headers = {EDGE[0]: EDGE[1]}
    location = registry.send("POST", "/v2/a/blobs/uploads/", headers=headers).header("Location")
    broken = Registry(replace(world, metadata=None))  # type: ignore[arg-type]
    assert broken.send("POST", "/v2/a/blobs/uploads/", headers=headers).status == 500
    said = caplog.text + repr(world)
    assert (location or "").startswith("/_up/v2/library/a/") or "/_up/v2/a/" in (location or "")
    for secret in (EDGE_WORD, EDGE_KEY.hex(), repr(EDGE_KEY), (location or "").partition("?")[2]):
        assert secret not in said
