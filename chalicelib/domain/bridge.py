"""The bridge between the protocols, as functions over values.

    v1 -> v2   the ancestry of an image becomes a Docker schema 2 manifest and a config:
               one layer an image, in order; history from what each json says
    v2 -> v1   the steps of a config's history become a chain of images, empty layers included:
               lower ids are chained over layers and jsons, the top id is the manifest's hex

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

# What Docker has put beneath ENV and CMD since 2015: 1,024 zero bytes of tar, gzipped.
EMPTY_LAYER = bytes.fromhex("1f8b080000096e8800ff621805a360148c5800080000ffff2eafb5ef00040000")
EMPTY_DIGEST = digest_of(EMPTY_LAYER)

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
    """The config and the manifest of a whole ancestry, the root first in both arguments.

    An image that is marked as thrown away and has the empty layer becomes a line of the history
    and no layer.
    """
    jsons = [_object(image.raw_json) for image in images]
    top = jsons[-1]
    config: dict[str, object] = {"architecture": "amd64", "os": "linux"}
    config |= {key: top[key] for key in _SHARED_KEYS if top.get(key) is not None}
    pairs = list(zip(jsons, layers, strict=True))
    kept = [layer for document, layer in pairs if not _is_throwaway(document, layer)] or layers
    config["history"] = [
        _history(document) | ({} if layer in kept else {"empty_layer": True})
        for document, layer in pairs
    ]
    config["rootfs"] = {"type": "layers", "diff_ids": [str(layer.diff_id) for layer in kept]}
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
            for each in kept
        ],
    }
    return raw_config, _canonical(manifest)


def _is_throwaway(document: Mapping[str, object], layer: UnpackedLayer) -> bool:
    """Whether an image stands for a step that changed no file, as ``chain`` and Docker say it."""
    return document.get("throwaway") is True and layer.layer.digest == EMPTY_DIGEST


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
    top_id: str, layers: Sequence[StoredLayer], raw_config: bytes, empty: StoredLayer
) -> tuple[V1Image, ...] | None:
    """The v1 images of a manifest, the root first, all whole; None for a config that is none.

    One image a step of the config's history; a step that changed no file has the layer ``empty``,
    because a v1 image always has one. Without a history that fits the layers, one image a layer.
    """
    try:
        config = json.loads(raw_config.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(config, dict):
        return None
    images: list[V1Image] = []
    ancestry: tuple[str, ...] = ()
    steps = _steps(config.get("history"), layers, empty)
    for number, (layer, said) in enumerate(steps):
        document: dict[str, object] = {**said, **({"parent": ancestry[0]} if ancestry else {})}
        if number == len(steps) - 1:
            image_id = top_id
            document |= {key: config[key] for key in _SHARED_KEYS if config.get(key) is not None}
            document["Size"] = layer.size_bytes
        else:
            image_id = _chain_id(layer.digest, document)
        document["id"] = image_id
        ancestry = (image_id, *ancestry)
        images.append(V1Image(image_id, _canonical(document), ancestry, ImageState.SEALED, layer))
    return tuple(images)


Step = tuple[StoredLayer, dict[str, object]]


def _steps(history: object, layers: Sequence[StoredLayer], empty: StoredLayer) -> list[Step]:
    """Each step's layer, and what a v1 json says of it."""
    plain: list[Step] = [(layer, {}) for layer in layers]
    if not isinstance(history, list) or not all(isinstance(entry, dict) for entry in history):
        return plain
    if sum(entry.get("empty_layer") is not True for entry in history) != len(layers):
        return plain
    left = iter(layers)
    return [
        (empty if entry.get("empty_layer") is True else next(left), _said(entry))
        for entry in history
    ]


def _said(entry: Mapping[str, object]) -> dict[str, object]:
    said = {key: entry[key] for key in ("created", "author", "comment") if _is_text(entry, key)}
    if _is_text(entry, "created_by"):
        said["container_config"] = {"Cmd": [entry["created_by"]]}
    return said | ({"throwaway": True} if entry.get("empty_layer") is True else {})


def _is_text(entry: Mapping[str, object], key: str) -> bool:
    return isinstance(entry.get(key), str) and bool(entry[key])


def _chain_id(layer: Digest, document: Mapping[str, object]) -> str:
    # The label keeps these ids apart from every digest, whatever a client pushes. What the image
    # says counts: the same layer under another history is another image.
    return hashlib.sha256(b"v1 chain %s " % str(layer).encode() + _canonical(document)).hexdigest()
