"""Bytes on their way to presigned S3 URLs. The URLs are secrets: they stand in no message."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any
from urllib.parse import urlsplit

import urllib3

PAUSES_S = (0.2, 0.8, 3.2)
OCTETS = {"Content-Type": "application/octet-stream"}
BLOCK_BYTES = 256 * 1024


_CODE = re.compile(rb"<Code>([A-Za-z0-9]{1,64})</Code>")
# What S3 answers with 400 although it is not the request's fault, and what it says of checksums.
PASSING_CODES = frozenset({"RequestTimeout"})
MISMATCH_CODES = frozenset(
    {"BadDigest", "InvalidDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch"}
)


class StorageFailed(Exception):
    """S3 would not take or give bytes, however often it was tried.

    ``status`` and ``code`` are its last word; 0 and "" when it did not answer at all.
    """

    def __init__(self, message: str, status: int = 0, code: str = "") -> None:
        super().__init__(message)
        self.status, self.code = status, code

    @property
    def has_expired(self) -> bool:
        """The URL has run out, or the credentials that signed it have: another may do."""
        return self.status == 403 or self.code == "ExpiredToken"

    @property
    def is_mismatch(self) -> bool:
        """S3 found other bytes than their checksum says."""
        return self.code in MISMATCH_CODES


class Blocks:
    """Bytes as a file that is read in blocks, without a copy.

    Python's timeout of a send is for all that it is given: 8 MiB at once would have to leave
    within seconds, and on a slow line they do not.
    """

    def __init__(self, data: bytes | bytearray | memoryview) -> None:
        self._rest = memoryview(data)

    def read(self, size: int) -> memoryview:
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken


class PartStorage:
    """PUTs to presigned URLs and GETs, with a few tries; shared by all uploads of a process.

    ``send_timeout_s`` is for connecting, and for each 256 KiB to leave.
    """

    def __init__(
        self,
        *,
        connections: int = 16,
        timeout_s: float = 60.0,
        send_timeout_s: float = 5.0,
        pauses_s: Sequence[float] = PAUSES_S,
    ) -> None:
        self._pauses_s = (0.0, *pauses_s)
        self._pool = urllib3.PoolManager(
            num_pools=4,
            maxsize=connections,
            retries=False,
            blocksize=BLOCK_BYTES,
            timeout=urllib3.Timeout(connect=send_timeout_s, read=timeout_s),
        )

    def put(self, url: str, data: bytes | bytearray) -> str:
        """Store bytes and return S3's ETag. Raises: StorageFailed."""
        sent = {**OCTETS, "Content-Length": str(len(data))}
        return self._put(url, sent, lambda: Blocks(data))

    def put_whole(
        self, url: str, headers: Mapping[str, str], size_bytes: int, opened: Callable[[], IO[bytes]]
    ) -> None:
        """Store an object of known size as it is read; ``opened`` begins it, again for each try.

        Raises: StorageFailed.
        """
        sent = {**OCTETS, **headers, "Content-Length": str(size_bytes)}
        self._put(url, sent, opened)

    def _put(self, url: str, headers: Mapping[str, str], make_body: Callable[[], Any]) -> str:
        answer = self._tried("take", "PUT", url, headers, make_body)
        return str(answer.headers.get("ETag", ""))

    def get(self, url: str) -> bytes:
        """Fetch a small object. Raises: StorageFailed."""
        return self._tried("give", "GET", url, {}, lambda: None).data

    def _tried(
        self,
        verb: str,
        method: str,
        url: str,
        headers: Mapping[str, str],
        make_body: Callable[[], Any],
    ) -> urllib3.BaseHTTPResponse:
        last, status, code = "", 0, ""
        for pause_s in self._pauses_s:
            time.sleep(pause_s)
            try:
                answer = self._pool.request(method, url, body=make_body(), headers=headers)
            except urllib3.exceptions.HTTPError as error:
                last, status, code = type(error).__name__, 0, ""
                continue
            if answer.status == 200:
                return answer
            found = _CODE.search(answer.data)
            status, code = answer.status, found[1].decode() if found else ""
            last = f"{status} {code}".strip()
            if status < 500 and status != 429 and code not in PASSING_CODES:
                break
        place = urlsplit(url).netloc
        raise StorageFailed(f"S3 at {place} did not {verb} the bytes: {last}", status, code)

    def close(self) -> None:
        self._pool.clear()
