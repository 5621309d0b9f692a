"""Bytes in files: a whole file, or a stretch of one."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from roadstead.client.errors import TransferError


@dataclass(frozen=True)
class FileSlice:
    """``size_bytes`` bytes of a file from ``start_bytes`` on; the file is opened for each read."""

    path: Path
    start_bytes: int
    size_bytes: int

    def read_at(self, offset_bytes: int, size_bytes: int) -> bytes:
        with self.path.open("rb") as stream:
            stream.seek(self.start_bytes + offset_bytes)
            data = stream.read(size_bytes)
        if len(data) != size_bytes:
            raise TransferError(f"{self.path} has become shorter while it was read")
        return data

    def opened(self) -> IO[bytes]:
        return io.BufferedReader(_Window(self), 1024 * 1024)

    def starts_with(self, size_bytes: int) -> bytes:
        return self.read_at(0, min(size_bytes, self.size_bytes))


class _Window(io.RawIOBase):
    """A slice as a stream of its own."""

    def __init__(self, piece: FileSlice) -> None:
        self._piece, self._at = piece, 0
        self._descriptor = os.open(piece.path, os.O_RDONLY)

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        size = min(len(target), self._piece.size_bytes - self._at)
        data = os.pread(self._descriptor, size, self._piece.start_bytes + self._at)
        target[: len(data)] = data
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        if not self.closed:
            os.close(self._descriptor)
        super().close()
