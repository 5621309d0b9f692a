"""The kinds of content that the OCI conformance programme pushes, as values of our own.

Each is a `DataSet`: blobs, manifests in the order of their push, tags, and what refers to what.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.conformance.bodies import OCI, OCI_INDEX
from tests.conformance.cases import of

CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"
NONDISTRIBUTABLE = "application/vnd.oci.image.layer.nondistributable.v1.tar"
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
SBOM, SIGNATURE = "application/vnd.example.sbom", "application/vnd.example.signature"
EMPTY_JSON = b"{}"
PLATFORMS = ("amd64", "arm64")


@dataclass(frozen=True)
class DataSet:
    """``name`` is the programme's; ``says`` ends the sentence "an image that ..." or the like."""

    name: str
    says: str
    blobs: tuple[bytes, ...]
    manifests: tuple[bytes, ...]
    tags: Mapping[str, bytes] = field(default_factory=dict)
    algorithm: str = "sha256"
    referrers: Mapping[str, tuple[dict[str, Any], ...]] = field(default_factory=dict)
    tag_params: bool = False
    sparse: bool = False

    def digest(self, data: bytes) -> str:
        return of(data, self.algorithm)


@dataclass(frozen=True)
class Writer:
    """Writes documents whose descriptors are all of one algorithm."""

    algorithm: str = "sha256"

    def part(self, data: bytes, media_type: str, /, **more: Any) -> dict[str, Any]:
        digest = of(data, self.algorithm)
        return {"mediaType": media_type, "digest": digest, "size": len(data), **more}

    def manifest(
        self, config: Mapping[str, Any], layers: Sequence[Mapping[str, Any]], **more: Any
    ) -> bytes:
        document = {"schemaVersion": 2, "mediaType": OCI, "config": config, "layers": layers}
        return json.dumps({**document, **more}).encode()

    def index(self, manifests: Sequence[Mapping[str, Any]], **more: Any) -> bytes:
        document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}
        return json.dumps({**document, **more}).encode()

    def image(
        self, seed: str, *, layers: int = 2, inline: bool = False, **more: Any
    ) -> tuple[bytes, tuple[bytes, ...]]:
        """An image and its blobs; ``inline`` repeats them in the descriptors."""
        tars = [f"{seed}, layer {number}. ".encode() * 20 for number in range(layers)]
        zipped = tuple(gzip.compress(tar, mtime=0) for tar in tars)
        config = config_of(seed, [of(tar) for tar in tars])
        parts = [self.part(layer, LAYER_TYPE + "+gzip", **_data(layer, inline)) for layer in zipped]
        top = self.part(config, CONFIG_TYPE, **_data(config, inline))
        return self.manifest(top, parts, **more), (config, *zipped)

    def platforms(
        self, seed: str, **more: Any
    ) -> tuple[bytes, tuple[bytes, ...], tuple[bytes, ...]]:
        """An index over an image for each platform: index, images, blobs; ``more`` is of all."""
        images = [self.image(f"{seed} {platform}", **more) for platform in PLATFORMS]
        entries = [
            self.part(raw, OCI, platform={"os": "linux", "architecture": platform})
            for platform, (raw, _) in zip(PLATFORMS, images, strict=True)
        ]
        raws = tuple(raw for raw, _ in images)
        return self.index(entries, **more), raws, tuple(b for _, blobs in images for b in blobs)

    def artifact(
        self, artifact_type: str, content: bytes, layer_type: str, **more: Any
    ) -> tuple[bytes, tuple[bytes, ...]]:
        """An artifact with the empty config."""
        config = self.part(EMPTY_JSON, EMPTY_TYPE)
        layers = [self.part(content, layer_type)]
        raw = self.manifest(config, layers, artifactType=artifact_type, **more)
        return raw, tuple(dict.fromkeys((EMPTY_JSON, content)))

    def referrer(
        self, raw: bytes, media_type: str, artifact_type: str | None, **annotations: str
    ) -> dict[str, Any]:
        """What the list of referrers has to say of a manifest."""
        entry = self.part(raw, media_type)
        if artifact_type:
            entry["artifactType"] = artifact_type
        if annotations:
            entry["annotations"] = annotations
        return entry


