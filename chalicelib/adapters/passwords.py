"""argon2id, imported when the first password comes: most requests carry none."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argon2 import PasswordHasher

# OWASP's second choice (19 MiB, two passes): about 20 ms on a Lambda of 1024 MB, whose share of a
# CPU is 0.6, and little enough memory for every thread of a gateway to check one at a time.
TIME_COST = 2
MEMORY_COST_KIB = 19 * 1024
PARALLELISM = 1


class Argon2Passwords:
    """Hashes to the encoded form ``$argon2id$...``, which carries its own parameters."""

    def __init__(self) -> None:
        self._hasher: PasswordHasher | None = None
        self._nobody: str | None = None

    def hash(self, password: str) -> str:
        return self._ready().hash(password)

    def matches(self, encoded: str, password: str) -> bool:
        from argon2.exceptions import InvalidHashError, VerificationError  # noqa: PLC0415

        try:
            return self._ready().verify(encoded, password)
        except (VerificationError, InvalidHashError):
            return False

    def nobody(self) -> str:
        if self._nobody is None:
            self._nobody = self._ready().hash(secrets.token_urlsafe(32))
        return self._nobody

    def _ready(self) -> PasswordHasher:
        if self._hasher is None:
            from argon2 import PasswordHasher  # noqa: PLC0415

            self._hasher = PasswordHasher(TIME_COST, MEMORY_COST_KIB, PARALLELISM)
        return self._hasher
