"""Values as bytes of an attribute: compressed, because DynamoDB bills and bounds what it holds."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence

from chalicelib.domain.upload import Part

# Above this, annotations are not stored beside the manifest that holds them already.
_MAX_REPEATED_BYTES = 32 * 1024


def pack(data: bytes) -> bytes:
    return zlib.compress(data)


def unpack(data: bytes) -> bytes:
    return zlib.decompress(data)


def pack_parts(parts: Sequence[Part]) -> bytes:
    """10,000 parts take about 200 KB: an ETag is hex, and of hex half remains."""
    rows = [(part.number, part.etag, part.size_bytes) for part in parts]
    return pack(json.dumps(rows, separators=(",", ":")).encode())


def unpack_parts(data: bytes) -> tuple[Part, ...]:
    return tuple(Part(*row) for row in json.loads(unpack(data)))


def pack_texts(texts: Mapping[str, str]) -> bytes | None:
    """A mapping of texts; None for an empty one."""
    return pack(json.dumps(texts, separators=(",", ":")).encode()) if texts else None


def unpack_texts(data: bytes | None) -> dict[str, str]:
    return dict(json.loads(unpack(data))) if data else {}


def pack_annotations(annotations: Mapping[str, str], raw: bytes | None) -> bytes | None:
    """As ``pack_texts``; empty bytes where the manifest itself is the better place to read them.

    300 KB of manifest that are nothing but annotations would not fit twice in one item.
    """
    packed = pack_texts(annotations)
    if packed is None or raw is None or len(packed) <= _MAX_REPEATED_BYTES:
        return packed
    return b"" if json.loads(raw).get("annotations") == dict(annotations) else packed


def unpack_annotations(data: bytes | None, raw: bytes | None) -> dict[str, str]:
    if data == b"" and raw is not None:
        return dict(json.loads(raw)["annotations"])
    return unpack_texts(data)
