"""Bearer tokens and refresh tokens: signed, stateless, read without a store.

    token    ::= header "." claims "." HMAC-SHA256(key of the purpose, header "." claims)
    header   ::= base64url( {"alg":"HS256","typ":"JWT"} )
    claims   ::= base64url( {"iss","aud","sub","iat","nbf","exp","jti",
                             "access": [{"type","name","actions","refused","role"?}],
                             "gen": generation of the account, "tid": API token or null} )

The claims are those of Docker's token specification; ``refused``, ``role`` (by which
membership it was allowed), ``gen`` and ``tid`` are ours.
Each purpose has a key of its own, so that a refresh token is no Bearer token, nor the other way.
The header is compared and not read: nothing in a token chooses how it is checked.
Spec: distribution/docs/spec/auth/jwt.md, oauth.md; RFC 7515.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from chalicelib.domain.access import Actor, Grant
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.scopes import WORDS, words_of
from chalicelib.domain.tokens import decode, encode

ISSUER = "roadstead"
SERVICE = "roadstead"
_HEADER = encode(b'{"alg":"HS256","typ":"JWT"}')
# Of a token, before anything of it is decoded.
MAX_TOKEN_CHARS = 16_384


class Challenge(Enum):
    """Which way of identifying a 401 of v2 asks for; both ways work whatever it is."""

    BASIC = "basic"
    BEARER = "bearer"


@dataclass(frozen=True)
class Holder:
    """Whom a token was given to: an account, perhaps by one of its API tokens; or nobody."""

    user: str | None = None
    generation: int = 0
    token_id: str | None = None


@dataclass(frozen=True)
class BearerToken:
    """What a Bearer token says."""

    holder: Holder
    grants: tuple[Grant, ...]
    catalog: bool
    issued_at_s: int
    expires_at_s: int
    word: str = ""

    def actor(self) -> Actor:
        """Who carries it, narrowed to what it grants."""
        return Actor(
            self.holder.user,
            grants=self.grants,
            is_renewable=True,
            lists_catalog=self.catalog,
            generation=self.holder.generation,
            token_id=self.holder.token_id,
        )


@dataclass(frozen=True)
class RefreshToken:
    """What a refresh token says: that its holder may ask for Bearer tokens until then."""

    holder: Holder
    expires_at_s: int


def render_bearer(key: bytes, token: BearerToken) -> str:
    access: list[dict[str, object]] = [
        {
            "type": "repository",
            "name": grant.repository.path,
            "actions": words_of(grant.actions),
            "refused": words_of(grant.refused),
            **({"role": grant.role} if grant.role else {}),
        }
        for grant in token.grants
    ]
    if token.catalog:
        access.append({"type": "registry", "name": "catalog", "actions": ["*"]})
    claims = {
        **_holder_claims(token.holder),
        "iat": token.issued_at_s,
        "nbf": token.issued_at_s,
        "exp": token.expires_at_s,
        "jti": token.word,
        "access": access,
    }
    return _signed(key, "bearer", claims)


def parse_bearer(key: bytes, text: str, *, now_s: int) -> BearerToken | None:
    """Read a Bearer token; None for one that is forged, expired or no token at all."""
    claims = _verified(key, "bearer", text, now_s)
    if claims is None:
        return None
    access = claims["access"]
    grants = tuple(
        Grant(
            RepositoryName(entry["name"]),
            frozenset(WORDS[word] for word in entry["actions"]),
            frozenset(WORDS[word] for word in entry["refused"]),
            entry.get("role"),
        )
        for entry in access
        if entry["type"] == "repository"
    )
    catalog = any(entry["type"] == "registry" for entry in access)
    return BearerToken(
        _holder(claims), grants, catalog, claims["iat"], claims["exp"], claims["jti"]
    )


def render_refresh(key: bytes, token: RefreshToken) -> str:
    return _signed(key, "refresh", {**_holder_claims(token.holder), "exp": token.expires_at_s})


def parse_refresh(key: bytes, text: str, *, now_s: int) -> RefreshToken | None:
    """Read a refresh token; None for one that is forged, expired or something else."""
    claims = _verified(key, "refresh", text, now_s)
    return RefreshToken(_holder(claims), claims["exp"]) if claims else None


def _holder_claims(holder: Holder) -> dict[str, object]:
    return {
        "iss": ISSUER,
        "aud": SERVICE,
        "sub": holder.user or "",
        "gen": holder.generation,
        "tid": holder.token_id,
    }


def _holder(claims: Mapping[str, Any]) -> Holder:
    return Holder(claims["sub"] or None, claims["gen"], claims["tid"])


def _signed(key: bytes, purpose: str, claims: Mapping[str, object]) -> str:
    body = encode(json.dumps(claims, separators=(",", ":")).encode())
    return f"{_HEADER}.{body}.{_signature(key, purpose, body)}"


def _verified(key: bytes, purpose: str, text: str, now_s: int) -> dict[str, Any] | None:
    header, _, rest = text.partition(".")
    body, _, signature = rest.partition(".")
    if len(text) > MAX_TOKEN_CHARS or header != _HEADER:
        return None
    expected = _signature(key, purpose, body).encode()
    if not hmac.compare_digest(expected, signature.encode("utf-8", "surrogatepass")):
        return None
    # The signature is ours, and so is all that stands below it.
    claims: dict[str, Any] = json.loads(decode(body))
    return claims if claims["exp"] > now_s else None


def _signature(key: bytes, purpose: str, body: str) -> str:
    own = hmac.digest(key, f"jwt {purpose}".encode(), "sha256")
    message = f"{_HEADER}.{body}".encode("utf-8", "surrogatepass")
    return encode(hmac.digest(own, message, "sha256"))
