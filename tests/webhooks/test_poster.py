"""Posting to strangers, on real sockets: whatever they do, it ends, and nothing goes elsewhere."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from threading import Event
from typing import Any

import pytest

from chalicelib.adapters.poster import EXCERPT_CHARS, SafePoster
from chalicelib.domain.receivers import parse_networks
from tests.contracts.values import NOW_S
from tests.support.world import SettableClock
from tests.webhooks.receiving import (
    Behave,
    Certificates,
    Receiver,
    certificates,
    receiving,
    says,
    status,
)

LOOPBACK = parse_networks("127.0.0.0/8")
HEADERS = {"content-type": "application/json", "webhook-id": "evt_1"}
BODY = b'{"type":"ping"}'


def poster(**changes: Any) -> SafePoster:
    arguments = {"networks": LOOPBACK, "deadline_s": 5.0, **changes}
    return SafePoster(SettableClock(NOW_S), **arguments)


def post(place: Receiver, path: str = "/", **changes: Any) -> Any:
    return poster(**changes).post(f"http://127.0.0.1:{place.port}{path}", HEADERS, BODY)


# --- what is sent -----------------------------------------------------------------------------


def test_the_body_goes_out_as_it_is_with_its_headers_and_the_answer_comes_back() -> None:
    with receiving(status(200, "thanks \u00e9".encode())) as place:
        answer = post(place, "/hook?key=word")
    (request,) = place.requests
    head, _, body = request.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /hook?key=word HTTP/1.1"
    assert f"host: 127.0.0.1:{place.port}" in lines
    assert {"content-type: application/json", "webhook-id: evt_1"} < set(lines)
    assert "connection: close" in lines
    assert body == BODY
    assert (answer.status, answer.excerpt, answer.problem) == (200, "thanks \u00e9", "")
    assert answer.is_taken
    assert answer.at_s == NOW_S


@pytest.mark.parametrize("code", [200, 202, 204, 400, 404, 410, 429, 500, 503])
def test_the_status_is_the_receivers(code: int) -> None:
    with receiving(status(code)) as place:
        answer = post(place)
    assert (answer.status, answer.problem) == (code, "")


def test_a_chunked_answer_is_read_as_its_text() -> None:
    chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
    with receiving(says(chunked)) as place:
        assert post(place).excerpt == "abc"


def test_interim_answers_are_passed_over() -> None:
    with receiving(says(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Made\r\n\r\n")) as place:
        assert post(place).status == 201


def test_signs_that_nobody_could_see_are_shown_as_such() -> None:
    with receiving(status(200, b"\x1b[2J\x00\xff<b>\n")) as place:
        assert post(place).excerpt == "\ufffd[2J\ufffd\ufffd<b>\n"


def test_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving(status(200)) as proxy, receiving(status(200)) as place:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setitem(os.environ, name, f"http://127.0.0.1:{proxy.port}")
        assert post(place).status == 200
    assert (proxy.connections, place.connections) == (0, 1)


# --- receivers that mean harm or are broken ---------------------------------------------------


def hangs(_: socket.socket, stopped: Event) -> None:
    stopped.wait(20)


def drips(before: bytes, drip: bytes) -> Behave:
    def behave(connection: socket.socket, stopped: Event) -> None:
        connection.sendall(before)
        while not stopped.wait(0.02):
            connection.sendall(drip)

    return behave


def floods(before: bytes, each: bytes) -> Behave:
    def behave(connection: socket.socket, stopped: Event) -> None:
        connection.sendall(before)
        for _ in range(1_000_000):
            if stopped.is_set():
                return
            connection.sendall(each)

    return behave


def resets(connection: socket.socket, _: Event) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")


OK = b"HTTP/1.1 200 OK\r\n"
FILLED = b"x-filler: " + b"x" * 1000 + b"\r\n"
NO_ANSWER: dict[str, tuple[Behave, str]] = {
    "hangs": (hangs, "no answer within 1 seconds"),
    "drips its status": (drips(b"", b"H"), "no answer within 1 seconds"),
    "drips its headers": (drips(OK, b"x"), "no answer within 1 seconds"),
    "drips lines of headers": (drips(OK, b"a: b\r\n"), "no answer within 1 seconds"),
    "drips interim answers": (
        drips(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        "no answer within 1 seconds",
    ),
    "floods with headers": (floods(OK, FILLED), "above 16384 bytes"),
    "floods with one header": (floods(OK + b"x: ", b"x" * 65536), "above 16384 bytes"),
    "floods with interim answers": (
        floods(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
        "above 16384 bytes",
    ),
    "says nothing and closes": (says(b""), "connection"),
    "resets": (resets, "connection"),
    "closes within its status": (says(b"HTTP/1.1 20"), "not HTTP"),
    "closes within its headers": (says(OK + b"x-a: b\r\n"), "connection ended"),
    "closes within a header": (says(OK + b"x-a"), "connection ended"),
    "speaks something else": (says(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), "not HTTP"),
    "speaks garbage": (says(bytes(range(256)) * 20), "not HTTP"),
    "has no number for a status": (says(b"HTTP/1.1 abc OK\r\n\r\n"), "not HTTP"),
    "has an endless status": (floods(b"HTTP/1.1 200 ", b"x" * 65536), "above 16384 bytes"),
    "has a status of nine digits": (says(b"HTTP/1.1 200000000 OK\r\n\r\n"), "not HTTP"),
    "speaks HTTP 0.9": (says(b"<html>hello</html>\n"), "not HTTP"),
}


@pytest.mark.parametrize(("behave", "problem"), NO_ANSWER.values(), ids=NO_ANSWER)
def test_what_is_no_answer_ends_with_a_sentence(behave: Behave, problem: str) -> None:
    with receiving(behave) as place:
        answer = post(place, deadline_s=1.0)
    assert problem in answer.problem
    assert answer.status is None
    assert not answer.is_taken
    assert place.connections == 1


LONG: dict[str, Behave] = {
    "gigabytes": floods(OK + b"content-length: 99999999999\r\n\r\n", b"x" * 65536),
    "gigabytes without a length": floods(OK + b"\r\n", b"x" * 65536),
    "endless chunks": floods(OK + b"transfer-encoding: chunked\r\n\r\n", b"1000\r\n" + b"x" * 4096),
    "one endless chunk": floods(
        OK + b"transfer-encoding: chunked\r\n\r\nffffffff\r\n", b"x" * 65536
    ),
}


@pytest.mark.parametrize("behave", LONG.values(), ids=LONG)
def test_of_a_long_answer_only_the_beginning_is_read(behave: Behave) -> None:
    with receiving(behave) as place:
        answer = post(place)
    assert (answer.status, answer.excerpt) == (200, "x" * EXCERPT_CHARS)


@pytest.mark.parametrize(
    "behave",
    [
        drips(OK + b"content-length: 10000\r\n\r\nbegun", b""),
        says(OK + b"content-length: 10000\r\n\r\nbegun"),
        says(OK + b"transfer-encoding: chunked\r\n\r\n5\r\nbegun\r\nxx"),
    ],
    ids=["drips", "closes early", "chunks that are none"],
)
def test_a_status_counts_whatever_becomes_of_the_text_behind_it(behave: Behave) -> None:
    with receiving(behave) as place:
        answer = post(place, deadline_s=2.0)
    assert (answer.status, answer.problem) == (200, "")
    assert answer.excerpt in ("begun", "")


@pytest.mark.parametrize("code", [300, 301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_and_said_to_be_none(code: int) -> None:
    with receiving(status(200)) as target:
        location = b"location: http://127.0.0.1:%d/" % target.port
        with receiving(status(code, b"", location)) as place:
            answer = post(place)
    assert target.connections == 0
    assert answer.status == code
    assert answer.problem == "redirects are not followed"
    assert not answer.is_taken


def test_who_reads_nothing_of_a_large_body_is_left_in_time() -> None:
    with receiving(hangs, reads=False) as place:
        url = f"http://127.0.0.1:{place.port}/"
        answer = poster(deadline_s=0.5).post(url, HEADERS, b"x" * 50_000_000)
    assert "no answer within" in answer.problem


def test_where_nobody_listens_it_says_so() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        answer = poster().post(f"http://127.0.0.1:{free.getsockname()[1]}/", HEADERS, BODY)
    assert "connection" in answer.problem


# --- addresses --------------------------------------------------------------------------------

FORBIDDEN = [
    ["127.0.0.1"],
    ["127.0.0.1", "8.8.8.8"],
    ["8.8.8.8", "127.0.0.1"],
    ["169.254.169.254"],
    ["fd00:ec2::254"],
    ["::1"],
    ["::ffff:127.0.0.1"],
    ["64:ff9b::7f00:1"],
    ["2002:7f00:1::"],
    ["10.0.0.1"],
    ["100.64.0.1"],
    ["224.0.0.1"],
    ["0.0.0.0"],
]


class NoConnection(Exception):
    pass


@pytest.mark.parametrize("addresses", FORBIDDEN, ids=", ".join)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_name_that_leads_to_a_forbidden_address_is_sent_nothing(
    monkeypatch: pytest.MonkeyPatch, addresses: list[str], scheme: str
) -> None:
    made: list[object] = []
    with receiving(status(200)) as place:
        real = socket.socket.connect

        def connect(self: socket.socket, address: object) -> None:
            made.append(address)
            real(self, address)  # type: ignore[arg-type]

        monkeypatch.setattr(socket.socket, "connect", connect)
        url = f"{scheme}://hooks.example:{place.port}/"
        answer = poster(networks=(), resolve=lambda *_: addresses).post(url, HEADERS, BODY)
    assert "not in the public internet" in answer.problem
    assert (made, place.connections) == ([], 0)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "0x7f.0.0.1", "2130706433", "0", "[::1]"]
)
def test_no_spelling_of_loopback_comes_through(host: str) -> None:
    with receiving(status(200)) as place:
        answer = poster(networks=()).post(f"https://{host}:{place.port}/", HEADERS, BODY)
    assert answer.status is None
    assert "public internet" in answer.problem or "resolved" in answer.problem
    assert place.connections == 0


def test_an_owner_is_not_told_which_address_was_refused() -> None:
    answer = poster(networks=(), resolve=lambda *_: ["10.1.2.3"]).post(
        "https://internal.example/", HEADERS, BODY
    )
    assert "10.1.2.3" not in answer.problem


def test_a_name_that_leads_elsewhere_the_second_time_is_asked_only_once() -> None:
    asked: list[str] = []

    def rebinding(host: str, _: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.2"] if len(asked) == 1 else ["127.0.0.1"]

    only = parse_networks("127.0.0.2/32")
    with (
        receiving(status(500)) as forbidden,
        receiving(status(200), host="127.0.0.2", port=forbidden.port) as good,
    ):
        url = f"http://hooks.example:{good.port}/"
        assert poster(networks=only, resolve=rebinding).post(url, HEADERS, BODY).status == 200
        again = poster(networks=only, resolve=rebinding).post(url, HEADERS, BODY)
    assert asked == ["hooks.example"] * 2
    assert again.status is None
    assert (good.connections, forbidden.connections) == (1, 0)


def test_the_next_address_of_a_name_is_tried_where_one_is_deaf() -> None:
    with receiving(status(200), host="127.0.0.2") as place:
        found = poster(resolve=lambda *_: ["127.0.0.1", "127.0.0.2"]).post(
            f"http://hooks.example:{place.port}/", HEADERS, BODY
        )
    assert found.status == 200


def test_http_is_spoken_only_in_networks_that_are_listed() -> None:
    answer = poster(resolve=lambda *_: ["8.8.8.8"]).post("http://hooks.example/", HEADERS, BODY)
    assert answer.problem == "only https:// is spoken in the public internet"
    mixed = poster(resolve=lambda *_: ["127.0.0.1", "8.8.8.8"])
    assert mixed.post("http://hooks.example/", HEADERS, BODY).problem == answer.problem


@pytest.mark.parametrize("error", [OSError("x"), socket.gaierror(-2, "x"), UnicodeError("x")])
def test_a_name_that_cannot_be_resolved_is_said_to_be_none(error: Exception) -> None:
    def fails(*_: object) -> Sequence[str]:
        raise error

    answer = poster(resolve=fails).post("https://hooks.example/", HEADERS, BODY)
    assert answer.problem == "the name cannot be resolved"


def test_a_name_without_an_address_is_an_error() -> None:
    answer = poster(resolve=lambda *_: []).post("https://hooks.example/", HEADERS, BODY)
    assert answer.problem == "the name has no address"


def test_a_resolver_that_hangs_is_not_waited_for() -> None:
    hold = Event()

    def waits(*_: object) -> Sequence[str]:
        hold.wait(20)
        return []

    answer = poster(resolve=waits, deadline_s=0.2).post("https://hooks.example/", HEADERS, BODY)
    hold.set()
    assert "no answer within" in answer.problem


@pytest.mark.parametrize("url", ["", "ftp://x", "https://u:p@127.0.0.1/", "https://127.0.0.1:22/"])
def test_a_url_that_should_not_be_there_is_sent_nothing(url: str) -> None:
    assert poster(resolve=lambda *_: pytest.fail("asked")).post(url, HEADERS, BODY).problem


# --- TLS --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates(tmp_path_factory.mktemp("tls"), "DNS:hooks.test,IP:127.0.0.1")


def at_loopback(*_: object) -> Sequence[str]:
    return ["127.0.0.1"]


def test_https_is_spoken_with_the_name(made: Certificates) -> None:
    with receiving(status(200, b"safe"), tls=made.server) as place:
        url = f"https://hooks.test:{place.port}/"
        answer = poster(resolve=at_loopback, tls=made.client).post(url, HEADERS, BODY)
    assert (answer.status, answer.excerpt) == (200, "safe")
    assert len(place.requests) == 1


def test_a_certificate_of_another_name_is_sent_nothing(made: Certificates) -> None:
    with receiving(status(200), tls=made.server) as place:
        url = f"https://other.test:{place.port}/"
        answer = poster(resolve=at_loopback, tls=made.client).post(url, HEADERS, BODY)
    assert "certificate is not accepted" in answer.problem
    assert "other.test" in answer.problem
    assert place.requests == []


def test_a_certificate_that_nobody_vouches_for_is_sent_nothing(made: Certificates) -> None:
    with receiving(status(200), tls=made.server) as place:
        url = f"https://hooks.test:{place.port}/"
        answer = poster(resolve=at_loopback).post(url, HEADERS, BODY)
    assert "certificate is not accepted" in answer.problem
    assert place.requests == []


@pytest.mark.parametrize(
    ("behave", "problem"),
    [(hangs, "no answer"), (drips(b"", b"\x16"), ""), (says(b"hello" * 100), "TLS fails")],
    ids=["hangs", "drips", "speaks no TLS"],
)
def test_who_does_not_shake_hands_is_left_in_time(behave: Behave, problem: str) -> None:
    with receiving(behave, reads=False) as place:
        url = f"https://127.0.0.1:{place.port}/"
        answer = poster(deadline_s=1.0).post(url, HEADERS, BODY)
    assert answer.status is None
    assert problem in answer.problem
