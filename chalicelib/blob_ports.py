"""What the use cases ask of a store of objects. Rules as in ``ports``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from chalicelib.domain.upload import Part


class BlobStore(Protocol):
    """Objects by key, and large ones by parts. Keys come from ``domain/keys.py``.

    An object is there whole or not at all. Multipart uploads that are neither completed nor
    aborted are the collector's to find.
    """

    def presign_get(self, key: str, *, method: str = "GET", ttl_s: int) -> str:
        """A URL that serves the object to whoever has it, Range included. Costs: 0."""

    def presign_part(self, key: str, multipart_id: str, number: int, *, ttl_s: int) -> str:
        """A URL that takes one part by PUT and answers its ETag. Costs: 0."""

    def presign_put(self, key: str, *, ttl_s: int, sha256_hex: str | None = None) -> str:
        """A URL that takes an object of at most 5 GiB by PUT. Costs: 0.

        With a digest, the PUT must carry it as ``x-amz-checksum-sha256`` (base64), and the store
        refuses other bytes.
        """

    def put(self, key: str, data: bytes, *, sha256_hex: str | None = None) -> None:
        """Store an object; with a digest, bytes that do not match are refused by the store.

        Raises: Conflict: they do not match.
        Costs: 1 call.
        """

    def get(self, key: str, *, start: int = 0, end: int | None = None) -> bytes:
        """The bytes from ``start`` to ``end``, both inclusive; none where the object has none.

        Raises: Missing. Costs: 1 call.
        """

    def read(self, key: str) -> Iterator[bytes]:
        """The object in pieces of bounded size. Raises: Missing. Costs: 1 call."""

    def size_bytes(self, key: str) -> int | None:
        """None when there is no such object. Costs: 1 call."""

    def checked_size_bytes(self, key: str, *, sha256_hex: str) -> int | None:
        """The size of an object that the store itself has held against this digest, whole.

        None when there is no such object, or when the store says nothing or something else of
        its SHA-256. Costs: 1 call.
        """

    def copy(self, source_key: str, key: str) -> None:
        """Copy an object of at most 5 GB. Raises: Missing. Costs: 1 call."""

    def create_multipart(self, key: str) -> str:
        """Begin an object in parts; the answer is its multipart id. Costs: 1 call."""

    def put_part(self, key: str, multipart_id: str, number: int, data: bytes) -> Part:
        """Store a part. Raises: Missing (no such upload). Costs: 1 call."""

    def copy_part(
        self, source_key: str, key: str, multipart_id: str, number: int, size_bytes: int
    ) -> Part:
        """Make an object into a part without moving its bytes through us. Costs: 1 call."""

    def complete_multipart(self, key: str, multipart_id: str, parts: Sequence[Part]) -> None:
        """Join the parts, each pinned by its ETag, into the object.

        Raises: Missing (no such upload: perhaps it is complete already); PartRefused.
        Costs: 1 call.
        """

    def abort_multipart(self, key: str, multipart_id: str) -> None:
        """Forget the parts; no such upload is no error. Costs: 1 call."""
