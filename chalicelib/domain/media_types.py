"""The table of manifest media types: what we take, and how each is read.

Spec: OCI Image 1.1 (manifest, index); Docker Image Manifest V2 Schema 2 (manifest, list).
"""

from __future__ import annotations

from enum import Enum


class Shape(Enum):
    """How a manifest names its parts."""

    IMAGE = "config and layers"
    INDEX = "manifests"


OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_SCHEMA_1 = (
    "application/vnd.docker.distribution.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
)

MANIFEST_SHAPES: dict[str, Shape] = {
    OCI_MANIFEST: Shape.IMAGE,
    OCI_INDEX: Shape.INDEX,
    DOCKER_MANIFEST: Shape.IMAGE,
    DOCKER_LIST: Shape.INDEX,
}

# Layers that no registry holds: Windows base layers, fetched from their `urls`.
FOREIGN_LAYERS = frozenset(
    {
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
    }
)

OCTET_STREAM = "application/octet-stream"
JSON = "application/json"
