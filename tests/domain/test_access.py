"""Who may do what: the whole of the matrix, every cell written down.

A cell is a letter for each action, in the order of ``ACTIONS``: ``a`` allow, ``i`` identify (a
401), ``d`` deny (a 403). An actor, an action or a kind of repository without a cell fails.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import pytest

from chalicelib.domain.access import (
    ALL,
    ANONYMOUS,
    NOTHING,
    OPEN_TEAM,
    READ,
    ROLES,
    WRITE,
    Action,
    Actor,
    Decision,
    Grant,
    Limit,
    Mode,
    decide,
    needs_standing,
    reads_whole_team,
    team_of,
)
from chalicelib.domain.names import RepositoryName, parse_repository_name

ACTIONS = (
    Action.NONE,
    Action.IDENTIFIED,
    Action.SIGNED_IN,
    Action.CATALOG,
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
    "team, as its owner": Kind("crew/own", granted=ROLES["owner"]),
    "team, as a writer": Kind("crew/app", granted=ROLES["writer"]),
    "team, as a reader": Kind("crew/site", granted=ROLES["reader"]),
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
    "read token": Actor("alice", grants=(grant(Action.PULL),)),
    "write token": Actor("alice", grants=(grant(Action.PULL, Action.PUSH),)),
    "delete token": Actor("alice", grants=(grant(Action.PULL, Action.DELETE, Action.ADMIN),)),
    "token of nobody": Actor("", grants=(grant(Action.PULL, repository="bob/site"),)),
    "administrator's token": Actor("root", is_administrator=True, grants=(grant(Action.PULL),)),
    "bearer": Actor(
        "alice",
        grants=(
            Grant(RepositoryName("alice/app"), frozenset({Action.PULL})),
            Grant(RepositoryName("bob/app"), NOTHING, frozenset({Action.PULL, Action.PUSH})),
        ),
        is_renewable=True,
    ),
    "bearer of nothing, with the catalog": Actor(
        "alice", grants=(), is_renewable=True, lists_catalog=True
    ),
    "bearer of nobody": Actor(
        grants=(
            Grant(RepositoryName("bob/site"), READ),
            Grant(RepositoryName("bob/app"), NOTHING, READ),
        ),
        is_renewable=True,
    ),
    "API token of all": Actor("alice", limits=(Limit("*", frozenset(Action)),)),
    "API token that pulls what is alice's": Actor("alice", limits=(Limit("alice/*", READ),)),
    "API token that writes two": Actor(
        "alice", limits=(Limit("alice/app", WRITE), Limit("bob/common", WRITE))
    ),
    "machine of the team": Actor("crew", limits=(Limit("crew/app", WRITE),), token_id="t"),
    "administrator's API token": Actor(
        "root", is_administrator=True, limits=(Limit("bob/*", READ),)
    ),
}

NOT_MINE = {
    "private": "aaaadddd",
    "public": "aaaaaddd",
    "granted read": "aaaaaddd",
    "granted write": "aaaaaaad",
    "owner": "aaaaaaaa",
}
OF_OTHERS = {
    "bob private": NOT_MINE["private"],
    "bob public": NOT_MINE["public"],
    "bob granted read": NOT_MINE["granted read"],
    "bob granted write": NOT_MINE["granted write"],
    "team, as its owner": NOT_MINE["owner"],
    "team, as a writer": NOT_MINE["granted write"],
    "team, as a reader": NOT_MINE["granted read"],
    "library private": NOT_MINE["private"],
    "library public": NOT_MINE["public"],
    "library granted write": NOT_MINE["granted write"],
    "none": "aaaadddd",
}
# A token covers one repository, whatever the record of any other says.
NOWHERE = dict.fromkeys(REPOSITORIES, "aadddddd")

MATRIX = {
    "anonymous": dict.fromkeys(REPOSITORIES, "aiiiiiii")
    | {"alice public": "aiiiaiii", "bob public": "aiiiaiii", "library public": "aiiiaiii"},
    "alice": {"alice private": "aaaaaaaa", "alice public": "aaaaaaaa", **OF_OTHERS},
    "a user named library": {
        "alice private": NOT_MINE["private"],
        "alice public": NOT_MINE["public"],
        **OF_OTHERS,
    },
    "administrator": dict.fromkeys(REPOSITORIES, "aaaaaaaa") | {"none": "aaaadddd"},
    "read token": NOWHERE | {"alice private": "aaddaddd"},
    "write token": NOWHERE | {"alice private": "aaddaadd"},
    "delete token": NOWHERE | {"alice private": "aaddadaa"},
    "token of nobody": NOWHERE | {"bob public": "aaddaddd"},
    "administrator's token": NOWHERE | {"alice private": "aaddaddd"},
    "bearer": dict.fromkeys(REPOSITORIES, "aadiiiid")
    | {"alice private": "aadiaiid", "bob private": "aadiddid"},
    "bearer of nothing, with the catalog": dict.fromkeys(REPOSITORIES, "aadaiiid"),
    "bearer of nobody": dict.fromkeys(REPOSITORIES, "aaiiiiii") | {"bob public": "aaiiaiii"},
    "API token of all": {
        "alice private": "aadaaaaa",
        "alice public": "aadaaaaa",
        **{what: cell[:2] + "d" + cell[3:] for what, cell in OF_OTHERS.items()},
    },
    "API token that pulls what is alice's": dict.fromkeys(REPOSITORIES, "aadadddd")
    | {"alice private": "aadaaddd", "alice public": "aadaaddd"},
    "API token that writes two": dict.fromkeys(REPOSITORIES, "aadadddd")
    | {"alice private": "aadaaaad", "bob granted write": "aadaaaad"},
    "machine of the team": dict.fromkeys(REPOSITORIES, "aadadddd")
    | {"team, as a writer": "aadaaaad"},
    "administrator's API token": dict.fromkeys(REPOSITORIES, "aadadddd")
    | {what: "aadaaddd" for what in REPOSITORIES if what.startswith("bob ")},
}

# Whoever can get a token for more is asked to; nobody else who is known.
RENEWABLE = {who for who, actor in ACTORS.items() if actor.is_renewable}

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
            for granted in (NOTHING, READ, WRITE, ALL)
        }
        asked = needs_standing(mode, ACTORS[who], action, kind.repository)
        assert asked is (could_be != {blind}), (kind, action)


def test_anonymous_is_asked_who_it_is_and_a_known_actor_is_told_no() -> None:
    for (who, what), action in product(ROWS, ACTIONS):
        if who in RENEWABLE:
            continue
        wrong = Decision.DENY if who == "anonymous" else Decision.IDENTIFY
        assert decision_of(Mode.ACCOUNTS, who, what, action) is not wrong, (who, what, action)


READS_ALL = {"alice": {"alice/app"}, "administrator": {"alice/app", "bob/app", "library/x"}}


@pytest.mark.parametrize("who", ACTORS)
def test_only_owners_and_administrators_themselves_read_a_whole_team(who: str) -> None:
    names = ("alice/app", "bob/app", "library/x")
    reads = {n for n in names if reads_whole_team(Mode.ACCOUNTS, ACTORS[who], RepositoryName(n))}
    assert reads == READS_ALL.get(who, set())
    assert reads_whole_team(Mode.OPEN, ACTORS[who], RepositoryName("bob/app"))


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
