"""What a migration has done so far, and how it is shown. Safe for several threads."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import TextIO

from roadstead.client.progress import Quiet, readable_size

GIB = 1024 * 1024 * 1024
STATUS_EVERY_S = 0.5


def size_text(size_bytes: int) -> str:
    """
    >>> size_text(3 * GIB), size_text(2048)
    ('3.0 GiB', '2.0 KiB')
    """
    return f"{size_bytes / GIB:.1f} GiB" if size_bytes >= GIB else readable_size(size_bytes)


@dataclass
class Tally:
    """The sums of the final report."""

    repositories: set[str] = field(default_factory=set)
    # Repositories that are listed and hold nothing.
    empty: int = 0
    tags_brought: int = 0
    tags_there: int = 0
    tags_left: int = 0
    manifests: int = 0
    bytes_moved: int = 0
    bytes_there: int = 0
    verified: int | None = None
    failures: list[tuple[str, str]] = field(default_factory=list)
    # Of a dry run: sizes by digest.
    wanted: dict[str, int] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def add(self, **sums: int) -> None:
        with self._lock:
            for name, number in sums.items():
                setattr(self, name, (getattr(self, name) or 0) + number)

    def saw(self, repository: str) -> None:
        with self._lock:
            self.repositories.add(repository)

    def would_move(self, blobs: Mapping[str, int]) -> None:
        with self._lock:
            self.wanted.update(blobs)

    def fail(self, name: str, reason: str) -> None:
        with self._lock:
            self.failures.append((name, reason))

    def report(self) -> list[str]:
        """The lines of the final report."""
        left = f", {self.tags_left} differ and were left" if self.tags_left else ""
        words = "is listed and holds" if self.empty == 1 else "are listed and hold"
        empty = f", and {self.empty} that {words} nothing" if self.empty else ""
        rows = [
            ("repositories", f"{len(self.repositories)}{empty}"),
            ("tags", f"{self.tags_brought} brought, {self.tags_there} were there already{left}"),
            ("manifests", f"{self.manifests} brought"),
            (
                "bytes",
                f"{size_text(self.bytes_moved)} moved, "
                f"{size_text(self.bytes_there)} were there already",
            ),
        ]
        if self.verified is not None:
            rows.append(("verified", f"{self.verified} tags are the same on both sides"))
        rows.append(("failures", f"{len(self.failures)}"))
        lines = [f"{name:13} {text}" for name, text in rows]
        return lines + [f"  {name}: {reason}" for name, reason in sorted(self.failures)]


class Screen:
    """Lines on stderr, and on a terminal a last line that moves."""

    def __init__(self, out: TextIO | None = None, *, quiet: bool = False) -> None:
        self._out = out or sys.stderr
        self._quiet = quiet
        self._moves = not quiet and self._out.isatty()
        self._shown_s = 0.0
        self._lock = Lock()

    def say(self, line: str) -> None:
        if not self._quiet:
            with self._lock:
                # Erases what moves; it comes again with the next bytes.
                print(f"\r\x1b[K{line}" if self._moves else line, file=self._out, flush=True)

    def status(self, tally: Tally) -> None:
        now_s = time.monotonic()
        if self._moves and now_s - self._shown_s > STATUS_EVERY_S:
            with self._lock:
                self._shown_s = now_s
                done = tally.tags_brought + tally.tags_there
                text = f"{done} tags, {size_text(tally.bytes_moved)} moved"
                print(f"\r\x1b[K{text}", end="", file=self._out, flush=True)


class ImageWatch(Quiet):
    """Adds the bytes of one image to the sums; ``arrived`` hears of each blob that is there."""

    def __init__(self, tally: Tally, screen: Screen, arrived: Callable[[str], None]) -> None:
        self._tally, self._screen, self._arrived = tally, screen, arrived
        self._sizes: dict[str, int] = {}
        self.moved_bytes = 0

    def begin(self, key: str, label: str, size_bytes: int) -> None:
        self._sizes[key] = size_bytes

    def moved(self, key: str, size_bytes: int) -> None:
        self.moved_bytes += size_bytes
        self._tally.add(bytes_moved=size_bytes)
        self._screen.status(self._tally)

    def end(self, key: str, note: str) -> None:
        if note == "is there" or note.startswith("mounted"):
            self._tally.add(bytes_there=self._sizes.get(key, 0))
        if not note.startswith("left"):
            self._arrived(key)
