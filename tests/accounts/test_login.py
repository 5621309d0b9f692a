"""`docker login` of every era, signing up, and a password that is changed or guessed."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.adapters.passwords import Argon2Passwords
from chalicelib.domain.accounts import (
    FAILURES_KEPT_S,
    FREE_FAILURES_OF_ADDRESS,
    FREE_FAILURES_OF_NAME,
    MAX_WAIT_S,
    SignUp,
)
from chalicelib.service import accounts
from tests.accounts.conftest import TownMaker
from tests.accounts.people import Town
from tests.support.world import json_of

CAROL = {"username": "carol", "password": "carol-secret", "email": "carol@example.com"}
ALICE = {"username": "alice", "password": "alice-secret", "email": "alice@example.com"}
EXISTS = b'"Username or email already exists"'
WEEK_S = 7 * 24 * 3600


def docker_login(town: Town, account: dict[str, str]) -> tuple[int, bytes, int | None]:
    """What docker up to 1.10 does: it signs up, and logs in when it hears the very words."""
    answer = town.ask(None, "POST", "/v1/users/", account)
    if answer.status == 400 and answer.body == EXISTS:
        who = f"{account['username']}:{account['password']}"
        return answer.status, answer.body, town.login(who)
    return answer.status, answer.body, None


@pytest.mark.parametrize("signup", SignUp)
def test_an_old_docker_logs_in_with_an_account_that_is_there(
    make_town: TownMaker, signup: SignUp
) -> None:
    town = make_town(signup=signup)
    assert docker_login(town, ALICE) == (400, EXISTS, 200)
    assert docker_login(town, {**ALICE, "password": "wrong-password"}) == (400, EXISTS, 401)


def test_an_old_docker_makes_an_account_where_sign_up_is_open(make_town: TownMaker) -> None:
    town = make_town(signup=SignUp.OPEN)
    assert docker_login(town, CAROL) == (201, b'"User Created"', None)
    assert docker_login(town, CAROL) == (400, EXISTS, 200)


@pytest.mark.parametrize("signup", [SignUp.INVITATION, SignUp.CLOSED])
def test_an_old_docker_is_told_why_it_gets_no_account(make_town: TownMaker, signup: SignUp) -> None:
    status, body, _ = docker_login(make_town(signup=signup), CAROL)
    assert status == 403
    assert b"Sign-up" in body


def test_a_new_docker_asks_whether_its_login_is_right(town: Town) -> None:
    assert [town.login(who) for who in ("alice", "alice:wrong-password", "nobody:x")] == [
        200,
        401,
        401,
    ]
    assert town.ask(None, "GET", "/v1/users/").status == 401
    assert town.ask("alice", "GET", "/v2/").status == 200


def test_an_invitation_makes_one_account(make_town: TownMaker) -> None:
    town = make_town(signup=SignUp.INVITATION)
    asked = {**CAROL, "invitation": accounts.invite(town.registry.world)}
    assert town.ask(None, "POST", "/v1/users/", {**asked, "password": "short"}).status == 400
    assert town.done(None, "POST", "/v1/users/", asked) == "User Created"
    assert town.login("carol:carol-secret") == 200
    again = {**asked, "username": "dora", "email": "dora@example.com"}
    assert town.ask(None, "POST", "/v1/users/", again).status == 403


def test_an_invitation_runs_out_after_a_week(make_town: TownMaker) -> None:
    town = make_town(signup=SignUp.INVITATION)
    asked = {**CAROL, "invitation": accounts.invite(town.registry.world)}
    town.clock.at_s += WEEK_S
    assert town.ask(None, "POST", "/v1/users/", asked).status == 403


def test_nobody_becomes_an_administrator_by_signing_up(make_town: TownMaker) -> None:
    town = make_town(signup=SignUp.OPEN)
    asked = {**CAROL, "is_administrator": True, "administrator": True}
    town.done(None, "POST", "/v1/users/", asked)
    url = "/v1/repositories/busybox/"
    assert town.ask("carol:carol-secret", "PUT", url, []).status == 403


def test_a_real_hash_is_checked(make_town: TownMaker) -> None:
    town = make_town(passwords=Argon2Passwords())
    assert [town.login("alice"), town.login("alice:wrong-password")] == [200, 401]


# --- a password that is changed -------------------------------------------------------------------


@pytest.mark.parametrize("by", ["alice", "root"])
def test_a_changed_password_ends_logins_and_tokens(town: Town, by: str) -> None:
    town.make("alice", "alice/app")
    token = town.token("alice", "alice/app")
    url = "/v1/repositories/alice/app/tags"
    assert town.done(None, "GET", url, authorization=token) == {}

    assert town.login("alice") == 200
    town.done(by, "PUT", "/v1/users/alice/", {"password": "alice-second"})

    assert [town.login("alice"), town.login("alice:alice-second")] == [401, 200]
    assert town.ask(None, "GET", url, authorization=token).status == 401
    assert town.token("alice:alice-second", "alice/app") != token


def test_the_same_password_again_ends_tokens_as_well(town: Town) -> None:
    town.make("alice", "alice/app")
    token = town.token("alice", "alice/app")
    town.done("alice", "PUT", "/v1/users/alice/", {"password": "alice-secret"})
    url = "/v1/repositories/alice/app/tags"
    assert town.ask(None, "GET", url, authorization=token).status == 401
    assert town.login("alice") == 200


def test_an_address_moves_with_its_account(make_town: TownMaker) -> None:
    town = make_town(signup=SignUp.OPEN)
    town.done("alice", "PUT", "/v1/users/alice/", {"email": "Alice@Example.COM"})
    taken = {**CAROL, "email": "Alice@example.com"}
    assert town.ask(None, "POST", "/v1/users/", taken).body == EXISTS
    answer = town.ask("bob", "PUT", "/v1/users/bob/", {"email": "Alice@example.com"})
    assert (answer.status, json_of(answer)) == (400, {"error": EXISTS.decode().strip('"')})
    town.done("alice", "PUT", "/v1/users/alice/", {"email": "other@example.com"})
    town.done(None, "POST", "/v1/users/", taken)


# --- a password that is guessed -------------------------------------------------------------------


def guess(town: Town, times: int, *, name: str = "alice", address: str = "192.0.2.1") -> list[int]:
    who = f"{name}:wrong-password"
    return [town.login(who, address=address) for _ in range(times)]


def waits(town: Town, who: str, address: str = "192.0.2.1") -> int | None:
    """How long somebody is told to wait; None when they need not."""
    answer = town.ask(who, "GET", "/v1/users/", address=address)
    text = answer.header("Retry-After")
    assert (answer.status == 429) == (text is not None)
    return int(text) if text else None


def test_guessing_an_account_is_slowed_from_everywhere(town: Town) -> None:
    assert guess(town, FREE_FAILURES_OF_NAME) == [401] * FREE_FAILURES_OF_NAME
    assert waits(town, "alice") == waits(town, "alice", "198.51.100.7") == 2
    assert waits(town, "bob") is None


def test_each_further_guess_doubles_the_wait(town: Town) -> None:
    guess(town, FREE_FAILURES_OF_NAME)
    seen: list[Any] = []
    for _ in range(11):
        wait = waits(town, "alice:wrong-password")
        assert wait is not None
        seen.append(wait)
        town.clock.at_s += wait
        assert guess(town, 1) == [401]
    assert seen == [2, 4, 8, 16, 32, 64, 128, 256, 512, MAX_WAIT_S, MAX_WAIT_S]


def test_waiting_is_all_that_a_right_password_needs(town: Town) -> None:
    guess(town, FREE_FAILURES_OF_NAME)
    assert waits(town, "alice") == 2
    town.clock.at_s += 1
    assert waits(town, "alice") == 1
    town.clock.at_s += 1
    assert town.login("alice") == 200
    assert guess(town, FREE_FAILURES_OF_NAME) == [401] * FREE_FAILURES_OF_NAME


def test_guessing_from_one_address_is_slowed_for_every_account(town: Town) -> None:
    names = [f"user{number}" for number in range(FREE_FAILURES_OF_ADDRESS)]
    assert {status for name in names for status in guess(town, 1, name=name)} == {401}
    assert waits(town, "bob") == 2
    assert waits(town, "bob", "198.51.100.7") is None


def test_failures_are_forgotten_after_an_hour(town: Town) -> None:
    guess(town, FREE_FAILURES_OF_NAME)
    town.clock.at_s += FAILURES_KEPT_S + 1
    assert guess(town, 1) == [401]
    assert waits(town, "alice") is None


def test_who_has_just_logged_in_is_not_stopped_by_guesses_of_others(town: Town) -> None:
    assert town.login("alice") == 200
    guess(town, FREE_FAILURES_OF_NAME, address="198.51.100.7")
    assert town.login("alice") == 200
    town.clock.at_s += 3600
    assert town.login("alice") == 200


@pytest.mark.parametrize("name", ["nobody", "Alice", "a/b", "", "x" * 300, "\u00e4"])
def test_a_name_that_is_no_account_tells_nothing_by_waiting(town: Town, name: str) -> None:
    assert guess(town, FREE_FAILURES_OF_NAME + 3, name=name) == [401] * (FREE_FAILURES_OF_NAME + 3)
