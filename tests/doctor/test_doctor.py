"""The doctor against a registry that is well, and against fronts that each get one thing wrong."""

from __future__ import annotations

import functools
import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from chalicelib.adapters.clock import SystemClock
from chalicelib.adapters.hashing import ResumableHashing
from chalicelib.api.blueprints import register_all
from chalicelib.domain.access import Mode
from chalicelib.domain.bearer import Challenge
from chalicelib.service import accounts
from chalicelib.service.world import World
from chalicelib.web.edge import RegistryApp
from roadstead import cli
from roadstead.client.login import Login
from roadstead.client.names import Host
from roadstead.doctor.checks import CHECKS, examine
from roadstead.doctor.findings import Finding, Verdict, as_json, cut, rendered
from roadstead.doctor.patient import Patient, digest_of
from roadstead.gateway.asgi import Gateway
from roadstead.gateway.downloads import Downloads
from roadstead.gateway.events import LambdaFront
from tests.clients.commands import need
from tests.doctor.spoiling import Answered, Asked, Spoil, Upstream, coded, edge, front
from tests.support.registry import serving
from tests.support.stack import Stack
from tests.support.world import GATEWAY_KEY, memory_world

ALICE = Login("alice", "alice-secret")


def gateway_on(world: World, downloads: Downloads) -> Gateway:
    app = register_all(RegistryApp("roadstead"), lambda: world)
    return Gateway(LambdaFront(app), ResumableHashing(), GATEWAY_KEY, downloads=downloads)


def world_on(stack: Stack, mode: Mode, challenge: Challenge = Challenge.BASIC) -> World:
    store = stack.metadata()
    return memory_world(
        mode,
        metadata=store,
        search=store,
        blobs=stack.blobs(),
        clock=SystemClock(),
        challenge=challenge,
    )


@pytest.fixture(scope="module", params=Challenge, ids=lambda kind: kind.value)
def guarded(stack: Stack, request: pytest.FixtureRequest) -> Iterator[str]:
    """A registry with accounts, by each way of asking for a login."""
    world = world_on(stack, Mode.ACCOUNTS, request.param)
    accounts.create(world, ALICE.name, ALICE.password, administrator=True)
    with serving(gateway_on(world, Downloads.REDIRECT)) as host:
        yield host


@pytest.fixture
def registry(stack: Stack) -> Iterator[str]:
    """Its accounts are this test's own: wrong logins add up, and are refused unheard at last."""
    world = memory_world(Mode.ACCOUNTS, blobs=stack.blobs(), clock=SystemClock())
    accounts.create(world, ALICE.name, ALICE.password, administrator=True)
    with serving(gateway_on(world, Downloads.REDIRECT)) as host:
        yield host


def looked(host: str, login: Login | None = ALICE, **more: Any) -> dict[str, Finding]:
    patient = Patient(Host(host, more.pop("scheme", "http")), login, **more)
    try:
        return {finding.check: finding for finding in examine(patient)}
    finally:
        patient.close()


def wrong_in(found: dict[str, Finding]) -> set[str]:
    return {name for name, each in found.items() if each.verdict is Verdict.WRONG}


def skipped_in(found: dict[str, Finding]) -> set[str]:
    return {name for name, each in found.items() if each.verdict is Verdict.NOT_LOOKED_AT}


# What loopback without a distribution has none of.
EDGE = {"edge-right", "edge-wrong", "edge-token"}
NEVER = {"tls", "web-function", "large", "behind", "throttled"}


def test_a_registry_with_accounts_is_well(guarded: str) -> None:
    found = looked(guarded)
    assert wrong_in(found) == set(), rendered(found.values())
    assert skipped_in(found) == EDGE | NEVER


@pytest.mark.parametrize("downloads", Downloads, ids=lambda way: way.value)
def test_an_open_registry_is_well(stack: Stack, downloads: Downloads) -> None:
    with serving(gateway_on(world_on(stack, Mode.OPEN), downloads)) as host:
        found = looked(host, None)
    assert wrong_in(found) == set(), rendered(found.values())
    assert skipped_in(found) == EDGE | NEVER | {"challenge", "wrong-login"}


def test_a_registry_behind_an_edge_is_well(registry: str) -> None:
    with front(registry, edge) as host:
        found = looked(host)
    assert wrong_in(found) == set(), rendered(found.values())
    assert skipped_in(found) == NEVER


