"""Manifests as they are stored: inline where they fit into a row, else as an object."""

from __future__ import annotations

from chalicelib.domain import keys, limits
from chalicelib.domain.digest import digest_of
from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.manifest import Manifest, parse_manifest
from chalicelib.domain.records import StoredManifest
from chalicelib.ports import Missing
from chalicelib.service.world import World


def keep(world: World, team: str, manifest: Manifest, tags: int = 0) -> StoredManifest:
    """The manifest as a record; ``tags`` is how many tags will carry it along.

    Costs: 0; 1 S3 call for one that fits into no row, or not so often into one transaction.
    """
    size_bytes, copies = len(manifest.raw), tags + 1
    inline = (
        size_bytes <= limits.MAX_INLINE_DOCUMENT_BYTES
        and size_bytes * copies <= limits.MAX_TRANSACTION_DOCUMENT_BYTES
    )
    key = None if inline else keys.document_key(team, manifest.digest, world.words.fresh())
    if key is not None:
        world.blobs.put(key, manifest.raw)
    return StoredManifest(
        digest=manifest.digest,
        media_type=manifest.media_type,
        size_bytes=size_bytes,
        raw=manifest.raw if inline else None,
        object_key=key,
        subject=manifest.subject.digest if manifest.subject else None,
        artifact_type=manifest.artifact_type,
        annotations=dict(manifest.annotations) if lists_annotations(manifest, copies) else {},
    )


def lists_annotations(manifest: Manifest, copies: int = 1) -> bool:
    """Whether a list of referrers can show the annotations: all of them, or none when too large."""
    size_bytes = sum(
        len(key.encode()) + len(value.encode()) for key, value in manifest.annotations.items()
    )
    return (
        size_bytes <= limits.MAX_LISTED_ANNOTATION_BYTES
        and size_bytes * copies <= limits.MAX_TRANSACTION_DOCUMENT_BYTES
    )


def made(world: World, team: str, raw: bytes, media_type: str) -> StoredManifest:
    """A manifest that the registry itself has made, as a record. Costs: as ``keep``."""
    return keep(world, team, parse_manifest(raw, media_type, digest_of(raw).algorithm))


def raw_of(world: World, stored: StoredManifest) -> bytes:
    """The bytes of a manifest.

    Raises: RegistryError(MANIFEST_UNKNOWN) when its object is gone. Costs: 0; 1 S3 call above
    300 KB.
    """
    if stored.raw is not None:
        return stored.raw
    try:
        return world.blobs.get(stored.object_key or "")
    except Missing:
        raise RegistryError(ErrorCode.MANIFEST_UNKNOWN) from None


def parsed(world: World, stored: StoredManifest) -> Manifest:
    """A stored manifest, read again. Costs: as ``raw_of``."""
    return parse_manifest(raw_of(world, stored), stored.media_type, stored.digest.algorithm)
