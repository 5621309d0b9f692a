"""Manifests of every shape, to be parsed as they are or spoiled by a test."""

from __future__ import annotations

import json
from typing import Any

from chalicelib.domain.digest import digest_of
from chalicelib.domain.media_types import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST

OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
DOCKER_FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
OCI_FOREIGN = "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd"


def descriptor(data: bytes, media_type: str = OCI_LAYER, **more: Any) -> dict[str, Any]:
    """What a manifest says of these bytes."""
    return {
        "mediaType": media_type,
        "digest": str(digest_of(data)),
        "size": len(data),
        **more,
    }


def image(**changes: Any) -> dict[str, Any]:
    """An OCI image; a key changed to ``...`` is left out."""
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(b"{}", OCI_CONFIG),
        "layers": [descriptor(b"layer 1"), descriptor(b"layer 2")],
        **changes,
    }
    return {key: value for key, value in document.items() if value is not ...}


def docker_image(**changes: Any) -> dict[str, Any]:
    return image(
        mediaType=DOCKER_MANIFEST,
        config=descriptor(b"{}", DOCKER_CONFIG),
        layers=[descriptor(b"layer 1", DOCKER_LAYER)],
        **changes,
    )


def index(**changes: Any) -> dict[str, Any]:
    """An OCI index of two platforms."""
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [
            descriptor(b"m1", OCI_MANIFEST, platform={"os": "linux", "architecture": "amd64"}),
            descriptor(
                b"m2",
                OCI_MANIFEST,
                platform={"os": "linux", "architecture": "arm", "variant": "v7"},
            ),
        ],
        **changes,
    }
    return {key: value for key, value in document.items() if value is not ...}


def docker_list(**changes: Any) -> dict[str, Any]:
    return index(mediaType=DOCKER_LIST, **changes)


def artifact(**changes: Any) -> dict[str, Any]:
    """An OCI artifact with the empty config, which refers to a subject."""
    return image(
        artifactType="application/vnd.example.sbom+json",
        config=descriptor(b"{}", OCI_EMPTY),
        layers=[descriptor(b"{}", OCI_EMPTY)],
        subject=descriptor(b"the image", OCI_MANIFEST),
        annotations={"org.example.key": "value"},
        **changes,
    )


def raw(document: object) -> bytes:
    return json.dumps(document).encode()
