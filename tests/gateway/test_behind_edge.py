"""A gateway that the operator runs as an origin of the edge, beside the functions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from chalicelib.domain.access import Mode
from chalicelib.domain.edge import without_edge
from tests.gateway.client import MIB, digest_of, payload
from tests.gateway.places import Place, memory_place
from tests.gateway.wire import Answer, send
from tests.support.world import EDGE_KEY, EDGE_WORD, Registry, basic

DATA = payload(12 * MIB)
HEADERS = {"X-Roadstead-Edge": EDGE_WORD, "X-Forwarded-Host": "hub.test"}
UPLOADS = "/v2/acme/app/blobs/uploads/"


@pytest.fixture(scope="module")
def behind() -> Iterator[Place]:
    with memory_place() as place:
        place.renew(Mode.ACCOUNTS)
        Registry(place.world).add_user("acme", "a-long-password")
        place.put(replace(place.world, edge_word=EDGE_WORD, edge_key=EDGE_KEY))
        yield place


def sent(place: Place, method: str, path: str, body: bytes = b"", **more: str) -> Answer:
    login = {"Authorization": basic("acme", "a-long-password")}
    return send(place.host, method, path, body, {**HEADERS, **login, **more})


def opened(place: Place) -> str:
    """The session's address as the edge hands it on to its origins."""
    location = sent(place, "POST", UPLOADS).location
    assert location.startswith("/_up/v2/")
    return without_edge(location)


def pulled(place: Place, data: bytes) -> bool:
    answer = sent(place, "GET", f"/v2/acme/app/blobs/{digest_of(data)}")
    return answer.status == 307


def test_an_endless_patch_is_streamed(behind: Place) -> None:
    answer = sent(behind, "PATCH", opened(behind), DATA)
    assert (answer.status, answer.header("range")) == (202, f"0-{len(DATA) - 1}")
    assert answer.location.startswith(UPLOADS)
    closed = sent(behind, "PUT", f"{answer.location}?digest={digest_of(DATA)}")
    assert closed.status == 201
    assert pulled(behind, DATA)


def test_a_put_and_a_post_of_everything_are_streamed(behind: Place) -> None:
    for number, (method, target) in enumerate((("PUT", opened(behind)), ("POST", UPLOADS))):
        data = payload(6 * MIB, number)
        assert sent(behind, method, f"{target}?digest={digest_of(data)}", data).status == 201
        assert pulled(behind, data)


@pytest.mark.parametrize("method", ["PATCH", "PUT", "POST"])
def test_a_stream_of_nobody_is_asked_who_it_is_in_the_form_that_the_edge_reads(
    behind: Place, method: str
) -> None:
    target = UPLOADS if method == "POST" else opened(behind)
    answer = send(behind.host, method, f"{target}?digest={digest_of(DATA)}", DATA, HEADERS)
    assert answer.status == 299
    assert answer.header("x-roadstead-status") == "401"
    assert answer.header("x-roadstead-challenge") == 'Basic realm="Roadstead"'


def test_a_stream_that_does_not_come_through_the_edge_is_refused(behind: Place) -> None:
    assert send(behind.host, "PATCH", opened(behind), DATA).status == 403


def test_what_comes_by_a_teams_host_is_streamed_into_the_team(behind: Place) -> None:
    behind.put(replace(behind.world, team_hosts="*.teams.test"))
    by_team = {"X-Forwarded-Host": "acme.teams.test"}
    data = payload(6 * MIB, 7)
    target = f"/v2/app/blobs/uploads/?digest={digest_of(data)}"
    # Without the edge's word nobody says by which host he came.
    spoofed = sent(behind, "POST", target, data, **by_team, **{"X-Roadstead-Edge": "guessed"})
    assert spoofed.status == 403
    assert sent(behind, "POST", target, data, **by_team).status == 201
    assert pulled(behind, data)