def test_without_a_login_what_needs_one_is_named(guarded: str) -> None:
    found = looked(guarded, None)
    assert wrong_in(found) == set(), rendered(found.values())
    assert "--user" in found["login"].saw
    assert "may not push" in found["location"].saw


def test_nothing_there_is_one_finding() -> None:
    found = looked("127.0.0.1:9")
    assert wrong_in(found) == {"reached"}
    assert {each.saw for name, each in found.items() if name != "reached"} == {"it does not answer"}


def test_nothing_of_a_run_is_left(registry: str, stack: Stack) -> None:
    found = looked(registry, repository="alice/kept-by-me")
    assert found["clean"].verdict is Verdict.OK, found["clean"]


# --- fronts that get it wrong ---------------------------------------------------------------------


def no_challenge(asked: Asked, upstream: Upstream) -> Answered:
    return upstream(asked).without("www-authenticate")


def renames(asked: Asked, upstream: Upstream) -> Answered:
    """As API Gateway does."""
    answer = upstream(asked)
    found = answer.headers.get("www-authenticate")
    renamed = answer.without("www-authenticate")
    return renamed.having(x_amzn_remapped_www_authenticate=found) if found else answer


def no_challenge_after_a_login(asked: Asked, upstream: Upstream) -> Answered:
    """The distribution's function answers who sends none; the API's own 401 loses its header."""
    answer = upstream(asked)
    return answer.without("www-authenticate") if "authorization" in asked.headers else answer


def base64_without_accept(asked: Asked, upstream: Upstream) -> Answered:
    answer = upstream(asked)
    plain = "accept" in asked.headers or asked.method != "GET" or "/tags/" not in asked.path
    return answer if plain else replace(answer, body=coded(answer.body))


def base64_for_json(asked: Asked, upstream: Upstream) -> Answered:
    answer = upstream(asked)
    meant = asked.headers.get("accept") == "application/json" and asked.method == "GET"
    return replace(answer, body=coded(answer.body)) if meant else answer


def no_range(asked: Asked, upstream: Upstream) -> Answered:
    answer = upstream(asked)
    return answer.without("range") if answer.status == 202 else answer


def renames_range(asked: Asked, upstream: Upstream) -> Answered:
    answer = upstream(asked)
    found = answer.headers.get("range")
    return answer.without("range").having(x_amzn_remapped_range=found) if found else answer


def chunks_come_empty(asked: Asked, upstream: Upstream) -> Answered:
    lost = "chunked" in asked.headers.get("transfer-encoding", "")
    return upstream(replace(asked, body=b"") if lost else asked)


def takes_anything(asked: Asked, upstream: Upstream) -> Answered:
    """Believes the client's word for a digest, and serves by it."""
    if asked.method == "PUT" and asked.body and asked.parameter("digest"):
        BELIEVED.add(asked.parameter("digest"))
        return Answered(201, {"docker-content-digest": asked.parameter("digest")})
    if asked.method == "HEAD" and asked.path.rpartition("/")[2] in BELIEVED:
        return Answered(200)
    return upstream(asked)


BELIEVED: set[str] = set()


def keeps_what_it_refuses(asked: Asked, upstream: Upstream) -> Answered:
    promised = asked.parameter("digest")
    if asked.method == "PUT" and asked.body and promised != digest_of(asked.body):
        BELIEVED.add(promised)
    if asked.method == "HEAD" and asked.path.rpartition("/")[2] in BELIEVED:
        return Answered(200)
    return upstream(asked)


def html_errors(asked: Asked, upstream: Upstream) -> Answered:
    answer = upstream(asked)
    if answer.status != 404:
        return answer
    return replace(answer, headers={"content-type": "text/html"}, body=b"<html>404</html>")


def drops_the_version(asked: Asked, upstream: Upstream) -> Answered:
    return upstream(asked).without("docker-distribution-api-version")


def drops_the_digest(asked: Asked, upstream: Upstream) -> Answered:
    answer = upstream(asked)
    return answer.without("docker-content-digest") if answer.status == 201 else answer


def head_says_nothing(asked: Asked, upstream: Upstream) -> Answered:
    answer = upstream(asked)
    return answer.having(content_length="0") if asked.method == "HEAD" else answer


def other_host(asked: Asked, upstream: Upstream) -> Answered:
    """Uploads are sent to where the API is known by another name."""
    answer = upstream(asked)
    if asked.method == "POST" and answer.status == 202:
        place = "http://localhost:" + asked.headers["host"].rpartition(":")[2]
        return answer.having(location=place + answer.headers["location"])
    return answer


