"""Whole small objects over plain HTTP: what most pushes are made of, without botocore's client.

A push of a config or a small layer needs one PUT. With our own signature and urllib3 (which
botocore brings) it costs half the CPU, and no client is built for it, which takes a cold start
100 ms.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping

import urllib3

from chalicelib.adapters.s3.errors import kind_of, translated
from chalicelib.adapters.s3.presign import Address, Credentials, presign
from chalicelib.ports import Clock, Missing, PortError

# Signed for our own use within this very request, tries included.
OWN_TTL_S = 60
NOT_SATISFIABLE = 416
CHECKSUM = "x-amz-checksum-sha256"
_CODE = re.compile(rb"<Code>([A-Za-z0-9]{1,64})</Code>")


def checksum_header(sha256_hex: str) -> dict[str, str]:
    """The header that makes S3 refuse other bytes; it counts only when it is signed."""
    checksum = base64.b64encode(bytes.fromhex(sha256_hex)).decode()
    return {CHECKSUM: checksum}


class Objects:
    """PUT and GET of objects; ``attempts`` are made while S3 is busy or does not answer."""

    def __init__(
        self,
        address: Address,
        region: str,
        credentials: Callable[[], Credentials],
        clock: Clock,
        pool: urllib3.PoolManager,
        *,
        attempts: int,
        on_request: Callable[[str], None] | None,
    ) -> None:
        self._address = address
        self._region = region
        self._credentials = credentials
        self._clock = clock
        self._pool = pool
        self._attempts = attempts
        self._on_request = on_request

    def put(self, key: str, data: bytes, sha256_hex: str | None) -> None:
        """Raises: Conflict (other bytes than the digest's), Unavailable."""
        headers = {} if sha256_hex is None else checksum_header(sha256_hex)
        self._send("PutObject", "PUT", key, headers, data)

    def get(self, key: str, byte_range: str | None) -> bytes:
        """Raises: Missing, Unavailable. A range behind the end is empty."""
        headers = {"range": byte_range} if byte_range else {}
        answer = self._send("GetObject", "GET", key, headers, None)
        return b"" if answer.status == NOT_SATISFIABLE else answer.data

    def checked_size_bytes(self, key: str, sha256_hex: str) -> int | None:
        """The size of what S3 has checked whole against this digest; None for all else.

        Raises: Unavailable.
        """
        wanted = {"x-amz-checksum-mode": "ENABLED"}
        try:
            answer = self._send("HeadObject", "HEAD", key, wanted, None)
        except Missing:
            return None
        # A composite checksum, of an object in parts, ends in "-" and their number: another text.
        right = answer.headers.get(CHECKSUM) == checksum_header(sha256_hex)[CHECKSUM]
        # SeaweedFS does not say the type, and knows no other.
        is_whole = answer.headers.get("x-amz-checksum-type", "FULL_OBJECT") == "FULL_OBJECT"
        return int(answer.headers["content-length"]) if right and is_whole else None

    def _send(
        self, operation: str, method: str, key: str, headers: Mapping[str, str], body: bytes | None
    ) -> urllib3.BaseHTTPResponse:
        signed = {name: value for name, value in headers.items() if name.startswith("x-amz-")}
        for attempt in range(1, self._attempts + 1):
            url = presign(
                self._address,
                self._region,
                self._credentials(),
                method,
                key,
                ttl_s=OWN_TTL_S,
                now_s=self._clock.now_s(),
                headers=signed,
            )
            if self._on_request is not None:
                self._on_request(operation)
            last = attempt == self._attempts
            try:
                with translated(key):
                    answer = self._pool.request(
                        method, url, body=body, headers=dict(headers), redirect=False, retries=False
                    )
            except Exception:
                if last:
                    raise
                continue
            if answer.status in (200, 206, NOT_SATISFIABLE):
                return answer
            if answer.status < 500 or last:
                raise _refusal(key, answer.status, answer.data)
        raise AssertionError("the last attempt returns or raises")


def _refusal(key: str, status: int, data: bytes) -> PortError:
    found = _CODE.search(data)
    code = found[1].decode() if found else str(status)
    return kind_of(code, status)(f"S3: {key}: {status} {code}")
