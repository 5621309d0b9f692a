"""v1 images and their two checksums, made from the same images as everything else.

As Docker 1.12 does it: the top image's id is the hex of the v2 image id, every id below is the
hex of the layer's chain id, and only the top has more in its json than `id` and `parent`.
Sources: moby 1.12 distribution/push_v1.go (ids, dependency json), image/v1/imagev1.go (top json),
pkg/tarsum (version 0).
"""

import gzip
import hashlib
import json
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from .images import Image, Manifest

BLOCK = 32 * 1024  # Go's io.Copy: the size of a chunk on the wire


@dataclass(frozen=True)
class V1Layer:
    """One v1 image: an id, exact json bytes, and a layer packed anew each time it is sent."""

    id: str
    json: bytes
    packed: Path
    diff_id: str

    def plain(self) -> IO[bytes]:
        return gzip.open(self.packed)  # type: ignore[return-value]

    def stream(self) -> Iterator[bytes]:
        """The layer gzipped on the fly: nobody knows its length before its end."""
        packer = zlib.compressobj(level=1 if self.packed.stat().st_size < 1 << 24 else 0, wbits=31)
        with self.plain() as tar:
            while block := tar.read(BLOCK):
                if piece := packer.compress(block):
                    yield piece
        yield packer.flush()


@dataclass(frozen=True)
class V1Image:
    """A chain, root first."""

    chain: tuple[V1Layer, ...]

    @property
    def top(self) -> V1Layer:
        return self.chain[-1]


def from_image(image: Image, salt: str = "") -> V1Image:
    """What Docker 1.12 pushes to a v1 registry when it holds this image.

    v1 keeps images by id for the whole registry, so a second push of the same ids, to any
    repository, sends nothing: a `salt` gives ids (any 64 hex do) that no other push has.
    """
    manifest = image.only
    chain: list[V1Layer] = []
    for number, layer in enumerate(manifest.layers):
        parent = chain[-1].id if chain else None
        if number == len(manifest.layers) - 1:
            own = _salted(manifest.config.digest.removeprefix("sha256:"), salt)
            body = _top_json(image, manifest, own, parent)
        else:
            own = _salted(chain_id(manifest.diff_ids[: number + 1]), salt)
            linked = f',"parent":"{parent}"' if parent else ""
            body = f'{{"id":"{own}"{linked}}}'.encode()
        chain.append(V1Layer(own, body, image.path(layer.blob.digest), layer.diff_id))
    return V1Image(tuple(chain))


def _salted(own: str, salt: str) -> str:
    return hashlib.sha256(f"{salt} {own}".encode()).hexdigest() if salt else own


def _top_json(image: Image, manifest: Manifest, own: str, parent: str | None) -> bytes:
    config = json.loads(image.read(manifest.config.digest))
    del config["rootfs"], config["history"]
    config["id"] = own
    if parent:
        config["parent"] = parent
    return json.dumps(config, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def chain_id(diff_ids: list[str]) -> str:
    """Hex of the OCI ChainID. Spec: OCI image-spec 1.1, config, "Layer ChainID"."""
    chain = diff_ids[0]
    for diff_id in diff_ids[1:]:
        chain = f"sha256:{hashlib.sha256(f'{chain} {diff_id}'.encode()).hexdigest()}"
    return chain.removeprefix("sha256:")


def tarsum(image_json: bytes, layer: IO[bytes]) -> str:
    """Version 0: a sum over each member's header and content, sorted, after the json."""
    sums = []
    with tarfile.open(fileobj=layer, mode="r|*", errors="surrogateescape") as archive:
        for member in archive:
            digest = hashlib.sha256(_header(member))
            content = archive.extractfile(member) if member.isreg() else None
            while content and (block := content.read(1 << 20)):
                digest.update(block)
            sums.append(digest.hexdigest())
    total = hashlib.sha256(image_json + "".join(sorted(sums)).encode())
    return f"tarsum+sha256:{total.hexdigest()}"


def _header(member: tarfile.TarInfo) -> bytes:
    name = member.name + "/" if member.isdir() and not member.name.endswith("/") else member.name
    values = {
        "name": name,
        "mode": member.mode,
        "uid": member.uid,
        "gid": member.gid,
        "size": member.size,
        "mtime": int(member.mtime),
        "typeflag": member.type.decode("latin-1"),
        "linkname": member.linkname,
        "uname": member.uname,
        "gname": member.gname,
        "devmajor": member.devmajor,
        "devminor": member.devminor,
    }
    text = "".join(f"{key}{value}" for key, value in values.items())
    return text.encode("utf-8", "surrogateescape")


class PayloadSum:
    """`sha256:` of the json, a newline, and the layer exactly as it is on the wire."""

    def __init__(self, image_json: bytes) -> None:
        self._sha256 = hashlib.sha256(image_json + b"\n")

    def update(self, data: bytes) -> None:
        self._sha256.update(data)

    def __str__(self) -> str:
        return f"sha256:{self._sha256.hexdigest()}"


def payload_sum(image_json: bytes, layer: bytes) -> str:
    total = PayloadSum(image_json)
    total.update(layer)
    return str(total)


def unpacked_digest(layer: Path) -> str:
    """The diff id of a pulled layer, gzipped or plain."""
    with layer.open("rb") as stored:
        magic = stored.read(2)
        stored.seek(0)
        plain = gzip.GzipFile(fileobj=stored) if magic == b"\x1f\x8b" else stored
        return f"sha256:{hashlib.file_digest(plain, 'sha256').hexdigest()}"
