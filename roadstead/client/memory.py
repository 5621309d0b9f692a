"""What a broken push leaves for the next try: upload sessions, and where blobs are known to be.

<cache>/roadstead/uploads/<sha256 of host, name, digest>.json    0600: one upload under way
<cache>/roadstead/uploads/<the same>.lock                        held while a push works on it
<cache>/roadstead/blobs/<sha256 of host>.json                    0600: digest -> repository

No login and no URL is kept. A file that is damaged counts as none: the blob is sent again.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from chalicelib.domain.limits import UPLOAD_TTL_S
from roadstead.private import write_private

MAX_KNOWN_BLOBS = 5000


@dataclass
class Upload:
    """One upload session: its id, the word of our claim, and the parts that S3 has.

    ``upload_id`` is empty before the session has begun. Parts: number -> (ETag, size).
    """

    path: Path | None
    upload_id: str = ""
    word: str = field(default_factory=lambda: secrets.token_hex(16))
    parts: dict[int, tuple[str, int]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def begin(self, upload_id: str) -> None:
        """Remember a new session in place of any before it."""
        with self._lock:
            self.upload_id, self.word, self.parts = upload_id, secrets.token_hex(16), {}
            self._save()

    def add(self, number: int, etag: str, size_bytes: int) -> None:
        """Remember a part that S3 has."""
        with self._lock:
            self.parts[number] = (etag, size_bytes)
            self._save()

    def forget(self) -> None:
        """The session has ended, well or badly."""
        with self._lock:
            self.upload_id, self.parts = "", {}
            if self.path is not None:
                self.path.unlink(missing_ok=True)

    def _save(self) -> None:
        if self.path is None:
            return
        write_private(
            self.path,
            {
                "upload_id": self.upload_id,
                "word": self.word,
                "parts": [[n, etag, size] for n, (etag, size) in sorted(self.parts.items())],
            },
        )


def _read(path: Path) -> Upload:
    try:
        found = json.loads(path.read_text())
        parts = {int(n): (str(etag), int(size)) for n, etag, size in found["parts"]}
        return Upload(path, str(found["upload_id"]), str(found["word"]), parts)
    except (OSError, ValueError, KeyError, TypeError):
        return Upload(path)


def _locked(descriptor: int, path: Path) -> bool:
    """Take the lock; not one whose file somebody has removed since we opened it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.fstat(descriptor).st_ino == path.stat().st_ino
    except OSError:
        return False


class Memory:
    """The files under a cache folder; without a folder nothing outlives the process."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._lock = Lock()

    @contextmanager
    def upload(self, host: str, repository: str, digest: str) -> Iterator[Upload]:
        """The upload of a blob, ours alone while the block runs.

        While another process has it, an upload that nobody will remember.
        """
        folder = self._made("uploads")
        if folder is None:
            yield Upload(None)
            return
        name = hashlib.sha256(f"{host}\n{repository}\n{digest}".encode()).hexdigest()
        descriptor = os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if not _locked(descriptor, folder / f"{name}.lock"):
                yield Upload(None)
                return
            upload = _read(folder / f"{name}.json")
            yield upload
            if not upload.upload_id:
                (folder / f"{name}.lock").unlink(missing_ok=True)
        finally:
            os.close(descriptor)

    def sweep(self) -> None:
        """Remove what is older than any session of a registry."""
        oldest_s = time.time() - UPLOAD_TTL_S
        for folder, pattern in ((self._made("uploads"), "*"), (self._made("blobs"), "*.draft")):
            for path in folder.glob(pattern) if folder else ():
                with suppress(FileNotFoundError):  # another push sweeps as well
                    if path.stat().st_mtime < oldest_s:
                        path.unlink()

    def repository_of(self, host: str, digest: str) -> str | None:
        """Where on a host a blob was seen last."""
        found = self._blobs(host).get(digest)
        return found if isinstance(found, str) else None

    def let_go(self, digest: str) -> None:
        """Nothing more is done for a blob, be it there or not."""

    def saw(self, host: str, repository: str, digests: list[str]) -> None:
        """Remember that a repository has these blobs."""
        folder = self._made("blobs")
        if folder is None:
            return
        with self._lock:
            known = {k: v for k, v in self._blobs(host).items() if k not in digests}
            known.update(dict.fromkeys(digests, repository))
            kept = dict(list(known.items())[-MAX_KNOWN_BLOBS:])
            write_private(self._blobs_path(folder, host), kept)

    def _blobs(self, host: str) -> Mapping[str, Any]:
        if self._folder is None:
            return {}
        try:
            found = json.loads(self._blobs_path(self._folder / "blobs", host).read_text())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    @staticmethod
    def _blobs_path(folder: Path, host: str) -> Path:
        return folder / f"{hashlib.sha256(host.encode()).hexdigest()}.json"

    def _made(self, name: str) -> Path | None:
        if self._folder is None:
            return None
        folder = self._folder / name
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder
