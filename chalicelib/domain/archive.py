"""A layer's archive: its members one after another, and nothing that their sender can abuse.

``tarfile`` reads a whole special header into memory, recurses from one to the next, and keeps every
member it has seen; a layer comes from strangers. This reader holds one member, and refuses:

| the archive | answer |
|---|---|
| is none, breaks off, has a broken header, sum or number | V1_LAYER_UNSUPPORTED |
| has more than 300,000 headers, or more than 64 MiB of special ones | V1_LAYER_TOO_LARGE |
| says more than 1 MiB of one file (PAX records, long names) | V1_LAYER_TOO_LARGE |
| names a file in more than 4096 characters | V1_LAYER_TOO_LARGE |
| claims a file larger than what is unpacked at all | V1_LAYER_TOO_LARGE |
| is a bomb (see ``unpack.py``) | V1_LAYER_TOO_LARGE |

No bytes at all are an archive without members. What follows the end mark is not read. Nothing is
ever written to a file system, so names may say what they like.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from chalicelib.domain import limits
from chalicelib.domain.tarheader import (
    BLOCK_BYTES,
    FOLDER,
    LONG_LINK,
    LONG_NAME,
    PAX,
    PAX_GLOBAL,
    PAX_SOLARIS,
    SPARSE,
    Header,
    has_content,
    parse_header,
    parse_pax,
    pax_size,
    pax_time,
    pax_whole,
    to_number,
    to_text,
)
from chalicelib.domain.unpack import Unpacked, too_large, unsupported

XATTR = "SCHILY.xattr."

_ZEROS = bytes(BLOCK_BYTES)
_SPECIAL = frozenset({LONG_LINK, LONG_NAME, PAX, PAX_SOLARIS, PAX_GLOBAL})
# What a global header may say of all files; the rest of it is forgotten.
_GLOBAL_KEYS = frozenset({"path", "linkpath", "size", "uid", "gid", "uname", "gname", "mtime"})
_SPARSE_KEYS = ("GNU.sparse.realsize", "GNU.sparse.size", "GNU.sparse.map", "GNU.sparse.major")

# Where blocks of an old GNU sparse file say that another block of its map follows.
_EXTENDED_AT, _REAL_SIZE = 482, slice(483, 495)
_EXTENDED_AGAIN_AT = 504


class Member(NamedTuple):
    """One file, folder, link... as its headers have it; folders' names end without a slash.

    ``size`` is the file's, ``stored_bytes`` what the archive has of it: less where it is sparse.
    ``mtime`` may have a fraction, ``mtime_s`` has none.
    """

    name: str
    type: bytes
    size: int
    mtime: int | float
    mtime_s: int
    mode: int
    uid: int
    gid: int
    linkname: str
    uname: str
    gname: str
    devmajor: int
    devminor: int
    pax: Mapping[str, str]
    stored_bytes: int
    is_sparse: bool


class Archive:
    """The members of an archive, and the content of the one that was given last.

    Every method raises RegistryError(V1_LAYER_UNSUPPORTED, V1_LAYER_TOO_LARGE), and whatever the
    source raises.
    """

    def __init__(self, source: Unpacked, *, most_headers: int = limits.MAX_ARCHIVE_HEADERS) -> None:
        self._source = source
        self._headers_left = most_headers
        self._special_bytes = 0
        self._globals: dict[str, str] = {}
        self._left = 0

    def members(self) -> Iterator[Member]:
        """Each in its turn; content that nobody asked for is passed over."""
        while (member := self._next()) is not None:
            self._left = member.stored_bytes
            yield member
            self._source.skip(self._left + -member.stored_bytes % BLOCK_BYTES)

    def content(self) -> Iterator[bytes]:
        """What the archive has of the member given last, in pieces, once."""
        for piece in self._source.pieces(self._left):
            self._left -= len(piece)
            yield piece

    def _block(self) -> bytes:
        """The next block; empty at the end of the bytes."""
        self._headers_left -= 1
        if self._headers_left < 0:
            raise too_large("Layer has too many files to be listed")
        block = self._source.read(BLOCK_BYTES)
        if len(block) not in (0, BLOCK_BYTES):
            raise unsupported()
        return block

    def _next(self) -> Member | None:
        said: dict[str, str] = {}
        said_bytes = 0
        while True:
            block = self._block()
            if not block or block == _ZEROS:
                if said:
                    raise unsupported()
                return None
            header = parse_header(block)
            if header.type not in _SPECIAL:
                return self._member(header, block, {**self._globals, **said})
            said_bytes += header.size
            if said_bytes > limits.MAX_FILE_HEADER_BYTES:
                raise too_large("Layer has a file header that is too large")
            self._hear(header.type, self._special(header.size), said)

    def _special(self, size_bytes: int) -> bytes:
        self._special_bytes += size_bytes
        if self._special_bytes > limits.MAX_SPECIAL_HEADER_BYTES:
            raise too_large("Layer has too many file headers to be listed")
        data = b"".join(self._source.pieces(size_bytes))
        self._source.skip(-size_bytes % BLOCK_BYTES)
        return data

    def _hear(self, kind: bytes, data: bytes, said: dict[str, str]) -> None:
        """Take in what a special header says of the next file; what was said first stays."""
        if kind == LONG_NAME:
            said.setdefault("path", to_text(data))
        elif kind == LONG_LINK:
            said.setdefault("linkpath", to_text(data))
        elif kind == PAX_GLOBAL:
            self._globals.update(pair for pair in parse_pax(data) if pair[0] in _GLOBAL_KEYS)
        else:
            for key, value in dict(parse_pax(data)).items():
                said.setdefault(key, value)

    def _member(self, header: Header, block: bytes, said: Mapping[str, str]) -> Member:
        # An empty record takes a global one back.
        pax = {key: value for key, value in said.items() if value}
        name = pax.get("GNU.sparse.name") or pax.get("path") or header.name
        if len(name) > limits.MAX_FILE_NAME_CHARS:
            raise too_large("Layer has a file name that is too long")
        claimed = pax_size(pax["size"]) if "size" in pax else header.size
        stored_bytes = claimed if has_content(header.type) else 0
        if stored_bytes > limits.MAX_UNPACKED_BYTES:
            raise too_large()
        real_size = self._real_size(header, block, pax)
        mtime, mtime_s = pax_time(pax["mtime"]) if "mtime" in pax else (header.mtime, header.mtime)
        return Member(
            name=name.rstrip("/") if "path" in pax or header.type == FOLDER else name,
            type=header.type,
            size=claimed if real_size is None else real_size,
            mtime=mtime,
            mtime_s=mtime_s,
            mode=header.mode,
            uid=pax_whole(pax["uid"]) if "uid" in pax else header.uid,
            gid=pax_whole(pax["gid"]) if "gid" in pax else header.gid,
            linkname=pax.get("linkpath", header.linkname),
            uname=pax.get("uname", header.uname),
            gname=pax.get("gname", header.gname),
            devmajor=header.devmajor,
            devminor=header.devminor,
            pax=pax,
            stored_bytes=stored_bytes,
            is_sparse=real_size is not None,
        )

    def _real_size(self, header: Header, block: bytes, pax: Mapping[str, str]) -> int | None:
        """How large a sparse file is when it has its holes; None for other files."""
        if header.type == SPARSE:
            self._pass_sparse_map(bool(block[_EXTENDED_AT]))
            return pax_size(str(to_number(block[_REAL_SIZE])))
        if not any(key in pax for key in _SPARSE_KEYS):
            return None
        size = pax.get("GNU.sparse.realsize") or pax.get("GNU.sparse.size")
        if size is None:
            raise unsupported()
        return pax_size(size)

    def _pass_sparse_map(self, extended: bool) -> None:
        while extended:
            block = self._block()
            if not block:
                raise unsupported()
            extended = bool(block[_EXTENDED_AGAIN_AT])
