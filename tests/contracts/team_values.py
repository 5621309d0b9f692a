"""Teams and their repositories, for contracts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chalicelib.domain.names import RepositoryName
from chalicelib.domain.records import (
    Repository,
)
from chalicelib.domain.teams import Member, Role, Team
from tests.contracts.values import NOW_S

A = "a" * 64
LIFE_S = 100
END_S = NOW_S + LIFE_S


def record(name: str, **changes: Any) -> Team:
    return replace(Team(name, NOW_S, "life"), **changes)


def owner(name: str, user: str = "olga") -> Member:
    return Member(name, f"{user}-{name}", Role.OWNER, NOW_S)


def app(team: str, name: str = "app") -> RepositoryName:
    return RepositoryName(f"{team}/{name}")


def repository(team: str, name: str = "app", **changes: Any) -> Repository:
    return replace(Repository(app(team, name), NOW_S), **changes)
