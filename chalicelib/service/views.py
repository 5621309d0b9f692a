"""A manifest in a form that the client understands; made on the first pull, and kept."""

from __future__ import annotations

from chalicelib.domain.bridge import choose_platform
from chalicelib.domain.convert import convert_image, convert_index
from chalicelib.domain.digest import Digest
from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.manifest import Manifest
from chalicelib.domain.media_types import MANIFEST_SHAPES, Shape
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.negotiate import TWINS, Accepted
from chalicelib.domain.records import StoredManifest
from chalicelib.service.documents import made, parsed, raw_of
from chalicelib.service.world import World

# How deep an index of indexes is followed for a client that takes none.
MAX_INDEX_DEPTH = 4


def negotiated(
    world: World, name: RepositoryName, stored: StoredManifest, accepted: Accepted
) -> StoredManifest:
    """The manifest as it is where the client takes it; else in the other family of types; else,
    of an index, the image for linux/amd64, which is what registries show a client without lists.

    Raises: RegistryError(MANIFEST_NOT_ACCEPTED).
    Costs: 0; 1 read for another form, the first time 1 read a child and 1 transaction a document;
    1 read more for a child.
    """
    found: StoredManifest | None = stored
    for _ in range(MAX_INDEX_DEPTH):
        if found is None or accepted.takes(found.media_type):
            break
        if accepted.takes(TWINS[found.media_type]):
            found = twin(world, name, found)
        elif MANIFEST_SHAPES[found.media_type] is Shape.INDEX and accepted.takes_images():
            found = _child(world, name, found)
        else:
            found = None
    if found is None or not accepted.takes(found.media_type):
        raise RegistryError(
            ErrorCode.MANIFEST_NOT_ACCEPTED,
            detail={"mediaType": stored.media_type, "accepted": sorted(accepted.media_types)},
        )
    return found


def twin(world: World, name: RepositoryName, stored: StoredManifest) -> StoredManifest | None:
    """The manifest in the other family, kept in the repository, where its digest can be pulled."""
    team, media_type = world.team_of(name), TWINS[stored.media_type]
    key = f"as {media_type} {stored.digest}"
    kept = world.metadata.find_bridged(team, name, key)
    if kept is not None:
        return kept
    manifest = parsed(world, stored)
    if MANIFEST_SHAPES[media_type] is Shape.INDEX:
        raw = convert_index(manifest, _children_in(world, name, manifest, media_type))
    else:
        raw = convert_image(manifest)
    if raw is None:
        return None
    document = made(world, team, raw, media_type)
    world.metadata.put_bridged(team, name, key, document)
    return document


def _children_in(
    world: World, name: RepositoryName, index: Manifest, media_type: str
) -> dict[Digest, bytes]:
    """The images of an index in the family of ``media_type``, each kept by its digest."""
    team, images = world.team_of(name), dict[Digest, bytes]()
    for child in index.children:
        found = world.metadata.find_manifest(team, name, child.digest)
        if found is None or child.platform == "unknown/unknown":
            continue
        if MANIFEST_SHAPES[found.media_type] is not Shape.IMAGE:
            continue
        is_there = _family(found.media_type) == _family(media_type)
        shown = found if is_there else twin(world, name, found)
        if shown is not None:
            images[child.digest] = raw_of(world, shown)
    return images


def _family(media_type: str) -> str:
    return media_type.split(".")[1]


def _child(world: World, name: RepositoryName, stored: StoredManifest) -> StoredManifest | None:
    child = choose_platform(parsed(world, stored))
    return world.metadata.find_manifest(world.team_of(name), name, child.digest) if child else None
