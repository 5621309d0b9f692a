"""Manifests: pushed when all their parts are here, pulled byte for byte."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.domain import keys, limits
from chalicelib.domain.digest import DEFAULT_ALGORITHM, Digest
from chalicelib.domain.errors import ErrorCode, ErrorItem, RegistryError
from chalicelib.domain.manifest import Manifest, parse_manifest
from chalicelib.domain.names import Reference, RepositoryName, TagName
from chalicelib.domain.records import StoredManifest, Tag
from chalicelib.ports import Missing, PushSurvey
from chalicelib.service.bridge import manifest_of_image
from chalicelib.service.hub import entered
from chalicelib.service.world import World


@dataclass(frozen=True)
class ServedManifest:
    """What a pull answers: the bytes as they were pushed."""

    digest: Digest
    media_type: str
    raw: bytes


def push(
    world: World, name: RepositoryName, reference: Reference, raw: bytes, content_type: str | None
) -> Manifest:
    """Check a manifest against what the repository holds, store it, point the tag to it.

    Raises: RegistryError(MANIFEST_INVALID, DIGEST_INVALID, MANIFEST_BLOB_UNKNOWN, SIZE_EXCEEDED).
    Costs: 1 batch read (for each hundred parts), 1 transaction; 1 S3 call above 300 KB.
    """
    by_digest = isinstance(reference, Digest)
    algorithm = reference.algorithm if isinstance(reference, Digest) else DEFAULT_ALGORITHM
    manifest = parse_manifest(raw, content_type, algorithm)
    if by_digest and manifest.digest != reference:
        raise RegistryError(ErrorCode.DIGEST_INVALID, detail={"digest": str(reference)})
    team = world.team_of(name)
    survey = world.metadata.survey_push(
        team,
        name,
        reference if isinstance(reference, TagName) else None,
        [part.digest for part in manifest.required_blobs],
        [child.digest for child in manifest.children],
    )
    check_parts(manifest, survey)
    now_s = world.clock.now_s()
    stored = _stored(world, team, manifest)
    tags = [Tag(reference, now_s, manifest=stored)] if isinstance(reference, TagName) else []
    repository = entered(world, name, survey.repository)
    world.metadata.put_manifest(team, repository, stored, tags)
    return manifest


def check_parts(manifest: Manifest, survey: PushSurvey) -> None:
    """Hold a manifest against the repository: every part here, every size true.

    Raises: RegistryError(MANIFEST_BLOB_UNKNOWN) with one entry for each part that is missing;
        RegistryError(MANIFEST_INVALID) for a size that is not the blob's.
    """
    missing = [part for part in manifest.required_blobs if part.digest not in survey.blobs]
    missing += [child for child in manifest.children if child.digest not in survey.manifests]
    if missing:
        code = ErrorCode.MANIFEST_BLOB_UNKNOWN
        raise RegistryError(
            code,
            items=tuple(
                ErrorItem(code, code.value.message, {"digest": str(part.digest)})
                for part in missing[:100]
            ),
        )
    for part in manifest.required_blobs:
        actual = survey.blobs[part.digest].size_bytes
        if part.size_bytes != actual:
            raise RegistryError(
                ErrorCode.MANIFEST_INVALID,
                "manifest invalid: a descriptor's size is not its blob's",
                detail={"digest": str(part.digest), "size": part.size_bytes, "actual": actual},
            )


def _stored(world: World, team: str, manifest: Manifest) -> StoredManifest:
    inline = len(manifest.raw) <= limits.MAX_INLINE_DOCUMENT_BYTES
    key = None if inline else keys.document_key(team, manifest.digest)
    if key is not None:
        world.blobs.put(key, manifest.raw)
    return StoredManifest(
        digest=manifest.digest,
        media_type=manifest.media_type,
        size_bytes=len(manifest.raw),
        raw=manifest.raw if inline else None,
        object_key=key,
        subject=manifest.subject.digest if manifest.subject else None,
        artifact_type=manifest.artifact_type,
        annotations=_listed_annotations(manifest),
    )


def _listed_annotations(manifest: Manifest) -> Mapping[str, str]:
    """The annotations kept for listings: all of them, or none when they are a document."""
    size = sum(len(key) + len(value) for key, value in manifest.annotations.items())
    return manifest.annotations if size <= limits.MAX_LISTED_ANNOTATION_CHARS else {}


def pull(world: World, name: RepositoryName, reference: Reference) -> ServedManifest:
    """The manifest that a tag or a digest names.

    Raises: RegistryError(MANIFEST_UNKNOWN).
    Costs: 1 read; 1 S3 call above 300 KB; for a tag that v1 has set 1 read more.
    """
    team = world.team_of(name)
    if isinstance(reference, Digest):
        stored = world.metadata.find_manifest(team, name, reference)
    else:
        tag = world.metadata.find_tag(team, name, reference)
        stored = tag.manifest if tag else None
        if tag is not None and tag.image_id is not None:
            stored = manifest_of_image(world, name, tag.image_id)
    if stored is None:
        raise RegistryError(ErrorCode.MANIFEST_UNKNOWN, detail={"reference": str(reference)})
    return ServedManifest(stored.digest, stored.media_type, _bytes_of(world, stored))


def _bytes_of(world: World, stored: StoredManifest) -> bytes:
    if stored.raw is not None:
        return stored.raw
    try:
        return world.blobs.get(stored.object_key or "")
    except Missing:
        raise RegistryError(ErrorCode.MANIFEST_UNKNOWN) from None


def delete(world: World, name: RepositoryName, reference: Reference) -> None:
    """Remove a tag, or a manifest with all tags that point to it; its blobs stay.

    Raises: RegistryError(MANIFEST_UNKNOWN).
    Costs: 1 transaction; for a digest 1 query of the tags more.
    """
    team = world.team_of(name)
    try:
        if isinstance(reference, Digest):
            world.metadata.delete_manifest(team, name, reference)
        else:
            world.metadata.delete_tag(team, name, reference)
    except Missing:
        raise RegistryError(
            ErrorCode.MANIFEST_UNKNOWN, detail={"reference": str(reference)}
        ) from None
