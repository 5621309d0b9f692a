"""The Authorization header, in the spellings that clients use.

Basic   base64(user ":" password)           RFC 7617
Bearer  what GET or POST /v2/token gave     RFC 6750
Token   signature=...,repository=...        Docker v1, replayed as it was given, prefix and all
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass


@dataclass(frozen=True)
class Basic:
    """A name and a password, as sent."""

    name: str
    password: str


@dataclass(frozen=True)
class V1TokenText:
    """Everything behind the word ``Token``; empty means anonymous (docker <= 1.3)."""

    text: str


@dataclass(frozen=True)
class BearerText:
    """Everything behind the word ``Bearer``."""

    text: str


@dataclass(frozen=True)
class Unreadable:
    """A header that is there but says nothing we know: a 401, never a guess."""

    scheme: str


Credentials = Basic | V1TokenText | BearerText | Unreadable | None


def parse_authorization(value: str | None) -> Credentials:
    """Read the header; None when there is none, or when it names nobody."""
    if value is None or not value.strip():
        return None
    scheme, _, rest = value.strip().partition(" ")
    kind = scheme.lower()
    if kind == "basic":
        return _basic(rest.strip())
    if kind == "bearer":
        return BearerText(rest.strip()) if rest.strip() else Unreadable("Bearer")
    if kind == "token":
        return V1TokenText(rest.strip()) if rest.strip() else None
    return Unreadable(scheme[:20])


def _basic(encoded: str) -> Credentials:
    try:
        name, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return Unreadable("Basic")
    if not colon:
        return Unreadable("Basic")
    # Old clients without a login send `Og==`, the empty name and password.
    return Basic(name, password) if name or password else None
