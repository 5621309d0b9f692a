"""What the stack asks of the machine: programs and disk space. The seam for tests."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple


class DiskUsage(NamedTuple):
    total_bytes: int
    free_bytes: int


def _disk_usage(folder: Path) -> DiskUsage:
    usage = shutil.disk_usage(folder)
    return DiskUsage(usage.total, usage.free)


@dataclass(frozen=True)
class Machine:
    find_program: Callable[[str], str | None] = shutil.which
    disk_usage: Callable[[Path], DiskUsage] = _disk_usage
