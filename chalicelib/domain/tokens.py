"""Signed statements that need no store: v1 tokens, and what a gateway says it has hashed.

    v1 token  ::= 'Token signature=' body '.' mac ',repository="ns/repo",access=' access
    body      ::= base64url( json {"e": expires_at_s, "u": user or null, "g": generation,
                                   "t": id of the API token that it was got with, or null,
                                   "r": role in the team that it was got by, or null} )
    mac       ::= base64url( HMAC-SHA256(key, purpose || body || repository || access) )

The client treats a v1 token as an opaque string and sends it back, sometimes with the word
``Token`` twice and sometimes several joined by commas; a key=value scan reads every spelling.
Spec: Docker Hub API v1, "X-Docker-Token"; docker-registry's toolkit as the oracle.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
from dataclasses import dataclass
from typing import Any

from chalicelib.domain.access import Action, Actor, Grant
from chalicelib.domain.errors import RegistryError
from chalicelib.domain.names import RepositoryName, parse_repository_name

# From a word's beginning and with a bound: without them a long word costs the square of its length.
_PAIR = re.compile(r"\b(\w{1,32})[:=][\s\"]?([^\",]+)\"?")

# A write token reads as well: clients probe `GET images/ID/json` with it before they push.
V1_ACCESS: dict[str, frozenset[Action]] = {
    "read": frozenset({Action.PULL}),
    "write": frozenset({Action.PULL, Action.PUSH}),
    "delete": frozenset({Action.PULL, Action.DELETE, Action.ADMIN}),
}


@dataclass(frozen=True)
class V1Token:
    """A v1 token's claims: one repository, one access, an end.

    ``generation`` is the user's when it was given: a changed password ends the token.
    """

    repository: RepositoryName
    access: str
    user: str | None
    expires_at_s: int
    generation: int = 0
    token_id: str | None = None
    role: str | None = None

    def actor(self) -> Actor:
        """Who carries it, narrowed to what it grants."""
        # A token of an anonymous pull has no user; the empty name still counts as identified,
        # so that a refused write is a 403 and not an endless 401.
        grants = (Grant(self.repository, V1_ACCESS[self.access]),)
        return Actor(self.user or "", grants=grants, token_id=self.token_id)


def mac(key: bytes, purpose: str, *fields: str) -> str:
    """A signature over labelled fields; no field can slide into its neighbour."""
    message = b"\x00".join(_bytes(part) for part in (purpose, *fields))
    return encode(hmac.digest(key, message, "sha256"))


def mac_matches(key: bytes, claimed: str, purpose: str, *fields: str) -> bool:
    """Whether the signature is ours, in constant time."""
    return hmac.compare_digest(mac(key, purpose, *fields).encode(), _bytes(claimed))


def render_v1_token(key: bytes, token: V1Token) -> str:
    """The value of X-Docker-Token and of WWW-Authenticate, with its ``Token`` prefix."""
    document = {
        "e": token.expires_at_s,
        "u": token.user,
        "g": token.generation,
        "t": token.token_id,
        "r": token.role,
    }
    claims = json.dumps(document, separators=(",", ":"))
    body = encode(claims.encode())
    signature = mac(key, "v1-token", body, token.repository.path, token.access)
    return (
        f'Token signature={body}.{signature},repository="{token.repository.path}"'
        f",access={token.access}"
    )


def parse_v1_token(key: bytes, text: str, *, now_s: int) -> V1Token | None:
    """Read a token in any spelling; None for one that is forged, expired or no token at all."""
    fields = {name.lower(): value.strip() for name, value in _PAIR.findall(text)}
    body, _, signature = fields.get("signature", "").partition(".")
    access = fields.get("access", "")
    if access not in V1_ACCESS:
        return None
    try:
        repository = parse_repository_name(fields.get("repository", ""))
    except RegistryError:
        return None
    if not mac_matches(key, signature, "v1-token", body, repository.path, access):
        return None
    claims = _decode_claims(body)
    if claims is None or claims["e"] <= now_s:
        return None
    return V1Token(
        repository, access, claims["u"], claims["e"], claims["g"], claims.get("t"), claims.get("r")
    )


def _decode_claims(body: str) -> dict[str, Any] | None:
    # Its signature was right, so what it says is what we wrote.
    try:
        claims = json.loads(decode(body))
        return claims if isinstance(claims, dict) and claims.keys() >= {"e", "u", "g"} else None
    except (ValueError, binascii.Error):
        return None


def _bytes(text: str) -> bytes:
    # What is claimed comes from outside, and JSON can hold half a character.
    return text.encode("utf-8", "surrogatepass")


def encode(data: bytes) -> str:
    """base64url without padding, as tokens have it."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """What ``encode`` wrote. Raises: ValueError, of which binascii.Error is one."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
