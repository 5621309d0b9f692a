"""What a search shows: pages and counts that are true, and no name to whom it is private."""

from __future__ import annotations

import pytest

from chalicelib.domain.access import Mode
from tests.accounts.conftest import TownMaker
from tests.accounts.people import Town
from tests.support.world import Registry, memory_world

EVERYBODY = (None, "alice", "bob", "root")
URL = "/v1/repositories/alice/private"


def shown(town: Town, query: str = "q=private") -> list[str | None]:
    """Who finds alice's private repository."""
    return [who for who in EVERYBODY if "alice/private" in town.found(who, query)]


@pytest.fixture
def hidden(town: Town) -> Town:
    """alice has a repository that begins private."""
    town.make("alice", "alice/private", description="tugs and barges")
    return town


@pytest.mark.parametrize(
    "query", ["q=private", "q=priv", "q=", "q=alice", "q=alice/private", "q=barges"]
)
def test_a_private_repository_is_found_by_its_owner_alone(hidden: Town, query: str) -> None:
    assert shown(hidden, query) == ["alice"]


def test_a_public_repository_is_found_by_all(hidden: Town) -> None:
    hidden.done("alice", "PUT", f"{URL}/properties", {"access": "public"})
    assert shown(hidden) == list(EVERYBODY)


def test_a_repository_that_is_hidden_again_is_found_no_more(hidden: Town) -> None:
    for access in ("public", "private"):
        hidden.done("alice", "PUT", f"{URL}/properties", {"access": access})
    assert shown(hidden) == ["alice"]


@pytest.mark.parametrize("access", ["read", "write"])
@pytest.mark.parametrize("query", ["q=private", "q=", "q=barges"])
def test_a_grant_shows_it_and_taking_it_back_hides_it(
    hidden: Town, access: str, query: str
) -> None:
    hidden.done("alice", "PUT", f"{URL}/grants/bob", {"access": access})
    assert shown(hidden, query) == ["alice", "bob"]
    hidden.done("alice", "DELETE", f"{URL}/grants/bob")
    assert shown(hidden, query) == ["alice"]


def test_a_deleted_repository_is_found_by_nobody(hidden: Town) -> None:
    hidden.done("alice", "PUT", f"{URL}/properties", {"access": "public"})
    hidden.done("alice", "PUT", f"{URL}/grants/bob", {"access": "read"})
    hidden.done("alice", "DELETE", f"{URL}/")
    assert shown(hidden) == []


def test_a_repository_made_anew_is_private_and_has_lost_its_grants(hidden: Town) -> None:
    hidden.done("alice", "PUT", f"{URL}/properties", {"access": "public"})
    hidden.done("alice", "PUT", f"{URL}/grants/bob", {"access": "read"})
    hidden.done("alice", "DELETE", f"{URL}/")
    hidden.make("alice", "alice/private")
    assert shown(hidden) == ["alice"]
    assert hidden.done("alice", "GET", f"{URL}/grants") == {}


def test_a_new_description_is_found_and_the_old_one_is_not(hidden: Town) -> None:
    hidden.done("alice", "PUT", f"{URL}/properties", {"description": "sails"})
    assert (shown(hidden, "q=sails"), shown(hidden, "q=barges")) == (["alice"], [])


def test_a_token_finds_what_its_repository_shows(hidden: Town) -> None:
    token = hidden.token("alice", "alice/private")
    document = hidden.done(None, "GET", "/v1/search?q=private", authorization=token)
    assert {result["name"] for result in document["results"]} <= {"alice/private"}


def test_a_wrong_password_finds_nothing(hidden: Town) -> None:
    assert hidden.ask("alice:wrong-password", "GET", "/v1/search?q=private").status == 401


def test_counts_and_pages_are_of_what_one_may_see(town: Town) -> None:
    for number in range(7):
        town.make("alice", f"alice/ship{number}")
        town.make("bob", f"bob/ship{number}", access="public")

    def page(who: str | None, number: int) -> tuple[int, int, list[str]]:
        found = town.done(who, "GET", f"/v1/search?q=ship&n=5&page={number}")
        names = [result["name"] for result in found["results"]]
        return found["num_results"], found["num_pages"], names

    bobs = [f"bob/ship{number}" for number in range(7)]
    both = [f"alice/ship{number}" for number in range(7)] + bobs
    assert [page(None, n) for n in (1, 2, 3)] == [(7, 2, bobs[:5]), (7, 2, bobs[5:]), (7, 2, [])]
    assert [page("alice", n)[2] for n in (1, 2, 3)] == [both[:5], both[5:10], both[10:]]
    assert page("alice", 1)[:2] == (14, 3)


def test_all_words_of_a_query_have_to_begin_words(town: Town) -> None:
    town.make("alice", "alice/web-server", access="public", description="serves pages, fast")
    for query, expected in (
        ("web", 1),
        ("serv", 1),
        ("web+fast", 1),
        ("WEB", 1),
        ("alice/web-server", 1),
        ("pages+slow", 0),
        ("erver", 0),
    ):
        assert len(town.found(None, f"q={query}")) == expected, query


def test_the_name_that_was_meant_comes_first(town: Town) -> None:
    for name in ("alice/app", "bob/app"):
        town.make(name.partition("/")[0], name, access="public")
    town.make("root", "app", access="public")
    assert town.found(None, "q=app")[0] == "library/app"
    assert town.found(None, "q=bob/app") == ["bob/app"]


def test_an_open_registry_shows_all_to_all() -> None:
    town = Town(Registry(memory_world(Mode.OPEN)))
    for name in ("alice/app", "app"):
        town.done(None, "PUT", f"/v1/repositories/{name}/", [])
    assert town.found(None, "q=app") == ["library/app", "alice/app"]


def test_a_registry_may_begin_repositories_in_public(make_town: TownMaker) -> None:
    town = make_town(public_by_default=True)
    town.make("alice", "alice/app")
    assert town.found(None, "q=app") == ["alice/app"]
