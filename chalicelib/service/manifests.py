"""Manifests: pushed when all their parts are here, pulled byte for byte."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.domain import limits
from chalicelib.domain.access import Actor
from chalicelib.domain.digest import DEFAULT_ALGORITHM, Digest
from chalicelib.domain.errors import ErrorCode, ErrorItem, RegistryError
from chalicelib.domain.expiry import End
from chalicelib.domain.manifest import Descriptor, Manifest, parse_manifest
from chalicelib.domain.media_types import MANIFEST_SHAPES, Shape
from chalicelib.domain.names import Reference, RepositoryName, TagName
from chalicelib.domain.negotiate import ANYTHING, Accepted
from chalicelib.domain.paging import Page
from chalicelib.domain.records import StoredManifest, Tag
from chalicelib.domain.tag_rules import is_immutable, is_protected
from chalicelib.domain.webhooks import EventKind
from chalicelib.ports import Conflict, Held, Missing, PushSurvey
from chalicelib.service.bridge import manifest_of_image
from chalicelib.service.documents import keep, lists_annotations, parsed, raw_of
from chalicelib.service.edge import with_adopted
from chalicelib.service.ends import count_pull, end_by_name, ending
from chalicelib.service.happenings import happening, pulled
from chalicelib.service.hub import entered
from chalicelib.service.races import repeated
from chalicelib.service.views import negotiated
from chalicelib.service.world import World


@dataclass(frozen=True)
class ServedManifest:
    """What a pull answers: the bytes as they were pushed; and a warning of an end that is near."""

    digest: Digest
    media_type: str
    raw: bytes
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pushed:
    """What a push came to; ``warnings`` are sentences for whoever pushed."""

    manifest: Manifest
    tags: tuple[TagName, ...]
    warnings: tuple[str, ...] = ()


def push(
    world: World,
    actor: Actor,
    name: RepositoryName,
    reference: Reference,
    raw: bytes,
    content_type: str | None,
    more_tags: Sequence[TagName] = (),
    *,
    end: End | None = None,
) -> Pushed:
    """Check a manifest against what the repository holds, store it, point the tags to it.

    ``more_tags`` come along with a push by digest. Spec: end-7, with ``tag`` parameters.
    ``end`` is one that was asked for, of all the tags.
    Raises: RegistryError(MANIFEST_INVALID, DIGEST_INVALID, MANIFEST_BLOB_UNKNOWN, SIZE_EXCEEDED,
        TAG_INVALID, TOO_MANY_TAGS, TAG_IMMUTABLE; BAD_REQUEST: an end without a tag).
    Costs: 1 batch read (for each hundred parts), 1 transaction; 1 S3 call above 300 KB.
        For blobs that it lacks those of ``edge.adopt``.
    """
    tags = _wanted_tags(reference, more_tags)
    if end is not None and not tags:
        raise RegistryError(ErrorCode.BAD_REQUEST, "expiry: only a tag has an end; push by a tag")
    by_digest = isinstance(reference, Digest)
    algorithm = reference.algorithm if isinstance(reference, Digest) else DEFAULT_ALGORITHM
    manifest = parse_manifest(raw, content_type, algorithm)
    if by_digest and manifest.digest != reference:
        raise RegistryError(ErrorCode.DIGEST_INVALID, detail={"digest": str(reference)})
    survey = repeated(lambda: _stored(world, actor, name, manifest, tags, end))
    return Pushed(manifest, tags, tuple(_warnings(manifest, survey)))


def _stored(
    world: World,
    actor: Actor,
    name: RepositoryName,
    manifest: Manifest,
    tags: Sequence[TagName],
    end: End | None,
) -> PushSurvey:
    """Store a manifest if its repository has its parts; the answer is what it was held against.

    Raises: RegistryError; Conflict: somebody was faster.
    """
    survey = with_adopted(world, name, manifest, survey_of(world, name, manifest, tags))
    check_parts(manifest, survey, sparse=world.sparse_manifests)
    fixed = check_tags(manifest, survey, tags)
    if survey.repository is None:
        # What was looked up counts only together with a record that the collector has to respect.
        entered(world, name, None)
        raise Conflict(f"{name} has just begun")
    team = world.team_of(name)
    stored = keep(world, team, manifest, len(tags))
    now_s = world.clock.now_s()
    ends = {tag: end or end_by_name(world, tag, survey.team, now_s) for tag in tags}
    world.metadata.put_manifest(
        team,
        survey.repository,
        stored,
        [_tag_of(world, tag, stored, survey, end) for tag, end in ends.items()],
        happening(world, actor, survey.repository, EventKind.PUSH, **_facts(manifest, tags)),
        children=[child.digest for child in manifest.children if child.digest in survey.manifests],
        fixed=fixed,
        lasting=frozenset(tag for tag, end in ends.items() if end is None),
    )
    return survey


def _facts(manifest: Manifest, tags: Sequence[TagName]) -> dict[str, object]:
    return {
        "digest": str(manifest.digest),
        "media_type": manifest.media_type,
        "size_bytes": len(manifest.raw),
        "tags": [tag.value for tag in tags],
    }


def _tag_of(
    world: World, tag: TagName, stored: StoredManifest, survey: PushSurvey, end: End | None
) -> Tag:
    """The tag as it is set now; without a new end it keeps the one that somebody gave it."""
    known = survey.tags.get(tag)
    end_s = end.at_s if end else known.expires_at_s if known else None
    return Tag(tag, world.clock.now_s(), stored, expires_at_s=end_s)


def _wanted_tags(reference: Reference, more_tags: Sequence[TagName]) -> tuple[TagName, ...]:
    if isinstance(reference, TagName):
        if more_tags:
            raise RegistryError(
                ErrorCode.TAG_INVALID, "tag parameters go with a push by digest, and only there"
            )
        return (reference,)
    if len(more_tags) > limits.MAX_TAGS_AT_ONCE:
        limit = limits.MAX_TAGS_AT_ONCE
        raise RegistryError(ErrorCode.TOO_MANY_TAGS, detail={"limit": limit})
    return tuple(dict.fromkeys(more_tags))


def survey_of(
    world: World, name: RepositoryName, manifest: Manifest, tags: Sequence[TagName]
) -> PushSurvey:
    """What the repository has of what a manifest names. Costs: 1 batch read a hundred keys."""
    subject = [manifest.subject.digest] if manifest.subject else []
    return world.metadata.survey_push(
        world.team_of(name),
        name,
        tags,
        [part.digest for part in manifest.required_blobs],
        [*(child.digest for child in manifest.children), *subject],
    )


def check_parts(manifest: Manifest, survey: PushSurvey, *, sparse: bool = False) -> None:
    """Hold a manifest against the repository: every part here, every size true.

    ``sparse`` lets parts be missing, by the registry's setting.
    Raises: RegistryError(MANIFEST_BLOB_UNKNOWN) with one entry for each part that is missing;
        RegistryError(MANIFEST_INVALID) for a size that is not the blob's.
    """
    missing = _missing(manifest, survey)
    if missing and not sparse:
        code = ErrorCode.MANIFEST_BLOB_UNKNOWN
        raise RegistryError(
            code,
            items=tuple(
                ErrorItem(code, code.value.message, {"digest": str(part.digest)})
                for part in missing[:100]
            ),
        )
    for part in manifest.required_blobs:
        blob = survey.blobs.get(part.digest)
        if blob is not None and part.size_bytes != blob.size_bytes:
            actual = blob.size_bytes
            raise RegistryError(
                ErrorCode.MANIFEST_INVALID,
                "manifest invalid: a descriptor's size is not its blob's",
                detail={"digest": str(part.digest), "size": part.size_bytes, "actual": actual},
            )


def _missing(manifest: Manifest, survey: PushSurvey) -> list[Descriptor]:
    missing = [part for part in manifest.required_blobs if part.digest not in survey.blobs]
    return missing + [each for each in manifest.children if each.digest not in survey.manifests]


def check_tags(
    manifest: Manifest, survey: PushSurvey, tags: Sequence[TagName]
) -> frozenset[TagName]:
    """The tags that a rule makes immutable. Raises: RegistryError(TAG_IMMUTABLE)."""
    rules = survey.repository.tag_rules if survey.repository else ()
    fixed = frozenset(tag for tag in tags if is_immutable(rules, tag))
    for tag in fixed:
        known = survey.tags.get(tag)
        if known is not None and known.target != str(manifest.digest):
            detail = {"tag": str(tag), "digest": known.target}
            raise RegistryError(ErrorCode.TAG_IMMUTABLE, detail=detail)
    return fixed


def _warnings(manifest: Manifest, survey: PushSurvey) -> list[str]:
    warnings = []
    if manifest.subject and manifest.subject.digest not in survey.manifests:
        warnings.append("the subject is not in this repository; it is listed as soon as it comes")
    missing = _missing(manifest, survey)
    if missing:
        warnings.append(f"{len(missing)} parts of this manifest are not in this repository")
    if manifest.subject and not lists_annotations(manifest):
        warnings.append("the annotations are too large for a list of referrers")
    return warnings


def pull(
    world: World,
    name: RepositoryName,
    reference: Reference,
    accepted: Accepted = ANYTHING,
    *,
    is_counted: bool = True,
) -> ServedManifest:
    """The manifest that a tag or a digest names; a tag's in a form that the client takes.

    A pull that is counted is one of those that the team may have in a day.
    Raises: RegistryError(MANIFEST_UNKNOWN, MANIFEST_NOT_ACCEPTED, TOO_MANY_PULLS).
    Costs: 1 batch read; 1 S3 call above 300 KB; for a tag that v1 has set 1 read more; for another
    form those of ``views.negotiated``; 1 write for a team with a quota of pulls.
    """
    survey = world.metadata.survey_pull(world.team_of(name), name, reference)
    stored = survey.manifest
    if survey.tag is not None:
        stored = _tagged(world, name, survey.tag)
        stored = negotiated(world, name, stored, accepted) if stored else None
    if stored is None:
        raise RegistryError(ErrorCode.MANIFEST_UNKNOWN, detail={"reference": str(reference)})
    if is_counted:
        count_pull(world, survey.team)
        pulled(survey.repository, stored.digest)
    warnings = ending(survey, world.clock.now_s())
    return ServedManifest(stored.digest, stored.media_type, raw_of(world, stored), warnings)


def _tagged(world: World, name: RepositoryName, tag: Tag) -> StoredManifest | None:
    if tag.image_id is not None:
        return manifest_of_image(world, name, tag.image_id)
    return tag.manifest


def delete(
    world: World, actor: Actor, name: RepositoryName, reference: Reference
) -> tuple[str, ...]:
    """Remove a tag, or a manifest with all tags that point to it; its blobs stay.

    Says in sentences what stays behind.
    Raises: RegistryError(MANIFEST_UNKNOWN, TAG_PROTECTED, MANIFEST_NAMED).
    Costs: 1 read, 1 transaction; for a digest 2 reads, 1 query of its referrers, and those of
    ``MetadataStore.delete_manifest``.
    """
    if isinstance(reference, TagName):
        delete_tag(world, actor, name, reference, ErrorCode.MANIFEST_UNKNOWN)
        return ()
    team = world.team_of(name)
    repeated(lambda: _delete_manifest(world, actor, name, reference))
    left = world.metadata.list_referrers(team, name, reference, Page(1)).entries
    return ("manifests that refer to this one stay, and are still listed",) if left else ()


def _delete_manifest(world: World, actor: Actor, name: RepositoryName, reference: Digest) -> None:
    """Raises: RegistryError as ``delete``; Conflict: something else has happened meanwhile."""
    team = world.team_of(name)
    stored = world.metadata.find_manifest(team, name, reference)
    if stored is None:
        raise RegistryError(ErrorCode.MANIFEST_UNKNOWN, detail={"reference": str(reference)})
    record = world.metadata.find_repository(team, name)
    rules = record.tag_rules if record else ()
    is_index = MANIFEST_SHAPES[stored.media_type] is Shape.INDEX
    children = parsed(world, stored).children if is_index else ()
    facts = {"what": "manifest", "digest": str(reference), "media_type": stored.media_type}
    try:
        world.metadata.delete_manifest(
            team,
            name,
            reference,
            happening(world, actor, record, EventKind.DELETE, **facts),
            children=[child.digest for child in children],
            kept=lambda tag: is_protected(rules, tag),
        )
    except Missing:
        raise RegistryError(ErrorCode.MANIFEST_UNKNOWN) from None
    except Held as held:
        raise _held(held) from None


def _held(held: Held) -> RegistryError:
    if held.tags:
        tags = [str(tag) for tag in held.tags[:100]]
        return RegistryError(ErrorCode.TAG_PROTECTED, detail={"tags": tags})
    named = [str(digest) for digest in held.manifests[:100]]
    return RegistryError(ErrorCode.MANIFEST_NAMED, detail={"manifests": named})


def delete_tag(
    world: World, actor: Actor, name: RepositoryName, tag: TagName, unknown: ErrorCode
) -> None:
    """Remove a tag. Raises: RegistryError(unknown, TAG_PROTECTED). Costs: 1 read, 1 transaction."""
    repeated(lambda: _delete_tag(world, actor, name, tag, unknown))


def _delete_tag(
    world: World, actor: Actor, name: RepositoryName, tag: TagName, unknown: ErrorCode
) -> None:
    team = world.team_of(name)
    record = world.metadata.find_repository(team, name)
    if record is None:
        # Also one that has expired: what is left of it is nobody's to delete.
        raise RegistryError(unknown, detail={"reference": str(tag)})
    if is_protected(record.tag_rules, tag):
        raise RegistryError(ErrorCode.TAG_PROTECTED, detail={"tags": [str(tag)]})
    try:
        change = happening(world, actor, record, EventKind.DELETE, what="tag", tags=[tag.value])
        world.metadata.delete_tag(team, name, tag, change)
    except Missing:
        raise RegistryError(unknown, detail={"reference": str(tag)}) from None
