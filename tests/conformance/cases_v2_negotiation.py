"""Which form of a manifest a client gets, by its Accept. Spec: OCI Distribution 1.1, end-3."""

from __future__ import annotations

import json
from typing import Any

from chalicelib.domain.convert import convert_image
from chalicelib.domain.errors import ErrorCode
from chalicelib.domain.manifest import parse_manifest
from tests.conformance.bodies import (
    CONFIG,
    DOCKER,
    DOCKER_LIST,
    LAYER,
    OCI,
    OCI_INDEX,
    OTHER,
    descriptor,
    image,
    index,
    push,
    pushed,
)
from tests.conformance.cases import Step, blob, case, get, head, of, refused
from tests.conformance.v1 import image as v1_image
from tests.conformance.v1 import tag as v1_tag
from tests.conformance.v1 import uploaded

R = "acme/app"
AMD, ARM = image(OCI), image(OCI, OTHER)
PARTS = (blob(R, CONFIG), blob(R, LAYER), blob(R, OTHER))


def shown(kind: str, raw: bytes) -> bytes:
    """The image in the other family of types."""
    made = convert_image(parse_manifest(raw, kind))
    assert made is not None
    return made


def platforms(kind: str, of_kind: str, *images: bytes) -> bytes:
    """An index of an image for each architecture, amd64 not the first."""
    names = ("arm64", "amd64")
    children = [
        descriptor(raw, of_kind, platform={"os": "linux", "architecture": name})
        for raw, name in zip(images, names, strict=True)
    ]
    return json.dumps({"schemaVersion": 2, "mediaType": kind, "manifests": children}).encode()


INDEX = platforms(OCI_INDEX, OCI, ARM, AMD)
FILLED = (
    *PARTS,
    push(R, "amd", AMD),
    push(R, "arm", ARM),
    push(R, "all", INDEX, OCI_INDEX),
)


def asks(tag: str, *accept: str, **more: Any) -> Step:
    return get(f"/v2/{R}/manifests/{tag}", headers={"Accept": ", ".join(accept)}, **more)


def gets(tag: str, kind: str, raw: bytes, *accept: str) -> tuple[Step, ...]:
    """A pull by tag and then by the digest that it named, as docker does it."""
    answers = {"Content-Type": kind, "Docker-Content-Digest": of(raw)}
    return (
        asks(tag, *accept, answer_body=raw, answers=answers),
        head(f"/v2/{R}/manifests/{tag}", headers={"Accept": ", ".join(accept)}, answers=answers),
        get(f"/v2/{R}/manifests/{of(raw)}", headers={"Accept": kind}, answer_body=raw),
    )


ARTIFACT = image(artifactType="application/vnd.example.signature")
ZSTD = json.loads(image())
ZSTD["layers"][0]["mediaType"] = "application/vnd.oci.image.layer.v1.tar+zstd"
ATTESTED = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [
            descriptor(AMD, OCI, platform={"os": "linux", "architecture": "amd64"}),
            descriptor(ARM, OCI, platform={"os": "unknown", "architecture": "unknown"}),
        ],
    }
).encode()
ZSTD_IMAGE = json.dumps(ZSTD).encode()

CASES = (
    case(
        "who takes the stored form gets it byte for byte",
        "end-3",
        FILLED,
        gets("amd", OCI, AMD, DOCKER, OCI),
        gets("all", OCI_INDEX, INDEX, DOCKER, DOCKER_LIST, OCI, OCI_INDEX),
        gets("all", OCI_INDEX, INDEX, "*/*"),
        gets("all", OCI_INDEX, INDEX, "text/html"),
        gets("all", OCI_INDEX, INDEX, "application/json"),
    ),
    case(
        "an OCI image for a client that knows Docker's types alone",
        "end-3",
        FILLED,
        gets("amd", DOCKER, shown(OCI, AMD), DOCKER),
        gets("amd", DOCKER, shown(OCI, AMD), f"{DOCKER};q=0.5"),
    ),
    case(
        "a Docker image for a client that knows OCI's types alone",
        "end-3",
        PARTS,
        push(R, "amd", image(DOCKER), DOCKER),
        gets("amd", OCI, shown(DOCKER, image(DOCKER)), OCI, OCI_INDEX),
    ),
    case(
        "an index for a client without indexes is its image for linux/amd64",
        "end-3",
        FILLED,
        gets("all", OCI, AMD, OCI),
        gets("all", DOCKER, shown(OCI, AMD), DOCKER),
    ),
    case(
        "an OCI index as a Docker list, its images converted with it",
        "end-3",
        FILLED,
        gets(
            "all",
            DOCKER_LIST,
            json.dumps(
                json.loads(platforms(DOCKER_LIST, DOCKER, shown(OCI, ARM), shown(OCI, AMD))),
                sort_keys=True,
                separators=(",", ":"),
            ).encode(),
            DOCKER,
            DOCKER_LIST,
        ),
        get(f"/v2/{R}/manifests/{of(shown(OCI, ARM))}", answers={"Content-Type": DOCKER}),
    ),
    case(
        "an attestation of an index is nothing that a Docker list has a word for",
        "end-3",
        FILLED,
        push(R, "attested", ATTESTED, OCI_INDEX),
        asks(
            "attested",
            DOCKER_LIST,
            answer_json={
                "schemaVersion": 2,
                "mediaType": DOCKER_LIST,
                "manifests": [
                    descriptor(
                        shown(OCI, AMD),
                        DOCKER,
                        platform={"os": "linux", "architecture": "amd64"},
                    )
                ],
            },
        ),
    ),
    case(
        "what v1 pushed, as an OCI image",
        "end-3",
        uploaded(v1_image(1)),
        v1_tag(R, "latest", v1_image(1)),
        asks("latest", OCI, answers={"Content-Type": OCI}),
        asks("latest", DOCKER, answers={"Content-Type": DOCKER}),
    ),
    case(
        "what cannot be shown in another form is refused with a sentence",
        "code-7",
        PARTS,
        push(R, "signature", ARTIFACT),
        push(R, "zstd", ZSTD_IMAGE),
        push(R, "nested", index(OCI_INDEX, (ZSTD_IMAGE, OCI)), OCI_INDEX),
        push(R, "empty", index(OCI_INDEX), OCI_INDEX),
        *(
            refused(asks(tag, DOCKER, DOCKER_LIST), ErrorCode.MANIFEST_NOT_ACCEPTED)
            for tag in ("signature", "zstd", "nested", "empty")
        ),
        refused(asks("zstd", OCI_INDEX), ErrorCode.MANIFEST_NOT_ACCEPTED),
        refused(asks("zstd", DOCKER_LIST), ErrorCode.MANIFEST_NOT_ACCEPTED),
    ),
    case(
        "an index of indexes is followed, and not for ever",
        "end-3",
        FILLED,
        push(R, "two", index(OCI_INDEX, (INDEX, OCI_INDEX)), OCI_INDEX),
        gets("two", OCI, AMD, OCI),
        refused(asks("two", DOCKER_LIST), ErrorCode.MANIFEST_NOT_ACCEPTED),
    ),
    case(
        "a digest is served as it is, whatever Accept says",
        "end-3",
        pushed(R, "v1"),
        get(f"/v2/{R}/manifests/{of(image())}", headers={"Accept": DOCKER}, answer_body=image()),
    ),
)
