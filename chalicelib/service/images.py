"""v1 images: described, given a layer, sealed; then read. See ``domain/image.py`` for the states.

Images belong to a team, not to a repository: many repositories of a team share their base images.
With accounts, a request's token names a repository (``listed_in``), and only the images that this
repository lists exist for it. In an open registry ``listed_in`` is None.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from chalicelib.domain import keys, limits
from chalicelib.domain.digest import Digest, digest_of
from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.image import (
    ImageState,
    StoredLayer,
    V1Image,
    check_image_id,
    check_readable,
    check_seal,
    check_sealable,
    check_takes_layer,
    described,
    parse_image_json,
    payload_prefix,
)
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.tarsum import TARSUM_LABELS, tarsum
from chalicelib.domain.tokens import mac_matches
from chalicelib.domain.upload import UploadSession, check_progress, extended
from chalicelib.ports import Conflict, Gone, Missing
from chalicelib.service import remote
from chalicelib.service.join import complete, size_lied
from chalicelib.service.races import anew
from chalicelib.service.uploads import guarded
from chalicelib.service.world import World
from chalicelib.trace import count

# Layers in parts use the session of v2 uploads; this name obeys no grammar, so that no
# request on a repository can reach such a session.
LAYERS = RepositoryName("library/.layers")
PAYLOAD_LABEL = "sha256:"


def describe(
    world: World, team: str, image_id: str, raw: bytes, listed_in: RepositoryName | None = None
) -> V1Image:
    """Take an image's json.

    Raises: RegistryError(V1_IMAGE_ID_INVALID, V1_JSON_*, V1_PARENT_*, V1_IMAGE_EXISTS).
    Costs: 1 read (a batch when it has a parent), 1 conditional write.
    """
    description = parse_image_json(check_image_id(image_id), raw)
    wanted = [image_id, *([description.parent] if description.parent else [])]
    if listed_in is None:
        found = world.metadata.find_images(team, wanted)
    else:
        known = world.metadata.find_listed(team, listed_in, wanted)
        found = known.images
        if image_id not in known.listed:
            raise RegistryError(ErrorCode.V1_IMAGE_NOT_LISTED)
        if description.parent in found and description.parent not in known.listed:
            raise RegistryError(ErrorCode.V1_PARENT_NOT_LISTED)
    parent = found.get(description.parent) if description.parent else None
    parent = _relied_on(world, team, parent)
    image = described(description, raw, found.get(image_id), parent)
    try:
        world.metadata.put_image(team, image)
    except Conflict:
        raise RegistryError(ErrorCode.V1_IMAGE_EXISTS) from None
    return image


def find(
    world: World, team: str, image_id: str, listed_in: RepositoryName | None = None
) -> V1Image | None:
    """The image in whatever state; None when the repository does not list it. Costs: 1 read."""
    check_image_id(image_id)
    if listed_in is None:
        found = world.metadata.find_images(team, [image_id]).get(image_id)
    else:
        known = world.metadata.find_listed(team, listed_in, [image_id])
        found = known.images.get(image_id) if image_id in known.listed else None
    return _relied_on(world, team, found)


def _relied_on(world: World, team: str, image: V1Image | None) -> V1Image | None:
    """The image, which the collector now lets be for another grace period.

    Clients do not send again what they have seen here. Costs: 0; 1 write for one suspected.
    """
    if image is None or image.suspected_at_s is None:
        return image
    try:
        world.metadata.spare_image(team, image.image_id)
    except Missing:
        return None
    return image


def read(
    world: World, team: str, image_id: str, listed_in: RepositoryName | None = None
) -> V1Image:
    """A whole image with its json.

    Raises: RegistryError(V1_IMAGE_ID_INVALID, V1_IMAGE_UNKNOWN, V1_IMAGE_BUSY).
    Costs: 1 read.
    """
    return check_readable(find(world, team, image_id, listed_in))


def layer_url(world: World, layer: StoredLayer, method: str) -> str:
    """A URL that serves a layer by GET or HEAD, for twenty minutes. Costs: 0."""
    return world.blobs.presign_get(layer.object_key, method=method, ttl_s=limits.DOWNLOAD_URL_TTL_S)


def put_layer(
    world: World, team: str, image_id: str, data: bytes, listed_in: RepositoryName | None = None
) -> None:
    """Take a layer whole.

    Raises: RegistryError(V1_IMAGE_ID_INVALID, V1_IMAGE_UNKNOWN, V1_IMAGE_EXISTS).
    Costs: 2 reads, 1 S3 call, 1 transaction.
    """
    image = check_takes_layer(find(world, team, image_id, listed_in))
    digest = digest_of(data)
    checksum = hashlib.sha256(payload_prefix(image.raw_json))
    checksum.update(data)

    def step() -> None:
        known = world.metadata.find_blob(team, digest)
        key = known.object_key if known else keys.blob_key(team, digest, world.words.fresh())
        if known is None:
            world.blobs.put(key, data, sha256_hex=digest.hex)
        layer = StoredLayer(digest, len(data), key, is_kept=known is not None)
        _give_layer(world, team, image, layer, PAYLOAD_LABEL + checksum.hexdigest(), None)

    anew(step)


def _give_layer(
    world: World,
    team: str,
    image: V1Image,
    layer: StoredLayer,
    payload_checksum: str,
    closing: UploadSession | None,
) -> None:
    uploaded = replace(
        image, state=ImageState.UPLOADED, layer=layer, payload_checksum=payload_checksum
    )
    try:
        world.metadata.put_layer(team, uploaded, closing)
    except Gone:
        raise
    except Conflict:
        # Somebody has sealed it, or described it anew: the checksum would cover another json.
        raise RegistryError(ErrorCode.V1_IMAGE_EXISTS) from None


@dataclass(frozen=True)
class HandedLayer:
    """A claim on a layer in parts, and what is hashed before it for the payload checksum."""

    handed: remote.Handed
    prefix: bytes


def claim_layer(
    world: World, team: str, image_id: str, listed_in: RepositoryName | None = None
) -> HandedLayer:
    """Begin a layer that is sent in parts.

    Raises: RegistryError(V1_IMAGE_ID_INVALID, V1_IMAGE_UNKNOWN, V1_IMAGE_EXISTS).
    Costs: 1 read, 1 write, 1 S3 call.
    """
    image = check_takes_layer(find(world, team, image_id, listed_in))
    upload_id, now_s = world.words.fresh(), world.clock.now_s()
    key = keys.multipart_key(team, upload_id)
    session = UploadSession(
        upload_id=upload_id,
        team=team,
        repository=LAYERS,
        expires_at_s=now_s + limits.UPLOAD_TTL_S,
        object_key=key,
        multipart_id=world.blobs.create_multipart(key),
        claim=world.words.fresh(),
        claim_expires_at_s=now_s + limits.CLAIM_TTL_S,
        image_id=image_id,
    )
    world.metadata.open_upload(session)
    return HandedLayer(remote.handed(world, session), payload_prefix(image.raw_json))


def more_parts(
    world: World, team: str, image_id: str, upload_id: str, word: str, first: int
) -> remote.Handed:
    """More URLs for a layer in parts. Raises as ``_claimed``. Costs: 1 conditional write."""
    return remote.handed(world, _claimed(world, team, image_id, upload_id, word), first)


def _claimed(world: World, team: str, image_id: str, upload_id: str, word: str) -> UploadSession:
    now_s = world.clock.now_s()
    expires_at_s = now_s + limits.CLAIM_TTL_S
    try:
        session = world.metadata.claim_upload(
            team, upload_id, word, now_s=now_s, expires_at_s=expires_at_s
        )
    except (Missing, Conflict):
        raise RegistryError(ErrorCode.BLOB_UPLOAD_UNKNOWN) from None
    return guarded(world, session, lambda: _check_image(session, image_id))


def _check_image(session: UploadSession, image_id: str) -> UploadSession:
    if session.image_id != image_id:
        raise RegistryError(ErrorCode.BLOB_UPLOAD_UNKNOWN)
    return session


def finish_layer(
    world: World,
    team: str,
    image_id: str,
    upload_id: str,
    word: str,
    report: remote.Report,
    payload_checksum: str,
) -> None:
    """Join the parts of a layer, prove its hashes, and give it to the image.

    Without a gateway's proof the registry reads the layer itself.
    Raises: RegistryError(V1_IMAGE_*, BLOB_UPLOAD_UNKNOWN, BLOB_UPLOAD_INVALID).
    Costs: 1 conditional write, 2 reads, 1 transaction; S3: 1 call, 2 with a tail.
    """
    session = _claimed(world, team, image_id, upload_id, word)

    def step() -> None:
        image = check_takes_layer(find(world, team, image_id))
        progress = remote.believed(world, session, report)
        check_progress(session, progress)
        held = extended(session, progress)
        complete(world, held)
        digest, checksum = _layer_hashes(world, held, image, report, payload_checksum)
        counted = 0

        def give() -> None:
            nonlocal counted
            known = world.metadata.find_blob(team, digest)
            key = known.object_key if known else held.object_key
            layer = StoredLayer(digest, held.offset_bytes, key, is_kept=known is not None)
            _give_layer(world, team, image, layer, checksum, session)
            counted = layer.size_bytes

        anew(give)
        count(bytes_pushed=counted)

    guarded(world, session, step)


def _layer_hashes(
    world: World,
    session: UploadSession,
    image: V1Image,
    report: remote.Report,
    payload_checksum: str,
) -> tuple[Digest, str]:
    running = report.running
    if running is not None and world.gateway_key is not None:
        fields = remote.layer_proof_text(
            session.upload_id, session.claim or "", running.digest, payload_checksum
        )
        if mac_matches(world.gateway_key, report.proof, *fields):
            return running.digest, payload_checksum
    if session.offset_bytes > limits.MAX_PROOF_READ_BYTES:
        raise RegistryError(ErrorCode.SIZE_EXCEEDED, "the layer is too large to be read again here")
    whole = world.hashing.begin("sha256")
    payload = world.hashing.begin("sha256")
    payload.update(payload_prefix(image.raw_json))
    size_bytes = 0
    for piece in world.blobs.read(session.object_key):
        whole.update(piece)
        payload.update(piece)
        size_bytes += len(piece)
    if size_bytes != session.offset_bytes:
        raise size_lied()
    return Digest("sha256", whole.hexdigest()), PAYLOAD_LABEL + payload.hexdigest()


def seal(
    world: World,
    team: str,
    image_id: str,
    checksum: str,
    listed_in: RepositoryName | None = None,
) -> None:
    """End the push of an image by its payload checksum, or by its tarsum as before Docker 0.10.

    Raises: RegistryError(V1_IMAGE_*, V1_CHECKSUM_*, V1_LAYER_*).
    Costs: 1 read, 1 conditional write; for a tarsum the layer is read once more.
    """
    found = find(world, team, image_id, listed_in)
    version = next((n for n, label in enumerate(TARSUM_LABELS) if checksum.startswith(label)), None)
    if version is None:
        image = check_seal(found, checksum)
    else:
        image, layer = check_sealable(found)
        if tarsum(version, image.raw_json, world.blobs.read(layer.object_key)) != checksum:
            raise RegistryError(ErrorCode.V1_CHECKSUM_MISMATCH)
    try:
        world.metadata.seal_image(team, image)
    except Conflict:
        raise RegistryError(ErrorCode.V1_CHECKSUM_CONFLICT) from None
