"""Who may do what: the whole of the matrix, every cell written down.

A cell is a letter for each action, in the order of ``ACTIONS``: ``a`` allow, ``i`` identify (a
401), ``d`` deny (a 403). An actor, an action or a kind of repository without a cell fails.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import pytest

from chalicelib.domain.access import (
    ANONYMOUS,
    NOTHING,
    OPEN_TEAM,
    READ,
    WRITE,
    Action,
    Actor,
    Decision,
    Grant,
    Mode,
    decide,
    needs_standing,
    team_of,
)
from chalicelib.domain.names import RepositoryName, parse_repository_name

ACTIONS = (
    Action.NONE,
    Action.SIGNED_IN,
    Action.PULL,
    Action.PUSH,
    Action.DELETE,
    Action.ADMIN,
)


@dataclass(frozen=True)
class Kind:
    """A repository, and what its record says of the actor."""

    name: str | None
    is_public: bool = False
    granted: frozenset[Action] = NOTHING

    @property
    def repository(self) -> RepositoryName | None:
        return RepositoryName(self.name) if self.name else None


REPOSITORIES = {
    "alice private": Kind("alice/app"),
    "alice public": Kind("alice/site", is_public=True),
    "bob private": Kind("bob/app"),
    "bob public": Kind("bob/site", is_public=True),
    "bob granted read": Kind("bob/shared", granted=READ),
    "bob granted write": Kind("bob/common", granted=WRITE),
    "library private": Kind("library/tool"),
    "library public": Kind("library/busybox", is_public=True),
    "library granted write": Kind("library/ours", granted=WRITE),
    "none": Kind(None),
}


def grant(*actions: Action, repository: str = "alice/app") -> Grant:
    return Grant(RepositoryName(repository), frozenset(actions))


ACTORS = {
    "anonymous": ANONYMOUS,
    "alice": Actor("alice"),
    "a user named library": Actor("library"),
    "administrator": Actor("root", is_administrator=True),
    "read token": Actor("alice", grant=grant(Action.PULL)),
    "write token": Actor("alice", grant=grant(Action.PULL, Action.PUSH)),
    "delete token": Actor("alice", grant=grant(Action.PULL, Action.DELETE, Action.ADMIN)),
    "token of nobody": Actor("", grant=grant(Action.PULL, repository="bob/site")),
    "administrator's token": Actor("root", is_administrator=True, grant=grant(Action.PULL)),
}

NOT_MINE = {
    "private": "aadddd",
    "public": "aaaddd",
    "granted read": "aaaddd",
    "granted write": "aaaaad",
}
OF_OTHERS = {
    "bob private": NOT_MINE["private"],
    "bob public": NOT_MINE["public"],
    "bob granted read": NOT_MINE["granted read"],
    "bob granted write": NOT_MINE["granted write"],
    "library private": NOT_MINE["private"],
    "library public": NOT_MINE["public"],
    "library granted write": NOT_MINE["granted write"],
    "none": "aadddd",
}
# A token covers one repository, whatever the record of any other says.
NOWHERE = dict.fromkeys(REPOSITORIES, "addddd")

MATRIX = {
    "anonymous": dict.fromkeys(REPOSITORIES, "aiiiii")
    | {"alice public": "aiaiii", "bob public": "aiaiii", "library public": "aiaiii"},
    "alice": {"alice private": "aaaaaa", "alice public": "aaaaaa", **OF_OTHERS},
    "a user named library": {
        "alice private": NOT_MINE["private"],
        "alice public": NOT_MINE["public"],
        **OF_OTHERS,
    },
    "administrator": dict.fromkeys(REPOSITORIES, "aaaaaa") | {"none": "aadddd"},
    "read token": NOWHERE | {"alice private": "adaddd"},
    "write token": NOWHERE | {"alice private": "adaadd"},
    "delete token": NOWHERE | {"alice private": "adadaa"},
    "token of nobody": NOWHERE | {"bob public": "adaddd"},
    "administrator's token": NOWHERE | {"alice private": "adaddd"},
}

ROWS = list(product(ACTORS, REPOSITORIES))


def decision_of(mode: Mode, who: str, what: str, action: Action) -> Decision:
    kind = REPOSITORIES[what]
    return decide(
        mode,
        ACTORS[who],
        action,
        kind.repository,
        is_public=kind.is_public,
        granted=kind.granted,
    )


def test_the_matrix_is_complete() -> None:
    assert set(ACTIONS) == set(Action)
    assert set(MATRIX) == set(ACTORS)
    assert all(set(row) == set(REPOSITORIES) for row in MATRIX.values())
    assert all(len(cell) == len(ACTIONS) for row in MATRIX.values() for cell in row.values())


@pytest.mark.parametrize(("who", "what"), ROWS, ids=str)
def test_with_accounts_the_matrix_decides(who: str, what: str) -> None:
    decisions = [decision_of(Mode.ACCOUNTS, who, what, action) for action in ACTIONS]
    assert "".join(decision.value[0] for decision in decisions) == MATRIX[who][what]


@pytest.mark.parametrize(("who", "what"), ROWS, ids=str)
def test_an_open_registry_allows_everything(who: str, what: str) -> None:
    assert {decision_of(Mode.OPEN, who, what, action) for action in ACTIONS} == {Decision.ALLOW}


@pytest.mark.parametrize("mode", list(Mode), ids=str)
@pytest.mark.parametrize("who", ACTORS)
def test_the_record_is_read_exactly_where_it_can_change_the_decision(mode: Mode, who: str) -> None:
    for kind, action in product(REPOSITORIES.values(), ACTIONS):
        if kind.repository is None:
            continue
        blind = decide(mode, ACTORS[who], action, kind.repository)
        could_be = {
            decide(mode, ACTORS[who], action, kind.repository, is_public=public, granted=granted)
            for public in (False, True)
            for granted in (NOTHING, READ, WRITE)
        }
        asked = needs_standing(mode, ACTORS[who], action, kind.repository)
        assert asked is (could_be != {blind}), (kind, action)


def test_anonymous_is_asked_who_it_is_and_a_known_actor_is_told_no() -> None:
    for (who, what), action in product(ROWS, ACTIONS):
        wrong = Decision.DENY if who == "anonymous" else Decision.IDENTIFY
        assert decision_of(Mode.ACCOUNTS, who, what, action) is not wrong, (who, what, action)


TEAMS = [
    (Mode.OPEN, "alice/app", OPEN_TEAM),
    (Mode.OPEN, "busybox", OPEN_TEAM),
    (Mode.ACCOUNTS, "alice/app", "alice"),
    (Mode.ACCOUNTS, "alice/a/b", "alice"),
    (Mode.ACCOUNTS, "busybox", "library"),
]


@pytest.mark.parametrize(("mode", "name", "team"), TEAMS, ids=str)
def test_a_namespace_is_a_team_and_an_open_registry_one_team(
    mode: Mode, name: str, team: str
) -> None:
    assert team_of(mode, parse_repository_name(name)) == team
