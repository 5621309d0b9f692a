"""Teams: made, shared, bounded, ended. Whoever is in no team is told nothing of it, not even no.

A team that somebody is not in is answered as one that is not there; a member who lacks the role is
told so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from chalicelib.domain import limits
from chalicelib.domain.access import Actor, Mode
from chalicelib.domain.accounts import is_username
from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.expiry import parse_expiry
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.paging import Page
from chalicelib.domain.teams import (
    INVITATION_TTL_S,
    Member,
    Role,
    Team,
    Usage,
    check_team_name,
    day_of,
    is_lower,
    parse_quota,
    parse_role,
)
from chalicelib.ports import Conflict, Missing, Refused
from chalicelib.service import api_tokens
from chalicelib.service.accounts import hashed
from chalicelib.service.api_tokens import MadeToken
from chalicelib.service.world import World
from chalicelib.team_ports import Membership

_WORDS = frozenset({"name", "expires_in_s", "expires_at", "quota", "expires_tags_by_name"})


@dataclass(frozen=True)
class Seen:
    """A team as somebody in it sees it; administrators have no role in it, and see it too."""

    team: Team
    role: Role | None


def create(world: World, actor: Actor, asked: Mapping[str, object]) -> Team:
    """Make a team, whose first owner the actor is: ``{"name", expiry?, "quota"?, ...}``.

    Raises: RegistryError(BAD_REQUEST, TEAM_EXISTS). Costs: 2 queries, 1 batch read, 1 transaction.
    """
    user, now_s = _account(world, actor), world.clock.now_s()
    name = check_team_name(asked.get("name"))
    _check_words(asked, _WORDS)
    if len(world.accounts.list_memberships(user)) >= limits.MAX_TEAMS:
        raise _bad(f"an account is in at most {limits.MAX_TEAMS} teams")
    begun = Team(name, now_s, world.words.fresh())
    team = _changed(begun, asked, now_s)
    try:
        world.accounts.create_team(team, Member(name, user, Role.OWNER, now_s))
    except Conflict:
        raise RegistryError(ErrorCode.TEAM_EXISTS, detail={"name": name}) from None
    world.logins.forget()
    return team


def _changed(team: Team, asked: Mapping[str, object], now_s: int) -> Team:
    """The team with what was asked for. Raises: RegistryError(BAD_REQUEST)."""
    end = {word: asked[word] for word in ("expires_in_s", "expires_at") if word in asked}
    if end:
        team = replace(team, expires_at_s=parse_expiry(end, now_s))
    if "quota" in asked:
        quota = asked["quota"]
        if not isinstance(quota, dict):
            raise _bad("`quota` must be an object")
        team = replace(team, quota=parse_quota(quota, team.quota))
    if "expires_tags_by_name" in asked:
        by_name = asked["expires_tags_by_name"]
        if not isinstance(by_name, bool):
            raise _bad("`expires_tags_by_name` must be true or false")
        team = replace(team, expires_tags_by_name=by_name)
    return team


def seen(world: World, actor: Actor, name: str, *, least: Role = Role.READER) -> Seen:
    """A team that the actor is in, with the role at least.

    Raises: RegistryError(TEAM_UNKNOWN): none, or none of theirs; RegistryError(DENIED): too small a
    role. Costs: 1 batch read.
    """
    user = _account(world, actor)
    found = world.accounts.find_membership(name, user) if is_username(name) else Membership()
    if found.team is None or (found.role is None and not actor.is_administrator):
        raise RegistryError(ErrorCode.TEAM_UNKNOWN)
    if least is Role.OWNER and found.role is not Role.OWNER and not actor.is_administrator:
        raise RegistryError(ErrorCode.DENIED, "only an owner of the team may do this")
    return Seen(found.team, found.role)


def mine(world: World, actor: Actor) -> Sequence[Membership]:
    """The actor's teams, bytewise. Costs: 1 query, 1 batch read."""
    return world.accounts.list_memberships(_account(world, actor))


def usage(world: World, team: Team) -> Usage:
    """What a team holds, and its pulls of today. Costs: 1 batch read."""
    return world.accounts.find_usage(team.name, day_of(world.clock.now_s()))


