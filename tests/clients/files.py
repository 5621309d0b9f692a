"""Recompute digests of what a client wrote to disk."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from .images import Image


def digests(files: Iterable[Path]) -> dict[str, int]:
    """Digest to size, both taken from the bytes and not from any name."""
    found = {}
    for path in files:
        with path.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        found[f"sha256:{digest}"] = path.stat().st_size
    return found


def assert_layout(folder: Path, image: Image) -> None:
    """An OCI layout holds exactly the image: no byte more, none less, none other.

    Its index may name the manifests of an index after it, as that of oras does.
    """
    found = digests((folder / "blobs" / "sha256").iterdir())
    assert found == image.everything
    index = json.loads((folder / "index.json").read_text())
    tops = [entry["digest"] for entry in index["manifests"]]
    assert tops[0] == image.top.digest
    assert set(tops[1:]) <= {manifest.blob.digest for manifest in image.manifests}


def assert_directory(folder: Path, image: Image) -> None:
    """The same for skopeo's `dir:`."""
    assert (folder / "manifest.json").read_bytes() == image.read(image.top.digest)
    content = [path for path in folder.iterdir() if path.name != "version"]
    assert digests(content) == image.everything


def assert_among(folder: Path, image: Image) -> None:
    """A content store holds at least the image (it may keep more, as indexes of its own)."""
    found = digests(path for path in folder.iterdir() if path.is_file())
    assert {digest: found.get(digest) for digest in image.everything} == image.everything