def speaks_as_api_gateway(asked: Asked, upstream: Upstream) -> Answered:
    if len(asked.body) > 4_500_000:
        body = b'{"message":"Request Too Long"}'
        return Answered(413, {"content-type": "application/json"}, body)
    return upstream(asked)


def says_nothing_of_what_to_do(asked: Asked, upstream: Upstream) -> Answered:
    if len(asked.body) > 10_000_000:
        body = b'{"errors":[{"code":"SIZE_INVALID","message":"too large"}]}'
        return Answered(413, {"content-type": "application/json"}, body)
    return upstream(asked)


def other_bytes(asked: Asked, upstream: Upstream) -> Answered:
    answer = upstream(asked)
    is_blob = asked.method == "GET" and "/blobs/sha256:" in asked.path and answer.status == 307
    if is_blob and "range" not in asked.headers:
        return Answered(200, {}, b"other bytes")
    return answer


def no_ranges(asked: Asked, upstream: Upstream) -> Answered:
    answer = upstream(asked)
    is_blob = asked.method == "GET" and "/blobs/sha256:" in asked.path and answer.status == 307
    return Answered(200, {}, b"all of it") if is_blob and "range" in asked.headers else answer


def late_clock(asked: Asked, upstream: Upstream) -> Answered:
    return upstream(asked).having(date=formatdate(SystemClock().now_s() - 900, usegmt=True))


def busy_without_a_word(asked: Asked, upstream: Upstream) -> Answered:
    return Answered(429) if asked.path == "/v1/search" else upstream(asked)


def no_v1(asked: Asked, upstream: Upstream) -> Answered:
    return Answered(404) if asked.path.startswith("/v1/_ping") else upstream(asked)


def no_endpoints(asked: Asked, upstream: Upstream) -> Answered:
    return upstream(asked).without("x-docker-endpoints")


def no_search(asked: Asked, upstream: Upstream) -> Answered:
    return Answered(200, {}, b"<html>") if asked.path == "/v1/search" else upstream(asked)


def keeps_everything(asked: Asked, upstream: Upstream) -> Answered:
    return Answered(202) if asked.method == "DELETE" else upstream(asked)


def converts_manifests(asked: Asked, upstream: Upstream) -> Answered:
    answer = upstream(asked)
    is_one = asked.method == "GET" and "/manifests/doctor" in asked.path and answer.status == 200
    return replace(answer, body=answer.body + b"\n") if is_one else answer


def logs_nobody_in(asked: Asked, upstream: Upstream) -> Answered:
    kept = {name: value for name, value in asked.headers.items() if name != "authorization"}
    return upstream(replace(asked, headers=kept))


careless_edge = functools.partial(edge, proves=False)
trusting_edge = functools.partial(edge, checks=False)


def edge_says_200(asked: Asked, upstream: Upstream) -> Answered:
    """S3's own answer, which nobody has rewritten."""
    answer = edge(asked, upstream)
    is_stored = asked.path.startswith("/_up/") and answer.status == 201
    return replace(answer, status=200, headers={}) if is_stored else answer


# What is wrong with the front, and the checks that say so: no more and no fewer.
SPOILS: dict[str, tuple[Spoil, set[str]]] = {
    "no challenge": (no_challenge, {"challenge", "wrong-login"}),
    "a renamed challenge": (renames, {"challenge", "wrong-login", "renamed"}),
    "no challenge to a wrong login": (no_challenge_after_a_login, {"wrong-login"}),
    "base64 where no Accept was sent": (base64_without_accept, {"base64"}),
    "base64 where JSON was wanted": (base64_for_json, {"base64"}),
    "no Range": (no_range, {"pieces", "chunked", "above-lambda", "above-api-gateway"}),
    "a renamed Range": (
        renames_range,
        {"pieces", "chunked", "above-lambda", "above-api-gateway", "renamed"},
    ),
    "chunks that come empty": (chunks_come_empty, {"chunked"}),
    "any bytes for a digest": (takes_anything, {"wrong-inline", "manifest", "clean"}),
    "wrong bytes refused and served": (keeps_what_it_refuses, {"wrong-inline", "clean"}),
    "errors in HTML": (html_errors, {"errors", "version", "base64"}),
    "no version": (drops_the_version, {"version", "login"}),
    "no digest of what was stored": (drops_the_digest, {"pieces", "chunked"}),
    "HEAD without its length": (head_says_nothing, {"head"}),
    "uploads at another host": (other_host, {"location"}),
    "API Gateway's own 413": (speaks_as_api_gateway, {"above-lambda", "above-api-gateway"}),
    "a 413 without advice": (says_nothing_of_what_to_do, {"above-api-gateway"}),
    "other bytes": (other_bytes, {"download"}),
    "no ranges": (no_ranges, {"range"}),
    "a clock that is late": (late_clock, {"clock"}),
    "a 429 without Retry-After": (busy_without_a_word, {"throttled", "v1-search"}),
    "no v1": (no_v1, {"v1-ping"}),
    "no endpoints": (no_endpoints, {"v1-endpoints"}),
    "no search": (no_search, {"v1-search"}),
    "nothing is ever deleted": (keeps_everything, {"clean"}),
    "manifests in other bytes": (converts_manifests, {"manifest"}),
    "the login is dropped": (logs_nobody_in, {"login"}),
    "an edge that proves nothing": (careless_edge, {"edge-wrong"}),
    "an edge that trusts everybody": (trusting_edge, {"edge-token"}),
    "an edge with S3's own answer": (edge_says_200, {"edge-right"}),
}


