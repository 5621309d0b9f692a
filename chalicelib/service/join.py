"""From parts to one proved object: the end of every upload that did not come whole."""

from __future__ import annotations

from chalicelib.domain import keys, limits
from chalicelib.domain.digest import Digest, digest_of
from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.records import Blob
from chalicelib.domain.upload import UploadSession
from chalicelib.ports import Missing, PartRefused
from chalicelib.service.world import World


class PartsGoneError(RegistryError):
    """What an upload holds is not in S3 any more, or not yet."""

    def __init__(self) -> None:
        super().__init__(
            ErrorCode.BLOB_UPLOAD_INVALID, "the parts of this upload are gone; start again"
        )


def join_upload(
    world: World, session: UploadSession, digest: Digest, *, grown: bool = False
) -> Blob:
    """Join what a claimed session holds into an object that is proved to have this digest.

    May be repeated after a crash at any of its calls. Nothing is visible until the caller links
    the blob. Bytes that the team has already are given up for those. ``grown`` says that the
    session holds bytes of this very request: when an earlier one has joined the parts, its bytes
    may have been others.
    Raises: RegistryError(DIGEST_INVALID, BLOB_UPLOAD_INVALID, SIZE_EXCEEDED).
    Costs: 1 read and, in S3, 2 calls (3 with a tail); for unproved bytes one reading of them.
    """
    known_digest = known_digest_of(session, digest)
    if known_digest is not None and known_digest != digest:
        raise mismatch(digest)
    known = world.metadata.find_blob(session.team, digest)
    if known is not None and known_digest is not None:
        if session.multipart_id:
            world.blobs.abort_multipart(session.object_key, session.multipart_id)
        return known
    if not session.parts:
        return _from_tail(world, session, digest)
    if known_digest is None:
        _check_readable(session)
    joined_now = complete(world, session)
    if known_digest is None or (grown and not joined_now):
        _prove(world, session, digest)
    return known or Blob(digest, session.offset_bytes, session.object_key)


def known_digest_of(session: UploadSession, digest: Digest) -> Digest | None:
    """What somebody whom the registry believes has hashed, in the algorithm of this digest."""
    running = session.running
    return running.digest if running and running.algorithm == digest.algorithm else None


def _check_readable(session: UploadSession) -> None:
    if session.offset_bytes > limits.MAX_PROOF_READ_BYTES:
        raise RegistryError(
            ErrorCode.SIZE_EXCEEDED,
            "the hash of these bytes is not known, and they are too many to read again here; "
            "push through a gateway of the operator's, or with `roadstead push`",
            detail={"limit_bytes": limits.MAX_PROOF_READ_BYTES},
        )


def _prove(world: World, session: UploadSession, digest: Digest) -> None:
    """Read the joined object. Costs: 1 S3 call and all its bytes."""
    _check_readable(session)
    hasher, size_bytes = world.hashing.begin(digest.algorithm), 0
    for piece in world.blobs.read(session.object_key):
        hasher.update(piece)
        size_bytes += len(piece)
    if size_bytes != session.offset_bytes:
        raise size_lied()
    if hasher.hexdigest() != digest.hex:
        raise mismatch(digest)


def size_lied() -> RegistryError:
    """An uploader reported sizes that its parts do not have."""
    return RegistryError(
        ErrorCode.BLOB_UPLOAD_INVALID, "the parts are not as large as was reported; start again"
    )


def mismatch(digest: Digest) -> RegistryError:
    """The bytes are not those that the client named."""
    return RegistryError(ErrorCode.DIGEST_INVALID, detail={"digest": str(digest)})


def tail_of(world: World, session: UploadSession) -> bytes:
    """The bytes of the tail. Raises: PartsGoneError when whoever reported it never stored it."""
    try:
        return world.blobs.get(session.tail.key) if session.tail else b""
    except Missing:
        raise PartsGoneError from None


def _from_tail(world: World, session: UploadSession, digest: Digest) -> Blob:
    # A tail is small and may have been written by somebody else's hand: it is read and hashed,
    # and S3 checks it once more under its own name.
    data = tail_of(world, session)
    if digest_of(data, digest.algorithm) != digest:
        raise mismatch(digest)
    key = keys.blob_key(session.team, digest, world.words.fresh())
    world.blobs.put(key, data, sha256_hex=digest.hex if digest.algorithm == "sha256" else None)
    return Blob(digest, len(data), key)


def complete(world: World, session: UploadSession) -> bool:
    """Complete the multipart upload of a session, tail included; False: it was complete already.

    Raises: RegistryError(BLOB_UPLOAD_INVALID) when S3 will not join the parts.
    """
    multipart_id, key, parts = session.multipart_id or "", session.object_key, session.parts
    try:
        if session.tail:
            data = tail_of(world, session)
            parts = (*parts, world.blobs.put_part(key, multipart_id, len(parts) + 1, data))
        world.blobs.complete_multipart(key, multipart_id, parts)
    except Missing:
        # A request before this one may have got as far as here, and no further.
        if world.blobs.size_bytes(key) != session.offset_bytes:
            raise PartsGoneError from None
        return False
    except PartRefused:
        raise RegistryError(
            ErrorCode.BLOB_UPLOAD_INVALID, "a part of this upload was replaced; start again"
        ) from None
    return True
