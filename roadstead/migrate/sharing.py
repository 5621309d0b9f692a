"""A blob that several repositories have is sent into one of them, and mounted into the others."""

from __future__ import annotations

from pathlib import Path
from threading import Event, Lock

from roadstead.client.memory import Memory


class Sharing:
    """Which repository has a blob, and which blobs are under way, in this run.

    Whoever holds a blob is sending it and waits for nobody, and lets go of it when it has not
    come: two that held what the other one asks for would wait for ever.
    """

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._sending: dict[str, tuple[Event, object]] = {}
        self._lock = Lock()
        # The file of known blobs is one for all of them.
        self.file_lock = Lock()

    def holder_of(self, digest: str, asker: object) -> str | None:
        """A repository that has the blob, once it is there; None when the asker is to send it."""
        while True:
            with self._lock:
                if digest in self._known:
                    return self._known[digest]
                if digest not in self._sending:
                    self._sending[digest] = (Event(), asker)
                    return None
                arrived, sender = self._sending[digest]
                if sender is asker:
                    return None
            arrived.wait()

    def arrived(self, digest: str, repository: str) -> None:
        with self._lock:
            self._known.setdefault(digest, repository)
            self._let_go(digest)

    def give_up(self, asker: object, only: str | None = None) -> None:
        """The asker sends nothing more, or not that blob, be it done or failed."""
        with self._lock:
            for digest in [d for d, (_, sender) in self._sending.items() if sender is asker]:
                if only in (None, digest):
                    self._let_go(digest)

    def _let_go(self, digest: str) -> None:
        found = self._sending.pop(digest, None)
        if found is not None:
            found[0].set()


class SharedMemory(Memory):
    """The memory of one image's push, which knows what the other pushes of this run do."""

    def __init__(self, folder: Path | None, sharing: Sharing) -> None:
        super().__init__(folder)
        self._sharing = sharing

    def repository_of(self, host: str, digest: str) -> str | None:
        return self._sharing.holder_of(digest, self) or super().repository_of(host, digest)

    def saw(self, host: str, repository: str, digests: list[str]) -> None:
        with self._sharing.file_lock:
            super().saw(host, repository, digests)

    def arrived(self, digest: str, repository: str) -> None:
        self._sharing.arrived(digest, repository)

    def let_go(self, digest: str) -> None:
        self._sharing.give_up(self, digest)

    def close(self) -> None:
        self._sharing.give_up(self)