def config_of(seed: str, diff_ids: Sequence[str], **more: Any) -> bytes:
    document = {
        "author": seed,
        "os": "linux",
        "architecture": seed.rpartition(" ")[2] if seed.endswith(PLATFORMS) else "amd64",
        "rootfs": {"type": "layers", "diff_ids": list(diff_ids)},
        **more,
    }
    return json.dumps(document).encode()


def _data(data: bytes, inline: bool) -> dict[str, str]:
    return {"data": base64.b64encode(data).decode()} if inline else {}


W, W512 = Writer(), Writer("sha512")


def images() -> Iterator[DataSet]:
    raw, blobs = W.image("image")
    yield DataSet("image", "an image", blobs, (raw,), {"image": raw})
    tars = (b"first, not zipped", b"second, not zipped")
    config = config_of("plain", [of(tar) for tar in tars])
    raw = W.manifest(W.part(config, CONFIG_TYPE), [W.part(tar, LAYER_TYPE) for tar in tars])
    yield DataSet(
        "image-uncompressed",
        "an image whose layers are not compressed",
        (config, *tars),
        (raw,),
        {"plain": raw},
    )
    notes = {f"note-{number}": "A" * 10_000 for number in range(390)}
    raw, blobs = W.image("large", annotations=notes)
    yield DataSet(
        "large-manifest", "an image with 3.9 MB of annotations", blobs, (raw,), {"large": raw}
    )
    raw, blobs = W.image("inline", inline=True)
    yield DataSet(
        "data-field", "an image whose descriptors hold the data too", blobs, (raw,), {"inline": raw}
    )
    raw, blobs = W.image("no layers", layers=0)
    yield DataSet("no-layers", "an image without layers", blobs, (raw,), {"none": raw})
    yield nondistributable()
    raw, blobs = W.image("another than its digest says")
    yield DataSet("bad-digest-image", "an image pushed by another's digest", blobs, (raw,))


def nondistributable() -> DataSet:
    tar = b"the one layer that may be here"
    zipped = gzip.compress(tar, mtime=0)
    url = ["https://store.test/layer"]
    layers = [
        W.part(b"elsewhere, zipped", NONDISTRIBUTABLE + "+gzip", urls=url),
        W.part(b"elsewhere, plain", NONDISTRIBUTABLE, urls=url),
        W.part(zipped, LAYER_TYPE + "+gzip"),
    ]
    config = config_of("elsewhere", [of(b"elsewhere"), of(b"elsewhere, plain"), of(tar)])
    raw = W.manifest(W.part(config, CONFIG_TYPE), layers)
    return DataSet(
        "non-distributable-layers",
        "an image two of whose layers are elsewhere",
        (config, zipped),
        (raw,),
        {"elsewhere": raw},
    )


def indexes() -> Iterator[DataSet]:
    top, raws, blobs = W.platforms("index")
    yield DataSet("index", "an index of two platforms", blobs, (*raws, top), {"index": top})
    halves = [W.platforms(f"half {number}") for number in (1, 2)]
    top = W.index([W.part(half, OCI_INDEX) for half, _, _ in halves])
    raws = tuple(raw for half, images_of, _ in halves for raw in (*images_of, half))
    blobs = tuple(blob for _, _, found in halves for blob in found)
    yield DataSet("nested-index", "an index of two indexes", blobs, (*raws, top), {"nested": top})
    top = W.index([])
    yield DataSet("empty-index", "an index of nothing", (), (top,), {"index": top})
    # Fields that no specification has: in the configs, the manifests and the index.
    top, raws, blobs = W.platforms("custom", **{"org.example.field": "custom"})
    extra = config_of("custom", [], **{"org.example.field": "custom"})
    raw = W.manifest(W.part(extra, CONFIG_TYPE), [], **{"org.example.field": "custom"})
    yield DataSet(
        "custom-fields",
        "an index and images with fields of their own",
        (*blobs, extra),
        (*raws, raw, top),
        {"custom": top},
    )


def artifacts() -> Iterator[DataSet]:
    raw, blobs = W.artifact(SBOM, b"what is in it", SBOM)
    yield DataSet("artifact", "an artifact", blobs, (raw,), {"artifact": raw})
    raw, blobs = W.artifact(SBOM, EMPTY_JSON, EMPTY_TYPE)
    yield DataSet(
        "artifact-without-layers",
        "an artifact whose one layer is the empty one",
        blobs,
        (raw,),
        {"artifact": raw},
    )
    both = [W.artifact(SBOM, f"for {one}".encode(), SBOM) for one in PLATFORMS]
    raws = tuple(raw for raw, _ in both)
    top = W.index([W.part(raw, OCI) for raw in raws], artifactType=SBOM)
    blobs = tuple(dict.fromkeys(blob for _, found in both for blob in found))
    yield DataSet(
        "artifact-index", "an index of artifacts", blobs, (*raws, top), {"artifacts": top}
    )


