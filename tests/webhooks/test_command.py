"""`roadstead webhook`: every verb against a registry on a socket, and what a refusal says."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chalicelib.adapters.hashing import ResumableHashing
from chalicelib.domain.access import Mode
from chalicelib.domain.webhooks import Answer, Lane, Outcome
from roadstead import cli
from roadstead.gateway.asgi import Gateway
from roadstead.gateway.events import LambdaFront
from roadstead.team import commands as team_commands
from roadstead.uploader import PartStorage
from roadstead.webhooks.commands import ASKED, SAID
from tests.conformance.bodies import pushed
from tests.conformance.cases import login, post
from tests.conformance.runner import PlainPasswords, over_socket
from tests.support.registry import serving
from tests.support.world import GATEWAY_KEY, Registry, app_of, memory_world

PASSWORD = "a-long-password"
URL = "https://hooks.example.com/in"
Run = Callable[..., str]


@pytest.fixture
def world() -> Any:
    return memory_world(Mode.ACCOUNTS, passwords=PlainPasswords())


@pytest.fixture
def webhook(
    world: Any,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Any,
) -> Iterator[Run]:
    """Runs the command as Olga, and answers what it printed; with ``status=1`` the refusal."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    Registry(world).add_user("olga", PASSWORD)
    with serving(
        Gateway(LambdaFront(app_of(world)), ResumableHashing(), GATEWAY_KEY, PartStorage())
    ) as host:
        run_there = over_socket(world, host)
        teams = post("/v2/_roadstead/teams", {"name": "crew"}, status=201)
        for step in login(f"olga:{PASSWORD}", teams, pushed("crew/app", "latest")):
            run_there.step(step)

        def run(*words: str, status: int = 0) -> str:
            monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
            capsys.readouterr()
            full = [word.replace("HOST", host) for word in words]
            assert cli.main(["webhook", *full, "--user", "olga", "--password-stdin"]) == status
            captured = capsys.readouterr()
            return captured.err if status else captured.out

        yield run


def test_a_webhook_from_its_making_to_its_end(webhook: Run, world: Any) -> None:
    made = webhook("create", "HOST/crew/app", URL, "--kinds", "push,delete", "--label", "ci")
    assert "secret      whsec_" in made
    assert "of          crew/app" in made
    hook_id = made.split()[1]
    assert "secret" not in webhook("show", "HOST/crew", hook_id)
    listed = webhook("list", "HOST/crew")
    assert f"{hook_id}  on     crew/app  delete,push  ci     {URL}" in listed
    assert "whsec" not in listed
    assert "state       paused" in webhook("pause", "HOST/crew", hook_id)
    assert "state       on" in webhook("resume", "HOST/crew", hook_id)

    event = webhook("ping", "HOST/crew", hook_id).split()[0]
    shown = webhook("deliveries", "HOST/crew", hook_id)
    assert "pending" in shown
    assert event in shown
    lane = Lane("crew", hook_id, "crew/app")
    store = world.webhooks
    (first,) = store.list_deliveries("crew", hook_id, _page()).entries
    assert store.claim_lane(lane, "c", now_s=1, until_s=2)
    answer = Answer(1_800_000_001, 500, "", 12, "\x1b[2J")
    over = _given_up(first, answer)
    store.settle_delivery(lane, "c", over, keep_until_s=2_000_000_000)
    shown = webhook("show", "HOST/crew", hook_id)
    assert "given up  1      500 (12 ms)" in shown
    assert event in webhook("repeat", "HOST/crew", hook_id, event)
    assert "pending" in webhook("deliveries", "HOST/crew", hook_id)
    assert json.loads(webhook("show", "HOST/crew", hook_id, "--json"))["id"] == hook_id
    assert "Removed" in webhook("delete", "HOST/crew", hook_id)
    assert len(webhook("list", "HOST/crew").splitlines()) == 1


def _page() -> Any:
    from chalicelib.domain.paging import Page

    return Page(5)


def _given_up(first: Any, answer: Answer) -> Any:
    from dataclasses import replace

    return replace(first, attempts=1, outcome=Outcome.GIVEN_UP, answer=answer)


def test_a_strangers_answer_cannot_move_the_terminal(webhook: Run, world: Any) -> None:
    problem = {"status": None, "problem": "\x1b]0;x\x07 \x1b[2J", "took_ms": 1}
    entry = {
        "happened_at": "t",
        "kind": "push",
        "repository": None,
        "outcome": "pending",
        "attempts": 1,
        "answer": problem,
        "event": "e",
    }
    lines = SAID["deliveries"]({"deliveries": [entry]})
    assert all(line.isprintable() for line in lines)


REFUSED = {
    ("create", "HOST", URL): "it looks like HOST/TEAM",
    ("create", "HOST/nothing", URL): "you are in no team of this name",
    ("create", "HOST/crew/none", URL): "repository name not known",
    ("create", "HOST/crew", "http://x.example.com/"): "a URL begins with https://",
    ("create", "HOST/crew", "https://10.0.0.1/"): "not in the public internet",
    ("create", "HOST/crew", URL, "--kinds", "push,fetch"): "`kinds` must be some of",
    ("create", "HOST/olga", URL): "of one `repository`",
    ("list", "crew"): "it looks like HOST/TEAM",
    ("show", "HOST/crew", "none"): "no such webhook",
    ("show", "HOST/crew", "../../x"): "no such endpoint",
    ("ping", "HOST/crew", "none"): "no such webhook",
    ("repeat", "HOST/crew", "none", "evt_x"): "no such webhook",
    ("delete", "HOST/crew", "none"): "no such webhook",
}


@pytest.mark.parametrize("words", REFUSED, ids=" ".join)
def test_a_refusal_is_a_sentence(webhook: Run, words: tuple[str, ...]) -> None:
    assert REFUSED[words] in webhook(*words, status=1)


def test_every_verb_says_something() -> None:
    assert set(SAID) == {*ASKED, "create", "list"}
    assert set(team_commands.SAID)
