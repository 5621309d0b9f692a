"""front.js on a team's own host: the API's names, and only the Host says whose it is."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.domain.accounts import RESERVED_NAMES
from chalicelib.domain.bearer import Challenge
from chalicelib.web.challenge import challenge_for
from chalicelib.web.endpoints import match
from chalicelib.web.hosts import at_host, team_of_host
from chalicelib.web.messages import Headers, Request, Response
from tests.edge.engines import Edge, request_event
from tests.support.world import memory_world

TEAM_HOSTS, OWN = "*.teams.example", "registry.teams.example"
SETTINGS: dict[str, Any] = {
    "challenge": "bearer",
    "teamHosts": TEAM_HOSTS,
    "host": OWN,
    "reserved": sorted(RESERVED_NAMES),
}
WORLD = memory_world(team_hosts=TEAM_HOSTS, host=OWN)

HOSTS = [
    "crew.teams.example",
    "crew.teams.example:8443",
    "CREW.Teams.Example",
    "a-crew_1.teams.example",
    "ab.teams.example",
    # None of a team's.
    OWN,
    "registry.example",
    "teams.example",
    ".teams.example",
    "a.teams.example",
    "a.crew.teams.example",
    "crew.teams.example.evil.example",
    "crewteams.example",
    "-crew.teams.example",
    "crew-.teams.example",
    "cr%65w.teams.example",
    "crew\n.teams.example",
    "library.teams.example",
    "www.teams.example",
    f"{'x' * 64}.teams.example",
    f"{'x' * 65}.teams.example",
]
PATHS = [
    ("GET", "/v2/app/manifests/latest", {}),
    ("GET", "/v2/library/app/manifests/latest", {}),
    ("GET", "/v2/crew/app/manifests/latest", {}),
    ("GET", "/v2/crew/manifests/latest", {}),
    ("GET", "/v2/crews/app/manifests/latest", {}),
    ("GET", "/v2/crew/library/app/manifests/latest", {}),
    ("GET", "/v2/crew/crew/app/manifests/latest", {}),
    ("GET", "/v2/crew/crew/manifests/latest", {}),
    ("GET", "/v2/library/crew/app/manifests/latest", {}),
    ("GET", "/v2/library/crew/manifests/latest", {}),
    ("GET", "/v2/library/library/app/manifests/latest", {}),
    ("GET", "/v2/library/manifests/latest", {}),
    ("POST", "/v2/app/blobs/uploads/", {"from": "base"}),
    ("POST", "/v2/app/blobs/uploads/", {"from": "library/base"}),
    ("POST", "/v2/app/blobs/uploads/", {"from": "crew/base"}),
    ("POST", "/v2/app/blobs/uploads/", {"from": ""}),
    ("GET", "/v2/_catalog", {}),
    ("GET", "/v2/", {}),
]


def of_the_api(method: str, path: str, query: dict[str, str], host: str) -> str:
    """What the API challenges with there."""
    found = match(method, path)
    endpoint = found.endpoint
    assert endpoint is not None, path
    headers = Headers([("Host", host), ("X-Forwarded-Proto", "https")])
    request = Request(method, path, params=found.params, query=query, headers=headers)

    def answer(seen: Request) -> Response:
        challenge = challenge_for(Challenge.BEARER, endpoint, seen)
        return Response(status=401, headers={"WWW-Authenticate": challenge}, body=b"")

    return dict(at_host(WORLD, endpoint, request, answer).headers)["WWW-Authenticate"]


@pytest.mark.parametrize("host", HOSTS)
def test_a_challenge_is_the_apis_on_every_host(edge: Edge, host: str) -> None:
    for method, path, query in PATHS[:3]:
        event = request_event(method, path, query=dict(query), headers={"host": host})
        challenge = edge.call("front.js", SETTINGS, event).headers["www-authenticate"]
        assert challenge == of_the_api(method, path, query, host), path


@pytest.mark.parametrize(("method", "path", "query"), PATHS)
def test_a_challenge_is_in_the_names_of_the_teams_host(
    edge: Edge, method: str, path: str, query: dict[str, str]
) -> None:
    host = "crew.teams.example"
    event = request_event(method, path, query=dict(query), headers={"host": host})
    challenge = edge.call("front.js", SETTINGS, event).headers["www-authenticate"]
    assert challenge == of_the_api(method, path, query, host)


def test_some_of_these_hosts_are_teams() -> None:
    """Else both could agree on nothing."""
    assert [team_of_host(WORLD, host) for host in HOSTS[:5]] == [
        "crew",
        "crew",
        "crew",
        "a-crew_1",
        "ab",
    ]


@pytest.mark.parametrize("settings", [{}, {"teamHosts": ""}])
def test_without_the_setting_no_host_is_a_teams(edge: Edge, settings: dict[str, Any]) -> None:
    event = request_event("GET", "/v2/crew/app/tags/list", headers={"host": "crew.teams.example"})
    outcome = edge.call("front.js", {"challenge": "bearer", **settings}, event)
    assert 'scope="repository:crew/app:pull"' in outcome.headers["www-authenticate"]


SPOOFED: dict[str, Any] = {
    "host": "crew.teams.example",
    "x-forwarded-host": ["other.teams.example", "third.teams.example"],
    "x-roadstead-edge": "guessed",
    "forwarded": "host=other.teams.example",
    "x-host": "other.teams.example",
    "x-original-host": "other.teams.example",
}


def test_no_header_but_the_host_chooses_the_team(edge: Edge) -> None:
    event = request_event("GET", "/v2/app/manifests/latest", headers=SPOOFED)
    challenge = edge.call("front.js", SETTINGS, event).headers["www-authenticate"]
    assert challenge.startswith('Bearer realm="https://crew.teams.example/v2/token"')
    sent = {**SPOOFED, "authorization": "Bearer x"}
    event = request_event("GET", "/v2/app/manifests/latest", headers=sent)
    passed = edge.call("front.js", SETTINGS, event).result["headers"]
    assert passed["x-forwarded-host"] == {"value": "crew.teams.example"}
    assert "x-roadstead-edge" not in passed
