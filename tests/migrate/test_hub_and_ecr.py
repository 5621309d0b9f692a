"""Docker Hub's own lists and limits and ECR's catalog, played by a peer on loopback."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from roadstead.migrate.limits import OutwaitLimits, pause_of
from tests.clients.registry import Registry
from tests.migrate.filling import Filled
from tests.migrate.peer import Asked, Peer, Says, Script, one_image, peer
from tests.uploader.conftest import Command

PASSWORD = "dckr_pat_not-to-be-seen"
JWT = "a.jwt.of-the-hub"


def hub(limited: int = 0) -> Script:
    """Docker Hub with 150 repositories; the first manifests meet the limit."""
    image, left = one_image("hub"), [limited]

    def answer(asked: Asked) -> Says:
        parts = urlsplit(asked.path)
        if parts.path == "/v2/users/login":
            wanted = {"username": "anna", "password": PASSWORD}
            good = json.loads(asked.body) == wanted
            body = {"token": JWT} if good else {"detail": "Incorrect authentication credentials"}
            return Says(200 if good else 401, json.dumps(body).encode())
        if parts.path == "/v2/namespaces/acme/repositories":
            return page(asked, parse_qs(parts.query))
        if parts.path.endswith("/tags/list"):
            return Says(200, b'{"tags": ["1.0"]}')
        if asked.method == "GET" and "/manifests/" in asked.path and left[0]:
            left[0] -= 1
            body = (
                b'{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your limit"}]}'
            )
            return Says(429, body, {"Retry-After": "1"})
        return image(asked)

    def page(asked: Asked, query: dict[str, list[str]]) -> Says:
        total = 150 if asked.headers.get("authorization") == f"Bearer {JWT}" else 1
        first, size = (int(query["page"][0]) - 1) * 100, int(query["page_size"][0])
        names = [{"name": f"app-{n}", "namespace": "acme"} for n in range(total)]
        shown = names[first : first + size]
        following = "http://192.0.2.1/elsewhere" if first + size < total else None
        return Says(200, json.dumps({"count": total, "next": following, "results": shown}).encode())

    return answer


def hub_words(there: Peer) -> tuple[str, ...]:
    return ("--hub-api", there.url, "--hub-registry", there.url)


def log_in(roadstead: Command, host: str, user: str, password: str) -> None:
    """As `docker login` leaves it."""
    folder = roadstead.home / ".docker"
    folder.mkdir(exist_ok=True)
    auth = base64.b64encode(f"{user}:{password}".encode()).decode()
    (folder / "config.json").write_text(json.dumps({"auths": {host: {"auth": auth}}}))


def test_a_namespace_of_docker_hub_is_listed_by_the_hubs_api(
    ours: Registry, team: str, roadstead: Command
) -> None:
    with peer(lambda _: hub()) as there:
        log_in(roadstead, there.host, "anna", PASSWORD)
        words = ("migrate", *hub_words(there), "hub://acme", f"{ours.host}/{team}")
        status, out, err = roadstead.outcome(*words)
    assert status == 0, err
    assert "tags          150 brought, 0 were there already" in out
    assert Filled(ours.host).tags(f"{team}/acme/app-149") or Filled(ours.host).tags(
        f"{team}/app-149"
    )
    assert PASSWORD not in out + err
    assert JWT not in out + err


def test_without_a_login_the_public_repositories_come(
    ours: Registry, team: str, roadstead: Command
) -> None:
    with peer(lambda _: hub()) as there:
        words = ("migrate", *hub_words(there), "hub://acme", f"{ours.host}/{team}")
        lines = roadstead.run(*words)
        assert there.logins() == set()
    assert "repositories  1" in lines
    assert Filled(ours.host).tags(f"{team}/app-0") == ["1.0"]


@pytest.mark.parametrize("challenge", ["", 'JWT realm="api"', 'Bearer realm="api"'])
def test_a_wrong_password_of_docker_hub_is_told_with_what_to_do(
    challenge: str, ours: Registry, team: str, roadstead: Command
) -> None:
    script = hub()

    def challenging(asked: Asked) -> Says:
        says = script(asked)
        is_refusal = challenge and says.status == 401
        return Says(401, says.body, {"WWW-Authenticate": challenge}) if is_refusal else says

    with peer(lambda _: challenging) as there:
        log_in(roadstead, there.host, "anna", "wrong")
        words = ("migrate", *hub_words(there), "hub://acme", f"{ours.host}/{team}")
        status, _, err = roadstead.outcome(*words)
    assert status == 1
    assert f"the login of anna: {there.host} answered 401" in err
    assert "log in with a personal access token" in err


def test_a_pull_limit_is_waited_for_and_said(ours: Registry, team: str, roadstead: Command) -> None:
    with peer(lambda _: hub(limited=2)) as there:
        words = ("migrate", *hub_words(there), "hub://acme", f"{ours.host}/{team}")
        status, _, err = roadstead.outcome(*words)
    assert status == 0, err
    assert f"{there.host} has a limit and it is reached: going on in 1 s" in err
    assert Filled(ours.host).tags(f"{team}/app-0") == ["1.0"]


def test_a_limit_that_lasts_longer_than_one_waits_is_a_failure(
    ours: Registry, team: str, roadstead: Command
) -> None:
    with peer(lambda _: hub(limited=10_000)) as there:
        words = ("migrate", "--wait-hours", "0.0001", *hub_words(there), "hub://acme")
        status, out, _ = roadstead.outcome(*words, f"{ours.host}/{team}", timeout_s=180)
    assert status == 1
    assert "acme/app-0:1.0: the manifest acme/app-0 sha256:" in out
    assert "You have reached your limit (TOOMANYREQUESTS)" in out


def test_repeating_costs_no_pull_of_docker_hub(
    ours: Registry, team: str, roadstead: Command
) -> None:
    with peer(lambda _: hub()) as there:
        words = ("migrate", *hub_words(there), "hub://acme", f"{ours.host}/{team}")
        roadstead.run(*words)
        there.asked.clear()
        roadstead.run("migrate", "--dry-run", *words[1:])
        roadstead.run(*words)
        pulls = [a.path for a in there.asked if "/manifests/" in a.path and a.method == "GET"]
    assert pulls == []


def ecr(host: Peer) -> Script:
    """A registry with a login and 230 repositories in pages of at most a hundred."""
    image = one_image("ecr")
    names = [f"team/app-{number:03}" for number in range(230)]
    login = "Basic " + base64.b64encode(f"AWS:{PASSWORD}".encode()).decode()

    def answer(asked: Asked) -> Says:
        if asked.headers.get("authorization") != login:
            challenge = f'Basic realm="{host.url}/",service="ecr.amazonaws.com"'
            return Says(401, b"Not Authorized\n", {"WWW-Authenticate": challenge})
        parts = urlsplit(asked.path)
        if parts.path == "/v2/_catalog":
            query = parse_qs(parts.query)
            if int(query.get("n", ["100"])[0]) > 1000:
                return Says(400, b'{"errors":[{"code":"UNSUPPORTED","message":"maxResults"}]}')
            first = int(query.get("last", ["0"])[0])
            body = json.dumps({"repositories": names[first : first + 100]}).encode()
            more = f'<{host.url}/v2/_catalog?n=1000&last={first + 100}>; rel="next"'
            return Says(200, body, {"Link": more} if first + 100 < len(names) else {})
        if parts.path.endswith("/tags/list"):
            return Says(200, b'{"tags": ["1.0"]}')
        return image(asked)

    return answer


def test_ecr_is_listed_page_by_page_with_the_password_that_aws_gives(
    ours: Registry, team: str, roadstead: Command
) -> None:
    with peer(ecr) as there:
        words = ("migrate", "--source-password-stdin", "--only", "team/app-2*")
        source, target = f"ecr://{there.host}/team", f"{ours.host}/{team}"
        status, out, err = roadstead.outcome(*words, source, target, stdin=f"{PASSWORD}\n")
    assert status == 0, err
    assert "tags          30 brought" in out
    assert Filled(ours.host).tags(f"{team}/app-229") == ["1.0"]
    assert PASSWORD not in out + err


def test_who_has_no_login_of_ecr_is_told_how_to_get_one(
    ours: Registry, team: str, roadstead: Command
) -> None:
    with peer(ecr) as there:
        status, out, err = roadstead.outcome(
            "migrate", f"ecr://{there.host}", f"{ours.host}/{team}"
        )
    assert (status, out) == (1, "")
    assert "aws ecr get-login-password --region REGION | docker login --username AWS" in err


def test_a_host_that_is_no_ecr_is_refused(roadstead: Command, ours: Registry) -> None:
    status, _, err = roadstead.outcome("migrate", "ecr://registry.example.com", ours.host)
    assert status == 1
    assert "is no ECR registry: it looks like 123456789012.dkr.ecr.eu-central-1" in err


NOW_S = 1_800_000_000.0
PAUSES = [
    ({"Retry-After": "7"}, 7.0),
    ({"Retry-After": "0"}, 1.0),
    ({"Retry-After": "999999"}, 3600.0),
    ({"Retry-After": f"{NOW_S + 30:.0f}"}, 30.0),
    ({"X-Retry-After": f"{NOW_S + 90:.0f}"}, 90.0),
    ({"X-Retry-After": f"{NOW_S - 90:.0f}"}, 1.0),
    ({"Retry-After": "Fri, 15 Jan 2027 08:01:00 GMT"}, 60.0),
    ({"Retry-After": "soon"}, 60.0),
    ({}, 60.0),
]


@pytest.mark.parametrize(("headers", "pause_s"), PAUSES)
def test_how_long_to_wait_is_read_from_what_the_registry_says(
    headers: dict[str, str], pause_s: float
) -> None:
    assert pause_of(headers, NOW_S) == pause_s


def test_all_threads_wait_once_together_and_not_for_ever() -> None:
    said: list[str] = []
    slept: list[float] = []
    limits = OutwaitLimits(
        sleep=slept.append, say=said.append, host_name="hub", most_s=100, now_s=lambda: NOW_S
    )
    assert limits.outwaited({"Retry-After": "90"})
    assert limits.outwaited({"Retry-After": "90"})
    limits.now_s = lambda: NOW_S + 91
    assert not limits.outwaited({"Retry-After": "90"})
    assert (len(said), slept) == (1, [90.0, 90.0])


def test_a_credential_helper_is_asked_for_the_sources_login(
    ours: Registry, team: str, roadstead: Command, tmp_path: Path
) -> None:
    helper = tmp_path / "bin" / "docker-credential-ecr-login"
    helper.parent.mkdir()
    answer = json.dumps({"Username": "AWS", "Secret": PASSWORD})
    helper.write_text(f"#!/bin/sh\ncat >/dev/null\necho '{answer}'\n")
    helper.chmod(0o755)
    with peer(ecr) as there:
        folder = roadstead.home / ".docker"
        folder.mkdir()
        helpers = {"credHelpers": {there.host: "ecr-login"}}
        (folder / "config.json").write_text(json.dumps(helpers))
        wrapped = WithPath(roadstead.home, str(helper.parent))
        words = ("migrate", f"ecr://{there.host}", f"{ours.host}/{team}", "team/app-001")
        assert "tags          1 brought, 0 were there already" in wrapped.run(*words)


class WithPath(Command):
    """The command with one more folder on its PATH."""

    def __init__(self, home: Path, more: str) -> None:
        super().__init__(home)
        object.__setattr__(self, "more", more)

    @property
    def env(self) -> dict[str, str]:
        found = super().env
        return {**found, "PATH": f"{self.more}:{found['PATH']}"}  # type: ignore[attr-defined]
