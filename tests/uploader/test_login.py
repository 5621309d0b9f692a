"""Logins: Basic, Bearer, docker's own file and its helpers; and whom they are never shown."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl

import pytest

from chalicelib.domain.access import Mode
from chalicelib.service import accounts
from roadstead.client.challenge import Challenge, read_challenges
from roadstead.client.errors import TransferError
from roadstead.client.login import Login, find_login
from roadstead.gateway.events import HttpRequest, HttpResponse
from tests.clients.images import Shelf
from tests.support.stack import Stack
from tests.support.world import basic
from tests.uploader.conftest import Command, Remote, remote_of
from tests.uploader.driving import pull_here, push_here

NAME, PASSWORD = "mate", "a-long-password"
LOGIN = Login(NAME, PASSWORD)


@pytest.fixture(scope="module")
def _secured(stack: Stack) -> Iterator[Remote]:
    with remote_of(stack, Mode.ACCOUNTS) as remote:
        accounts.create(remote.world, NAME, PASSWORD)
        yield remote


@pytest.fixture
def secured(_secured: Remote) -> Remote:
    _secured.mend()
    return _secured


@pytest.fixture
def repository(request: pytest.FixtureRequest) -> str:
    return f"{NAME}/{abs(hash(request.node.name)):x}"


# --- Basic ------------------------------------------------------------------------------------


def test_a_login_of_the_command_line_is_read_from_stdin(
    secured: Remote, images: Shelf, repository: str, roadstead: Command
) -> None:
    image = images["thirty-mb"]
    words = ("push", f"oci:{image.folder}", f"{secured.host}/{repository}", "--quiet")
    given = ("--user", NAME, "--password-stdin")
    assert roadstead.run(*words, *given, stdin=f"{PASSWORD}\n") == [image.top.digest]
    status, out, err = roadstead.outcome(*words)
    assert (status, out) == (1, "")
    assert f"asks for a login: say --user NAME, or run `docker login {secured.host}`" in err
    status, _, err = roadstead.outcome(*words, *given, stdin="wrong\n")
    assert status == 1
    assert f"does not accept the login of {NAME}" in err
    status, _, err = roadstead.outcome(*words, "--user", NAME)
    assert (status, "say --password-stdin" in err) == (1, True)


def test_the_login_that_docker_keeps_is_used(
    secured: Remote, images: Shelf, repository: str, roadstead: Command, tmp_path: Path
) -> None:
    image = images["ten"]
    folder = roadstead.home / ".docker"
    folder.mkdir()
    auth = base64.b64encode(f"{NAME}:{PASSWORD}".encode()).decode()
    (folder / "config.json").write_text(json.dumps({"auths": {secured.host: {"auth": auth}}}))
    roadstead.run("push", f"oci:{image.folder}", f"{secured.host}/{repository}")
    roadstead.run("pull", f"{secured.host}/{repository}", tmp_path / "out")


def test_another_users_repository_is_refused_with_the_registrys_word(
    secured: Remote, images: Shelf
) -> None:
    with pytest.raises(TransferError, match="answered 403: this login may not do that"):
        push_here(f"oci:{images['ten'].folder}", f"{secured.host}/captain/app", login=LOGIN)


def test_s3_is_never_shown_the_login(
    secured: Remote, images: Shelf, repository: str, tmp_path: Path
) -> None:
    seen: list[str] = []
    secured.s3.headers = seen
    push_here(f"oci:{images['thirty-mb'].folder}", f"{secured.host}/{repository}", login=LOGIN)
    pull_here(f"{secured.host}/{repository}", str(tmp_path / "out"), login=LOGIN)
    assert len(seen) > 10
    assert not [name for name in seen if name.lower() == "authorization"]


# --- Bearer -----------------------------------------------------------------------------------


@dataclass
class TokenService:
    """Puts a Bearer challenge before a registry, and gives tokens for it."""

    host: str
    realm_path: str = "/token"
    valid_uses: int = 10**6
    asked: list[dict[str, list[str]]] = field(default_factory=list)
    tokens: dict[str, int] = field(default_factory=dict)

    def __call__(self, request: HttpRequest) -> HttpResponse | None:
        if request.raw_path == self.realm_path:
            return self._give(request)
        scheme, _, token = (request.header("authorization") or "").partition(" ")
        if scheme != "Bearer" or self.tokens.get(token, 0) <= 0:
            return self._challenge(request)
        self.tokens[token] -= 1
        # What the registry behind understands.
        pairs = [pair for pair in request.headers if pair[0] != "authorization"]
        request.headers[:] = [*pairs, ("authorization", basic(NAME, PASSWORD))]  # type: ignore[index]
        return None

    def _challenge(self, request: HttpRequest) -> HttpResponse:
        repository = request.raw_path.removeprefix("/v2/").partition("/blobs/")[0]
        action = "pull" if request.method in ("GET", "HEAD") else "pull,push"
        scope = f',scope="repository:{repository}:{action}"' if repository else ""
        realm = f'Bearer realm="http://{self.host}{self.realm_path}",service="roadstead"{scope}'
        return HttpResponse(401, [("WWW-Authenticate", realm), ("Content-Length", "0")])

    def _give(self, request: HttpRequest) -> HttpResponse:
        query = dict(parse_qsl(request.query))
        if request.method == "POST":
            fields = parse_qs(request.body.decode())
            sound = fields.get("refresh_token") == ["identity"]
            self.asked.append(fields)
        else:
            sound = request.header("authorization") == basic(NAME, PASSWORD)
            self.asked.append(parse_qs(request.query))
        if not sound:
            return HttpResponse(401, [("Content-Length", "0")])
        assert query.get("service", "roadstead") == "roadstead"
        token = f"token-{len(self.tokens)}"
        self.tokens[token] = self.valid_uses
        body = json.dumps({"token": token}).encode()
        return HttpResponse(200, [("Content-Length", str(len(body)))], body)


@pytest.mark.parametrize("login", [LOGIN, Login("", "", "identity")], ids=["basic", "identity"])
def test_a_bearer_challenge_is_met(
    secured: Remote, images: Shelf, repository: str, tmp_path: Path, login: Login
) -> None:
    service = secured.api.before = TokenService(secured.host)
    image = images["thirty-mb"]
    push_here(f"oci:{image.folder}", f"{secured.host}/{repository}", login=login)
    pull_here(f"{secured.host}/{repository}", str(tmp_path / "out"), login=login)
    told = [" ".join(asked.get("scope", [])) for asked in service.asked]
    scopes = {scope for each in told for scope in each.split()}
    assert f"repository:{repository}:pull,push" in scopes
    assert len(service.tokens) < 12, "a token is used again"


def test_a_token_that_runs_out_is_asked_for_anew(
    secured: Remote, images: Shelf, repository: str
) -> None:
    service = secured.api.before = TokenService(secured.host, valid_uses=2)
    push_here(f"oci:{images['thirty-mb'].folder}", f"{secured.host}/{repository}", login=LOGIN)
    assert len(service.tokens) > 2


def test_a_wrong_password_at_the_token_service_is_told(
    secured: Remote, images: Shelf, repository: str
) -> None:
    secured.api.before = TokenService(secured.host)
    with pytest.raises(TransferError, match=f"login of {NAME}: .* answered 401"):
        push_here(
            f"oci:{images['ten'].folder}",
            f"{secured.host}/{repository}",
            login=Login(NAME, "wrong"),
        )


CHALLENGES = {
    'Basic realm="x"': [Challenge("basic", {"realm": "x"})],
    'Bearer realm="https://a/t",service="s",scope="repository:a/b:pull,push"': [
        Challenge(
            "bearer", {"realm": "https://a/t", "service": "s", "scope": "repository:a/b:pull,push"}
        )
    ],
    "Bearer realm=https://a/t , service=s": [
        Challenge("bearer", {"realm": "https://a/t", "service": "s"})
    ],
    'Bearer realm="https://a/t",service="s", Basic realm="x"': [
        Challenge("bearer", {"realm": "https://a/t", "service": "s"}),
        Challenge("basic", {"realm": "x"}),
    ],
    'Basic realm="a, Bearer b", bearer realm="https://a/t", service="s"': [
        Challenge("basic", {"realm": "a, Bearer b"}),
        Challenge("bearer", {"realm": "https://a/t", "service": "s"}),
    ],
    "Negotiate, Basic realm=x": [Challenge("negotiate"), Challenge("basic", {"realm": "x"})],
    "Negotiate": [Challenge("negotiate")],
    "": [Challenge("")],
}


@pytest.mark.parametrize("text", CHALLENGES)
def test_challenges_are_read(text: str) -> None:
    assert read_challenges([text]) == CHALLENGES[text]


# --- docker's file ----------------------------------------------------------------------------

AUTH = base64.b64encode(b"mate:pa:ss").decode()
CONFIGS: dict[str, tuple[object, Login | None]] = {
    "no file": (None, None),
    "no logins": ({}, None),
    "a login": ({"auths": {"h:5000": {"auth": AUTH}}}, Login("mate", "pa:ss")),
    "a login under a url": ({"auths": {"https://h:5000": {"auth": AUTH}}}, Login("mate", "pa:ss")),
    "a login under an old url": (
        {"auths": {"https://h:5000/v1/": {"auth": AUTH}}},
        Login("mate", "pa:ss"),
    ),
    "a login in two fields": (
        {"auths": {"h:5000": {"username": "mate", "password": "pa:ss"}}},
        Login("mate", "pa:ss"),
    ),
    "a name alone": ({"auths": {"h:5000": {"username": "mate"}}}, None),
    "another host's": ({"auths": {"h:5001": {"auth": AUTH}}}, None),
    "an identity token": (
        {"auths": {"h:5000": {"auth": AUTH, "identitytoken": "i"}}},
        Login("mate", "pa:ss", "i"),
    ),
    "an identity token alone": ({"auths": {"h:5000": {"identitytoken": "i"}}}, Login("", "", "i")),
    "an empty entry": ({"auths": {"h:5000": {}}}, None),
    "tables that are none": ({"auths": 5, "credHelpers": []}, None),
    "a list": ([], None),
    "a helper": ({"credHelpers": {"h:5000": "lab"}}, Login("helped", "secret")),
    "a helper for all": ({"credsStore": "lab"}, Login("helped", "secret")),
    "a helper that knows nothing": ({"credsStore": "empty"}, None),
    "a helper's token": ({"credsStore": "token"}, Login("<token>", "", "secret")),
}
HELPERS = {
    "lab": """read h; test "$h" = h:5000 && echo '{"Username": "helped", "Secret": "secret"}'""",
    "empty": "echo credentials not found; exit 1",
    "token": """echo '{"Username": "<token>", "Secret": "secret"}'""",
    "odd": "echo what",
}


@pytest.fixture
def _helpers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, script in HELPERS.items():
        path = tmp_path / f"docker-credential-{name}"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")


@pytest.mark.usefixtures("_helpers")
@pytest.mark.parametrize("name", CONFIGS)
def test_dockers_logins_are_found(tmp_path: Path, name: str) -> None:
    document, expected = CONFIGS[name]
    path = tmp_path / "config.json"
    if document is not None:
        path.write_text(json.dumps(document))
    assert find_login(path, "h:5000") == expected


@pytest.mark.usefixtures("_helpers")
def test_docker_hubs_own_helper_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"credHelpers": {"https://index.docker.io/v1/": "token"}}))
    assert find_login(path, "registry-1.docker.io") == Login("<token>", "", "secret")


DAMAGED = {
    "no JSON": ("{", "cannot be read"),
    "no base64": ('{"auths": {"h:5000": {"auth": "!"}}}', "is damaged"),
    "no such helper": ('{"credsStore": "nowhere"}', "did not answer"),
    "a helper that is a path": ('{"credsStore": "../x"}', "is no name"),
    "a helper that says nonsense": ('{"credsStore": "odd"}', "is no login"),
}


@pytest.mark.usefixtures("_helpers")
@pytest.mark.parametrize("name", DAMAGED)
def test_a_file_of_dockers_that_is_damaged_is_told(tmp_path: Path, name: str) -> None:
    text, sentence = DAMAGED[name]
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(TransferError, match=sentence) as caught:
        find_login(path, "h:5000")
    assert AUTH not in str(caught.value)


def test_a_login_shows_no_password() -> None:
    assert "secret" not in repr(Login("mate", "secret", "secret"))
