"""`roadstead team`: every verb against a registry on a socket, and what a refusal says."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from chalicelib.adapters.hashing import ResumableHashing
from chalicelib.domain.access import Mode
from roadstead import cli
from roadstead.client.errors import TransferError
from roadstead.gateway.asgi import Gateway
from roadstead.gateway.events import LambdaFront
from roadstead.team.commands import ASKED, SAID, parse_end
from roadstead.uploader import PartStorage
from tests.conformance.bodies import pushed
from tests.conformance.cases import login
from tests.conformance.runner import PlainPasswords, over_socket
from tests.support.registry import serving
from tests.support.world import GATEWAY_KEY, Registry, app_of, memory_world

PASSWORD = "a-long-password"


@dataclass
class Person:
    """Runs the command as somebody, and answers its status with what it printed."""

    host: str
    run_as: Callable[[str, list[str]], tuple[int, str, str]]
    world: Any

    def __call__(self, who: str, *words: str) -> str:
        status, out, error = self.run_as(who, list(words))
        assert status == 0, error
        return out

    def refused(self, who: str, *words: str) -> str:
        status, out, error = self.run_as(who, list(words))
        assert (status, out) == (1, "")
        return error


@pytest.fixture
def team(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> Iterator[Person]:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    world = memory_world(Mode.ACCOUNTS, passwords=PlainPasswords())
    for name in ("olga", "wim", "root"):
        Registry(world).add_user(name, PASSWORD, administrator=name == "root")
    front = LambdaFront(app_of(world))
    with serving(Gateway(front, ResumableHashing(), GATEWAY_KEY, PartStorage())) as host:

        def run_as(who: str, words: list[str]) -> tuple[int, str, str]:
            monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
            capsys.readouterr()
            full = [word.replace("HOST", host) for word in words]
            status = cli.main(["team", *full, "--user", who, "--password-stdin"])
            captured = capsys.readouterr()
            return status, captured.out, captured.err

        yield Person(host, run_as, world)


def test_a_team_from_its_making_to_its_end(team: Person) -> None:
    quota = ("--size-bytes", "5000", "--repositories", "3")
    made = team("olga", "create", "HOST/crew", "--expires", "30d", "--tags-expire", *quota)
    assert "expires       2027-02-14T08:00:00Z" in made
    run = over_socket(team.world, team.host)
    for step in login(f"olga:{PASSWORD}", pushed("crew/app", "2h")):
        run.step(step)
    shown = json.loads(team("olga", "show", "HOST/crew", "--json"))
    assert shown["usage"]["repositories"] == 1
    assert shown["quota"] == {"size_bytes": 5000, "repositories": 3, "pulls_a_day": None}
    assert "repositories  1 (at most 3)" in team("olga", "show", "HOST/crew")

    code = team("olga", "invite", "HOST/crew", "writer").split()[0]
    assert "as writer" in team("wim", "join", "HOST/crew", code)
    assert "wim   writer" in team("wim", "members", "HOST/crew")
    team("olga", "role", "HOST/crew", "wim", "reader")
    assert "crew  reader" in team("wim", "list", "HOST")
    team("olga", "remove", "HOST/crew", "wim")
    assert "you are in no team of this name" in team.refused("wim", "show", "HOST/crew")

    token = team("olga", "token", "HOST/crew", "ci", "app:pull,push", "--days", "30")
    assert "user      crew" in token
    listed = team("olga", "tokens", "HOST/crew")
    assert "repository:crew/app:pull,push" in listed
    team("olga", "revoke", "HOST/crew", listed.splitlines()[1].split()[0])
    assert len(team("olga", "tokens", "HOST/crew").splitlines()) == 1

    assert "2027-01-15T10:00:00Z" in team("olga", "extend", "HOST/crew/app", "2h")
    assert "never" in team("olga", "pin", "HOST/crew/app")
    assert "2027-01-16T08:00:00Z" in team("olga", "extend", "HOST/crew/app:2h", "1d")
    assert "never" in team("olga", "pin", "HOST/crew/app:2h")
    assert "2027-01-22T08:00:00Z" in team("olga", "extend", "HOST/crew", "1w")
    assert "never" in team("olga", "pin", "HOST/crew")
    assert "at most 100" in team("olga", "quota", "HOST/crew", "--pulls-a-day", "100")
    assert "administrator" in team.refused("olga", "quota", "HOST/crew", "--pulls-a-day", "none")
    team("root", "quota", "HOST/crew", "--pulls-a-day", "none")
    assert "Ended" in team("olga", "delete", "HOST/crew")
    assert team("olga", "list", "HOST").split() == ["TEAM", "ROLE", "EXPIRES"]


REFUSED = {
    ("show", "crew"): "it looks like HOST/TEAM",
    ("show", "HOST/UPPER"): "it looks like HOST/TEAM",
    ("show", "HOST/nothing"): "you are in no team of this name (NAME_UNKNOWN)",
    ("create", "HOST/library"): "not a reserved word",
    ("create", "HOST/wim"): "a team or an account has this name",
    ("create", "HOST/crew", "--expires", "soon"): "it looks like 90m",
    ("create", "HOST/crew", "--expires", "0s"): "the end must lie in the future",
    ("create", "HOST/crew", "--expires", "99999w"): "within 3650 days",
    ("create", "HOST/crew", "--size-bytes", "much"): "--size-bytes takes a whole number",
    ("quota", "HOST/crew"): "say --size-bytes",
    ("join", "HOST/crew", "0"): "no such team, or its invitation is unknown or used up",
    ("extend", "HOST/a/b@sha256:" + "0" * 64, "1h"): "a digest has no end",
    ("pin", "HOST/olga/none"): "repository name not known",
    ("pin", "HOST/olga/none:v1"): "manifest unknown",
}


@pytest.mark.parametrize("words", REFUSED, ids=" ".join)
def test_a_refusal_is_a_sentence(team: Person, words: tuple[str, ...]) -> None:
    assert REFUSED[words] in team.refused("olga", *words)


def test_a_login_is_needed(team: Person, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    assert cli.main(["team", "list", team.host]) == 1
    assert "want a password" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin", io.StringIO("wrong-password\n"))
    assert cli.main(["team", "list", team.host, "--user", "olga", "--password-stdin"]) == 1
    assert "does not accept the login of olga" in capsys.readouterr().err


def test_every_verb_says_something() -> None:
    assert set(SAID) == {*ASKED, "list", "extend", "pin"}


@pytest.mark.parametrize("text", ["", "7", "7y", "-7d", "7 d", "1234567890d", "tomorrow"])
def test_what_is_no_end_is_refused(text: str) -> None:
    with pytest.raises(TransferError):
        parse_end(text)
