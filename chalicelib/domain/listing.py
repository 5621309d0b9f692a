"""The files of a layer, and how they differ from the layers below: ``/files`` and ``/diff``.

    files   [name, type, deleted, size, mtime, mode, uid, gid] for each, in the archive's order
    diff    {"changed", "created", "deleted"}: name -> [type, deleted, size, mtime, mode, uid, gid]

A name begins with a slash, whether the archive has ``./x``, ``x`` or ``/x``. The whiteout ``.wh.x``
is listed as ``x``, deleted; what only the union file system reads (``.wh..wh.*``) is not listed.
Bytes of a name that are no UTF-8 are written as ``\\xff``: two such names stay two.

Spec: docker-registry 0.9.1, ``lib/layers.py``. On purpose otherwise: it found whiteouts at the top
only, and only behind ``./`` or ``/``; called all of a root image's whiteouts created; and saw a
file below a folder that had been deleted in between as changed, not as created.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import NamedTuple

from chalicelib.domain import limits
from chalicelib.domain.archive import Archive, Member
from chalicelib.domain.tarheader import (
    BLOCK,
    CHARACTER,
    CONTIGUOUS,
    FIFO,
    FOLDER,
    HARD_LINK,
    LONG_LINK,
    LONG_NAME,
    REGULAR,
    REGULAR_V7,
    SPARSE,
    SYMLINK,
)
from chalicelib.domain.unpack import Unpacked, too_large

LETTERS = {
    REGULAR: "f",
    REGULAR_V7: "f",
    HARD_LINK: "l",
    SYMLINK: "s",
    CHARACTER: "c",
    BLOCK: "b",
    FOLDER: "d",
    FIFO: "i",
    CONTIGUOUS: "t",
    LONG_NAME: "L",
    LONG_LINK: "K",
    SPARSE: "S",
}
OTHER_LETTER = "u"

_WHITEOUT = ".wh."
_UNION_ONLY = "/.wh..wh."


class FileEntry(NamedTuple):
    """One row of ``/files``, in its order."""

    name: str
    type: str
    deleted: bool
    size: int
    mtime: int | float
    mode: int
    uid: int
    gid: int


def list_files(source: Unpacked) -> Iterator[FileEntry]:
    """The rows of a layer. Raises: RegistryError(V1_LAYER_UNSUPPORTED, V1_LAYER_TOO_LARGE)."""
    for member in Archive(source).members():
        entry = _entry(member)
        if entry is not None:
            yield entry


def _entry(member: Member) -> FileEntry | None:
    name = _rooted(member.name)
    if _UNION_ONLY in name:
        return None
    parent, _, base = name.rpartition("/")
    deleted = base.startswith(_WHITEOUT) and base != _WHITEOUT
    if deleted:
        name = f"{parent}/{base.removeprefix(_WHITEOUT)}"
    return FileEntry(
        name,
        LETTERS.get(member.type, OTHER_LETTER),
        deleted,
        member.size,
        member.mtime,
        member.mode,
        member.uid,
        member.gid,
    )


def _rooted(name: str) -> str:
    shown = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    if shown == ".":
        return "/"
    if shown.startswith("./"):
        return shown[1:]
    return shown if shown.startswith("/") else f"/{shown}"


# --- the answer of /files, which is kept: a JSON array with one row a line ------------------------


def files_document(entries: Iterable[FileEntry]) -> bytes:
    """The rows as JSON. Raises: RegistryError(V1_LAYER_TOO_LARGE), and what the rows raise."""
    document = bytearray(b"[")
    separator = b"\n"
    for entry in entries:
        document += separator + _json(entry)
        separator = b",\n"
        if len(document) > limits.MAX_LISTING_BYTES:
            raise too_large("Layer has too many files to be listed")
    document += b"\n]\n"
    return bytes(document)


def read_document(document: bytes) -> Iterator[FileEntry]:
    """The rows of a ``files_document``, one after another."""
    for line in BytesIO(document):
        if line.startswith(b'["'):
            yield FileEntry(*json.loads(line.rstrip(b",\n")))


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


# --- the answer of /diff --------------------------------------------------------------------------


class Diff:
    """What a layer does to the layers below it: made with its own listing, then shown theirs.

    A file that is deleted in the layer is deleted; one that the nearest layer to know it has is
    changed; one that the nearest layer to know it deletes, itself or a folder above it, is created;
    and so is one that no layer knows.
    """

    def __init__(self, document: bytes) -> None:
        rows: dict[str, bytes] = {}
        deleted: dict[str, bytes] = {}
        for entry in read_document(document):
            # What one layer both deletes and has is there: whiteouts are for the layers below.
            (deleted if entry.deleted else rows)[entry.name] = _json(entry[1:])
        self._deleted = {name: row for name, row in deleted.items() if name not in rows}
        self._changed: dict[str, bytes] = {}
        self._created: dict[str, bytes] = {}
        # Not yet found in a layer below; kept in order, for ``_below``.
        self._open = dict(sorted(rows.items()))

    @property
    def is_complete(self) -> bool:
        """No further layer can change the answer."""
        return not self._open

    def show(self, document: bytes) -> None:
        """Compare with the next layer below; the nearest comes first."""
        there: set[str] = set()
        whiteouts: set[str] = set()
        for entry in read_document(document):
            if entry.deleted:
                whiteouts.add(entry.name)
            elif entry.name in self._open:
                there.add(entry.name)
        for name in there:
            self._changed[name] = self._open.pop(name)
        for name in whiteouts & self._open.keys():
            self._created[name] = self._open.pop(name)
        for name in self._below(whiteouts) if whiteouts else ():
            self._created[name] = self._open.pop(name)

    def _below(self, folders: set[str]) -> list[str]:
        """The open names below any of these folders, each once."""
        names = list(self._open)
        found: list[str] = []
        for folder in _outermost(folders):
            # "0" is the character after the slash.
            found += names[bisect_left(names, f"{folder}/") : bisect_left(names, f"{folder}0")]
        return found

    def document(self) -> bytes:
        """The whole answer, after the last layer."""
        groups = {
            "changed": self._changed,
            "created": {**self._created, **self._open},
            "deleted": self._deleted,
        }
        return b"{%s}\n" % b",".join(
            b"%s:{%s}" % (_json(group), b",".join(_members(rows))) for group, rows in groups.items()
        )


def _members(rows: dict[str, bytes]) -> Iterator[bytes]:
    return (b"%s:%s" % (_json(name), row) for name, row in sorted(rows.items()))


def _outermost(folders: set[str]) -> Iterator[str]:
    """The folders that lie in none of the others."""
    # With the slash behind it a folder sorts directly before all that lies in it.
    outer = ""
    for folder in sorted(f"{folder}/" for folder in folders):
        if not outer or not folder.startswith(outer):
            outer = folder
            yield folder.removesuffix("/")
