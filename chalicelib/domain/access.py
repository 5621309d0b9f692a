"""Who may do what: one pure function over one table.

    actor            own namespace   other's public   other's private   library
    administrator    all             all              all               all
    user             all             pull             nothing           pull what is public
      + reader         all             pull             pull              -
      + writer         all             pull push delete the same          -
      + owner          all             all              all               -
      + read grant   all             pull             pull              pull
      + write grant  all             pull push delete the same          the same
    anonymous        -               pull             nothing           pull what is public
    token holder     what the token says, in the repositories it names
    API token        what its account may do, and its scopes allow as well

``delete`` removes tags; ``admin`` removes the repository, shows it to the public, grants.
Reader, writer and owner are roles in the team that the namespace is; a team's machine token is an
API token whose account is the team itself. A team that has expired has no members any more.

In an open registry (AUTH=off) everybody may do everything: that is what it is for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from chalicelib.domain.globs import fits
from chalicelib.domain.names import LIBRARY, RepositoryName


class Action(Enum):
    """What an endpoint does to a repository; ``NONE`` needs no permission at all."""

    NONE = "none"
    IDENTIFIED = "identified"
    SIGNED_IN = "signed in"
    CATALOG = "catalog"
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
    """What a token allows: these actions, in this one repository.

    ``refused`` is what was asked for when the token was given, and was not allowed. ``role`` is
    the membership by which it was allowed, where it was: the grant ends with that.
    """

    repository: RepositoryName
    actions: frozenset[Action]
    refused: frozenset[Action] = frozenset()
    role: str | None = None


@dataclass(frozen=True)
class Limit:
    """A scope of an API token: these actions, in repositories whose name the pattern is."""

    pattern: str
    actions: frozenset[Action]

    def covers(self, action: Action, repository: RepositoryName) -> bool:
        return action in self.actions and fits(self.pattern, repository.path)


@dataclass(frozen=True)
class Actor:
    """Who asks; ``name`` is None for the anonymous.

    ``grants`` are a token's: what was allowed when it was given, and nothing else is. A Bearer
    token is ``renewable``: whoever carries it may get one for more, so that a refusal says what to
    ask for. ``limits`` are an API token's: they narrow what the account may do at this moment.
    ``generation`` is the account's and ``token_id`` the API token's: what is given to the actor
    ends with them.
    """

    name: str | None = None
    is_administrator: bool = False
    grants: tuple[Grant, ...] | None = None
    is_renewable: bool = False
    lists_catalog: bool = False
    limits: tuple[Limit, ...] | None = None
    generation: int = 0
    token_id: str | None = None

    @property
    def only_repository(self) -> RepositoryName | None:
        """The one repository that a token names."""
        names = {grant.repository for grant in self.grants or ()}
        return names.pop() if len(names) == 1 else None

    def may_at_most(self, action: Action, repository: RepositoryName) -> bool:
        """Whether an API token's scopes leave room for this."""
        return self.limits is None or any(limit.covers(action, repository) for limit in self.limits)


ANONYMOUS = Actor()


READ = frozenset({Action.PULL})
WRITE = frozenset({Action.PULL, Action.PUSH, Action.DELETE})
# What a Bearer token can be given for: a repository's content, and not its record.
OF_CONTENT = frozenset({Action.PULL, Action.PUSH, Action.DELETE})
# What an owner can grant, by the words of the API.
GRANTED: dict[str, frozenset[Action]] = {"read": READ, "write": WRITE}
NOTHING: frozenset[Action] = frozenset()
ALL = frozenset({Action.PULL, Action.PUSH, Action.DELETE, Action.ADMIN})
# What a member of a team may do in each of its repositories, by the word of the role.
ROLES: dict[str, frozenset[Action]] = {"owner": ALL, "writer": WRITE, "reader": READ}


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
    if mode is Mode.OPEN:
        return Decision.ALLOW
    refusal = Decision.DENY if actor.name is not None else Decision.IDENTIFY
    if action in OF_NO_REPOSITORY:
        if OF_NO_REPOSITORY[action](actor):
            return Decision.ALLOW
        may_ask = action is Action.CATALOG and actor.is_renewable
        return Decision.IDENTIFY if may_ask else refusal
    if actor.grants is not None:
        return _granted(actor, actor.grants, action, repository)
    if repository is None or not actor.may_at_most(action, repository):
        return refusal
    allowed = (
        actor.is_administrator
        or (actor.name == repository.namespace and repository.namespace != LIBRARY)
        or (action is Action.PULL and is_public)
        or (actor.name is not None and action in granted)
    )
    return Decision.ALLOW if allowed else refusal


# A token speaks for its repositories: it neither changes the account nor makes further tokens.
OF_NO_REPOSITORY: dict[Action, Callable[[Actor], bool]] = {
    Action.NONE: lambda actor: True,
    Action.IDENTIFIED: lambda actor: actor.name is not None or actor.grants is not None,
    Action.SIGNED_IN: lambda actor: (
        actor.name is not None and actor.grants is None and actor.limits is None
    ),
    Action.CATALOG: lambda actor: (
        actor.lists_catalog if actor.grants is not None else actor.name is not None
    ),
}


def _granted(
    actor: Actor, grants: tuple[Grant, ...], action: Action, repository: RepositoryName | None
) -> Decision:
    here = [grant for grant in grants if grant.repository == repository]
    if any(action in grant.actions for grant in here):
        return Decision.ALLOW
    if actor.name is None:
        return Decision.IDENTIFY
    asked = any(action in grant.refused for grant in here)
    if actor.is_renewable and action in OF_CONTENT and not asked:
        return Decision.IDENTIFY
    return Decision.DENY


def reads_whole_team(mode: Mode, actor: Actor, repository: RepositoryName) -> bool:
    """Whether somebody may read everything that this repository's team has, without a look."""
    if mode is Mode.OPEN:
        return True
    is_owner = actor.name == repository.namespace and repository.namespace != LIBRARY
    whole = actor.grants is None and actor.limits is None
    return whole and (actor.is_administrator or is_owner)


def needs_standing(mode: Mode, actor: Actor, action: Action, repository: RepositoryName) -> bool:
    """Whether the decision hangs on the repository's record, and so costs a read."""
    if actor.grants is not None or action in OF_NO_REPOSITORY:
        return False
    if not actor.may_at_most(action, repository):
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
