"""What a person sees: bars on a terminal, one line a blob elsewhere, nothing with ``--quiet``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Protocol, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

MIB = 1024 * 1024


class Watch(Protocol):
    """Told of every blob; called from any thread."""

    def begin(self, key: str, label: str, size_bytes: int) -> None:
        """A blob that will be moved."""

    def moved(self, key: str, size_bytes: int) -> None:
        """More bytes of it; fewer than none when they have to be moved again."""

    def end(self, key: str, note: str) -> None:
        """It is done, or was there already."""

    def say(self, line: str) -> None:
        """Something to remember beside the bars."""


class Quiet:
    """Says nothing."""

    def begin(self, key: str, label: str, size_bytes: int) -> None: ...

    def moved(self, key: str, size_bytes: int) -> None: ...

    def end(self, key: str, note: str) -> None: ...

    def say(self, line: str) -> None: ...


class Lines(Quiet):
    """A line when a blob is done: for logs."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._labels: dict[str, str] = {}
        self._lock = Lock()

    def begin(self, key: str, label: str, size_bytes: int) -> None:
        self._labels[key] = f"{label}  {readable_size(size_bytes)}"

    def end(self, key: str, note: str) -> None:
        self.say(f"{self._labels.get(key, key)}  {note}")

    def say(self, line: str) -> None:
        with self._lock:
            print(line, file=self._out, flush=True)


class Bars(Quiet):
    """A bar a blob, and one for all."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._all: TaskID = progress.add_task("total", total=0, note="")
        self._tasks: dict[str, TaskID] = {}
        self._sizes: dict[str, int] = {}
        self._total = 0
        self._lock = Lock()

    def begin(self, key: str, label: str, size_bytes: int) -> None:
        with self._lock:
            self._total += size_bytes
            self._sizes[key] = size_bytes
            self._progress.update(self._all, total=self._total)
            self._tasks[key] = self._progress.add_task(label, total=size_bytes, note="")

    def moved(self, key: str, size_bytes: int) -> None:
        self._progress.advance(self._tasks[key], size_bytes)
        self._progress.advance(self._all, size_bytes)

    def end(self, key: str, note: str) -> None:
        with self._lock:
            task = next(t for t in self._progress.tasks if t.id == self._tasks[key])
            rest = self._sizes[key] - task.completed
            self._progress.advance(self._all, rest)
            self._progress.update(self._tasks[key], completed=self._sizes[key], note=note)

    def say(self, line: str) -> None:
        self._progress.console.print(line, highlight=False, markup=False)


@contextmanager
def watching(*, quiet: bool, out: TextIO = sys.stderr) -> Iterator[Watch]:
    """What fits where the output goes."""
    if quiet:
        yield Quiet()
    elif not out.isatty():
        yield Lines(out)
    else:
        # Imported here: only a terminal needs it.
        from rich.console import Console  # noqa: PLC0415
        from rich.progress import (  # noqa: PLC0415
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TransferSpeedColumn,
        )
        from rich.table import Column  # noqa: PLC0415

        # On a narrow terminal a note is cut before a line is broken.
        columns = (
            TextColumn("{task.description}", table_column=Column(no_wrap=True)),
            BarColumn(bar_width=20),
            DownloadColumn(binary_units=True, table_column=Column(no_wrap=True)),
            TransferSpeedColumn(table_column=Column(no_wrap=True)),
            TextColumn("{task.fields[note]}", table_column=Column(no_wrap=True)),
        )
        with Progress(*columns, console=Console(file=out)) as progress:
            yield Bars(progress)


def readable_size(size_bytes: int) -> str:
    """
    >>> readable_size(30 * MIB), readable_size(2048)
    ('30.0 MiB', '2.0 KiB')
    """
    return f"{size_bytes / MIB:.1f} MiB" if size_bytes >= MIB else f"{size_bytes / 1024:.1f} KiB"


def label_of(digest: str) -> str:
    """What a person calls a blob: docker's twelve characters."""
    return digest.partition(":")[2][:12]
