"""Blobs on their way in: begin, append, close, cancel; whole, in chunks, or mounted.

Every step first claims the session, so that two requests that continue one upload cannot mix;
see ``domain/upload.py``. Bytes that come through here are few (a Lambda event holds 4.5 MB);
``service/remote.py`` serves whoever holds more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar

from chalicelib.domain import keys, limits
from chalicelib.domain.digest import Digest, digest_of
from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.ranges import ByteSpan
from chalicelib.domain.records import Blob
from chalicelib.domain.upload import (
    Progress,
    RunningHash,
    SessionBusyError,
    Tail,
    UploadSession,
    advanced,
    busy,
    check_chunk,
    check_open,
    extended,
)
from chalicelib.ports import Conflict, Gone, Missing, PortError
from chalicelib.service import verify
from chalicelib.service.edge import find_blob
from chalicelib.service.join import PartsGoneError, join_upload, mismatch, tail_of
from chalicelib.service.races import anew
from chalicelib.service.world import World

T = TypeVar("T")


def start(world: World, name: RepositoryName, algorithm: str) -> UploadSession:
    """Open a session. Costs: 1 write."""
    team, upload_id = world.team_of(name), world.words.fresh()
    session = UploadSession(
        upload_id=upload_id,
        team=team,
        repository=name,
        expires_at_s=world.clock.now_s() + limits.UPLOAD_TTL_S,
        object_key=keys.multipart_key(team, upload_id),
        algorithm=algorithm,
    )
    world.metadata.open_upload(session)
    return session


def status(world: World, name: RepositoryName, upload_id: str) -> UploadSession:
    """The session as it stands. Raises: RegistryError(BLOB_UPLOAD_UNKNOWN). Costs: 1 read."""
    now_s = world.clock.now_s()
    session = world.metadata.find_upload(world.team_of(name), upload_id, now_s=now_s)
    return check_owner(session, name)


def check_owner(session: UploadSession | None, name: RepositoryName) -> UploadSession:
    """The session, when it brings a blob to this repository.

    Raises: RegistryError(BLOB_UPLOAD_UNKNOWN): also for a session of another repository.
    """
    if session is None or session.repository != name or session.image_id is not None:
        raise RegistryError(ErrorCode.BLOB_UPLOAD_UNKNOWN)
    return session


def claim(world: World, name: RepositoryName, upload_id: str, word: str) -> UploadSession:
    """Take the session for this request.

    Raises: RegistryError(BLOB_UPLOAD_UNKNOWN; RANGE_INVALID while another request holds it).
    Costs: 1 conditional write.
    """
    team, now_s = world.team_of(name), world.clock.now_s()
    expires_at_s = now_s + limits.CLAIM_TTL_S
    try:
        session = world.metadata.claim_upload(
            team, upload_id, word, now_s=now_s, expires_at_s=expires_at_s
        )
    except Missing:
        raise RegistryError(ErrorCode.BLOB_UPLOAD_UNKNOWN) from None
    except Conflict:
        raise busy(status(world, name, upload_id)) from None
    return guarded(world, session, lambda: check_owner(session, name))


def release(world: World, session: UploadSession) -> None:
    """Let go of a claim after a refusal; when that fails as well, the claim runs out by itself."""
    try:
        world.metadata.save_upload(
            replace(session, claim=None, claim_expires_at_s=0), session.claim or ""
        )
    except PortError:
        return


def guarded(world: World, session: UploadSession, step: Callable[[], T]) -> T:
    """Run a step under a claim, and let go of the claim when the step is refused."""
    try:
        return step()
    except (RegistryError, PortError):
        release(world, session)
        raise


def append(
    world: World, name: RepositoryName, upload_id: str, data: bytes, span: ByteSpan | None
) -> UploadSession:
    """Take the next bytes.

    Raises: RegistryError(BLOB_UPLOAD_UNKNOWN, RANGE_INVALID, SIZE_INVALID, UPLOAD_CLOSED).
    Costs: 2 conditional writes, 1 or 2 S3 calls (1 more to begin a multipart upload).
    """
    session = claim(world, name, upload_id, world.words.fresh())

    def step() -> UploadSession:
        check_chunk(check_open(session), span, len(data))
        after = advanced(session, _store(world, session, data), now_s=world.clock.now_s())
        world.metadata.save_upload(after, session.claim or "")
        return after

    try:
        return guarded(world, session, step)
    except Conflict:
        raise busy(session) from None


def close(
    world: World,
    name: RepositoryName,
    upload_id: str,
    digest: Digest,
    data: bytes,
    span: ByteSpan | None,
) -> Blob | UploadSession:
    """Take the last bytes, prove the digest, and make the blob visible in the repository.

    The answer is the session where the proof outlasts this request: see ``verify``.
    Raises: RegistryError(BLOB_UPLOAD_UNKNOWN, BLOB_UPLOAD_INVALID, DIGEST_INVALID, RANGE_INVALID,
        UPLOAD_CLOSED).
    Costs: 1 conditional write, 1 read, 1 transaction, and S3: 1 for a blob that came whole,
    here or by a URL, otherwise up to 3.
    """
    try:
        session = claim(world, name, upload_id, world.words.fresh())
    except SessionBusyError as held:
        if held.session.proving is None or held.session.proving.digest != digest:
            raise
        return held.session

    step = partial(_closed, world, name, session, digest, data, span)
    try:
        return guarded(world, session, lambda: anew(step))
    except Conflict:
        raise busy(session) from None


def _closed(
    world: World,
    name: RepositoryName,
    session: UploadSession,
    digest: Digest,
    data: bytes,
    span: ByteSpan | None,
) -> Blob | UploadSession:
    if session.proving is not None:
        return verify.go_on(world, session, digest)
    check_chunk(session, span, len(data) if data else None)
    if session.offset_bytes == 0:
        blob = _sent_whole(world, session, digest, data)
    else:
        held = _grown(world, session, data) if data else session
        if verify.takes_long(world, held, digest):
            return verify.begin(world, held, digest)
        blob = join_upload(world, held, digest, grown=bool(data))
    world.metadata.put_blob(session.team, name, blob, closing=session)
    return blob


def put_whole(world: World, name: RepositoryName, digest: Digest, data: bytes) -> Blob:
    """Take a blob in one request. Raises: RegistryError(DIGEST_INVALID).

    Costs: 1 read, 1 S3 call, 1 transaction.
    """
    team = world.team_of(name)

    def step() -> Blob:
        blob = _proved(world, team, digest, data)
        world.metadata.put_blob(team, name, blob)
        return blob

    return anew(step)


def cancel(world: World, name: RepositoryName, upload_id: str) -> None:
    """Forget an upload and its parts. Raises: RegistryError(BLOB_UPLOAD_UNKNOWN).

    Costs: 1 conditional write, 1 write, 1 S3 call when it had parts.
    """
    session = claim(world, name, upload_id, world.words.fresh())

    def step() -> None:
        if session.multipart_id:
            world.blobs.abort_multipart(session.object_key, session.multipart_id)
        world.metadata.close_upload(session)

    guarded(world, session, step)


def mount(
    world: World, name: RepositoryName, source: RepositoryName, digest: Digest
) -> Blob | None:
    """Link a blob that another repository of the same team holds; None when there is none.

    Who may read the source is the caller's to ask. Costs: those of ``edge.find_blob``,
    1 transaction.
    """
    team = world.team_of(name)
    if world.team_of(source) != team:
        return None
    return _linked(world, name, find_blob(world, source, digest))


def mount_any(world: World, name: RepositoryName, digest: Digest) -> Blob | None:
    """Link a blob that the team has, wherever; None when it has none.

    For those who may read all that the team has. Costs: 1 read, 1 transaction.
    """
    return _linked(world, name, world.metadata.find_blob(world.team_of(name), digest))


def _linked(world: World, name: RepositoryName, blob: Blob | None) -> Blob | None:
    """The blob, linked; None when there is none, or when it was collected at this very moment."""
    if blob is None:
        return None
    try:
        world.metadata.put_blob(world.team_of(name), name, blob)
    except Gone:
        return None
    return blob


def _sent_whole(world: World, session: UploadSession, digest: Digest, data: bytes) -> Blob:
    """The bytes of this very request or, when it has none, those that an uploader put into S3."""
    if data or digest == digest_of(b"", digest.algorithm):
        return _proved(world, session.team, digest, data)
    if digest.algorithm != "sha256":
        raise mismatch(digest)
    key = keys.whole_key(session.team, session.upload_id, digest)
    size_bytes = world.blobs.size_bytes(key)
    if size_bytes is None:
        raise mismatch(digest)
    return world.metadata.find_blob(session.team, digest) or Blob(digest, size_bytes, key)


def _proved(world: World, team: str, digest: Digest, data: bytes) -> Blob:
    if digest_of(data, digest.algorithm) != digest:
        raise RegistryError(ErrorCode.DIGEST_INVALID, detail={"digest": str(digest)})
    known = world.metadata.find_blob(team, digest)
    if known is not None:
        return known
    key = keys.blob_key(team, digest, world.words.fresh())
    world.blobs.put(key, data, sha256_hex=digest.hex if digest.algorithm == "sha256" else None)
    return Blob(digest, len(data), key)


def _store(world: World, session: UploadSession, data: bytes) -> Progress:
    """Put bytes behind those that are there: as a part when there are enough, else as a tail."""
    running = _hashed(world, session, data)
    held = tail_of(world, session) if data else b""
    parts, tail, multipart_id = session.parts, session.tail, session.multipart_id
    joined = held + data
    if data and len(joined) < limits.MIN_PART_BYTES:
        key = keys.tail_key(session.team, session.upload_id, world.words.fresh())
        world.blobs.put(key, joined)
        tail = Tail(key, len(joined))
    elif data:
        if len(parts) + 1 >= limits.MAX_PARTS:
            raise RegistryError(ErrorCode.SIZE_EXCEEDED, "the blob has too many parts")
        multipart_id = multipart_id or world.blobs.create_multipart(session.object_key)
        try:
            part = world.blobs.put_part(session.object_key, multipart_id, len(parts) + 1, joined)
        except Missing:
            raise PartsGoneError from None
        parts, tail = (*parts, part), None
    return Progress(session.offset_bytes + len(data), multipart_id, parts, tail, running)


def _grown(world: World, session: UploadSession, data: bytes) -> UploadSession:
    """The session with the bytes that came with its close, for joining; not to be saved."""
    try:
        return extended(session, _store(world, session, data))
    except PartsGoneError:
        # Perhaps the same request has joined everything before, and then got no further.
        offset_bytes = session.offset_bytes + len(data)
        running = _hashed(world, session, data)
        return replace(session, offset_bytes=offset_bytes, tail=None, running=running)


def _hashed(world: World, session: UploadSession, data: bytes) -> RunningHash | None:
    """The running hash after these bytes; None when nobody can continue it any more."""
    if session.proof_lost:
        return None
    running = session.running
    if running is None:
        hasher = world.hashing.begin(session.algorithm)
    elif running.state is None:
        return None
    else:
        try:
            hasher = world.hashing.resume(running.algorithm, running.state)
        except PortError:
            return None
    hasher.update(data)
    return RunningHash(
        session.algorithm, Digest(session.algorithm, hasher.hexdigest()), hasher.state()
    )
