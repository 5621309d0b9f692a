"""The meter beside `roadstead up`: a thread that counts what the spool holds.

It is the meter of AWS (`chalicelib/service/meter.py`). What differs is that lines cannot come late:
they wait in their files for as long as the registry is off.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chalicelib.ports import Clock, PortError
from chalicelib.service.meter import HOUR_S, Terms, measure_storage, take
from chalicelib.service.wakes import Listeners, look, tell
from chalicelib.usage_ports import UsageStore
from roadstead.usage.spool import SUFFIX, Spool, spooling

log = logging.getLogger("roadstead.usage")

EVERY_S = 2.0
LINES_AT_ONCE = 500
# A file may wait for years until the registry runs again.
FOREVER = Terms(late_s=None, known_s=10 * 365 * 24 * HOUR_S)


class LocalMeter:
    """Counts what lies in a folder; safe to be stopped, killed and begun anew at any moment."""

    def __init__(
        self,
        store: UsageStore,
        clock: Clock,
        folder: Path,
        spool: Spool,
        listeners: Listeners | None = None,
    ) -> None:
        self._store, self._clock, self._listeners = store, clock, listeners
        self._folder, self._spool = folder, spool
        # How far each file has been counted, by this process: only to save its reading again.
        self._offsets: dict[Path, int] = {}
        self._counted: set[Path] = set()
        self._hour = -1

    def run(self, done: threading.Event) -> None:
        """Count every other second until it is done."""
        while not done.wait(EVERY_S):
            self.round()

    def round(self) -> None:
        """Count what has come; what fails stays for the next round."""
        try:
            # Before the files are listed: one that is left meanwhile is read once more.
            current = self._spool.current
            self._remove_counted()
            for path in sorted(self._folder.glob(f"*{SUFFIX}")):
                self._count(path, is_ended=path != current)
            self._measure()
        except (OSError, PortError) as error:
            log.warning("usage is not counted for now: %s", error)

    def _count(self, path: Path, *, is_ended: bool) -> None:
        with path.open("rb") as file:
            file.seek(self._offsets.get(path, 0))
            data = file.read()
        # A line without its end is being written, or its writer has died over it, and then its
        # client has had no answer.
        whole = data[: data.rfind(b"\n") + 1]
        lines = whole.splitlines()
        for at in range(0, len(lines), LINES_AT_ONCE):
            parsed = [_parsed(line) for line in lines[at : at + LINES_AT_ONCE]]
            if self._listeners is not None:
                tell(self._listeners, parsed)
            take(self._store, parsed, now_s=self._clock.now_s(), terms=FOREVER)
        self._offsets[path] = self._offsets.get(path, 0) + len(whole)
        if is_ended:
            self._counted.add(path)

    def _remove_counted(self) -> None:
        """A round later: DynamoDB Local answers a little before it has stored something."""
        for path in self._counted:
            path.unlink(missing_ok=True)
            self._offsets.pop(path, None)
        self._counted.clear()

    def _measure(self) -> None:
        now_s = self._clock.now_s()
        if now_s // HOUR_S != self._hour:
            if self._listeners is not None:
                look(self._listeners, now_s=now_s)
            measure_storage(self._store, now_s=now_s)
            self._hour = now_s // HOUR_S


def _parsed(line: bytes) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


@contextmanager
def metering(
    data: Path, store: UsageStore, clock: Clock, listeners: Listeners | None = None
) -> Iterator[None]:
    """Count the requests that this process answers, while the block runs, and wake webhooks."""
    folder, done = data / "usage", threading.Event()
    with spooling(folder) as spool:
        meter = LocalMeter(store, clock, folder, spool, listeners)
        thread = threading.Thread(target=meter.run, args=(done,), name="meter", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
            spool.close()
            meter.round()