def with_subjects() -> Iterator[DataSet]:
    image, image_blobs = W.image("subject")
    subject = W.part(image, OCI)
    plain, plain_blobs = W.image("refers as an image", subject=subject)
    note = {"org.example.note": "attached"}
    sbom, sbom_blobs = W.artifact(
        SBOM, b"what is in it", SBOM, subject=subject, annotations={**note, "org.example.n": "1"}
    )
    signature, signature_blobs = W.artifact(
        SIGNATURE,
        b"who made it",
        "application/octet-stream",
        subject=subject,
        annotations={**note, "org.example.n": "2"},
    )
    yield DataSet(
        "artifacts-with-subject",
        "an image and what refers to it",
        tuple(dict.fromkeys((*image_blobs, *plain_blobs, *sbom_blobs, *signature_blobs))),
        (image, plain, sbom, signature),
        {"image": image, "sbom": sbom, "signature": signature},
        referrers={
            of(image): (
                W.referrer(plain, OCI, CONFIG_TYPE),
                W.referrer(sbom, OCI, SBOM, **note, **{"org.example.n": "1"}),
                W.referrer(signature, OCI, SIGNATURE, **note, **{"org.example.n": "2"}),
            )
        },
    )
    top, raws, blobs = W.platforms("subject")
    more = {"artifactType": SBOM, "annotations": note, "subject": W.part(top, OCI_INDEX)}
    child, child_blobs = W.artifact(
        SBOM, b"for one of them", SBOM, annotations=note, subject=more["subject"]
    )
    referring = W.index([W.part(child, OCI)], **more)
    yield DataSet(
        "index-with-subject",
        "an index, and an index that refers to it",
        (*blobs, *child_blobs),
        (*raws, top, child, referring),
        {"index": top, "referring": referring},
        referrers={
            of(top): (
                W.referrer(child, OCI, SBOM, **note),
                W.referrer(referring, OCI_INDEX, SBOM, **note),
            )
        },
    )
    raw, blobs = W.artifact(
        SBOM, b"of what is not here", SBOM, annotations=note, subject=W.part(b"nowhere", OCI)
    )
    yield DataSet(
        "missing-subject",
        "an artifact whose subject is not here",
        blobs,
        (raw,),
        {"artifact": raw},
        referrers={of(b"nowhere"): (W.referrer(raw, OCI, SBOM, **note),)},
    )


def sparse() -> DataSet:
    raw, blobs = W.image("sparse")
    config, _, *rest = blobs
    whole, whole_blobs = W.image("whole")
    entries = [
        W.part(whole, OCI, platform={"os": "linux", "architecture": "amd64"}),
        W.part(b"not pushed", OCI, platform={"os": "linux", "architecture": "arm64"}),
    ]
    top = W.index(entries)
    return DataSet(
        "sparse",
        "an image without one of its layers and an index without one of its images",
        (config, *rest, *whole_blobs),
        (raw, whole, top),
        {"sparse-image": raw, "sparse-index": top},
        sparse=True,
    )


def by_digest() -> Iterator[DataSet]:
    top, raws, blobs = W512.platforms("sha512")
    yield DataSet("sha512", "an index all in sha512", blobs, (*raws, top), algorithm="sha512")
    for writer in (W, W512):
        name = f"tag-param-{writer.algorithm}"
        top, raws, blobs = writer.platforms(name)
        all_of_it = (*raws, top)
        yield DataSet(
            name,
            f"an index of {writer.algorithm} whose tags come along with the digest",
            blobs,
            all_of_it,
            {name: top, **{f"{name}-{number}": raw for number, raw in enumerate(all_of_it)}},
            algorithm=writer.algorithm,
            tag_params=True,
        )


DATA_SETS = {
    one.name: one
    for one in (*images(), *indexes(), *artifacts(), *with_subjects(), sparse(), *by_digest())
}
