"""Hosts that speak v1 only, who may do what to a repository, and how the Hub deletes one."""

from __future__ import annotations

import pytest

from tests.accounts.conftest import TownMaker
from tests.accounts.people import Town
from tests.support.world import json_of

APP = "/v1/repositories/alice/app"
OLD = "v1.registry.test"


@pytest.fixture
def two_hosts(make_town: TownMaker) -> Town:
    town = make_town(v1_hosts=frozenset({OLD}))
    town.make("alice", "alice/app", access="public")
    return town


@pytest.mark.parametrize("host", [OLD, f"{OLD}:5000", OLD.upper()])
@pytest.mark.parametrize(
    "path", ["/v2/", "/v2", "/v2/_catalog", "/v2/alice/app/tags/list", "/v2/alice/app/blobs/x"]
)
def test_there_is_no_v2_on_a_host_for_v1(two_hosts: Town, host: str, path: str) -> None:
    for method in ("GET", "HEAD"):
        answer = two_hosts.ask("alice", method, path, host=host)
        assert answer.status == 404
        # Docker takes whoever sends this header for a registry of v2, whatever the status.
        assert answer.header("Docker-Distribution-Api-Version") is None


@pytest.mark.parametrize("host", [OLD, "registry.test", f"not-{OLD}", f"{OLD}.example"])
def test_v1_is_spoken_on_every_host(two_hosts: Town, host: str) -> None:
    for path in ("/v1/_ping", "/_ping", "/v1/search?q=app", f"{APP}/tags"):
        assert two_hosts.ask(None, "GET", path, host=host).status == 200
    assert two_hosts.ask(None, "GET", "/v1/users/", host=host).status == 401


@pytest.mark.parametrize("host", ["registry.test", f"not-{OLD}", f"{OLD}.example", ""])
def test_other_hosts_speak_v2(two_hosts: Town, host: str) -> None:
    assert two_hosts.ask(None, "GET", "/v2/", host=host).status == 401
    assert two_hosts.ask("alice", "GET", "/v2/", host=host).status == 200


def test_endpoints_name_the_host_that_was_asked(two_hosts: Town) -> None:
    answer = two_hosts.ask("alice", "PUT", f"{APP}/", [], host=f"{OLD}:5000")
    assert answer.header("X-Docker-Endpoints") == f"{OLD}:5000"


# --- grants ---------------------------------------------------------------------------------------


@pytest.fixture
def granted(town: Town) -> Town:
    town.make("alice", "alice/app")
    return town


@pytest.mark.parametrize(
    ("access", "reads", "writes", "owns"),
    [(None, 403, 403, 403), ("read", 200, 403, 403), ("write", 200, 200, 403)],
)
def test_a_grant_gives_what_it_says(
    granted: Town, access: str | None, reads: int, writes: int, owns: int
) -> None:
    if access:
        granted.done("alice", "PUT", f"{APP}/grants/bob", {"access": access})
    assert granted.ask("bob", "GET", f"{APP}/tags").status == reads
    assert granted.ask("bob", "GET", "/v2/alice/app/tags/list").status == reads
    assert granted.ask("bob", "PUT", f"{APP}/", []).status == writes
    start = granted.ask("bob", "POST", "/v2/alice/app/blobs/uploads/").status
    assert start == (202 if writes == 200 else writes)
    for method, tail in (("PUT", "properties"), ("GET", "grants"), ("DELETE", "")):
        assert granted.ask("bob", method, f"{APP}/{tail}").status == owns, tail


def test_only_owner_and_administrators_grant(granted: Town) -> None:
    url, body = f"{APP}/grants/bob", {"access": "write"}
    assert granted.ask("bob", "PUT", url, body).status == 403
    assert granted.ask(None, "PUT", url, body).status == 401
    assert [granted.ask(who, "PUT", url, body).status for who in ("alice", "root")] == [200, 200]
    # Whoever may write may not hand that on.
    assert granted.ask("bob", "PUT", f"{APP}/grants/root", body).status == 403


def test_grants_are_of_one_repository(granted: Town) -> None:
    granted.make("alice", "alice/app2")
    granted.done("alice", "PUT", f"{APP}/grants/bob", {"access": "write"})
    assert granted.ask("bob", "GET", "/v1/repositories/alice/app2/tags").status == 403


# --- deletion -------------------------------------------------------------------------------------


def test_the_hub_deletes_in_three_calls(granted: Town) -> None:
    first = granted.ask("alice", "DELETE", f"{APP}/", x_docker_token="true")
    token = first.header("X-Docker-Token") or ""
    assert (first.status, json_of(first)) == (202, "")
    assert ",access=delete" in token
    assert first.header("X-Docker-Endpoints") == "registry.test"
    assert granted.done("alice", "GET", f"{APP}/images") == []

    second = granted.ask(None, "DELETE", f"{APP}/", authorization=f"Token {token}")
    assert (second.status, json_of(second)) == (200, True)
    assert granted.ask("alice", "GET", f"{APP}/images").status == 404

    last = granted.ask("alice", "DELETE", f"{APP}/", x_docker_endpoints="registry.test")
    assert (last.status, json_of(last)) == (200, "")
    again = granted.ask(None, "DELETE", f"{APP}/", authorization=f"Token {token}")
    assert again.status == 404


@pytest.mark.parametrize(
    "headers", [{}, {"x_docker_token": "true"}, {"x_docker_endpoints": "registry.test"}]
)
@pytest.mark.parametrize(("who", "status"), [(None, 401), ("bob", 403)])
def test_nobody_else_deletes_whatever_they_ask_with(
    granted: Town, who: str | None, status: int, headers: dict[str, str]
) -> None:
    assert granted.ask(who, "DELETE", f"{APP}/", **headers).status == status
    assert granted.done("alice", "GET", f"{APP}/images") == []


# --- library --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["busybox", "library/busybox"])
def test_library_is_written_by_administrators_only(town: Town, name: str) -> None:
    url = f"/v1/repositories/{name}"
    for who, status in ((None, 401), ("alice", 403), ("root", 200)):
        assert town.ask(who, "PUT", f"{url}/", []).status == status
    for who, status in ((None, 401), ("alice", 403), ("root", 204)):
        assert town.ask(who, "PUT", f"{url}/images", []).status == status
    for who, status in ((None, 401), ("alice", 403), ("root", 200)):
        assert town.ask(who, "DELETE", f"{url}/").status == status


def test_both_spellings_of_a_library_name_are_one_repository(town: Town) -> None:
    town.make("root", "busybox", access="public")
    assert town.done(None, "GET", "/v1/repositories/library/busybox/images") == []
    token = town.ask("root", "PUT", "/v1/repositories/busybox/", [], x_docker_token="true")
    assert 'repository="library/busybox"' in (token.header("X-Docker-Token") or "")


def test_nobody_can_be_named_library(make_town: TownMaker) -> None:
    for name in ("library", "v1", "v2", "public", "open"):
        with pytest.raises(Exception, match="reserved"):
            make_town().registry.add_user(name, "a-long-password")
