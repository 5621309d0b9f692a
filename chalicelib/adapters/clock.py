"""The only module that reads the time."""

from __future__ import annotations

import time


class SystemClock:
    def now_s(self) -> int:
        return int(time.time())

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


def ticking_ms() -> float:
    """Milliseconds that only ever grow: for how long something took."""
    return time.perf_counter_ns() / 1_000_000
