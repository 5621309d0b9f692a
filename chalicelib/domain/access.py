"""Who may do what: one pure function over one table.

    actor            own namespace   other's public   other's private   library
    administrator    all             all              all               all
    user             all             pull             nothing           pull what is public
    anonymous        -               pull             nothing           pull what is public
    token holder     what the token says, in the repository it names

In an open registry (AUTH=off) everybody may do everything: that is what it is for.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from chalicelib.domain.names import LIBRARY, RepositoryName


class Action(Enum):
    """What an endpoint does to a repository; ``NONE`` needs no permission at all."""

    NONE = "none"
    SIGNED_IN = "signed in"
    PULL = "pull"
    PUSH = "push"
    DELETE = "delete"
    ADMIN = "admin"


class Mode(Enum):
    """Whether the registry has accounts."""

    OPEN = "off"
    ACCOUNTS = "on"


class Decision(Enum):
    """``IDENTIFY`` is a 401 (say who you are), ``DENY`` a 403 (we know, and no)."""

    ALLOW = "allow"
    IDENTIFY = "identify"
    DENY = "deny"


@dataclass(frozen=True)
class Grant:
    """What a token allows: these actions, in this one repository."""

    repository: RepositoryName
    actions: frozenset[Action]


@dataclass(frozen=True)
class Actor:
    """Who asks; ``name`` is None for the anonymous. A ``grant`` narrows what the name could do."""

    name: str | None = None
    is_administrator: bool = False
    grant: Grant | None = None


ANONYMOUS = Actor()


def decide(
    mode: Mode, actor: Actor, action: Action, repository: RepositoryName | None, *, is_public: bool
) -> Decision:
    """Whether this actor may do this to this repository.

    ``is_public`` is what the repository's record says; False for one that does not exist, so
    that a refusal tells nothing of private names.
    """
    if mode is Mode.OPEN or action is Action.NONE:
        return Decision.ALLOW
    refusal = Decision.IDENTIFY if actor.name is None else Decision.DENY
    if action is Action.SIGNED_IN:
        return Decision.ALLOW if actor.name is not None else refusal
    if actor.grant is not None:
        covered = actor.grant.repository == repository and action in actor.grant.actions
        return Decision.ALLOW if covered else refusal
    if actor.is_administrator:
        return Decision.ALLOW
    if action is Action.PULL and is_public:
        return Decision.ALLOW
    if repository is None or repository.namespace == LIBRARY or action is Action.ADMIN:
        return refusal
    return Decision.ALLOW if actor.name == repository.namespace else refusal


def needs_visibility(mode: Mode, actor: Actor, action: Action, repository: RepositoryName) -> bool:
    """Whether the decision hangs on the repository's record, and so costs a read."""
    if action is not Action.PULL:
        return False
    return decide(mode, actor, action, repository, is_public=False) is not Decision.ALLOW


OPEN_TEAM = "open"


def team_of(mode: Mode, repository: RepositoryName) -> str:
    """The team that owns a repository's bytes and rows: part of every key.

    With accounts, a namespace is a team. An open registry is one team, so that clients mount
    blobs across namespaces and v1 images, whose URLs name no repository, have one place.
    """
    return OPEN_TEAM if mode is Mode.OPEN else repository.namespace
