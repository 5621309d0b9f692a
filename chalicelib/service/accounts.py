"""Accounts: who somebody is, how an account is made and changed, and grants."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import replace

from chalicelib.domain.access import (
    GRANTED,
    NOTHING,
    ROLES,
    Action,
    Actor,
    Decision,
    decide,
    needs_standing,
)
from chalicelib.domain.accounts import (
    FAILURES_KEPT_S,
    FREE_FAILURES_OF_ADDRESS,
    FREE_FAILURES_OF_NAME,
    MAX_PASSWORD_CHARS,
    SignUp,
    check_email,
    check_password,
    check_username,
    is_username,
    wait_s,
)
from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.expiry import earliest
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.records import ApiToken, GrantRecord, User
from chalicelib.domain.teams import Team
from chalicelib.hub_ports import LoginFacts, Standing
from chalicelib.ports import Conflict, Missing
from chalicelib.service.api_tokens import id_of_secret, matches
from chalicelib.service.world import World

INVITATION_TTL_S = 7 * 24 * 3600


def check_login(world: World, name: str, password: str, address: str) -> Actor | None:
    """Who this is; None when name or password is wrong, in the same time for both.

    Raises: RegistryError(TOOMANYREQUESTS) after too many wrong passwords, also for a right one.
    Costs: 1 read and one argon2, once a minute for each login; 2 writes for a wrong password.
    """
    if len(password) > MAX_PASSWORD_CHARS:
        return None
    secret = f"login\0{name}\0{password}".encode("utf-8", "surrogatepass")
    key, now_s = hmac.digest(world.signing_key, secret, "sha256"), world.clock.now_s()
    cached = world.logins.logins.find(key, now_s)
    if cached is not None:
        return cached
    known, token_id = is_username(name), id_of_secret(password)
    facts = world.accounts.find_login(name if known else "-", address, token_id)
    _check_wait(facts, now_s)
    actor = _by_token(facts, password, now_s) if token_id else _by_password(world, facts, password)
    if actor is None:
        expires_at_s = now_s + FAILURES_KEPT_S
        world.accounts.note_failure(
            name if known else "-", address, now_s=now_s, expires_at_s=expires_at_s
        )
        return None
    if facts.by_name.count:
        world.accounts.forget_failures(name)
    end_s = earliest(
        facts.token.expires_at_s if facts.token else None,
        facts.team.expires_at_s if facts.team else None,
    )
    world.logins.logins.put(key, actor, now_s, end_s)
    return actor


def _by_password(world: World, facts: LoginFacts, password: str) -> Actor | None:
    # An unknown name is checked against nobody's hash, so that it takes as long as a known one.
    encoded = facts.user.password_hash if facts.user else world.passwords.nobody()
    is_right = world.passwords.matches(encoded, password)
    return actor_of(facts.user) if facts.user and is_right else None


def _by_token(facts: LoginFacts, secret: str, now_s: int) -> Actor | None:
    token = facts.token
    if token is None or not matches(token, secret) or not token.is_alive(now_s):
        return None
    if facts.user is not None:
        return limited(actor_of(facts.user), token)
    return machine_of(facts.team, token)


def actor_of(user: User) -> Actor:
    """An account as an actor, with all that it may do."""
    return Actor(user.name, user.is_administrator, generation=user.generation)


def machine_of(team: Team | None, token: ApiToken) -> Actor | None:
    """A team's machine: it has the team's name, and never more than its token's scopes."""
    if team is None or token.created_at_s < team.created_at_s:
        # A token of an earlier team of this name.
        return None
    return limited(Actor(team.name), token)


def limited(actor: Actor, token: ApiToken) -> Actor:
    """An account by one of its API tokens."""
    return replace(actor, limits=token.limits, token_id=token.token_id)


def _check_wait(facts: LoginFacts, now_s: int) -> None:
    by_name = facts.by_name if facts.user else replace(facts.by_name, count=0)
    wait = max(
        wait_s(by_name, FREE_FAILURES_OF_NAME, now_s),
        wait_s(facts.by_address, FREE_FAILURES_OF_ADDRESS, now_s),
    )
    if wait:
        raise RegistryError(
            ErrorCode.TOOMANYREQUESTS,
            "too many wrong passwords; wait before the next try",
            headers={"Retry-After": str(wait)},
        )


def decided(
    world: World, actor: Actor, action: Action, repository: RepositoryName | None
) -> Decision:
    """Whether this actor may do this now, the repository's record included.

    Costs: 0; 1 read where the decision hangs on the record.
    """
    standing = None
    if repository is not None and needs_standing(world.mode, actor, action, repository):
        team = world.team_of(repository)
        standing = world.accounts.find_standing(team, repository, actor.name)
    return judged(world, actor, action, repository, standing)


def judged(
    world: World,
    actor: Actor,
    action: Action,
    repository: RepositoryName | None,
    standing: Standing | None,
) -> Decision:
    """The same by what the records were found to say. Costs: 0."""
    is_public, granted = False, NOTHING
    if standing is not None:
        is_public = standing.repository.is_public if standing.repository else False
        granted = GRANTED.get(standing.access or "", NOTHING)
        granted |= ROLES[standing.role.value] if standing.role else NOTHING
    return decide(world.mode, actor, action, repository, is_public=is_public, granted=granted)


