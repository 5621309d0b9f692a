"""Repositories, people, and what is pushed, for the stories that two registries are told.

Names are written with the roles of people, ``{one}/app``: each story gives them names of its own.
All content carries a mark of the repository that it was made for, so that a single byte of it
where it should not be can be told.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.domain.digest import digest_of
from tests.conformance.bodies import DOCKER, OCI, OCI_INDEX
from tests.conformance.v1 import Image, tar_of
from tests.conformance.v1 import image as v1_image

# Two teams: ``one`` and ``two`` own them. The writer and the reader are granted ``{one}/app`` when
# a story begins, the stranger nothing.
PEOPLE = ("one", "two", "writer", "reader", "stranger")
REPOSITORIES = ("{one}/app", "{one}/pub", "{one}/deep/er", "{two}/app")
APP, PUBLIC, DEEP, FOREIGN = REPOSITORIES

# API tokens: whose they are, and what they are limited to. The second has less than its account
# in one repository, and would have more in the others.
TOKENS = {
    "ci": ("one", "repository:{one}/app:pull,push,delete"),
    "mirror": ("writer", "repository:{one}/*:pull"),
}
ACTORS = (*PEOPLE, *TOKENS, "anonymous")

TAGS = ("latest", "v1", "v2", "new")
SIGNATURE, SBOM = "application/vnd.example.signature", "application/vnd.example.sbom+json"
RULES: tuple[tuple[dict[str, Any], ...], ...] = (
    (),
    ({"pattern": "v*", "immutable": True, "protected": False},),
    ({"pattern": "latest", "immutable": False, "protected": True},),
    (
        {"pattern": "*", "immutable": True, "protected": False},
        {"pattern": "v1", "immutable": False, "protected": True},
    ),
)


@dataclass(frozen=True)
class Content:
    """Bytes with their media type and digest."""

    data: bytes
    media_type: str
    digest: str

    def __repr__(self) -> str:
        return f"<{self.digest[:15]}>"


def content(data: bytes, media_type: str = "application/octet-stream") -> Content:
    return Content(data, media_type, str(digest_of(data)))


def descriptor(of: Content, media_type: str | None = None) -> dict[str, Any]:
    return {"mediaType": media_type or of.media_type, "digest": of.digest, "size": len(of.data)}


def mark(repository: str) -> str:
    """A text that stands in all content of a repository and nowhere else."""
    return f"mark of {repository.replace('{', '<').replace('}', '>')}"


@dataclass(frozen=True)
class Wares:
    """What is made for one repository."""

    blobs: tuple[Content, ...]
    images: tuple[Content, ...]
    indexes: tuple[Content, ...]
    referrers: tuple[Content, ...]

    @property
    def manifests(self) -> tuple[Content, ...]:
        return self.images + self.indexes + self.referrers


def _document(kind: str, repository: str, number: int, **parts: Any) -> Content:
    annotations = {"mark": mark(repository), "n": str(number)}
    document = {"schemaVersion": 2, "mediaType": kind, **parts, "annotations": annotations}
    return content(json.dumps(document, indent=1).encode(), kind)


def wares(repository: str) -> Wares:
    """A config and two layers; three images of them, two indexes, four manifests with a subject."""
    layers = [
        content(tar_of((f"file{n}", mark(repository).encode())), _LAYER_TYPES[OCI]) for n in (1, 2)
    ]
    config = content(
        json.dumps(
            {
                "architecture": "amd64",
                "os": "linux",
                "author": mark(repository),
                "rootfs": {"type": "layers", "diff_ids": [layers[0].digest]},
                "history": [{"created_by": "one"}],
            }
        ).encode(),
        _CONFIG_TYPES[OCI],
    )

    def image(number: int, kind: str, *of: Content, **more: Any) -> Content:
        listed = [descriptor(layer, _LAYER_TYPES[kind]) for layer in of]
        described = descriptor(config, _CONFIG_TYPES[kind])
        return _document(kind, repository, number, config=described, layers=listed, **more)

    images = (
        image(1, OCI, layers[0]),
        image(2, OCI, *layers),
        image(3, DOCKER, layers[0]),
    )
    indexes = tuple(
        _document(OCI_INDEX, repository, number, manifests=[descriptor(child) for child in of])
        for number, of in enumerate((images[:1], images[:2]))
    )
    referrers = tuple(
        image(
            10 + number,
            OCI,
            layers[0],
            artifactType=kind,
            subject=descriptor(images[0] if number < 3 else indexes[0]),
        )
        for number, kind in enumerate((SIGNATURE, SBOM, SIGNATURE, SBOM))
    )
    return Wares((config, *layers), images, indexes, referrers)


_CONFIG_TYPES = {
    OCI: "application/vnd.oci.image.config.v1+json",
    DOCKER: "application/vnd.docker.container.image.v1+json",
}
_LAYER_TYPES = {
    OCI: "application/vnd.oci.image.layer.v1.tar",
    DOCKER: "application/vnd.docker.image.rootfs.diff.tar",
}

WARES: Mapping[str, Wares] = {repository: wares(repository) for repository in REPOSITORIES}
BLOBS = {repository: made.blobs for repository, made in WARES.items()}
MANIFESTS = {repository: made.manifests for repository, made in WARES.items()}
BY_DIGEST = {
    each.digest: each for made in WARES.values() for each in (*made.blobs, *made.manifests)
}


def _old_images() -> tuple[Image, ...]:
    layer = tar_of(("old", mark(APP).encode()))
    base = v1_image(1, comment=mark(APP), layer=layer)
    return base, v1_image(2, base, comment=mark(APP), layer=layer), v1_image(3)


# Images of v1: the first two are pushed to ``{one}/app`` when a story begins, the third never is.
OLD_IMAGES = _old_images()
PUSHED_OLD_IMAGES = OLD_IMAGES[:2]


def secrets_of(repository: str) -> frozenset[str]:
    """The texts by which content of a repository is known: its mark, digests and image ids.

    Digests without their algorithm: v1 shows a manifest under the hex of its digest.
    """
    made = WARES[repository]
    hexes = {each.digest.partition(":")[2] for each in (*made.blobs, *made.manifests)}
    ids = {image.id for image in PUSHED_OLD_IMAGES} if repository == APP else set()
    return frozenset({mark(repository), *hexes, *ids})


SECRETS = frozenset().union(*(secrets_of(repository) for repository in REPOSITORIES))


def secrets_told(text: str) -> frozenset[str]:
    """The secrets that stand in a text."""
    return frozenset(secret for secret in SECRETS if secret in text)


def secrets_of_bytes(data: bytes) -> frozenset[str]:
    """The secrets that whoever has these bytes knows: what stands in them, and their digest."""
    own = digest_of(data).hex
    return secrets_told(data.decode("latin-1")) | ({own} & SECRETS)