def count_repositories(world: World, team: Team) -> int:
    """How many repositories there are, as of this second. Costs: 1 query for each thousand."""
    count, after = 0, ""
    while True:
        listing = world.metadata.list_repositories(team.name, Page(limits.MAX_PAGE_ENTRIES, after))
        count += len(listing.entries)
        if not listing.more:
            return count
        after = listing.entries[-1].path


def change(world: World, actor: Actor, name: str, asked: Mapping[str, object]) -> Team:
    """Change a team's end, quota or settings; an owner may only lower a quota.

    Raises: RegistryError(TEAM_UNKNOWN, DENIED, BAD_REQUEST, UNAVAILABLE).
    Costs: 1 batch read, 1 conditional write.
    """
    before = seen(world, actor, name, least=Role.OWNER).team
    _check_words(asked, _WORDS - {"name"})
    after = _changed(before, asked, world.clock.now_s())
    if not actor.is_administrator and not is_lower(after.quota, before.quota):
        raise RegistryError(ErrorCode.DENIED, "only an administrator may raise a quota")
    return _replace(world, before, after)


def end(world: World, actor: Actor, name: str) -> None:
    """End a team at this second; the collector removes what it holds, and then its name is free.

    Raises, Costs: as ``change``.
    """
    before = seen(world, actor, name, least=Role.OWNER).team
    _replace(world, before, replace(before, expires_at_s=world.clock.now_s()))


def _replace(world: World, before: Team, after: Team) -> Team:
    if after == before:
        return after
    try:
        world.accounts.change_team(before, after)
    except Conflict:
        raise RegistryError(
            ErrorCode.UNAVAILABLE, "the team was changed at the same time; try again"
        ) from None
    world.logins.forget()
    return after


# --- members ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Invited:
    """An invitation as it is shown once: afterwards only the hash of its code is known."""

    code: str
    role: Role
    expires_at_s: int


def invite(world: World, actor: Actor, name: str, asked: Mapping[str, object]) -> Invited:
    """Make an invitation for one account: ``{"role"}``; it runs out after a week.

    Raises: RegistryError(TEAM_UNKNOWN, DENIED, BAD_REQUEST). Costs: 1 batch read, 1 transaction.
    """
    team = seen(world, actor, name, least=Role.OWNER).team
    _check_words(asked, frozenset({"role"}))
    code, role = world.words.fresh(), parse_role(asked.get("role"))
    expires_at_s = world.clock.now_s() + INVITATION_TTL_S
    try:
        world.accounts.invite_member(team, hashed(code), role, expires_at_s=expires_at_s)
    except Missing:
        raise RegistryError(ErrorCode.TEAM_UNKNOWN) from None
    return Invited(code, role, expires_at_s)


def join(world: World, actor: Actor, name: str, asked: Mapping[str, object]) -> Member:
    """Become a member by an invitation: ``{"code"}``.

    Raises: RegistryError(TEAM_UNKNOWN): no such team, or no such invitation, used up or run out;
        RegistryError(TEAM_EXISTS): a member already.
    Costs: 1 batch read, 1 transaction.
    """
    user, code = _account(world, actor), asked.get("code")
    if not isinstance(code, str) or not 0 < len(code) <= 200:
        raise _bad("`code` must be the code of an invitation")
    member = Member(name, user, Role.READER, world.clock.now_s())
    try:
        if not is_username(name):
            raise Missing("no name of a team")
        joined = world.accounts.join_team(member, hashed(code))
    except Missing:
        raise RegistryError(
            ErrorCode.TEAM_UNKNOWN, "no such team, or its invitation is unknown or used up"
        ) from None
    except Conflict:
        raise RegistryError(ErrorCode.TEAM_EXISTS, "you are in this team already") from None
    world.logins.forget()
    return joined


def members(world: World, actor: Actor, name: str) -> Sequence[Member]:
    """Raises: RegistryError(TEAM_UNKNOWN). Costs: 1 batch read, 1 read, 1 query."""
    return world.accounts.list_members(seen(world, actor, name).team.name)


