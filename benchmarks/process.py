"""What a process costs, read from /proc: resident memory, and CPU with that of its children.

CPU seconds are beside the wall clock because they hold on a machine that others use too.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SAMPLE_S = 0.05
_TICKS = os.sysconf("SC_CLK_TCK")


def tree(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            for child in (task / "children").read_text().split():
                found += tree(int(child))
    return found


def name_of(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


def cpu_s(pid: int) -> float:
    """User and system time of one process so far."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / _TICKS


def cpu_by_name(pid: int) -> dict[str, float]:
    """The same for each process of a tree."""
    return {name_of(each): cpu_s(each) for each in tree(pid)}


def resident_bytes(pid: int, field: str = "VmRSS") -> int:
    """``VmRSS`` now, or ``VmHWM``, the most since `forget_peak`."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"no {field} of {pid}")


def forget_peak(pid: int) -> None:
    """Let VmHWM begin anew (proc(5), clear_refs)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


@dataclass
class Watch:
    """The most that the samples and the kernel saw."""

    sampled_bytes: int = 0
    peak_bytes: int = 0
    samples: int = 0
    seconds: float = 0.0


@contextlib.contextmanager
def watched(pid: int) -> Iterator[Watch]:
    """Sample a process for as long as the block runs."""
    watch, over = Watch(), threading.Event()

    def sample() -> None:
        while not over.wait(SAMPLE_S):
            watch.sampled_bytes = max(watch.sampled_bytes, resident_bytes(pid))
            watch.samples += 1

    thread = threading.Thread(target=sample, daemon=True)
    forget_peak(pid)
    began_s = time.perf_counter()
    thread.start()
    try:
        yield watch
    finally:
        over.set()
        thread.join()
        watch.seconds = time.perf_counter() - began_s
        watch.peak_bytes = resident_bytes(pid, "VmHWM")