@pytest.mark.parametrize(("spoil", "expected"), SPOILS.values(), ids=SPOILS)
def test_what_a_front_gets_wrong_is_found_and_named(
    registry: str, spoil: Spoil, expected: set[str]
) -> None:
    with front(registry, spoil) as host:
        found = looked(host)
    assert wrong_in(found) == expected, rendered(found.values())
    for name in expected:
        assert found[name].saw
        assert found[name].should
        assert found[name].do


def test_every_check_that_can_be_wrong_has_a_front_that_makes_it_so() -> None:
    seen = set().union(*(expected for _, expected in SPOILS.values()))
    elsewhere = {"reached", "tls", "behind", "web-function", "large"}
    assert {check.name for check in CHECKS} - seen == elsewhere


def test_every_open_question_of_the_notes_has_a_check() -> None:
    text = " ".join(check.proves for check in CHECKS)
    assert {f"U{number}" for number in range(1, 9)} == set(re.findall(r"U\d", text))


def test_an_api_that_answers_beside_its_front_is_found(registry: str) -> None:
    with front(registry, edge) as host:
        found = looked(host, api_url=f"http://{registry}")
    assert wrong_in(found) == {"behind"}


def test_a_certificate_that_nobody_has_signed_is_found(registry: str, tmp_path: Path) -> None:
    need("openssl")
    made = tmp_path / "own.pem"
    words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=x"]
    subprocess.run(
        ["openssl", *words, "-keyout", str(made), "-out", str(tmp_path / "cert.pem")],
        check=True,
        capture_output=True,
    )
    made.write_text(made.read_text() + (tmp_path / "cert.pem").read_text())
    with front(registry, certificate=made) as host:
        found = looked(host, scheme="https")
    assert wrong_in(found) == {"reached"}
    assert "SSLError" in found["reached"].saw


# --- how it is said -------------------------------------------------------------------------------


def test_no_password_and_no_signed_address_is_shown(registry: str) -> None:
    for spoil, _ in SPOILS.values():
        if spoil in (other_bytes, no_challenge, takes_anything, edge_says_200):
            with front(registry, spoil) as host:
                found = looked(host)
            shown = rendered(found.values()) + as_json("u", list(found.values()))
            assert ALICE.password not in shown
            assert "X-Amz-Signature" not in shown
            assert "_up=" not in shown


@pytest.mark.parametrize("text", ["\x1b[2J\nred", "x" * 10_000, "\u202e", ""])
def test_what_a_server_says_cannot_move_the_cursor(text: str) -> None:
    assert cut(text).isprintable()
    assert len(cut(text)) <= 200


def test_the_command_says_a_line_a_check_and_its_status_tells(
    registry: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(ALICE.password + "\n"))
    words = ["doctor", f"http://{registry}", "--user", ALICE.name, "--password-stdin"]
    assert cli.main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(CHECKS) + 1
    assert lines[-1] == "23 ok, 0 WRONG, 8 not looked at"


def test_the_command_in_json_with_something_wrong(
    registry: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(ALICE.password + "\n"))
    with front(registry, no_search) as host:
        words = ["doctor", host, "--user", ALICE.name, "--password-stdin", "--json"]
        assert cli.main(words) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["ok"] is False
    (wrong,) = [each for each in document["findings"] if each["verdict"] == "WRONG"]
    assert wrong["check"] == "v1-search"
    assert {"saw", "should", "do", "title", "proves"} <= set(wrong)
