"""One header of a tar archive: 512 bytes, and the records of a PAX header.

Reads what ``tarfile`` reads (V7, ustar, GNU, PAX, star), but refuses where ``tarfile`` would go on
with a guess: a broken number or record, as Go's archive/tar does. Names stay bytes in disguise
(UTF-8 with surrogates for what is none), so that a checksum can have them back.

Spec: POSIX.1-2017 pax, "ustar Interchange Format" and "pax Extended Header"; GNU tar, "Basic Tar
Format".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from chalicelib.domain.unpack import unsupported

BLOCK_BYTES = 512

REGULAR, REGULAR_V7, HARD_LINK, SYMLINK = b"0", b"\0", b"1", b"2"
CHARACTER, BLOCK, FOLDER, FIFO, CONTIGUOUS = b"3", b"4", b"5", b"6", b"7"
LONG_LINK, LONG_NAME, SPARSE = b"K", b"L", b"S"
PAX, PAX_SOLARIS, PAX_GLOBAL = b"x", b"X", b"g"

_WITHOUT_CONTENT = frozenset({HARD_LINK, SYMLINK, CHARACTER, BLOCK, FOLDER, FIFO})
_WHOLE = re.compile(r"-?[0-9]{1,19}", re.ASCII)
_DECIMAL = re.compile(r"(-?[0-9]{1,19})(\.[0-9]*)?", re.ASCII)


class Header(NamedTuple):
    """One block as it stands; ``size`` is the number of bytes that the header claims."""

    name: str
    mode: int
    uid: int
    gid: int
    size: int
    mtime: int
    type: bytes
    linkname: str
    uname: str
    gname: str
    devmajor: int
    devminor: int


def has_content(kind: bytes) -> bool:
    """Whether blocks of content follow such a header: links and the like only claim a size."""
    return kind not in _WITHOUT_CONTENT


def parse_header(block: bytes) -> Header:
    """Read a block of 512 bytes that are not all zero.

    Raises: RegistryError(V1_LAYER_UNSUPPORTED): the sum is wrong, a number is none, a size is
        negative.
    """
    _check_sum(block)
    kind = block[156:157]
    name = to_text(block[0:100])
    if kind == REGULAR_V7 and name.endswith("/"):
        kind = FOLDER
    if block[257:263] == b"ustar\0":
        # star ends the prefix early, and puts its own times and mark behind it.
        prefix = to_text(block[345 : 476 if block[508:] == b"tar\0" else 500])
        name = f"{prefix}/{name}" if prefix else name
    header = Header(
        name.rstrip("/") if kind == FOLDER else name,
        to_number(block[100:108]),
        to_number(block[108:116]),
        to_number(block[116:124]),
        to_number(block[124:136]),
        to_number(block[136:148]),
        kind,
        to_text(block[157:257]),
        to_text(block[265:297]),
        to_text(block[297:329]),
        to_number(block[329:337]),
        to_number(block[337:345]),
    )
    if header.size < 0:
        raise unsupported()
    return header


def _check_sum(block: bytes) -> None:
    claimed = to_number(block[148:156])
    rest = block[:148] + block[156:]
    unsigned = sum(rest) + 8 * ord(" ")
    # Some old tars summed signed characters.
    if claimed != unsigned and claimed != unsigned - 256 * sum(byte > 127 for byte in rest):
        raise unsupported()


def to_text(field: bytes) -> str:
    """A field up to its NUL."""
    return field.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def to_number(field: bytes) -> int:
    """Octal digits, or GNU's base 256 behind a marked first byte.

    Raises: RegistryError(V1_LAYER_UNSUPPORTED).
    """
    if field[0] in (0x80, 0xFF):
        value = int.from_bytes(field[1:], "big")
        return value - 256 ** (len(field) - 1) if field[0] == 0xFF else value
    digits = field.partition(b"\0")[0].strip()
    if not digits:
        return 0
    try:
        return int(digits, 8) if digits.isdigit() else _no_number()
    except ValueError:
        return _no_number()


def _no_number() -> int:
    raise unsupported()


def parse_pax(data: bytes) -> Iterator[tuple[str, str]]:
    """The records ``length SP key "=" value LF`` of a PAX header; a value may be any bytes.

    Raises: RegistryError(V1_LAYER_UNSUPPORTED).
    """
    at = 0
    while at < len(data):
        space = data.find(b" ", at, at + 20)
        digits = data[at:space]
        if space < 0 or not digits.isdigit():
            raise unsupported()
        end = at + int(digits)
        equals = data.find(b"=", space + 1, end)
        if end > len(data) or equals < 0 or data[end - 1 : end] != b"\n":
            raise unsupported()
        yield _pax_text(data[space + 1 : equals]), _pax_text(data[equals + 1 : end - 1])
        at = end


def _pax_text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def pax_whole(text: str) -> int:
    """A whole number of a PAX record. Raises: RegistryError(V1_LAYER_UNSUPPORTED)."""
    return int(text) if _WHOLE.fullmatch(text) else _no_number()


def pax_size(text: str) -> int:
    """A size of a PAX record. Raises: RegistryError(V1_LAYER_UNSUPPORTED)."""
    size = pax_whole(text)
    return size if size >= 0 else _no_number()


def pax_time(text: str) -> tuple[int | float, int]:
    """A time of a PAX record: as it is, and in whole seconds, rounded down.

    Raises: RegistryError(V1_LAYER_UNSUPPORTED).
    """
    found = _DECIMAL.fullmatch(text)
    if not found:
        return _no_number(), 0
    whole, fraction = int(found[1]), (found[2] or "").strip(".0")
    if not fraction:
        return whole, whole
    return float(text), whole - 1 if text.startswith("-") else whole
