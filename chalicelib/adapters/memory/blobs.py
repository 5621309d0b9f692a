"""BlobStore in dictionaries, and the S3 server that its presigned URLs would lead to.

    url  ::= "memory://blobs/" key "?method=" m "&expires=" epoch [what] "&mac="
    what ::= "&upload=" id "&part=" n | "&sha256=" hex

The mac covers all of it: an URL with one character changed answers 403, as from S3.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from threading import RLock
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

from chalicelib.domain import limits
from chalicelib.domain.upload import Part
from chalicelib.ports import Clock, Conflict, Missing, PartRefused

PIECE_BYTES = limits.MIB

_CHECKSUM = "x-amz-checksum-sha256"
_RANGE = re.compile(r"bytes=(?:([0-9]+)-([0-9]*)|-([0-9]+))", re.ASCII)


@dataclass(frozen=True)
class Answer:
    """What ``fetch`` gives back; header names as S3 writes them."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class _Multipart:
    key: str
    parts: dict[int, tuple[str, bytes]] = field(default_factory=dict)


class MemoryBlobs:
    """Objects and parts of one bucket; ``min_part_bytes`` is for tests that want small parts."""

    def __init__(self, clock: Clock, *, min_part_bytes: int = limits.MIN_PART_BYTES) -> None:
        self._clock = clock
        self._min_part_bytes = min_part_bytes
        self._secret = secrets.token_bytes(32)
        self._lock = RLock()
        self._objects: dict[str, bytes] = {}
        self._checked: dict[str, str] = {}
        self._multiparts: dict[str, _Multipart] = {}

    # --- presigned URLs -----------------------------------------------------------------------

    def presign_get(self, key: str, *, method: str = "GET", ttl_s: int) -> str:
        return self._presign(method, key, ttl_s)

    def presign_part(self, key: str, multipart_id: str, number: int, *, ttl_s: int) -> str:
        return self._presign("PUT", key, ttl_s, upload=multipart_id, part=str(number))

    def presign_put(self, key: str, *, ttl_s: int, sha256_hex: str | None = None) -> str:
        extra = {} if sha256_hex is None else {"sha256": sha256_hex}
        return self._presign("PUT", key, ttl_s, **extra)

    def _presign(self, method: str, key: str, ttl_s: int, **extra: str) -> str:
        expires = str(self._clock.now_s() + ttl_s)
        query = urlencode({"method": method, "expires": expires, **extra})
        unsigned = f"memory://blobs/{quote(key)}?{query}"
        return f"{unsigned}&mac={self._mac(unsigned)}"

    def _mac(self, text: str) -> str:
        return hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()

    def fetch(
        self,
        url: str,
        method: str = "GET",
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Do what an HTTP client would do with a presigned URL."""
        unsigned, _, mac = url.rpartition("&mac=")
        parts = urlsplit(unsigned)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        sound = hmac.compare_digest(self._mac(unsigned), mac) and query["method"] == method
        if not sound or int(query["expires"]) <= self._clock.now_s():
            return Answer(403)
        key = unquote(parts.path.removeprefix("/"))
        if method == "PUT":
            return self._take(key, query, body, headers or {})
        return self._serve(key, method, dict(headers or {}).get("Range"))

    def _take(
        self, key: str, query: Mapping[str, str], body: bytes, headers: Mapping[str, str]
    ) -> Answer:
        checksum = next((v for k, v in headers.items() if k.lower() == _CHECKSUM), None)
        signed = query.get("sha256")
        wanted = None if signed is None else base64.b64encode(bytes.fromhex(signed)).decode()
        if checksum != wanted:
            return Answer(403)
        if "upload" not in query:
            try:
                self.put(key, body, sha256_hex=signed)
            except Conflict:
                return Answer(400, b"<Error><Code>BadDigest</Code></Error>")
            return Answer(200, headers={"ETag": _etag(body)})
        try:
            part = self.put_part(key, query["upload"], int(query["part"]), body)
        except Missing:
            return Answer(404)
        return Answer(200, headers={"ETag": part.etag})

    def _serve(self, key: str, method: str, wanted: str | None) -> Answer:
        with self._lock:
            data = self._objects.get(key)
        if data is None:
            return Answer(404)
        status, headers, body = 200, {"ETag": _etag(data), "Accept-Ranges": "bytes"}, data
        found = _RANGE.fullmatch(wanted or "")
        if found:
            start, end = _span(found, len(data))
            if start > end:
                return Answer(416, headers={"Content-Range": f"bytes */{len(data)}"})
            status, body = 206, data[start : end + 1]
            headers["Content-Range"] = f"bytes {start}-{end}/{len(data)}"
        headers["Content-Length"] = str(len(body))
        return Answer(status, b"" if method == "HEAD" else body, headers)

    # --- objects ------------------------------------------------------------------------------

    def put(self, key: str, data: bytes, *, sha256_hex: str | None = None) -> None:
        if sha256_hex is not None and hashlib.sha256(data).hexdigest() != sha256_hex:
            raise Conflict(f"object {key}: other bytes than their digest says")
        with self._lock:
            self._forget_checksum(key)
            self._objects[key] = bytes(data)
            if sha256_hex is not None:
                self._checked[key] = sha256_hex

    def _forget_checksum(self, key: str) -> None:
        self._checked.pop(key, None)

    def get(self, key: str, *, start: int = 0, end: int | None = None) -> bytes:
        with self._lock:
            if key not in self._objects:
                raise Missing(f"object {key}")
            return self._objects[key][start : None if end is None else end + 1]

    def read(self, key: str) -> Iterator[bytes]:
        data = self.get(key)
        return (data[at : at + PIECE_BYTES] for at in range(0, len(data), PIECE_BYTES))

    def size_bytes(self, key: str) -> int | None:
        with self._lock:
            return len(self._objects[key]) if key in self._objects else None

    def checked_size_bytes(self, key: str, *, sha256_hex: str) -> int | None:
        with self._lock:
            return self.size_bytes(key) if self._checked.get(key) == sha256_hex else None

    def copy(self, source_key: str, key: str) -> None:
        with self._lock:
            data = self.get(source_key)
            self._forget_checksum(key)
            self._objects[key] = data

    # --- objects in parts ---------------------------------------------------------------------

    def create_multipart(self, key: str) -> str:
        multipart_id = secrets.token_hex(16)
        with self._lock:
            self._multiparts[multipart_id] = _Multipart(key)
        return multipart_id

    def put_part(self, key: str, multipart_id: str, number: int, data: bytes) -> Part:
        with self._lock:
            self._multipart(key, multipart_id).parts[number] = (_etag(data), bytes(data))
        return Part(number, _etag(data), len(data))

    def copy_part(
        self, source_key: str, key: str, multipart_id: str, number: int, size_bytes: int
    ) -> Part:
        with self._lock:
            return self.put_part(key, multipart_id, number, self.get(source_key))

    def complete_multipart(self, key: str, multipart_id: str, parts: Sequence[Part]) -> None:
        with self._lock:
            stored = self._multipart(key, multipart_id).parts
            numbers = [part.number for part in parts]
            if not numbers or numbers != sorted(set(numbers)):
                raise PartRefused("parts out of order")
            joined = []
            for part in parts:
                etag, data = stored.get(part.number, ("", b""))
                if etag != part.etag:
                    raise PartRefused(f"part {part.number} is missing or was replaced")
                joined.append(data)
            if any(len(data) < self._min_part_bytes for data in joined[:-1]):
                raise PartRefused("a part is too small")
            self._forget_checksum(key)
            self._objects[key] = b"".join(joined)
            del self._multiparts[multipart_id]

    def abort_multipart(self, key: str, multipart_id: str) -> None:
        with self._lock:
            self._multiparts.pop(multipart_id, None)

    def _multipart(self, key: str, multipart_id: str) -> _Multipart:
        found = self._multiparts.get(multipart_id)
        if found is None or found.key != key:
            raise Missing(f"multipart upload of {key}")
        return found


def _span(found: re.Match[str], size_bytes: int) -> tuple[int, int]:
    """The first and the last byte that a range asks for; the first is larger where none is."""
    if found[3]:
        return max(size_bytes - int(found[3]), 0), size_bytes - 1
    return int(found[1]), min(int(found[2] or size_bytes), size_bytes - 1)


def _etag(data: bytes) -> str:
    return f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'
