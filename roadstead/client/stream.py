"""Bodies that break off, and are gone on with."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import urllib3
from urllib3 import BaseHTTPResponse

from roadstead.client.errors import TransferError
from roadstead.client.http import Patience

BLOCK_BYTES = 1024 * 1024


class ResumedStream(io.RawIOBase):
    """A body of known size that is asked for again, from where it broke, when it breaks.

    A server that cannot go on from the middle is read from the start again, and what is known
    is passed over. Raises: TransferError after as many breaks without a byte between them as
    ``patience`` has pauses.
    """

    def __init__(
        self,
        open_at: Callable[[dict[str, str]], BaseHTTPResponse],
        size_bytes: int,
        start_bytes: int,
        patience: Patience,
    ) -> None:
        self._open_at = open_at
        self._size_bytes = size_bytes
        self._at = start_bytes
        self._answer: BaseHTTPResponse | None = None
        self._breaks = 0
        self._patience = patience

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        while self._at < self._size_bytes:
            try:
                data = self._opened().read(min(len(target), self._size_bytes - self._at))
            except urllib3.exceptions.HTTPError:
                data = b""
            if data:
                target[: len(data)] = data
                self._at += len(data)
                self._breaks = 0
                return len(data)
            self._drop()
        self._drop()
        return 0

    def _opened(self) -> BaseHTTPResponse:
        if self._answer is None:
            headers = {"Range": f"bytes={self._at}-"} if self._at else {}
            answer = self._open_at(headers)
            passed = self._at if answer.status == 200 else 0
            while passed and (data := answer.read(min(passed, BLOCK_BYTES))):
                passed -= len(data)
            self._answer = answer
        assert self._answer is not None
        return self._answer

    def _drop(self) -> None:
        if self._answer is not None:
            self._answer.close()
            self._answer.release_conn()
            self._answer = None
        if self._at < self._size_bytes:
            if self._breaks == len(self._patience.pauses_s):
                raise TransferError("the registry breaks off again and again while it sends a blob")
            self._patience.wait(self._breaks, None)
            self._breaks += 1

    def close(self) -> None:
        if self._answer is not None:
            self._answer.close()
            self._answer.release_conn()
            self._answer = None
        super().close()
