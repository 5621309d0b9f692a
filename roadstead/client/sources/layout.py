"""OCI layouts: ``oci-layout``, ``index.json``, ``blobs/<algorithm>/<hex>``; in a folder or a tar.

Spec: OCI Image 1.1, "Image Layout".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from roadstead.client.errors import TransferError
from roadstead.client.image import (
    MAX_MANIFEST_BYTES,
    Descriptor,
    Image,
    check_document,
    gather,
    read_descriptor,
)
from roadstead.client.names import ImageName
from roadstead.client.sources.files import FileSlice

REF_NAMES = ("org.opencontainers.image.ref.name", "io.containerd.image.name")
Find = Callable[[str], FileSlice | None]


class Layout:
    """An OCI layout; ``find`` gives a file of it by its path."""

    name: ImageName | None = None

    def __init__(self, where: str, find: Find, reference: str | None) -> None:
        self._where, self._find = where, find
        index = find("index.json")
        if index is None:
            raise TransferError(f"{where} is no OCI layout: it has no index.json")
        top = choose(where, _json_of(where, index), reference)
        self.image: Image = gather(check_document(top, self._document(top)), self._document)

    def _document(self, descriptor: Descriptor) -> bytes:
        found = self.blob(descriptor)
        if found is None:
            raise TransferError(f"{self._where} lacks the manifest {descriptor.digest}")
        if found.size_bytes > MAX_MANIFEST_BYTES:
            raise TransferError(f"{self._where}: {descriptor.digest} is too large for a manifest")
        return found.read_at(0, found.size_bytes)

    def blob(self, descriptor: Descriptor) -> FileSlice | None:
        found = self._find(f"blobs/{descriptor.digest.replace(':', '/')}")
        if found is not None and found.size_bytes != descriptor.size_bytes:
            raise TransferError(
                f"{self._where}: {descriptor.digest} has {found.size_bytes} bytes, "
                f"and its manifest says {descriptor.size_bytes}"
            )
        return found


def _json_of(where: str, piece: FileSlice) -> Any:
    try:
        return json.loads(piece.read_at(0, min(piece.size_bytes, MAX_MANIFEST_BYTES)))
    except ValueError:
        raise TransferError(f"{where}: index.json is damaged") from None


def choose(where: str, index: Any, reference: str | None) -> Descriptor:
    """The entry of an ``index.json`` that is meant.

    Raises: TransferError: none or several fit; the sentence names those that are there.
    """
    entries = index.get("manifests") if isinstance(index, dict) else None
    if not isinstance(entries, list) or not entries:
        raise TransferError(f"{where} holds no image")
    named = [(names_of(entry), entry) for entry in entries]
    fitting = [entry for names, entry in named if reference is None or reference in names]
    distinct = {str(entry.get("digest")): entry for entry in fitting if isinstance(entry, dict)}
    if len(distinct) != 1:
        known = ", ".join(sorted({name for names, _ in named for name in names})) or "no names"
        problem = "several images" if distinct else f"no image {reference!r}"
        raise TransferError(f"{where} holds {problem}; choose by :REF. It has: {known}")
    (entry,) = distinct.values()
    return read_descriptor(entry, where)


def names_of(entry: Any) -> set[str]:
    notes = entry.get("annotations") if isinstance(entry, dict) else None
    if not isinstance(notes, dict):
        return set()
    return {str(notes[key]) for key in REF_NAMES if key in notes}


@contextmanager
def open_layout(folder: Path, reference: str | None) -> Iterator[Layout]:
    """A layout in a folder. Raises: TransferError."""

    def find(path: str) -> FileSlice | None:
        at = folder / path
        return FileSlice(at, 0, at.stat().st_size) if at.is_file() else None

    yield Layout(str(folder), find, reference)
