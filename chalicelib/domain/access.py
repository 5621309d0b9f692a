"""Who may do what: one pure function over one table.

    actor            own namespace   other's public   other's private   library
    administrator    all             all              all               all
    user             all             pull             nothing           pull what is public
      + read grant   all             pull             pull              pull
      + write grant  all             pull push delete the same          the same
    anonymous        -               pull             nothing           pull what is public
    token holder     what the token says, in the repository it names

``delete`` removes tags; ``admin`` removes the repository, shows it to the public, grants.

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
    """Who asks; ``name`` is None for the anonymous. A ``grant`` narrows what the name could do.

    ``generation`` is the account's, for tokens that are given to the actor.
    """

    name: str | None = None
    is_administrator: bool = False
    grant: Grant | None = None
    generation: int = 0


ANONYMOUS = Actor()


READ = frozenset({Action.PULL})
WRITE = frozenset({Action.PULL, Action.PUSH, Action.DELETE})
# What an owner can grant, by the words of the API.
GRANTED: dict[str, frozenset[Action]] = {"read": READ, "write": WRITE}
NOTHING: frozenset[Action] = frozenset()


def decide(
    mode: Mode,
    actor: Actor,
    action: Action,
    repository: RepositoryName | None,
    *,
    is_public: bool = False,
    granted: frozenset[Action] = NOTHING,
) -> Decision:
    """Whether this actor may do this to this repository.

    ``is_public`` and ``granted`` are what the repository's record says; nothing of the kind for
    one that does not exist, so that a refusal tells nothing of private names.
    """
    if mode is Mode.OPEN or action is Action.NONE:
        return Decision.ALLOW
    refusal = Decision.DENY if actor.name is not None else Decision.IDENTIFY
    if action is Action.SIGNED_IN:
        # A token speaks for one repository: it neither lists the others nor changes the account.
        signed_in = actor.name is not None and actor.grant is None
        return Decision.ALLOW if signed_in else refusal
    if actor.grant is not None:
        covered = actor.grant.repository == repository and action in actor.grant.actions
        return Decision.ALLOW if covered else refusal
    if repository is None:
        return refusal
    allowed = (
        actor.is_administrator
        or (actor.name == repository.namespace and repository.namespace != LIBRARY)
        or (action is Action.PULL and is_public)
        or (actor.name is not None and action in granted)
    )
    return Decision.ALLOW if allowed else refusal


def needs_standing(mode: Mode, actor: Actor, action: Action, repository: RepositoryName) -> bool:
    """Whether the decision hangs on the repository's record, and so costs a read."""
    if actor.grant is not None or action in (Action.NONE, Action.SIGNED_IN, Action.ADMIN):
        return False
    if actor.name is None and action is not Action.PULL:
        return False
    return decide(mode, actor, action, repository) is not Decision.ALLOW


OPEN_TEAM = "open"


def team_of(mode: Mode, repository: RepositoryName) -> str:
    """The team that owns a repository's bytes and rows: part of every key.

    With accounts, a namespace is a team. An open registry is one team, so that clients mount
    blobs across namespaces and v1 images, whose URLs name no repository, have one place.
    """
    return OPEN_TEAM if mode is Mode.OPEN else repository.namespace
