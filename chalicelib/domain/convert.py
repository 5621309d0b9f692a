"""A manifest in the other family of types: OCI for Docker schema 2, and the other way round.

Config and layers keep their bytes and digests; the manifest is another document, with a digest of
its own. It is determined by what it is made from, so whoever makes it again makes the same.

    kept       config, layers, children, platforms, sizes, urls
    left out   annotations, subject, artifactType (Docker has none), attestations of an index

Spec: OCI Image 1.1, "Compatibility Matrix" (media-types.md).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from chalicelib.domain.digest import Digest, digest_of
from chalicelib.domain.manifest import Manifest
from chalicelib.domain.media_types import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    MANIFEST_SHAPES,
    OCI_INDEX,
    OCI_MANIFEST,
    Shape,
)

_OCI_LAYER = "application/vnd.oci.image.layer"
_DOCKER_LAYER = "application/vnd.docker.image.rootfs"
_TO_DOCKER = {
    OCI_MANIFEST: DOCKER_MANIFEST,
    OCI_INDEX: DOCKER_LIST,
    "application/vnd.oci.image.config.v1+json": "application/vnd.docker.container.image.v1+json",
    f"{_OCI_LAYER}.v1.tar": f"{_DOCKER_LAYER}.diff.tar",
    f"{_OCI_LAYER}.v1.tar+gzip": f"{_DOCKER_LAYER}.diff.tar.gzip",
    f"{_OCI_LAYER}.nondistributable.v1.tar+gzip": f"{_DOCKER_LAYER}.foreign.diff.tar.gzip",
}
_TO_OCI = {docker: oci for oci, docker in _TO_DOCKER.items()}
_TABLES = {
    OCI_MANIFEST: _TO_DOCKER,
    OCI_INDEX: _TO_DOCKER,
    DOCKER_MANIFEST: _TO_OCI,
    DOCKER_LIST: _TO_OCI,
}
_DESCRIPTOR_KEYS = ("digest", "size", "urls", "platform")


def convert_image(manifest: Manifest) -> bytes | None:
    """The image in the other family; None for what that family has no word for.

    That is every artifact, and a layer in zstd on the way to Docker.
    """
    if MANIFEST_SHAPES[manifest.media_type] is not Shape.IMAGE:
        return None
    table, document = _TABLES[manifest.media_type], json.loads(manifest.raw)
    if document.get("artifactType"):
        return None
    parts = [document["config"], *document.get("layers", [])]
    made = [_descriptor(part, table.get(part["mediaType"])) for part in parts]
    if any(part is None for part in made):
        return None
    return _canonical(
        {
            "schemaVersion": 2,
            "mediaType": table[manifest.media_type],
            "config": made[0],
            "layers": made[1:],
        }
    )


def convert_index(manifest: Manifest, images: Mapping[Digest, bytes]) -> bytes | None:
    """The index in the other family; ``images`` are its children in that family.

    Children that are not among them (attestations, nested indexes) are left out; None when
    nothing is left.
    """
    table, document = _TABLES[manifest.media_type], json.loads(manifest.raw)
    children = [
        {
            **_kept(entry),
            "mediaType": table.get(entry["mediaType"], entry["mediaType"]),
            "digest": str(digest_of(images[child.digest])),
            "size": len(images[child.digest]),
        }
        for entry, child in zip(document["manifests"], manifest.children, strict=True)
        if child.digest in images
    ]
    if not children:
        return None
    return _canonical(
        {"schemaVersion": 2, "mediaType": table[manifest.media_type], "manifests": children}
    )


def _descriptor(entry: Mapping[str, Any], media_type: str | None) -> dict[str, Any] | None:
    return None if media_type is None else {**_kept(entry), "mediaType": media_type}


def _kept(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key: entry[key] for key in _DESCRIPTOR_KEYS if key in entry}


def _canonical(document: object) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
