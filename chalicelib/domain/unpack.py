"""A layer's bytes, uncompressed while they stream by, whatever their sender had in mind.

    bytes of the layer ──sniff──▶ tar | gzip | bzip2 | xz ──▶ ``Unpacked``: read, skip, forward only

The format is told by its first bytes, as Docker does. A layer may be many compressed streams one
after another (pigz, pbzip2, eStargz write such), with zeros between them. What is refused:

| the layer | answer |
|---|---|
| is longer than its format's limit once it is unpacked | V1_LAYER_TOO_LARGE |
| has become 250 times larger, and more than 256 MiB | V1_LAYER_TOO_LARGE |
| is cut into more streams than an archive may have headers | V1_LAYER_TOO_LARGE |
| wants a dictionary that ``xz -9`` would not | V1_LAYER_TOO_LARGE |
| ends within a stream, or is no such stream | V1_LAYER_UNSUPPORTED |

Memory: one piece of the input, one chunk of the output, the decoder's window (xz: its dictionary).
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

from chalicelib.domain import limits
from chalicelib.domain.errors import ErrorCode, RegistryError

# What a decoder is fed and may give at once. Decoders copy what they have not used of their
# input, at every end of a stream: small slices keep a layer of many tiny streams linear.
SLICE_BYTES = 16 * limits.KIB
CHUNK_BYTES = 256 * limits.KIB
_SNIFFED_BYTES = 10
# `xz -9` asks for 65 MiB; a header may ask for 4 GiB.
XZ_MEMORY_BYTES = 72 * limits.MIB


class Decoder(Protocol):
    """What ``bz2`` and ``lzma`` make, and ``_Gzip``."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Gzip:
    """``zlib``'s own object, with the manners of the other two."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        # Output may still be pending, but the trailer is not read before it is out.
        return not self._inner.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)


@dataclass(frozen=True)
class _Format:
    """How a compressed format begins, is undone, and how much of it one request undoes."""

    magics: tuple[bytes, ...]
    fresh: Callable[[], Decoder]
    limit_bytes: int


# A tar may begin with "BZh9", a file's name: only with what follows it is it surely bzip2.
_BZ2_HEADS = (b"1AY&SY", b"\x17rE8P\x90")

_FORMATS = (
    _Format((b"\x1f\x8b\x08",), _Gzip, limits.MAX_UNPACKED_BYTES),
    _Format(
        tuple(b"BZh%d" % level + head for level in range(1, 10) for head in _BZ2_HEADS),
        bz2.BZ2Decompressor,
        limits.MAX_UNPACKED_BZIP2_BYTES,
    ),
    _Format(
        (b"\xfd7zXZ\0",),
        lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, XZ_MEMORY_BYTES),
        limits.MAX_UNPACKED_XZ_BYTES,
    ),
)


def unsupported() -> RegistryError:
    """What is no archive, or a broken one."""
    return RegistryError(ErrorCode.V1_LAYER_UNSUPPORTED)


def too_large(message: str | None = None) -> RegistryError:
    """An archive that is meant to hurt, or that one request cannot walk through."""
    return RegistryError(ErrorCode.V1_LAYER_TOO_LARGE, message)


class Unpacked:
    """The uncompressed bytes of a layer, forward only.

    Every method raises RegistryError(V1_LAYER_UNSUPPORTED, V1_LAYER_TOO_LARGE), and whatever the
    pieces raise. ``total_bytes`` is what has been uncompressed so far.
    """

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self.total_bytes = 0
        self._chunks = self._counted(pieces)
        self._chunk = b""
        self._at = 0

    def read(self, size_bytes: int) -> bytes:
        """So many bytes, fewer only at the end; the caller bounds what it asks for."""
        if len(self._chunk) - self._at >= size_bytes:
            self._at += size_bytes
            return self._chunk[self._at - size_bytes : self._at]
        return b"".join(self._some(size_bytes))

    def pieces(self, size_bytes: int) -> Iterator[bytes]:
        """Exactly so many bytes, in pieces. An end before them is a broken archive."""
        left = size_bytes
        for piece in self._some(size_bytes):
            left -= len(piece)
            yield piece
        if left:
            raise unsupported()

    def rest(self) -> Iterator[bytes]:
        """Everything to the end, in pieces."""
        while piece := b"".join(self._some(CHUNK_BYTES)):
            yield piece

    def skip(self, size_bytes: int) -> None:
        """Pass over so many bytes. An end before them is a broken archive."""
        for _ in self.pieces(size_bytes):
            pass

    def _some(self, size_bytes: int) -> Iterator[bytes]:
        left = size_bytes
        while left:
            if self._at == len(self._chunk):
                self._chunk, self._at = next(self._chunks, b""), 0
                if not self._chunk:
                    return
            piece = self._chunk[self._at : self._at + left]
            self._at += len(piece)
            left -= len(piece)
            yield piece

    def _counted(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        head, rest = _sniff(pieces)
        taken = _Taken(chain([head], rest))
        found = next((f for f in _FORMATS if head.startswith(f.magics)), None)
        limit_bytes = found.limit_bytes if found else limits.MAX_UNPACKED_BYTES
        chunks = _decoded(taken, found.fresh) if found else taken.slices(CHUNK_BYTES)
        for chunk in chunks:
            self.total_bytes += len(chunk)
            if self.total_bytes > limit_bytes:
                raise too_large()
            if self.total_bytes > max(
                limits.RATIO_FREE_BYTES, taken.total_bytes * limits.MAX_UNPACK_RATIO
            ):
                raise too_large("Layer expands too much to be listed")
            yield chunk


class _Taken:
    """The input, in slices, counted."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self.total_bytes = 0
        self._pieces = pieces

    def slices(self, size_bytes: int) -> Iterator[bytes]:
        for piece in self._pieces:
            for at in range(0, len(piece), size_bytes):
                part = piece[at : at + size_bytes]
                self.total_bytes += len(part)
                yield part


def _sniff(pieces: Iterable[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Enough of the beginning to tell a format by, and what follows it."""
    rest = iter(pieces)
    head = b""
    while len(head) < _SNIFFED_BYTES:
        piece = next(rest, None)
        if piece is None:
            break
        head += piece
    return head, rest


def _decoded(taken: _Taken, fresh: Callable[[], Decoder]) -> Iterator[bytes]:
    """The streams of the input one after another, each undone by a fresh decoder."""
    decoder: Decoder | None = None
    streams = 0
    for part in taken.slices(SLICE_BYTES):
        data = part
        while data or (decoder is not None and not decoder.needs_input):
            if decoder is None:
                data = data.lstrip(b"\0")
                if not data:
                    break
                decoder = fresh()
                streams += 1
                if streams > limits.MAX_ARCHIVE_HEADERS:
                    raise too_large("Layer is compressed in too many pieces")
            chunk = _decompress(decoder, data)
            data = b""
            if chunk:
                yield chunk
            if decoder.eof:
                data, decoder = decoder.unused_data, None
    if decoder is not None:
        raise unsupported()


def _decompress(decoder: Decoder, data: bytes) -> bytes:
    try:
        return decoder.decompress(data, CHUNK_BYTES)
    except lzma.LZMAError as error:
        if "Memory usage limit" in str(error):
            raise too_large("Layer needs too much memory to be uncompressed") from None
        raise unsupported() from None
    except (zlib.error, OSError, EOFError, ValueError):
        raise unsupported() from None
