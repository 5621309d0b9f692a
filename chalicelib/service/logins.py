"""What a warm function remembers of accounts, so that argon2 and a read are paid once a minute."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Generic, TypeVar

from chalicelib.domain.access import Actor

V = TypeVar("V")

LOGIN_TTL_S = 60
GENERATION_TTL_S = 30
CACHE_ENTRIES = 1024


class _Recent(Generic[V]):
    """The newest entries, each for a time of its own."""

    def __init__(self, ttl_s: int) -> None:
        self._ttl_s = ttl_s
        self._seen: OrderedDict[bytes | str, tuple[int, V]] = OrderedDict()
        self._lock = Lock()

    def find(self, key: bytes | str, now_s: int) -> V | None:
        with self._lock:
            entry = self._seen.get(key)
            return entry[1] if entry and entry[0] > now_s else None

    def put(self, key: bytes | str, value: V, now_s: int, end_s: int | None = None) -> None:
        """Remember a value; not past ``end_s``, when it ends by itself."""
        until_s = now_s + self._ttl_s
        with self._lock:
            self._seen[key] = (until_s if end_s is None else min(until_s, end_s), value)
            self._seen.move_to_end(key)
            while len(self._seen) > CACHE_ENTRIES:
                self._seen.popitem(last=False)

    def clear(self) -> None:
        with self._lock:
            self._seen.clear()


class LoginCache:
    """Logins that were right a moment ago, and the generations of accounts.

    Logins are keyed by a keyed hash of name and password: neither stands in memory. A password
    that was changed elsewhere ends here within ``LOGIN_TTL_S``, its tokens within
    ``GENERATION_TTL_S``; in the function that changed it both end at once.
    """

    def __init__(self) -> None:
        self.logins: _Recent[Actor] = _Recent(LOGIN_TTL_S)
        self.generations: _Recent[int] = _Recent(GENERATION_TTL_S)
        # When each API token ends; 0 for one that has.
        self.api_tokens: _Recent[int] = _Recent(GENERATION_TTL_S)
        # What somebody is in a team; "" for nothing.
        self.roles: _Recent[str] = _Recent(GENERATION_TTL_S)

    def forget(self) -> None:
        """An account has changed: whatever is remembered is asked for again."""
        self.logins.clear()
        self.generations.clear()
        self.api_tokens.clear()
        self.roles.clear()
