"""The bridge between the protocols, as functions over values.

    v1 -> v2   the ancestry of an image becomes a Docker schema 2 manifest and a config:
               one layer an image, in order; history from what each json says
    v2 -> v1   the layers of a manifest become a chain of images:
               lower ids are chained over the layers' digests, the top id is the manifest's hex

Both are determined by what they are made from, so whoever makes them again makes the same.
Spec: Docker Image Spec v1.2 (config); Docker 1.12, distribution/push_v1 (chained ids).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chalicelib.domain.digest import Digest, digest_of
from chalicelib.domain.image import ImageState, StoredLayer, V1Image
from chalicelib.domain.manifest import Descriptor, Manifest
from chalicelib.domain.media_types import DOCKER_MANIFEST, MANIFEST_SHAPES, Shape

CONFIG_TYPE = "application/vnd.docker.container.image.v1+json"
GZIP_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
PLAIN_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
CONFIG_TYPES = frozenset({CONFIG_TYPE, "application/vnd.oci.image.config.v1+json"})

# What a v1 json says of a whole image, and a config says under the same name.
_SHARED_KEYS = (
    "architecture",
    "author",
    "comment",
    "config",
    "container",
    "container_config",
    "created",
    "docker_version",
    "os",
    "variant",
)


@dataclass(frozen=True)
class UnpackedLayer:
    """A v1 layer as v2 names it: by the digest of its tar as well."""

    layer: StoredLayer
    diff_id: Digest
    is_gzip: bool


def assemble(images: Sequence[V1Image], layers: Sequence[UnpackedLayer]) -> tuple[bytes, bytes]:
    """The config and the manifest of a whole ancestry, the root first in both arguments."""
    jsons = [_object(image.raw_json) for image in images]
    top = jsons[-1]
    config: dict[str, object] = {"architecture": "amd64", "os": "linux"}
    config |= {key: top[key] for key in _SHARED_KEYS if top.get(key) is not None}
    config["history"] = [_history(document) for document in jsons]
    config["rootfs"] = {"type": "layers", "diff_ids": [str(layer.diff_id) for layer in layers]}
    raw_config = _canonical(config)
    manifest = {
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST,
        "config": _descriptor(CONFIG_TYPE, digest_of(raw_config), len(raw_config)),
        "layers": [
            _descriptor(
                GZIP_LAYER if each.is_gzip else PLAIN_LAYER,
                each.layer.digest,
                each.layer.size_bytes,
            )
            for each in layers
        ],
    }
    return raw_config, _canonical(manifest)


def _history(document: Mapping[str, object]) -> dict[str, object]:
    entry = {key: document[key] for key in ("created", "author", "comment") if document.get(key)}
    container = document.get("container_config")
    command = container.get("Cmd") if isinstance(container, dict) else None
    if isinstance(command, list) and all(isinstance(word, str) for word in command):
        entry["created_by"] = " ".join(command)
    return entry


def _descriptor(media_type: str, digest: Digest, size_bytes: int) -> dict[str, object]:
    return {"mediaType": media_type, "size": size_bytes, "digest": str(digest)}


def _canonical(document: object) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _object(raw: bytes) -> dict[str, object]:
    document = json.loads(raw)
    assert isinstance(document, dict), "a stored image's json was checked when it came"
    return document


def is_bridgeable(manifest: Manifest) -> bool:
    """Whether v1 can show this manifest: an image with layers and a config that describes it."""
    return (
        MANIFEST_SHAPES.get(manifest.media_type) is Shape.IMAGE
        and manifest.config is not None
        and manifest.config.media_type in CONFIG_TYPES
        and bool(manifest.layers)
        and not any(layer.urls for layer in manifest.layers)
    )


def choose_platform(index: Manifest) -> Descriptor | None:
    """The image of an index that v1 shows: it knows one platform, which is linux/amd64."""
    images = [child for child in index.children if child.platform != "unknown/unknown"]
    return next((child for child in images if child.platform == "linux/amd64"), None) or next(
        iter(images), None
    )


def chain(
    top_id: str, layers: Sequence[StoredLayer], raw_config: bytes
) -> tuple[V1Image, ...] | None:
    """The v1 images of a manifest, the root first, all whole; None for a config that is none."""
    try:
        config = json.loads(raw_config.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(config, dict):
        return None
    images: list[V1Image] = []
    ancestry: tuple[str, ...] = ()
    for number, layer in enumerate(layers):
        is_top = number == len(layers) - 1
        parent = ancestry[0] if ancestry else None
        image_id = top_id if is_top else _chain_id(parent, layer.digest)
        document: dict[str, object] = {"id": image_id, **({"parent": parent} if parent else {})}
        if is_top:
            document |= {key: config[key] for key in _SHARED_KEYS if config.get(key) is not None}
            document["Size"] = layer.size_bytes
        ancestry = (image_id, *ancestry)
        images.append(V1Image(image_id, _canonical(document), ancestry, ImageState.SEALED, layer))
    return tuple(images)


def _chain_id(parent: str | None, layer: Digest) -> str:
    # The label keeps these ids apart from every digest, whatever a client pushes.
    return hashlib.sha256(f"v1 chain {parent or ''} {layer}".encode()).hexdigest()
