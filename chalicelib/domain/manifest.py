"""Manifests: bytes in, a value that names every part out; the bytes are kept as they came.

Spec: OCI Image 1.1 (manifest.md, image-index.md); Docker Image Manifest V2, Schema 2.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.domain import limits
from chalicelib.domain.digest import DEFAULT_ALGORITHM, Digest, digest_of, parse_digest
from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.media_types import DOCKER_SCHEMA_1, FOREIGN_LAYERS, MANIFEST_SHAPES, Shape

# RFC 6838 section 4.2, with parameters already cut off.
_MEDIA_TYPE = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}", re.ASCII
)


@dataclass(frozen=True)
class Descriptor:
    """What a manifest says of one of its parts."""

    media_type: str
    digest: Digest
    size_bytes: int
    artifact_type: str | None = None
    platform: str | None = None
    urls: tuple[str, ...] = ()


@dataclass(frozen=True)
class Manifest:
    """A parsed manifest; ``raw`` is what was pushed, byte for byte, and what is served."""

    raw: bytes
    media_type: str
    digest: Digest
    config: Descriptor | None
    layers: tuple[Descriptor, ...]
    children: tuple[Descriptor, ...]
    subject: Descriptor | None
    artifact_type: str | None
    annotations: Mapping[str, str]

    @property
    def required_blobs(self) -> tuple[Descriptor, ...]:
        """The blobs that must be linked in the repository, each once, in order of mention."""
        parts = ((self.config,) if self.config else ()) + self.layers
        wanted = (p for p in parts if not (p.urls or p.media_type in FOREIGN_LAYERS))
        return tuple({p.digest: p for p in wanted}.values())


def parse_manifest(
    raw: bytes, content_type: str | None, algorithm: str = DEFAULT_ALGORITHM
) -> Manifest:
    """Read and check a manifest.

    ``content_type`` is the request's header; without one the document's own mediaType counts.
    Raises: RegistryError(MANIFEST_INVALID, or SIZE_EXCEEDED above 4 MiB).
    """
    if len(raw) > limits.MAX_MANIFEST_BYTES:
        raise RegistryError(
            ErrorCode.SIZE_EXCEEDED,
            f"manifest is larger than {limits.MAX_MANIFEST_BYTES} bytes",
            detail={"limit_bytes": limits.MAX_MANIFEST_BYTES},
        )
    document = _load_object(raw)
    media_type = _media_type(document, content_type)
    shape = MANIFEST_SHAPES[media_type]
    if document.get("schemaVersion") != 2:
        raise _invalid("schemaVersion must be 2")
    config, layers, children = _parts(document, shape)
    if len(layers) + len(children) > limits.MAX_MANIFEST_DESCRIPTORS:
        raise _invalid(f"more than {limits.MAX_MANIFEST_DESCRIPTORS} layers or manifests")
    subject = document.get("subject")
    return Manifest(
        raw=raw,
        media_type=media_type,
        digest=digest_of(raw, algorithm),
        config=config,
        layers=layers,
        children=children,
        subject=None if subject is None else _descriptor(subject, "subject"),
        artifact_type=_artifact_type(document, config),
        annotations=_annotations(document),
    )


def _parts(
    document: Mapping[str, object], shape: Shape
) -> tuple[Descriptor | None, tuple[Descriptor, ...], tuple[Descriptor, ...]]:
    if shape is Shape.INDEX:
        # Whoever goes by the keys would take it for an image (CVE-2021-41190).
        if "config" in document or "layers" in document:
            raise _invalid("an index holds neither `config` nor `layers`")
        return None, (), _descriptors(document, "manifests")
    if "manifests" in document:
        raise _invalid("an image manifest holds no `manifests`")
    if not isinstance(document.get("config"), dict):
        raise _invalid("`config` must be a descriptor")
    return _descriptor(document["config"], "config"), _descriptors(document, "layers"), ()


def _invalid(message: str) -> RegistryError:
    return RegistryError(ErrorCode.MANIFEST_INVALID, f"manifest invalid: {message}")


def _load_object(raw: bytes) -> dict[str, object]:
    try:
        document = json.loads(
            raw.decode("utf-8"), object_pairs_hook=_unique_pairs, parse_constant=_no_constant
        )
    except (ValueError, RecursionError) as error:
        if isinstance(error, _DuplicateKey):
            # Two readers could disagree on which one counts, and with them on what was signed.
            raise _invalid(f"key {str(error)!r} stands twice in one object") from None
        raise _invalid("not JSON in UTF-8") from None
    if not isinstance(document, dict):
        raise _invalid("not a JSON object")
    _check_depth(document)
    return document


class _DuplicateKey(ValueError):
    pass


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is Python's and no JSON")


def _unique_pairs(pairs: list[tuple[str, object]]) -> dict[str, object]:
    document = dict(pairs)
    if len(document) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _DuplicateKey(key[:100])
            seen.add(key)
    return document


def _check_depth(document: object) -> None:
    level = [document]
    for _ in range(limits.MAX_MANIFEST_DEPTH):
        level = [
            child
            for node in level
            for child in (
                node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
            )
            if isinstance(child, (dict, list))
        ]
        if not level:
            return
    raise _invalid(f"nested deeper than {limits.MAX_MANIFEST_DEPTH} levels")


def _media_type(document: Mapping[str, object], content_type: str | None) -> str:
    declared = document.get("mediaType")
    header = (content_type or "").partition(";")[0].strip().lower()
    if declared is not None and not isinstance(declared, str):
        raise _invalid("mediaType must be a string")
    media_type = header or (declared or "")
    if media_type in DOCKER_SCHEMA_1 or document.get("schemaVersion") == 1:
        raise _invalid("schema 1 is not taken; push schema 2 or OCI, or use the v1 protocol")
    if media_type not in MANIFEST_SHAPES:
        raise _invalid(f"unknown media type {media_type[:200]!r}")
    if declared is not None and declared != media_type:
        raise _invalid("mediaType differs from the Content-Type of the request")
    return media_type


def _descriptors(document: Mapping[str, object], key: str) -> tuple[Descriptor, ...]:
    listed = document.get(key)
    if listed is None and key == "layers":
        return ()
    if not isinstance(listed, list):
        raise _invalid(f"`{key}` must be a list of descriptors")
    return tuple(_descriptor(entry, f"{key}[{n}]") for n, entry in enumerate(listed))


def _descriptor(entry: object, where: str) -> Descriptor:
    if not isinstance(entry, dict):
        raise _invalid(f"{where} is not a descriptor")
    media_type, size = entry.get("mediaType"), entry.get("size")
    digest, urls = entry.get("digest"), entry.get("urls")
    if not isinstance(media_type, str) or not _MEDIA_TYPE.fullmatch(media_type):
        raise _invalid(f"{where}: mediaType is missing or malformed")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size < 2**63:
        raise _invalid(f"{where}: size must be a whole number of bytes")
    if not isinstance(digest, str):
        raise _invalid(f"{where}: digest is missing")
    try:
        parsed = parse_digest(digest)
    except RegistryError as error:
        raise _invalid(f"{where}: {error.message}") from None
    artifact_type = entry.get("artifactType")
    return Descriptor(
        media_type=media_type,
        digest=parsed,
        size_bytes=size,
        artifact_type=artifact_type if isinstance(artifact_type, str) else None,
        platform=_platform(entry.get("platform")),
        urls=tuple(u for u in urls if isinstance(u, str)) if isinstance(urls, list) else (),
    )


def _platform(entry: object) -> str | None:
    if not isinstance(entry, dict):
        return None
    parts = (entry.get("os"), entry.get("architecture"), entry.get("variant"))
    return "/".join(p for p in parts if isinstance(p, str) and p) or None


def _artifact_type(document: Mapping[str, object], config: Descriptor | None) -> str | None:
    # OCI Distribution 1.1, "Listing Referrers": without artifactType the config's type counts.
    declared = document.get("artifactType")
    if isinstance(declared, str) and declared:
        if not _MEDIA_TYPE.fullmatch(declared):
            raise _invalid("artifactType is malformed")
        return declared
    return config.media_type if config else None


def _annotations(document: Mapping[str, object]) -> dict[str, str]:
    found = document.get("annotations")
    if found is None:
        return {}
    if not isinstance(found, dict) or not all(isinstance(v, str) for v in found.values()):
        raise _invalid("annotations must map strings to strings")
    if not all(_is_text(part) for pair in found.items() for part in pair):
        raise _invalid("annotations must be Unicode text")
    return dict(found)


def _is_text(value: str) -> bool:
    # JSON can spell half of a surrogate pair, which no store can keep.
    return not any("\ud800" <= character <= "\udfff" for character in value)
