"""Blobs and manifests that the cases push."""

from __future__ import annotations

import json
from typing import Any

from tests.conformance.cases import Step, blob, of, put

OCI = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"

CONFIG = b'{"architecture": "amd64", "os": "linux"}'
LAYER = b"the bytes of a layer"
OTHER = b"the bytes of another layer"
LARGE = b"0123456789abcdef" * 400_000  # 6.4 MB: more than a tail, less than an event holds
CHUNK = 3_000_000


def descriptor(data: bytes, media_type: str, **more: Any) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": of(data), "size": len(data), **more}


def image(kind: str = OCI, *layers: bytes, **changes: Any) -> bytes:
    """An image of this kind, in a spelling that no JSON encoder would give back by chance."""
    types = {
        OCI: ("application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar"),
        DOCKER: (
            "application/vnd.docker.container.image.v1+json",
            "application/vnd.docker.image.rootfs.diff.tar.gzip",
        ),
    }
    config_type, layer_type = types[kind]
    document = {
        "schemaVersion": 2,
        "mediaType": kind,
        "config": descriptor(CONFIG, config_type),
        "layers": [descriptor(layer, layer_type) for layer in layers or (LAYER,)],
        **changes,
    }
    return json.dumps(document, indent=3).encode() + b"\n"


def index(kind: str, *manifests: tuple[bytes, str]) -> bytes:
    children = [descriptor(raw, media_type) for raw, media_type in manifests]
    return json.dumps({"schemaVersion": 2, "mediaType": kind, "manifests": children}).encode()


def push(repository: str, reference: str, raw: bytes, media_type: str = OCI, **more: Any) -> Step:
    """Push a manifest whose parts are there."""
    url = f"/v2/{repository}/manifests/{reference}"
    answers = {"Docker-Content-Digest": of(raw), "Location": ...}
    return put(url, raw, headers={"Content-Type": media_type}, answers=answers, **more)


def pushed(repository: str, *tags: str) -> tuple[Step, ...]:
    """An image in a repository, under these tags."""
    return (
        blob(repository, CONFIG),
        blob(repository, LAYER),
        *(push(repository, tag, image()) for tag in tags),
    )
