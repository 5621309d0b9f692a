"""What `docker save` writes: a tar with an OCI layout in it (Docker 25 and later), or one with
``manifest.json`` and a layer.tar for each layer (before, podman, crane).

Of the older form a manifest is made, with OCI media types. Its layers go as they are: one that
is uncompressed has the diff id that stands in the config for its digest, which is therefore known
without reading the layer, and the same on every machine whatever its zlib.
Spec: Docker Image Specification 1.2, "Combined Image JSON + Filesystem Changeset Format".
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from roadstead.client.errors import TransferError
from roadstead.client.image import (
    MAX_MANIFEST_BYTES,
    OCI_CONFIG,
    OCI_LAYER,
    OCI_MANIFEST,
    Descriptor,
    Image,
    described,
    gather,
)
from roadstead.client.names import ImageName
from roadstead.client.sources import Source
from roadstead.client.sources.files import FileSlice
from roadstead.client.sources.layout import Layout

BLOCK_BYTES = 1024 * 1024
# How a layer that is compressed begins.
COMPRESSIONS = {b"\x1f\x8b": "+gzip", b"\x28\xb5\x2f\xfd": "+zstd"}


@contextmanager
def open_archive(path: Path, reference: str | None) -> Iterator[Source]:
    """The image in a tar. Raises: TransferError."""
    members = read_members(path)
    if "oci-layout" in members and "index.json" in members:
        yield Layout(str(path), members.get, reference)
    else:
        yield Archive(path, members, reference)


def read_members(path: Path) -> Mapping[str, FileSlice]:
    """Where each file of a tar lies; links are followed. Raises: TransferError."""
    found: dict[str, FileSlice] = {}
    links: dict[str, str] = {}
    try:
        with tarfile.open(path, "r:") as archive:
            for member in archive:
                name = posixpath.normpath(member.name)
                if member.isreg():
                    found[name] = FileSlice(path, member.offset_data, member.size)
                elif member.issym():
                    links[name] = posixpath.normpath(
                        posixpath.join(posixpath.dirname(name), member.linkname)
                    )
                elif member.islnk():
                    links[name] = posixpath.normpath(member.linkname)
    except (tarfile.TarError, OSError) as error:
        with path.open("rb") as stream:
            packed = stream.read(4)
        if any(packed.startswith(magic) for magic in COMPRESSIONS):
            raise TransferError(f"{path} is compressed; unpack it first (gunzip, unzstd)") from None
        raise TransferError(f"{path} cannot be read as a tar: {error}") from None
    for name, target in links.items():
        if target in found:
            found[name] = found[target]
    size_bytes = path.stat().st_size
    if any(piece.start_bytes + piece.size_bytes > size_bytes for piece in found.values()):
        raise TransferError(f"{path} is cut off: its last file is not whole")
    return found


class Archive:
    """The older form of `docker save`."""

    name: ImageName | None = None

    def __init__(self, path: Path, members: Mapping[str, FileSlice], reference: str | None) -> None:
        self._path, self._members = path, members
        entry = self._choose(self._json("manifest.json"), reference)
        self._pieces: dict[str, FileSlice] = {}
        config = self._member(str(entry.get("Config")))
        raw = config.read_at(0, min(config.size_bytes, MAX_MANIFEST_BYTES))
        self._config = Descriptor(
            OCI_CONFIG, f"sha256:{hashlib.sha256(raw).hexdigest()}", len(raw), is_config=True
        )
        self._pieces[self._config.digest] = config
        layers = [self._member(str(name)) for name in entry.get("Layers") or ()]
        described_layers = [
            self._layer(piece, diff_id)
            for piece, diff_id in zip(layers, self._diff_ids(raw, len(layers)), strict=True)
        ]
        manifest = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": _entry(self._config),
            "layers": [_entry(layer) for layer in described_layers],
        }
        top = described(json.dumps(manifest).encode(), OCI_MANIFEST)
        self.image: Image = gather(top, lambda _: b"")

    def blob(self, descriptor: Descriptor) -> FileSlice | None:
        return self._pieces.get(descriptor.digest)

    def _choose(self, entries: Any, reference: str | None) -> dict[str, Any]:
        if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
            raise TransferError(f"{self._path}: manifest.json is damaged")
        fitting: list[dict[str, Any]] = [
            e for e in entries if reference is None or reference in (e.get("RepoTags") or ())
        ]
        if len(fitting) != 1:
            known = ", ".join(str(tag) for e in entries for tag in e.get("RepoTags") or ())
            problem = "several images" if fitting else "no such image"
            raise TransferError(
                f"{self._path} holds {problem}; choose by :REF. It has: {known or 'no names'}"
            )
        return fitting[0]

    def _json(self, name: str) -> Any:
        if name not in self._members:
            raise TransferError(
                f"{self._path} is not what `docker save` writes: it has no {name} and no OCI layout"
            )
        piece = self._members[name]
        try:
            return json.loads(piece.read_at(0, min(piece.size_bytes, MAX_MANIFEST_BYTES)))
        except ValueError:
            raise TransferError(f"{self._path}: {name} is damaged") from None

    def _member(self, name: str) -> FileSlice:
        found = self._members.get(posixpath.normpath(name))
        if found is None:
            raise TransferError(f"{self._path} lacks {name[:200]}")
        return found

    def _diff_ids(self, config: bytes, count: int) -> list[str]:
        try:
            diff_ids = [str(each) for each in json.loads(config)["rootfs"]["diff_ids"]]
        except (ValueError, KeyError, TypeError):
            raise TransferError(f"{self._path}: the image's config is damaged") from None
        if len(diff_ids) != count:
            raise TransferError(f"{self._path}: config and manifest.json name different layers")
        return diff_ids

    def _layer(self, piece: FileSlice, diff_id: str) -> Descriptor:
        start = piece.starts_with(4)
        suffix = next((s for magic, s in COMPRESSIONS.items() if start.startswith(magic)), "")
        digest = _hashed(piece) if suffix else diff_id
        self._pieces[digest] = piece
        return Descriptor(OCI_LAYER + suffix, digest, piece.size_bytes)


def _hashed(piece: FileSlice) -> str:
    hasher = hashlib.sha256()
    with piece.opened() as stream:
        while data := stream.read(BLOCK_BYTES):
            hasher.update(data)
    return f"sha256:{hasher.hexdigest()}"


def _entry(descriptor: Descriptor) -> dict[str, object]:
    return {
        "mediaType": descriptor.media_type,
        "digest": descriptor.digest,
        "size": descriptor.size_bytes,
    }
