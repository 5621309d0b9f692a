"""Accounts: who somebody is, and how the first administrator comes to be."""

from __future__ import annotations

import hmac
import re

from chalicelib.domain.access import Actor
from chalicelib.domain.records import User
from chalicelib.service.world import World

MIN_PASSWORD_CHARS = 8
MAX_PASSWORD_CHARS = 1024

# A user's name is a namespace, so it obeys the grammar of one name component.
_USERNAME = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*", re.ASCII)


class AccountError(ValueError):
    """A name or a password that the rules refuse; the message says which rule."""


def check_login(world: World, name: str, password: str) -> Actor | None:
    """Who this is; None when name or password is wrong, in the same time for both.

    Costs: 1 read and one argon2, once a minute for each login.
    """
    if len(password) > MAX_PASSWORD_CHARS:
        return None
    key = hmac.digest(world.signing_key, f"login\0{name}\0{password}".encode(), "sha256")
    now_s = world.clock.now_s()
    cached = world.logins.find(key, now_s)
    if cached is not None:
        return cached
    user = world.metadata.find_user(name) if _USERNAME.fullmatch(name) else None
    # An unknown name is checked against nobody's hash, so that it takes as long as a known one.
    encoded = user.password_hash if user else world.passwords.nobody()
    if not world.passwords.matches(encoded, password) or user is None:
        return None
    actor = Actor(user.name, is_administrator=user.is_administrator)
    world.logins.put(key, actor, now_s)
    return actor


def create(
    world: World, name: str, password: str, *, email: str | None = None, administrator: bool = False
) -> User:
    """Make an account.

    Raises: AccountError (name or password against the rules); Conflict (the name is taken).
    Costs: 1 conditional write.
    """
    if not 2 <= len(name) <= 64 or not _USERNAME.fullmatch(name):
        raise AccountError(
            "a name has 2 to 64 lower-case letters and digits, with single . _ - between them"
        )
    if not MIN_PASSWORD_CHARS <= len(password) <= MAX_PASSWORD_CHARS:
        raise AccountError(
            f"a password has {MIN_PASSWORD_CHARS} to {MAX_PASSWORD_CHARS} characters"
        )
    user = User(name, world.passwords.hash(password), email, administrator, world.clock.now_s())
    world.metadata.create_user(user)
    return user
