"""Byte ranges of uploads, as clients write them and as we answer them.

    Content-Range  ::= [ "bytes" ( " " | "=" ) ] start "-" end [ "/" total ]     (request)
    Range          ::= "0-" end                                                  (response)

The specification's form has no unit; distribution's clients send the plain form, some the RFC's.
Spec: OCI Distribution 1.1, "Pushing a blob in chunks" (end-5).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from chalicelib.domain.errors import ErrorCode, RegistryError

_CONTENT_RANGE = re.compile(r"(?:bytes[ =])?([0-9]{1,19})-([0-9]{1,19})(?:/(?:[0-9]+|\*))?")


@dataclass(frozen=True)
class ByteSpan:
    """From ``start`` to ``end``, both inclusive, in bytes."""

    start: int
    end: int

    @property
    def size_bytes(self) -> int:
        return self.end - self.start + 1


def parse_content_range(value: str) -> ByteSpan:
    """Read the Content-Range of a chunk.

    Raises: RegistryError(BLOB_UPLOAD_INVALID): malformed, or its end before its start.
    """
    found = _CONTENT_RANGE.fullmatch(value.strip())
    if not found or int(found[2]) < int(found[1]):
        raise RegistryError(
            ErrorCode.BLOB_UPLOAD_INVALID,
            "malformed Content-Range: write <start>-<end>, both inclusive",
            detail={"content_range": value[:100]},
        )
    return ByteSpan(int(found[1]), int(found[2]))


def render_received(offset_bytes: int) -> str:
    """The Range header of an upload that has received this many bytes.

    Nothing received is ``0-0`` as Docker's registry answers it: the form has no empty range.
    """
    return f"0-{max(0, offset_bytes - 1)}"


_RANGE = re.compile(r"bytes=([0-9]{1,19})-[0-9]{0,19}")


def starts_behind(value: str, size_bytes: int) -> bool:
    """Whether a Range header asks for nothing but bytes behind the last one.

    Docker's v1 client resumes with ``bytes=<got>-<size>``, whose end is one past the last byte.
    """
    found = _RANGE.fullmatch(value.strip())
    return found is not None and int(found[1]) >= size_bytes


_ONE_RANGE = re.compile(r"bytes=([0-9]{0,19})-([0-9]{0,19})", re.ASCII)


def asked_bytes(value: str | None, size_bytes: int) -> int:
    """How many of so many bytes a request with this Range header can get; all where it has none.

    What is no single range gets all of them from S3, or a 416: then this is too much.
    Spec: RFC 9110, "Range Requests".
    """
    found = _ONE_RANGE.fullmatch((value or "").strip())
    if found is None or not (found[1] or found[2]):
        return size_bytes
    if not found[1]:
        return min(int(found[2]), size_bytes)
    start, last = int(found[1]), int(found[2]) if found[2] else size_bytes - 1
    if last < start and found[2]:
        return size_bytes
    return max(0, min(last, size_bytes - 1) - start + 1)