def create(
    world: World,
    name: object,
    password: object,
    *,
    email: object = None,
    administrator: bool = False,
    invitation: str | None = None,
) -> User:
    """Make an account.

    Raises: RegistryError(V1_ACCOUNT_INVALID, V1_ACCOUNT_EXISTS, V1_INVITATION_UNKNOWN).
    Costs: one argon2, 1 transaction.
    """
    user = User(
        name=check_username(name),
        password_hash=world.passwords.hash(check_password(password)),
        email=check_email(email) if email is not None else None,
        is_administrator=administrator,
        created_at_s=world.clock.now_s(),
    )
    try:
        world.accounts.create_user(user, hashed(invitation) if invitation else None)
    except Conflict:
        raise RegistryError(ErrorCode.V1_ACCOUNT_EXISTS) from None
    except Missing:
        raise RegistryError(ErrorCode.V1_INVITATION_UNKNOWN) from None
    return user


def sign_up(world: World, asked: dict[str, object]) -> User:
    """Make an account as `docker login` of old asks for it, when this registry lets people.

    An account that exists is told so before anything else: old clients then log in.
    Raises: RegistryError(V1_ACCOUNT_*, V1_SIGN_UP_CLOSED, V1_INVITATION_UNKNOWN).
    Costs: 1 read; one argon2, 1 transaction.
    """
    name = asked.get("username")
    if isinstance(name, str) and is_username(name) and world.accounts.find_user(name):
        raise RegistryError(ErrorCode.V1_ACCOUNT_EXISTS)
    if world.signup is SignUp.CLOSED:
        raise RegistryError(ErrorCode.V1_SIGN_UP_CLOSED)
    invitation = asked.get("invitation")
    if world.signup is SignUp.INVITATION and not (isinstance(invitation, str) and invitation):
        raise RegistryError(ErrorCode.V1_INVITATION_UNKNOWN)
    email = check_email(asked.get("email"))
    code = str(invitation) if world.signup is SignUp.INVITATION else None
    return create(world, name, asked.get("password"), email=email, invitation=code)


def invite(world: World) -> str:
    """Make an invitation for one account; it is shown once and runs out after a week.

    Costs: 1 write.
    """
    code = world.words.fresh()
    world.accounts.put_invitation(hashed(code), expires_at_s=world.clock.now_s() + INVITATION_TTL_S)
    return code


def hashed(code: str) -> str:
    """What is kept of an invitation: 128 random bits need no slow hash."""
    return hashlib.sha256(code.encode()).hexdigest()


def change(world: World, actor: Actor, name: str, asked: dict[str, object]) -> None:
    """Change one's own password or e-mail, or as an administrator anybody's.

    A new password ends every token that was given out under the old one.
    Raises: RegistryError(DENIED, V1_ACCOUNT_*).
    Costs: 1 read, one argon2, 1 transaction.
    """
    if actor.name != name and not actor.is_administrator:
        raise RegistryError(ErrorCode.DENIED)
    user = world.accounts.find_user(name) if is_username(name) else None
    if user is None:
        raise RegistryError(ErrorCode.V1_ACCOUNT_UNKNOWN)
    after = user
    if asked.get("email") is not None:
        after = replace(after, email=check_email(asked["email"]))
    if asked.get("password") is not None:
        encoded = world.passwords.hash(check_password(asked["password"]))
        after = replace(after, password_hash=encoded, generation=user.generation + 1)
    try:
        world.accounts.change_user(user, after)
    except Conflict:
        raise RegistryError(ErrorCode.V1_ACCOUNT_EXISTS) from None
    world.logins.forget()


def grant(world: World, name: RepositoryName, user: str, access: object) -> None:
    """Let an account read or write a repository.

    Raises: RegistryError(V1_DATA_INVALID, V1_ACCOUNT_UNKNOWN, V1_REPOSITORY_UNKNOWN).
    Costs: 1 read, 1 transaction.
    """
    if not isinstance(access, str) or access not in GRANTED:
        raise RegistryError(ErrorCode.V1_DATA_INVALID, "access must be `read` or `write`")
    if not is_username(user) or world.accounts.find_user(user) is None:
        raise RegistryError(ErrorCode.V1_ACCOUNT_UNKNOWN)
    team = world.team_of(name)
    try:
        world.accounts.put_grant(team, GrantRecord(name, user, access))
    except Conflict:
        raise RegistryError(ErrorCode.V1_REPOSITORY_UNKNOWN) from None


def withdraw(world: World, name: RepositoryName, user: str) -> None:
    """Take a grant back; one that is not there is no error. Costs: 1 transaction."""
    if is_username(user):
        world.accounts.delete_grant(world.team_of(name), name, user)


def grants(world: World, name: RepositoryName) -> Sequence[GrantRecord]:
    """Who may do what in a repository, beside its owner. Costs: 1 query."""
    return world.accounts.list_grants(world.team_of(name), name)
