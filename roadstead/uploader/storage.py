"""Bytes on their way to presigned S3 URLs. The URLs are secrets: they stand in no message."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any
from urllib.parse import urlsplit

import urllib3

PAUSES_S = (0.2, 0.8, 3.2)
OCTETS = {"Content-Type": "application/octet-stream"}
BLOCK_BYTES = 256 * 1024


class StorageFailed(Exception):
    """S3 would not take or give bytes, however often it was tried; ``status`` is its last word.

    ``status`` is 0 when it did not answer at all.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class PartStorage:
    """PUTs to presigned URLs, with a few tries; shared by all uploads of a process."""

    def __init__(
        self,
        *,
        connections: int = 16,
        timeout_s: float = 60.0,
        pauses_s: Sequence[float] = PAUSES_S,
    ) -> None:
        self._pauses_s = (0.0, *pauses_s)
        self._pool = urllib3.PoolManager(
            num_pools=4,
            maxsize=connections,
            retries=False,
            blocksize=BLOCK_BYTES,
            timeout=urllib3.Timeout(connect=5.0, read=timeout_s),
        )

    def put(self, url: str, data: bytes | bytearray) -> str:
        """Store bytes and return S3's ETag. Raises: StorageFailed."""
        # A view, because urllib3 would copy a bytearray that it takes for an iterable.
        return self._put(url, OCTETS, lambda: memoryview(data))

    def put_whole(
        self, url: str, headers: Mapping[str, str], size_bytes: int, opened: Callable[[], IO[bytes]]
    ) -> None:
        """Store an object of known size as it is read; ``opened`` begins it, again for each try.

        Raises: StorageFailed: status 400 when S3 found that the checksum is wrong.
        """
        sent = {**OCTETS, **headers, "Content-Length": str(size_bytes)}
        self._put(url, sent, opened)

    def _put(self, url: str, headers: Mapping[str, str], make_body: Callable[[], Any]) -> str:
        last, status = "", 0
        for pause_s in self._pauses_s:
            time.sleep(pause_s)
            try:
                answer = self._pool.request("PUT", url, body=make_body(), headers=headers)
            except urllib3.exceptions.HTTPError as error:
                last, status = type(error).__name__, 0
                continue
            if answer.status == 200:
                return str(answer.headers.get("ETag", ""))
            last, status = f"status {answer.status}", answer.status
            if answer.status < 500 and answer.status != 429:
                break
        raise StorageFailed(f"S3 at {urlsplit(url).netloc} did not take the bytes: {last}", status)

    def get(self, url: str) -> bytes:
        """Fetch a small object. Raises: StorageFailed."""
        try:
            answer = self._pool.request("GET", url)
        except urllib3.exceptions.HTTPError as error:
            raise StorageFailed(f"S3 did not answer: {type(error).__name__}") from None
        if answer.status != 200:
            raise StorageFailed(f"S3 answered {answer.status}", answer.status)
        return answer.data

    def close(self) -> None:
        self._pool.clear()
