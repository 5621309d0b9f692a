"""Where a pull goes: an OCI layout folder, or a tar that `docker load` takes.

DIR/oci-layout, index.json, blobs/<algorithm>/<hex>
DIR/.roadstead/<hex>      blobs that are not whole yet; gone when the pull is done
"""

from __future__ import annotations

import fcntl
import io
import json
import os
import platform
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from roadstead.client.errors import TransferError
from roadstead.client.image import INDEXES, MANIFESTS, Document, Image
from roadstead.client.names import ImageName

LAYOUT = b'{"imageLayoutVersion": "1.0.0"}'
REF_NAME = "org.opencontainers.image.ref.name"
# Docker's own name for it, which `docker load` of the containerd store goes by.
IMAGE_NAME = "io.containerd.image.name"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class LayoutFolder:
    """An OCI layout under construction; what is in it already stays."""

    folder: Path

    def prepare(self) -> None:
        """Make the folder. Raises: TransferError: it holds other things."""
        if self.folder.exists() and not self.folder.is_dir():
            raise TransferError(f"{self.folder} is a file, not a folder")
        if self.folder.is_dir() and any(self.folder.iterdir()):
            known = (self.folder / "oci-layout").exists() or (self.folder / ".roadstead").exists()
            if not known:
                raise TransferError(f"{self.folder} holds other things; choose an empty folder")
        for name in (".roadstead", "blobs/sha256"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """The folder, this process's alone while the block runs.

        Two would add to the same unfinished blobs, and the first to end takes those away.
        Raises: TransferError: another pull has it.
        """
        self.prepare()
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise TransferError(f"{self.folder}: another pull is under way there") from None
            except OSError:
                pass  # a file system without locks
            yield
        finally:
            os.close(descriptor)

    def path(self, digest: str) -> Path:
        return self.folder / "blobs" / digest.replace(":", "/")

    def partial(self, digest: str) -> Path:
        return self.folder / ".roadstead" / digest.replace(":", "-")

    def keep(self, digest: str) -> None:
        """Give a blob, whole and proved, its name."""
        path = self.path(digest)
        path.parent.mkdir(exist_ok=True)
        self.partial(digest).replace(path)

    def write(self, document: Document) -> None:
        """Store a manifest."""
        self.partial(document.descriptor.digest).write_bytes(document.raw)
        self.keep(document.descriptor.digest)

    def close(self, top: Document, name: ImageName, reference: str | None) -> None:
        """Name the image in ``index.json``, in place of another of this name."""
        shown = reference or (name.reference if ":" not in name.reference else None)
        notes = {REF_NAME: shown, IMAGE_NAME: str(name)} if shown else {}
        entry: dict[str, Any] = {
            "mediaType": top.descriptor.media_type,
            "digest": top.descriptor.digest,
            "size": top.descriptor.size_bytes,
            **({"annotations": notes} if notes else {}),
        }
        kept = [each for each in self._entries() if _clashes(each, entry) is False]
        index = {"schemaVersion": 2, "manifests": [*kept, entry]}
        draft = self.folder / ".roadstead" / "index.json"
        draft.write_text(json.dumps(index))
        (self.folder / "oci-layout").write_bytes(LAYOUT)
        draft.replace(self.folder / "index.json")
        shutil.rmtree(self.folder / ".roadstead")

    def _entries(self) -> list[dict[str, Any]]:
        try:
            found = json.loads((self.folder / "index.json").read_text())["manifests"]
        except (OSError, ValueError, KeyError, TypeError):
            return []
        return [entry for entry in found if isinstance(entry, dict)]


def _clashes(entry: dict[str, Any], new: dict[str, Any]) -> bool:
    names = [(each.get("annotations") or {}).get(REF_NAME) for each in (entry, new)]
    if names[0] is None and names[1] is None:
        return bool(entry.get("digest") == new["digest"])
    return names[0] == names[1]


def pack_archive(folder: LayoutFolder, image: Image, name: ImageName, target: Path) -> None:
    """The layout as one tar, with the ``manifest.json`` that `docker load` of before 25 reads.

    That file can name one platform only: this machine's.
    """
    draft = target.with_name(target.name + ".draft")
    digests = {each.descriptor.digest for each in image.documents}
    digests |= {blob.digest for blob in image.blobs}
    names = ["oci-layout", "index.json", *sorted(_blob_path(digest) for digest in digests)]
    with tarfile.open(draft, "w") as archive:
        for each in names:
            path = folder.folder / each
            if path.exists():  # a layer that is only to be had elsewhere is not there
                archive.add(path, each, filter=_plain)
        chosen = _for_this_machine(image)
        if chosen is not None:
            raw = json.dumps([_listed(chosen, name)]).encode()
            member = _plain(tarfile.TarInfo("manifest.json"))
            member.size = len(raw)
            archive.addfile(member, io.BytesIO(raw))
    draft.replace(target)


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    member.mode = 0o644
    return member


def _listed(manifest: dict[str, Any], name: ImageName) -> dict[str, object]:
    return {
        "Config": _blob_path(manifest["config"]["digest"]),
        "RepoTags": [str(name)] if ":" not in name.reference else None,
        "Layers": [_blob_path(layer["digest"]) for layer in manifest["layers"]],
    }


def _blob_path(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def _for_this_machine(image: Image) -> dict[str, Any] | None:
    """The manifest that `docker load` should take; None when no platform is this machine's."""
    by_digest = {each.descriptor.digest: each for each in image.documents}
    document = image.top
    if document.descriptor.media_type in INDEXES:
        wanted = ARCHITECTURES.get(platform.machine(), platform.machine())
        entries = json.loads(document.raw).get("manifests") or ()
        fitting = [e for e in entries if _is_for(e.get("platform") or {}, wanted)]
        if not fitting:
            return None
        document = by_digest[fitting[0]["digest"]]
    if document.descriptor.media_type not in MANIFESTS:
        return None
    found: dict[str, Any] = json.loads(document.raw)
    return found


def _is_for(place: dict[str, Any], architecture: str) -> bool:
    return place.get("os") == "linux" and place.get("architecture") == architecture
