"""The cache of logins that were right a moment ago."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

from chalicelib.domain.access import Actor

CACHE_TTL_S = 60
CACHE_ENTRIES = 1024


class LoginCache:
    """Logins that were right a moment ago, so that argon2 and a read are paid once a minute.

    Keyed by a keyed hash of name and password: neither stands in memory. A changed password is
    refused by other functions at most this much later.
    """

    def __init__(self) -> None:
        self._seen: OrderedDict[bytes, tuple[int, Actor]] = OrderedDict()
        self._lock = Lock()

    def find(self, key: bytes, now_s: int) -> Actor | None:
        with self._lock:
            entry = self._seen.get(key)
            return entry[1] if entry and entry[0] > now_s else None

    def put(self, key: bytes, actor: Actor, now_s: int) -> None:
        with self._lock:
            self._seen[key] = (now_s + CACHE_TTL_S, actor)
            self._seen.move_to_end(key)
            while len(self._seen) > CACHE_ENTRIES:
                self._seen.popitem(last=False)
