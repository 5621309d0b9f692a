"""Pull limits: waited for as long as the registry says, aloud, and not for ever.

    Retry-After: seconds or a date;  X-Retry-After: a Unix time (Docker Hub's API);  else a minute

Docker Hub counts manifests that are read, in a window that moves: after some minutes there is room.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from threading import Lock

from roadstead.client.http import Patience

SHORTEST_S, UNSAID_S, LONGEST_S = 1.0, 60.0, 3600.0


def pause_of(headers: Mapping[str, str], now_s: float) -> float:
    """How long to wait before the next try."""
    text = headers.get("Retry-After", "")
    unix = headers.get("X-Retry-After", "")
    if text.isdigit():
        # Some write a time where seconds belong.
        pause_s = float(text) if float(text) < now_s / 2 else float(text) - now_s
    elif unix.isdigit():
        pause_s = float(unix) - now_s
    else:
        pause_s = _until(text, now_s)
    return min(max(pause_s, SHORTEST_S), LONGEST_S)


def _until(text: str, now_s: float) -> float:
    try:
        return parsedate_to_datetime(text).timestamp() - now_s
    except (ValueError, TypeError, OverflowError):
        return UNSAID_S


@dataclass
class OutwaitLimits(Patience):
    """All threads wait together; ``most_s`` bounds the sum of all waits of a run."""

    say: Callable[[str], None] = print
    host_name: str = ""
    most_s: float = 24 * 3600.0
    now_s: Callable[[], float] = time.time
    waited_s: float = 0.0
    _until_s: float = 0.0
    _lock: Lock = field(default_factory=Lock)

    def outwaited(self, headers: Mapping[str, str]) -> bool:
        with self._lock:
            now_s = self.now_s()
            if now_s >= self._until_s:
                pause_s = pause_of(headers, now_s)
                if self.waited_s + pause_s > self.most_s:
                    return False
                self.waited_s += pause_s
                self._until_s = now_s + pause_s
                self.say(
                    f"{self.host_name} has a limit and it is reached: "
                    f"going on in {readable_time(pause_s)} (Ctrl-C ends; repeat it later)"
                )
            rest_s = self._until_s - now_s
        self.sleep(rest_s)
        return True


def readable_time(seconds: float) -> str:
    """
    >>> readable_time(45), readable_time(600), readable_time(7200)
    ('45 s', '10 min', '2.0 h')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
