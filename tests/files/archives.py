"""Archives for the tests: sound ones from ``tarfile``, hostile ones block by block."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any

BLOCK = 512
END = bytes(2 * BLOCK)


def _as_it_is(data: bytes) -> bytes:
    return data


PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "tar": _as_it_is,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}


def member(name: str, content: bytes = b"", **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    """One member; ``fields`` as ``tarfile.TarInfo`` has them."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


def tar(*members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    """A whole archive."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form, errors="surrogateescape") as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def files(*names: str) -> bytes:
    """An archive of files of 512 bytes, as docker-registry's tests have them."""
    return tar(*(member(name, b"x" * BLOCK) for name in names))


def header(name: bytes = b"file", kind: bytes = b"0", **fields: bytes) -> bytes:
    """One block of ustar with any bytes in its fields, and a sum that is right."""
    places = {
        "mode": (100, b"0000644\0"),
        "uid": (108, b"0000000\0"),
        "gid": (116, b"0000000\0"),
        "size": (124, b"00000000000\0"),
        "mtime": (136, b"00000000000\0"),
        "devmajor": (329, b"0000000\0"),
        "devminor": (337, b"0000000\0"),
        "tail": (482, b""),
    }
    block = bytearray(BLOCK)
    block[: len(name)] = name
    for field, (at, usual) in places.items():
        value = fields.get(field, usual)
        block[at : at + len(value)] = value
    block[156:157] = kind
    block[257:265] = b"ustar\x0000"
    return with_sum(bytes(block))


def with_sum(block: bytes) -> bytes:
    """The block with the sum that its bytes give."""
    bare = block[:148] + b" " * 8 + block[156:]
    return bare[:148] + b"%06o\0 " % sum(bare) + bare[156:]


def size_of(count: int) -> bytes:
    """A size field; base 256 when octal has no room."""
    if 0 <= count < 8**11:
        return b"%011o\0" % count
    return (b"\x80" if count >= 0 else b"\xff") + (count % 256**11).to_bytes(11, "big")


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % BLOCK)


def special(kind: bytes, data: bytes) -> bytes:
    """A special header with its data: PAX, long name."""
    return header(b"special", kind, size=size_of(len(data))) + padded(data)


def record(key: str, value: str | bytes) -> bytes:
    """One PAX record."""
    tail = b" %s=%s\n" % (key.encode(), value if isinstance(value, bytes) else value.encode())
    length = len(tail) + len(str(len(tail)))
    length = len(tail) + len(str(length))
    return b"%d" % length + tail


def zeros(count: int) -> Iterator[bytes]:
    """So many zeros, a mebibyte at a time."""
    piece = bytes(1 << 20)
    for at in range(0, count, len(piece)):
        yield piece[: count - at]


def gzip_bomb(head: bytes, zero_mib: int) -> bytes:
    """A gzip stream, 1030 times smaller than what it unpacks to: a head, mebibytes of zeros."""
    packer = zlib.compressobj(9, wbits=-15)
    start = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    # After a full flush the packer has forgotten all: equal input is equal output from here on.
    mebibyte = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return b"\x1f\x8b\x08" + bytes(7) + start + mebibyte * zero_mib


def greedy_xz() -> bytes:
    """A sound xz stream whose header asks for a dictionary of 128 MiB."""
    stream = bytearray(lzma.compress(files("file")))
    size = (stream[12] + 1) * 4
    block = stream[12 : 12 + size]
    # size, flags, filter id 0x21, length 1 of its properties, the dictionary's size
    assert block[2:4] == b"\x21\x01"
    block[4] = 30
    block[-4:] = zlib.crc32(block[:-4]).to_bytes(4, "little")
    stream[12 : 12 + size] = block
    return bytes(stream)
