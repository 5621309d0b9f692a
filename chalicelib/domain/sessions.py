"""Sessions of the web page, and the tokens of its forms: signed, stateless, read without a store.

    session    ::= body "." HMAC-SHA256(key, "session" || body)
    body       ::= base64url( json {"u": user or null, "g": generation of the account,
                                    "a": is an administrator, "w": random word, "e": expires_at_s} )
    form token ::= HMAC-SHA256(key, "form" || word || user)

A visitor who has not signed in may have a session as well: forms are bound to it. Whoever signs in
gets a new one, so that a session which somebody else has planted is worth nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from chalicelib.domain.tokens import decode, encode, mac, mac_matches

# A working day; a visitor's session need only outlive the filling-in of a form.
SESSION_TTL_S = 12 * 3600
VISIT_TTL_S = 2 * 3600
MAX_SESSION_CHARS = 2000


@dataclass(frozen=True)
class Session:
    """Whom a session cookie was given to; ``user`` is None before they have signed in."""

    word: str
    expires_at_s: int
    user: str | None = None
    generation: int = 0
    is_administrator: bool = False


def render_session(key: bytes, session: Session) -> str:
    """The cookie's value: letters, digits, `-`, `_` and one dot."""
    claims = {
        "u": session.user,
        "g": session.generation,
        "a": session.is_administrator,
        "w": session.word,
        "e": session.expires_at_s,
    }
    body = encode(json.dumps(claims, separators=(",", ":")).encode())
    return f"{body}.{mac(key, 'session', body)}"


def parse_session(key: bytes, text: str, *, now_s: int) -> Session | None:
    """Read a cookie's value; None for one that is forged, expired or something else."""
    body, _, signature = text.partition(".")
    if len(text) > MAX_SESSION_CHARS or not mac_matches(key, signature, "session", body):
        return None
    # The signature is ours, and so is what stands below it.
    claims = json.loads(decode(body))
    if claims["e"] <= now_s:
        return None
    return Session(claims["w"], claims["e"], claims["u"], claims["g"], claims["a"])


def form_token(key: bytes, session: Session) -> str:
    """What each form of this session carries."""
    return mac(key, "form", session.word, session.user or "")


def is_form_token(key: bytes, session: Session, claimed: str) -> bool:
    """Whether a form is this session's, in constant time."""
    return mac_matches(key, claimed, "form", session.word, session.user or "")
