"""The bridge at work: what is missing on the other side is made on the first pull, and kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from chalicelib.domain import keys, limits
from chalicelib.domain.bridge import (
    CONFIG_TYPES,
    EMPTY_DIGEST,
    EMPTY_LAYER,
    UnpackedLayer,
    assemble,
    chain,
    choose_platform,
    is_bridgeable,
)
from chalicelib.domain.digest import HEX_CHARS, Digest, digest_of
from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.image import ImageState, StoredLayer, V1Image
from chalicelib.domain.manifest import Manifest
from chalicelib.domain.media_types import DOCKER_MANIFEST, MANIFEST_SHAPES, Shape
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.records import Blob, IndexImage, StoredManifest
from chalicelib.domain.unpack import Unpacked
from chalicelib.ports import Conflict, Gone, Missing
from chalicelib.service.documents import parsed
from chalicelib.service.world import World

DIFF_ID_KIND = "diff-id-1"
GZIP_MAGIC = b"\x1f\x8b"


# --- v1 -> v2 -----------------------------------------------------------------------------------


def manifest_of_image(world: World, name: RepositoryName, image_id: str) -> StoredManifest:
    """The manifest that shows a v1 image, made and kept on the first pull.

    Raises: RegistryError(MANIFEST_UNKNOWN) while the image or a parent is not whole;
        RegistryError(UNAVAILABLE) when a request's time went by: the next one goes on from there.
    Costs: 1 read; the first time 1 batch read, each layer read once, 1 transaction a layer.
    """
    team = world.team_of(name)
    kept = world.metadata.find_bridged(team, name, image_id)
    if kept is not None:
        return kept
    images = _ancestry(world, team, image_id)
    layers = _unpacked(world, team, images)
    raw_config, raw = assemble(images, layers)
    config = _store_config(world, team, raw_config)
    for blob in (config, *(_blob(each.layer) for each in layers)):
        world.metadata.put_blob(team, name, blob)
    made = StoredManifest(digest_of(raw), DOCKER_MANIFEST, len(raw), raw=raw)
    world.metadata.put_bridged(team, name, image_id, made)
    return made


def _ancestry(world: World, team: str, image_id: str) -> Sequence[V1Image]:
    top = world.metadata.find_images(team, [image_id]).get(image_id)
    found = world.metadata.find_images(team, top.ancestry) if top else {}
    images = [found.get(each) for each in reversed(top.ancestry)] if top else []
    whole = [each for each in images if each and each.state is ImageState.SEALED and each.layer]
    if not whole or len(whole) != len(images):
        raise RegistryError(ErrorCode.MANIFEST_UNKNOWN, detail={"image_id": image_id})
    return whole


def _unpacked(world: World, team: str, images: Sequence[V1Image]) -> list[UnpackedLayer]:
    budget_bytes, layers = limits.MAX_UNPACKED_BYTES, list[UnpackedLayer]()
    for image in images:
        assert image.layer is not None
        if budget_bytes <= 0:
            raise RegistryError(
                ErrorCode.UNAVAILABLE,
                "this image is being made ready for v2 clients; try again",
                headers={"Retry-After": "1"},
            )
        unpacked, read_bytes = _unpacked_layer(world, team, image.layer)
        budget_bytes -= read_bytes
        layers.append(unpacked)
    return layers


def _unpacked_layer(world: World, team: str, layer: StoredLayer) -> tuple[UnpackedLayer, int]:
    key = keys.answer_key(team, DIFF_ID_KIND, layer.digest)
    try:
        kept = json.loads(world.blobs.get(key))
        return UnpackedLayer(layer, Digest("sha256", kept["diff_id"]), kept["is_gzip"]), 0
    except Missing:
        pass
    source, hasher = Unpacked(world.blobs.read(layer.object_key)), hashlib.sha256()
    try:
        for piece in source.rest():
            hasher.update(piece)
    except RegistryError as refusal:
        raise RegistryError(
            ErrorCode.MANIFEST_UNKNOWN,
            f"a layer of this v1 image cannot be shown through v2: {refusal.message}",
        ) from None
    is_gzip = world.blobs.get(layer.object_key, end=1) == GZIP_MAGIC
    document = {"diff_id": hasher.hexdigest(), "is_gzip": is_gzip}
    world.blobs.put(key, json.dumps(document).encode())
    return UnpackedLayer(layer, Digest("sha256", hasher.hexdigest()), is_gzip), source.total_bytes


def _store_config(world: World, team: str, raw_config: bytes) -> Blob:
    digest = digest_of(raw_config)
    return _kept(world, team, digest, raw_config)


def _kept(world: World, team: str, digest: Digest, data: bytes) -> Blob:
    """Bytes of our own making. Costs: 1 read; the first time 1 S3 call."""
    known = world.metadata.find_blob(team, digest)
    if known is not None:
        return known
    key = keys.blob_key(team, digest, world.words.fresh())
    world.blobs.put(key, data, sha256_hex=digest.hex)
    return Blob(digest, len(data), key)


def _blob(layer: StoredLayer) -> Blob:
    return Blob(layer.digest, layer.size_bytes, layer.object_key, layer.is_kept)


# --- v2 -> v1 -----------------------------------------------------------------------------------


def shown_id(manifest: StoredManifest) -> str | None:
    """The image id under which v1 shows a manifest; None for what v1 cannot name. Costs: 0."""
    # Without an artifact type of its own, a manifest has its config's.
    is_image = (
        MANIFEST_SHAPES.get(manifest.media_type) is Shape.INDEX
        or manifest.artifact_type in CONFIG_TYPES
    )
    return manifest.digest.hex if is_image and manifest.digest.algorithm == "sha256" else None


def image_of_manifest(world: World, name: RepositoryName, stored: StoredManifest) -> str | None:
    """The v1 image id of a manifest, its chain of images made and kept on the first pull.

    None for what v1 cannot show: artifacts, foreign layers, a config that is none.
    Costs: 1 read; the first time 1 batch read, 1 S3 call (for an empty layer 1 read, and 1 call
    more), 1 transaction a step of its history, 1 transaction.
    """
    team, image_id = world.team_of(name), shown_id(stored)
    if image_id is None:
        return None
    listed = world.metadata.find_listed(team, name, [image_id])
    if image_id in listed.images and image_id in listed.listed:
        return image_id
    manifest = _image_manifest(world, team, name, stored)
    if manifest is None or manifest.config is None:
        return None
    wanted = [manifest.config.digest, *(layer.digest for layer in manifest.layers)]
    blobs = world.metadata.survey_push(team, name, [], wanted, []).blobs
    if any(digest not in blobs for digest in wanted):
        return None
    raw_config = world.blobs.get(blobs[manifest.config.digest].object_key)
    layers = [
        StoredLayer(each.digest, blobs[each.digest].size_bytes, blobs[each.digest].object_key, True)
        for each in manifest.layers
    ]
    none = StoredLayer(EMPTY_DIGEST, len(EMPTY_LAYER), "")
    images = chain(image_id, layers, raw_config, none)
    if images and any(image.layer == none for image in images):
        kept = _kept(world, team, EMPTY_DIGEST, EMPTY_LAYER)
        empty = StoredLayer(kept.digest, kept.size_bytes, kept.object_key, kept.is_kept)
        images = chain(image_id, layers, raw_config, empty)
    return _keep_chain(world, team, name, images)


def image_of_id(world: World, name: RepositoryName, image_id: str) -> str | None:
    """The same for an id that v1 got from a list of tags, before anybody read the tag itself.

    Costs: 1 read; those of ``image_of_manifest`` more when there is such a manifest.
    """
    if len(image_id) != HEX_CHARS["sha256"]:
        return None
    digest = Digest("sha256", image_id)
    stored = world.metadata.find_manifest(world.team_of(name), name, digest)
    return image_of_manifest(world, name, stored) if stored else None


def _image_manifest(
    world: World, team: str, name: RepositoryName, stored: StoredManifest
) -> Manifest | None:
    """The image that a manifest is, or of an index the one that v1 shows."""
    manifest = parsed(world, stored)
    if MANIFEST_SHAPES[manifest.media_type] is Shape.INDEX:
        child = choose_platform(manifest)
        found = world.metadata.find_manifest(team, name, child.digest) if child else None
        if found is None:
            return None
        manifest = parsed(world, found)
    return manifest if is_bridgeable(manifest) else None


def _keep_chain(
    world: World, team: str, name: RepositoryName, images: Sequence[V1Image] | None
) -> str | None:
    if not images or len(images) > limits.MAX_ANCESTRY:
        return None
    ids = [image.image_id for image in images]
    known = world.metadata.find_images(team, ids)
    for image in images:
        try:
            found = known.get(image.image_id)
            if found is not None and found.suspected_at_s is not None:
                world.metadata.spare_image(team, image.image_id)
            elif found is None:
                world.metadata.put_image(team, image)
        except Gone:
            raise
        except Conflict:
            known = world.metadata.find_images(team, ids)
        # An id is the client's to choose: somebody may have pushed another image under it.
        if known.get(image.image_id, image).raw_json != image.raw_json:
            return None
    world.metadata.put_index_images(team, name, [IndexImage(each) for each in ids])
    return ids[-1]
