"""Scopes: what a client asks a token for, and what an API token is limited to.

    scope     ::= type ":" name ":" actions
    type      ::= "repository" [ "(" class ")" ] | "registry"
    name      ::= a repository's name; of an API token, with "*" for any characters
    actions   ::= action *( "," action )
    action    ::= "pull" | "push" | "delete" | "admin" | "*"

Several scopes stand in several parameters, or in one, parted by spaces. What is not understood is
passed over, as Docker's own token server does: the client learns it when it uses the token.
Spec: Docker token scope (distribution/docs/spec/auth/scope.md).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from chalicelib.domain.access import OF_CONTENT, Action, Limit
from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.names import LIBRARY, RepositoryName, parse_repository_name

WORDS = {
    "pull": Action.PULL,
    "push": Action.PUSH,
    "delete": Action.DELETE,
    "admin": Action.ADMIN,
}
MAX_SCOPES = 100

_TYPE = re.compile(r"repository(?:\([a-z0-9]+\))?", re.ASCII)
_PATTERN = re.compile(r"[a-z0-9*][a-z0-9._/*-]{0,254}", re.ASCII)


@dataclass(frozen=True)
class AskedScope:
    """A repository scope that was understood; ``shown`` is its name as the client spelled it."""

    repository: RepositoryName
    shown: str
    actions: frozenset[Action]


@dataclass(frozen=True)
class Asked:
    """All that a token is asked for."""

    scopes: tuple[AskedScope, ...] = ()
    catalog: bool = False


def parse_scopes(values: Iterable[str]) -> Asked:
    """Read the scopes of a token request; those of one repository are put together."""
    found: dict[str, AskedScope] = {}
    catalog = False
    words = [word for value in values for word in value.split()][:MAX_SCOPES]
    for word in words:
        kind, _, rest = word.partition(":")
        shown, _, listed = rest.rpartition(":")
        if (kind, shown, listed) == ("registry", "catalog", "*"):
            catalog = True
        if not _TYPE.fullmatch(kind):
            continue
        try:
            repository = parse_repository_name(shown)
        except RegistryError:
            continue
        actions = _content_actions(listed)
        known = found.get(shown)
        merged = actions | known.actions if known else actions
        found[shown] = AskedScope(repository, shown, merged)
    return Asked(tuple(found.values()), catalog)


def _content_actions(listed: str) -> frozenset[Action]:
    words = set(listed.split(","))
    if "*" in words:
        return OF_CONTENT
    return frozenset(WORDS[word] for word in words & WORDS.keys()) & OF_CONTENT


def words_of(actions: Iterable[Action]) -> list[str]:
    """Actions by their words, in the table's order."""
    wanted = set(actions)
    return [word for word, action in WORDS.items() if action in wanted]


def parse_limit(text: object) -> Limit:
    """Read a scope of an API token: ``repository:acme/*:pull,push``. Who may push may pull.

    Raises: RegistryError(BAD_REQUEST).
    """
    kind, _, rest = text.partition(":") if isinstance(text, str) else ("", "", "")
    pattern, _, listed = rest.rpartition(":")
    words = set(listed.split(","))
    known = words <= {*WORDS, "*"}
    if kind != "repository" or not _PATTERN.fullmatch(pattern) or not known:
        raise RegistryError(
            ErrorCode.BAD_REQUEST,
            "a scope is repository:NAME:ACTIONS, in which * in NAME stands for any characters and "
            "ACTIONS are some of pull, push, delete, admin, parted by commas, or *",
        )
    actions = set(WORDS.values()) if "*" in words else {WORDS[word] for word in words}
    if Action.PUSH in actions:
        actions.add(Action.PULL)
    full = pattern if "/" in pattern or "*" in pattern else f"{LIBRARY}/{pattern}"
    return Limit(full, frozenset(actions))


def render_limit(limit: Limit) -> str:
    """The limit as a scope."""
    return f"repository:{limit.pattern}:{','.join(words_of(limit.actions))}"