def set_role(world: World, actor: Actor, name: str, user: str, role_text: object) -> Member:
    """Give a member another role.

    Raises: RegistryError(TEAM_UNKNOWN, DENIED, BAD_REQUEST, MEMBER_UNKNOWN, LAST_OWNER).
    Costs: 3 batch reads, 1 transaction.
    """
    team = seen(world, actor, name, least=Role.OWNER).team
    role, before = parse_role(role_text), _member(world, team, user)
    after = replace(before, role=role)
    if after != before:
        _change_member(world, before, after)
    return after


def remove(world: World, actor: Actor, name: str, user: str) -> None:
    """Take a member out; members take out themselves, owners anybody.

    What they were given tokens for ends here at once, elsewhere within thirty seconds.
    Raises: RegistryError(TEAM_UNKNOWN, DENIED, MEMBER_UNKNOWN, LAST_OWNER).
    Costs: 3 batch reads, 1 transaction.
    """
    least = Role.READER if user == actor.name else Role.OWNER
    team = seen(world, actor, name, least=least).team
    _change_member(world, _member(world, team, user), None)


def _member(world: World, team: Team, user: str) -> Member:
    known = is_username(user)
    role = world.accounts.find_membership(team.name, user).role if known else None
    if role is None:
        raise RegistryError(ErrorCode.MEMBER_UNKNOWN)
    return Member(team.name, user, role, world.clock.now_s())


def _change_member(world: World, before: Member, after: Member | None) -> None:
    try:
        world.accounts.change_member(before, after)
    except Missing:
        raise RegistryError(ErrorCode.MEMBER_UNKNOWN) from None
    except Conflict:
        raise RegistryError(ErrorCode.LAST_OWNER) from None
    world.logins.forget()


# --- machine tokens -----------------------------------------------------------------------------


def make_token(world: World, actor: Actor, name: str, asked: dict[str, object]) -> MadeToken:
    """Make a token of the team: used as the password of the team's name.

    ``{"label", "scopes": [...], "expires_in_days"?}``; each scope is of the team's repositories.
    Raises: RegistryError(TEAM_UNKNOWN, DENIED, BAD_REQUEST). Costs: 1 batch read, 1 query, 1 write.
    """
    team = seen(world, actor, name, least=Role.OWNER).team
    scopes = asked.get("scopes")
    for scope in scopes if isinstance(scopes, list) else []:
        if not str(scope).startswith(f"repository:{team.name}/"):
            raise _bad(f"each scope of a team's token begins with repository:{team.name}/")
    return api_tokens.create(world, Actor(team.name), asked)


def revoke_token(world: World, actor: Actor, name: str, token_id: str) -> None:
    """Raises: RegistryError(TEAM_UNKNOWN, DENIED, NOT_FOUND).

    Costs: 1 batch read, 1 transaction.
    """
    team = seen(world, actor, name, least=Role.OWNER).team
    api_tokens.revoke(world, Actor(team.name), token_id)


# --- room ---------------------------------------------------------------------------------------


def check_room(world: World, name: RepositoryName, size_bytes: int = 0) -> None:
    """Refuse bytes before they are sent, where the team has no room for any more.

    What is sent at the same time is not known here: the store looks again when it links the blob.
    Raises: Refused. Costs: 0 in an open registry; 1 batch read, 1 more where there is a quota.
    """
    if world.mode is Mode.OPEN:
        return
    team = world.accounts.find_membership(world.team_of(name), None).team
    limit = team.quota.size_bytes if team else None
    if team is None or limit is None:
        return
    held = usage(world, team).size_bytes
    if held + size_bytes > limit or held >= limit:
        raise Refused(
            f"this team may have {limit} bytes, and has {held}; delete something, or ask an "
            "administrator for more",
            "size_bytes",
        )


def _account(world: World, actor: Actor) -> str:
    if world.mode is Mode.OPEN or not actor.name:
        raise RegistryError(ErrorCode.UNSUPPORTED, "this registry has no accounts, and no teams")
    return actor.name


def _check_words(asked: Mapping[str, object], known: frozenset[str]) -> None:
    if asked.keys() - known:
        raise _bad(f"unknown words: {', '.join(sorted(asked.keys() - known))[:200]}")


def _bad(message: str) -> RegistryError:
    return RegistryError(ErrorCode.BAD_REQUEST, f"team: {message}")
