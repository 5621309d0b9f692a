"""Rules of accounts: names, e-mail addresses, passwords, sign-up, and how guessing is slowed.

    username  ::= one component of a repository name, 2 to 64 characters: it is a namespace
    email     ::= local "@" domain, at most 254 characters, no spaces or controls
    password  ::= 8 to 1024 characters

Spec: Docker Hub API v1, users. (The Hub took passwords from 5 characters; nobody should today.)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.names import LIBRARY

MIN_PASSWORD_CHARS = 8
MAX_PASSWORD_CHARS = 1024
MAX_EMAIL_CHARS = 254

_USERNAME = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*", re.ASCII)
# RFC 5321 in what matters here: one @, something on both sides, a domain with no odd signs.
_EMAIL = re.compile(
    r"[^\s@\x00-\x1f\x7f]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?", re.ASCII
)
# Names that would be taken for something of the registry's own.
RESERVED_NAMES = frozenset(
    {LIBRARY, "open", "public", "v1", "v2", "api", "roadstead", "teams", "token", "tokens", "www"}
)

# So many wrong passwords are free; then the wait doubles, up to a quarter of an hour. An address
# may be a whole office behind one router, so it has more of them than an account.
FREE_FAILURES_OF_NAME = 5
FREE_FAILURES_OF_ADDRESS = 30
MAX_WAIT_S = 900
FAILURES_KEPT_S = 3600


class SignUp(Enum):
    """Who may make an account through the API."""

    OPEN = "open"
    INVITATION = "invitation"
    CLOSED = "closed"


@dataclass(frozen=True)
class Failures:
    """Wrong passwords for one name or from one address, in the last hour or so."""

    count: int = 0
    last_at_s: int = 0


def is_username(text: str) -> bool:
    """Whether a text could be the name of an account."""
    return 2 <= len(text) <= 64 and bool(_USERNAME.fullmatch(text))


def check_username(text: object) -> str:
    """A name for a new account. Raises: RegistryError(V1_ACCOUNT_INVALID)."""
    if not isinstance(text, str) or not is_username(text) or text in RESERVED_NAMES:
        raise RegistryError(
            ErrorCode.V1_ACCOUNT_INVALID,
            "username must be 2 to 64 lower-case letters or digits, single . _ - between them, "
            "and not a reserved word",
        )
    return text


def check_email(text: object) -> str:
    """An address, its domain in lower case. Raises: RegistryError(V1_ACCOUNT_INVALID)."""
    if not isinstance(text, str) or len(text) > MAX_EMAIL_CHARS or not _EMAIL.fullmatch(text):
        raise RegistryError(ErrorCode.V1_ACCOUNT_INVALID, "email must be an e-mail address")
    local, _, domain = text.rpartition("@")
    return f"{local}@{domain.lower()}"


def check_password(text: object) -> str:
    """A password for an account. Raises: RegistryError(V1_ACCOUNT_INVALID)."""
    if not isinstance(text, str) or not MIN_PASSWORD_CHARS <= len(text) <= MAX_PASSWORD_CHARS:
        raise RegistryError(
            ErrorCode.V1_ACCOUNT_INVALID,
            f"password must have {MIN_PASSWORD_CHARS} to {MAX_PASSWORD_CHARS} characters",
        )
    return text


def wait_s(failures: Failures, free: int, now_s: int) -> int:
    """How long the next try has to wait: 0 when it may come now."""
    if failures.count < free or now_s - failures.last_at_s > FAILURES_KEPT_S:
        return 0
    wait = min(MAX_WAIT_S, 1 << min(10, failures.count - free + 1))
    return max(0, failures.last_at_s + wait - now_s)
