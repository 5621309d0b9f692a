"""The same images in the other forms that clients take: `docker save` tar, OCI tar, dir.

Layers are hard links or streams, so that the large image is not copied more often than a client
needs it.
"""

import gzip
import hashlib
import io
import json
import os
import shutil
import tarfile
from pathlib import Path
from typing import IO, Any

from .images import Image, Manifest


def _add(archive: tarfile.TarFile, name: str, content: IO[bytes], size: int) -> None:
    info = tarfile.TarInfo(name)
    info.size = size
    archive.addfile(info, content)


def _add_bytes(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    _add(archive, name, io.BytesIO(content), len(content))


def docker_archive(image: Image, target: Path, reference: str) -> Path:
    """What `docker save REFERENCE` writes: config, uncompressed layers, manifest.json."""
    manifest = image.only
    config = f"{manifest.config.digest.removeprefix('sha256:')}.json"
    names = []
    with tarfile.open(target, "w") as archive:
        _add_bytes(archive, config, image.read(manifest.config.digest))
        for layer in manifest.layers:
            name = f"{layer.diff_id.removeprefix('sha256:')}/layer.tar"
            names.append(name)
            with gzip.open(image.path(layer.blob.digest)) as unzipped:
                size = unzipped.seek(0, io.SEEK_END)
                unzipped.seek(0)
                _add(archive, name, unzipped, size)  # type: ignore[arg-type]
        entry = {"Config": config, "RepoTags": [reference], "Layers": names}
        _add_bytes(archive, "manifest.json", json.dumps([entry]).encode())
    return target


def oci_archive(image: Image, target: Path, reference: str) -> Path:
    """An OCI layout as one tar, its top named by a full reference, as containerd imports it."""
    named = {
        **image.top.descriptor,
        "annotations": {
            "io.containerd.image.name": reference,
            "org.opencontainers.image.ref.name": reference.rpartition(":")[2],
        },
    }
    index = {"schemaVersion": 2, "manifests": [named]}
    with tarfile.open(target, "w") as archive:
        _add_bytes(archive, "oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
        _add_bytes(archive, "index.json", json.dumps(index).encode())
        for digest, size in image.everything.items():
            with image.path(digest).open("rb") as content:
                _add(archive, f"blobs/{digest.replace(':', '/')}", content, size)
    return target


def directory(image: Image, target: Path) -> Path:
    """skopeo's `dir:`: the one of its forms that keeps Docker's own media types."""
    target.mkdir()
    (target / "version").write_text("Directory Transport Version: 1.1\n")
    for digest in image.blobs:
        _link(image.path(digest), target / digest.removeprefix("sha256:"))
    for manifest in image.manifests if image.is_index else ():
        name = f"{manifest.blob.digest.removeprefix('sha256:')}.manifest.json"
        _link(image.path(manifest.blob.digest), target / name)
    _link(image.path(image.top.digest), target / "manifest.json")
    return target


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copyfile(source, target)


def saved(archive: Path) -> tuple[str, list[str]]:
    """Config digest and diff ids recomputed from the bytes of a `docker save` tar."""
    with tarfile.open(archive) as tar:
        (entry,) = json.load(_member(tar, "manifest.json"))
        config = hashlib.file_digest(_member(tar, entry["Config"]), "sha256")
        layers = [
            hashlib.file_digest(_unzipped(_member(tar, name)), "sha256") for name in entry["Layers"]
        ]
    return f"sha256:{config.hexdigest()}", [f"sha256:{layer.hexdigest()}" for layer in layers]


def _member(tar: tarfile.TarFile, name: str) -> Any:
    """Follows the links with which `docker save` repeats a layer."""
    found = tar.extractfile(name)
    assert found is not None, f"{name} is no file in the archive"
    return found


def _unzipped(content: Any) -> Any:
    magic = content.read(2)
    content.seek(0)
    return gzip.GzipFile(fileobj=content) if magic == b"\x1f\x8b" else content


def identity(manifest: Manifest) -> tuple[str, list[str]]:
    """What a client that recompresses layers must keep: the config and the diff ids."""
    return manifest.config.digest, manifest.diff_ids
