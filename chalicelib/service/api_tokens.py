"""API tokens: a machine's way in, limited to scopes, shown once and revocable.

    secret   ::= "rst_" id "_" 43 characters of base64url      256 random bits
    id       ::= 16 hex digits

It is used as the password of its account's name, wherever a password is.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.domain import limits
from chalicelib.domain.access import Actor
from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.records import ApiToken
from chalicelib.domain.scopes import parse_limit
from chalicelib.ports import Missing
from chalicelib.service.world import World

_SECRET = re.compile(r"rst_([0-9a-f]{16})_[A-Za-z0-9_-]{43}", re.ASCII)
MAX_LIMITS = 20
MAX_LABEL_CHARS = 100


@dataclass(frozen=True)
class MadeToken:
    """A token as it is shown once: afterwards only the hash of its secret is known."""

    token: ApiToken
    secret: str


def id_of_secret(password: str) -> str | None:
    """The id of the API token that a password is; None for a password that is none."""
    found = _SECRET.fullmatch(password)
    return found[1] if found else None


def matches(token: ApiToken, secret: str) -> bool:
    """Whether this is the token's secret, in constant time."""
    return hmac.compare_digest(token.secret_sha256, _hashed(secret))


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def create(world: World, actor: Actor, asked: dict[str, object]) -> MadeToken:
    """Make a token: ``{"label", "scopes": [scope, ...], "expires_in_days": number or null}``.

    Raises: RegistryError(BAD_REQUEST): a word of it is missing or malformed, or there are too
        many tokens. Costs: 1 query, 1 write.
    """
    owner = _owner(actor)
    label, scopes = _label(asked.get("label")), asked.get("scopes")
    if not isinstance(scopes, list) or not 0 < len(scopes) <= MAX_LIMITS:
        raise _bad(f"`scopes` must be a list of 1 to {MAX_LIMITS} scopes")
    now_s = world.clock.now_s()
    expires_at_s = _expiry(asked.get("expires_in_days"), now_s)
    limited_to = tuple(parse_limit(scope) for scope in scopes)
    if len(list_alive(world, actor)) >= limits.MAX_API_TOKENS:
        raise _bad(f"an account has at most {limits.MAX_API_TOKENS} tokens; revoke some first")
    token_id = world.words.fresh()[:16]
    secret = f"rst_{token_id}_{_random_text(world)}"
    token = ApiToken(token_id, owner, label, _hashed(secret), limited_to, now_s, expires_at_s)
    world.accounts.put_api_token(token)
    return MadeToken(token, secret)


def _owner(actor: Actor) -> str:
    if not actor.name:
        raise RegistryError(ErrorCode.UNSUPPORTED, "this registry has no accounts, and no tokens")
    return actor.name


def _label(text: object) -> str:
    if not isinstance(text, str) or not 0 < len(text.strip()) <= MAX_LABEL_CHARS:
        raise _bad(f"`label` must be a text of 1 to {MAX_LABEL_CHARS} characters")
    if not text.isprintable():
        raise _bad("`label` must be printable")
    return text.strip()


def _random_text(world: World) -> str:
    data = bytes.fromhex(world.words.fresh() + world.words.fresh())
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _expiry(days: object, now_s: int) -> int | None:
    if days is None:
        return None
    limit = limits.MAX_API_TOKEN_DAYS
    if not isinstance(days, int) or isinstance(days, bool) or not 0 < days <= limit:
        raise _bad(f"`expires_in_days` must be a whole number from 1 to {limit}")
    return now_s + days * 24 * 3600


def _bad(message: str) -> RegistryError:
    return RegistryError(ErrorCode.BAD_REQUEST, f"API token: {message}")


def list_alive(world: World, actor: Actor) -> Sequence[ApiToken]:
    """An account's tokens that have not ended, bytewise by id. Costs: 1 query."""
    now_s = world.clock.now_s()
    tokens = world.accounts.list_api_tokens(_owner(actor))
    return [token for token in tokens if token.is_alive(now_s)]


def revoke(world: World, actor: Actor, token_id: str) -> None:
    """End a token, and all that was got with it: here at once, elsewhere within a minute.

    Raises: RegistryError(NOT_FOUND). Costs: 1 transaction.
    """
    try:
        if len(token_id) > limits.MAX_ID_CHARS:
            raise Missing("no id of an API token")
        world.accounts.delete_api_token(_owner(actor), token_id)
    except Missing:
        raise RegistryError(ErrorCode.NOT_FOUND, "you have no such API token") from None
    world.logins.forget()
