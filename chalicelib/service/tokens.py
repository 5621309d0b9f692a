"""Bearer tokens given out and checked. Spec: Docker token authentication, token and oauth2."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from chalicelib.domain import limits
from chalicelib.domain.access import (
    NOTHING,
    ROLES,
    Action,
    Actor,
    Decision,
    Grant,
    decide,
    needs_standing,
)
from chalicelib.domain.bearer import (
    BearerToken,
    Holder,
    RefreshToken,
    parse_bearer,
    parse_refresh,
    render_bearer,
    render_refresh,
)
from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.scopes import Asked, AskedScope, parse_scopes, words_of
from chalicelib.domain.tokens import V1Token
from chalicelib.hub_ports import Standing
from chalicelib.service.accounts import actor_of, judged, limited, machine_of
from chalicelib.service.world import World

# The end of a token that has none: later than any clock.
NEVER_S = 1 << 62


@dataclass(frozen=True)
class Issued:
    """A Bearer token with what a client is told of it; ``scope`` is what was granted."""

    text: str
    scope: str
    issued_at_s: int
    expires_in_s: int
    refresh: str | None = None


def issue(world: World, actor: Actor, scopes: Iterable[str], *, offline: bool = False) -> Issued:
    """A token for what of these scopes the actor may do now; perhaps for nothing at all.

    With ``offline`` an account gets a refresh token as well.
    Costs: 0; 1 read for each repository that is not the account's own.
    """
    asked = parse_scopes(scopes)
    grants = tuple(_grant(world, actor, scope) for scope in asked.scopes)
    now_s, key = world.clock.now_s(), world.signing_key
    holder = Holder(actor.name, actor.generation, actor.token_id)
    ttl_s = limits.BEARER_TTL_S if actor.name else limits.BEARER_ANONYMOUS_TTL_S
    lists = decide(world.mode, actor, Action.CATALOG, None) is Decision.ALLOW
    # The scopes of an API token name repositories; a catalog would name the others as well.
    catalog = asked.catalog and lists and actor.limits is None
    token = BearerToken(holder, grants, catalog, now_s, now_s + ttl_s, world.words.fresh())
    refresh = None
    if offline and actor.name:
        refresh = render_refresh(key, RefreshToken(holder, now_s + limits.REFRESH_TTL_S))
    scope = _granted_scope(asked, grants)
    return Issued(render_bearer(key, token), scope, now_s, ttl_s, refresh)


def _grant(world: World, actor: Actor, scope: AskedScope) -> Grant:
    name, standing = scope.repository, None
    if any(needs_standing(world.mode, actor, action, name) for action in scope.actions):
        standing = world.accounts.find_standing(world.team_of(name), name, actor.name)
    allowed = _allowed(world, actor, scope, standing)
    role = None
    if standing is not None and standing.role is not None:
        by_others = _allowed(world, actor, scope, replace(standing, role=None))
        role = standing.role.value if allowed - by_others else None
    return Grant(name, allowed, scope.actions - allowed, role)


def _allowed(
    world: World, actor: Actor, scope: AskedScope, standing: Standing | None
) -> frozenset[Action]:
    return frozenset(
        action
        for action in scope.actions
        if judged(world, actor, action, scope.repository, standing) is Decision.ALLOW
    )


def _granted_scope(asked: Asked, grants: tuple[Grant, ...]) -> str:
    parts = [
        f"repository:{scope.shown}:{','.join(words_of(grant.actions))}"
        for scope, grant in zip(asked.scopes, grants, strict=True)
        if grant.actions
    ]
    return " ".join(parts)


def check_bearer(world: World, text: str) -> Actor | None:
    """Who carries a Bearer token; None for one that is forged or has ended.

    Costs: as ``is_good``.
    """
    token = parse_bearer(world.signing_key, text, now_s=world.clock.now_s())
    if token is None or not is_good(world, token.holder):
        return None
    roles = {(grant.repository.namespace, grant.role) for grant in token.grants if grant.role}
    good = all(is_still(world, token.holder.user, team, str(role)) for team, role in roles)
    return token.actor() if good else None


def check_v1_token(world: World, token: V1Token) -> Actor | None:
    """Who carries a v1 token, unless what it was got with has ended. Costs: as ``is_good``."""
    holder = Holder(token.user, token.generation, token.token_id)
    if not is_good(world, holder):
        return None
    team, role = token.repository.namespace, token.role
    return token.actor() if role is None or is_still(world, token.user, team, role) else None


def is_still(world: World, user: str | None, team: str, role: str) -> bool:
    """Whether somebody is in a team what they were when a token was given to them.

    Costs: 1 batch read, once in thirty seconds for each.
    """
    now_s, known = world.clock.now_s(), world.logins.roles
    key = f"{team}/{user}"
    now_is = known.find(key, now_s)
    if now_is is None:
        found = world.accounts.find_membership(team, user)
        now_is = found.role.value if found.role else ""
        known.put(key, now_is, now_s, found.team.expires_at_s if found.team else None)
    return ROLES[role] <= ROLES.get(now_is, NOTHING)


def refreshed(world: World, text: str) -> Actor:
    """Whom a refresh token was given to, as the account stands now.

    Raises: RegistryError(UNAUTHORIZED). Costs: 1 read; for an API token's 1 read more.
    """
    now_s = world.clock.now_s()
    token = parse_refresh(world.signing_key, text, now_s=now_s)
    holder = token.holder if token else Holder()
    if holder.user and holder.token_id and holder.generation == 0:
        return _refreshed_machine(world, holder.user, holder.token_id)
    user = world.accounts.find_user(holder.user) if holder.user else None
    if user is None or user.generation != holder.generation:
        raise RegistryError(ErrorCode.UNAUTHORIZED, "the refresh token has ended; log in again")
    if holder.token_id is None:
        return actor_of(user)
    api_token = world.accounts.find_api_token(user.name, holder.token_id)
    if api_token is None or not api_token.is_alive(now_s):
        raise RegistryError(ErrorCode.UNAUTHORIZED, "the API token has ended; log in with another")
    return limited(actor_of(user), api_token)


def _refreshed_machine(world: World, team: str, token_id: str) -> Actor:
    facts = world.accounts.find_login(team, "-", token_id)
    alive = facts.token is not None and facts.token.is_alive(world.clock.now_s())
    actor = machine_of(facts.team, facts.token) if facts.token and alive else None
    if actor is None or facts.user is not None:
        raise RegistryError(ErrorCode.UNAUTHORIZED, "the API token has ended; log in with another")
    return actor


def is_good(world: World, holder: Holder) -> bool:
    """Whether what a token was got with still is: the account's password, the API token.

    Costs: 0 for a token of nobody; else 1 read, once in thirty seconds for each.
    """
    if holder.user is None:
        return True
    now_s, generations = world.clock.now_s(), world.logins.generations
    generation = generations.find(holder.user, now_s)
    if generation is None:
        user = world.accounts.find_user(holder.user)
        generation = user.generation if user else 0
        generations.put(holder.user, generation, now_s)
    if generation != holder.generation:
        return False
    return holder.token_id is None or _token_is_good(world, holder.user, holder.token_id)


def _token_is_good(world: World, user: str, token_id: str) -> bool:
    now_s, known = world.clock.now_s(), world.logins.api_tokens
    end_s = known.find(token_id, now_s)
    if end_s is None:
        found = world.accounts.find_api_token(user, token_id)
        end_s = 0 if found is None else found.expires_at_s or NEVER_S
        known.put(token_id, end_s, now_s)
    return end_s > now_s
