"""The queue of wakes where there is no SQS: a file of SQLite in the data folder.

<data>/webhooks.db    0600

A message that was taken comes again when its time is over and nobody has deleted it: whoever was
at it has died. A kill of the process loses nothing; a power cut may lose the last messages, and
the meter's hourly pass finds what they were of.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from chalicelib.ports import Unavailable
from chalicelib.webhook_ports import Wake

# As on AWS: longer than anybody may be at a message.
VISIBILITY_S = 90.0


@dataclass(frozen=True)
class Message:
    """A wake, and the number under which it is deleted; ``taken`` counts how often it came."""

    number: int
    wake: Wake
    taken: int


class LocalQueue:
    """Queue on a file; safe for threads. ``now_s`` is a wall clock: it outlives the process."""

    def __init__(
        self,
        path: Path,
        *,
        now_s: Callable[[], float] = time.time,
        visibility_s: float = VISIBILITY_S,
    ) -> None:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        self._now_s, self._visibility_s = now_s, visibility_s
        self._lock = threading.Condition()
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS messages ("
            " number INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL,"
            " due_s REAL NOT NULL, taken INTEGER NOT NULL DEFAULT 0)"
        )
        self._connection.execute("CREATE INDEX IF NOT EXISTS due ON messages (due_s)")

    def send(self, wakes: Sequence[Wake], *, delay_s: int = 0) -> None:
        due_s = self._now_s() + delay_s
        rows = [(wake.text(), due_s) for wake in wakes]
        with self._lock:
            try:
                # All of them or none.
                with self._connection as connection:
                    connection.execute("BEGIN IMMEDIATE")
                    connection.executemany("INSERT INTO messages (body, due_s) VALUES (?, ?)", rows)
            except sqlite3.Error as error:
                raise Unavailable(f"the queue of webhooks: {error}") from error
            self._lock.notify_all()

    def take(self, wait_s: float = 0.0) -> Message | None:
        """The message that has been due for longest; None where none is for ``wait_s``.

        Raises: Unavailable.
        """
        with self._lock:
            message = self._take()
            if message is None and wait_s > 0:
                self._lock.wait(wait_s)
                message = self._take()
            return message

    def delete(self, message: Message) -> None:
        """Raises: Unavailable."""
        with self._lock:
            try:
                self._connection.execute("DELETE FROM messages WHERE number = ?", (message.number,))
            except sqlite3.Error as error:
                raise Unavailable(f"the queue of webhooks: {error}") from error

    def begin_anew(self) -> None:
        """Whoever took a message before was another process, which is dead."""
        with self._lock:
            self._connection.execute("UPDATE messages SET due_s = 0 WHERE taken > 0")

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def _take(self) -> Message | None:
        now_s = self._now_s()
        while True:
            try:
                row = self._connection.execute(
                    "UPDATE messages SET due_s = ?, taken = taken + 1 WHERE number = ("
                    " SELECT number FROM messages WHERE due_s <= ? ORDER BY due_s, number LIMIT 1)"
                    " RETURNING number, body, taken",
                    (now_s + self._visibility_s, now_s),
                ).fetchone()
            except sqlite3.Error as error:
                raise Unavailable(f"the queue of webhooks: {error}") from error
            if row is None:
                return None
            try:
                return Message(row[0], Wake.parse(row[1]), row[2])
            except ValueError:
                self._connection.execute("DELETE FROM messages WHERE number = ?", (row[0],))
