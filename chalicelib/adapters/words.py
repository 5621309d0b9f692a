"""Words that nobody can guess: they go into URLs and S3 keys as they are."""

from __future__ import annotations

import secrets

WORD_BYTES = 16


class RandomWords:
    def fresh(self) -> str:
        """32 lower-case hex characters, 128 bits."""
        return secrets.token_hex(WORD_BYTES)
