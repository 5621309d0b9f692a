"""Request lines on their way to the meter, where no CloudWatch carries them: files in a folder.

<data>/usage/<word>-<n>.jsonl     0600: lines as they were logged; deleted once they are counted

A line is written whole, past all buffers, before the client has its answer: what a kill of the
process leaves is what was answered. (A power cut may take the last ones along.) Who reads a file
twice counts it once: each line bears its number.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chalicelib.adapters.words import RandomWords
from chalicelib.web import logs

FILE_BYTES = 1024 * 1024
SUFFIX = ".jsonl"

log = logging.getLogger("roadstead.usage")


class Spool(logging.Handler):
    """Writes each request's line to the end of a file; a file that has grown large is left."""

    def __init__(self, folder: Path, file_bytes: int = FILE_BYTES) -> None:
        super().__init__()
        self.setFormatter(logs.JsonLines())
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder, self._file_bytes = folder, file_bytes
        self._word, self._number = RandomWords().fresh(), 0
        self._file: int | None = None
        self._written_bytes = 0
        self.current: Path | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Called under the handler's own lock, so that no two lines meet."""
        data = self.format(record).encode() + b"\n"
        try:
            written_bytes = os.write(self._opened(), data)
        except OSError as error:
            # A full disk: the request is served all the same, and is in no report.
            log.warning("a line cannot be kept for the meter: %s", error.strerror)
            self._leave()
            return
        self._written_bytes += written_bytes
        # Behind a line that was cut off, the next one would be lost as well.
        if written_bytes < len(data) or self._written_bytes >= self._file_bytes:
            self._leave()

    def close(self) -> None:
        self._leave()
        super().close()

    def _opened(self) -> int:
        if self._file is None:
            self._number += 1
            path = self._folder / f"{self._word}-{self._number:08d}{SUFFIX}"
            self.current = path
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
            self._written_bytes = 0
        return self._file

    def _leave(self) -> None:
        if self._file is not None:
            os.close(self._file)
        self._file, self.current = None, None


@contextmanager
def spooling(folder: Path) -> Iterator[Spool]:
    """Every request's line of this process goes to the folder as well, while the block runs."""
    spool, level = Spool(folder), logs.REQUESTS.level
    logs.REQUESTS.addHandler(spool)
    logs.REQUESTS.setLevel(logging.INFO)
    try:
        yield spool
    finally:
        logs.REQUESTS.removeHandler(spool)
        logs.REQUESTS.setLevel(level)
        spool.close()
