"""Large uploads whose hash nobody knows: proved beside the requests, by reading all of them once.

    close ──▶ joined, *proving*; the verifier is asked; 202
                 │
    verifier:    claim ─▶ read on, saving the hash's state ─▶ linked, the session gone
                   ▲            │ no time left: save, let go, ask for another run
                   └────────────┘

The closing PUT may be repeated at any time: 202 while the proof lasts, and it asks again when
nobody reads on; 400 when the bytes are others. Whoever heard of no end finds the blob.
A run that is killed loses what it had not saved; its claim runs out, and another goes on. Of two
at once one has the claim. Nothing is ever deleted here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from enum import Enum

from chalicelib.domain import limits
from chalicelib.domain.digest import Digest
from chalicelib.domain.records import Blob
from chalicelib.domain.upload import Proving, RunningHash, UploadSession, closed
from chalicelib.ports import Conflict, Hasher, Missing, Unavailable
from chalicelib.service.join import complete, known_digest_of, size_lied
from chalicelib.service.races import anew
from chalicelib.service.world import World

PIECE_BYTES = 16 * limits.MIB
# S3 gives one stream some 90 MB/s: four pieces at a time keep one hash busy.
PIECES_AT_ONCE = 4
# How often a run saves how far it has come, which renews its claim as well.
SAVE_EVERY_S = 20
# What a run keeps back of its time to save, let go, and ask for the next.
SPARE_S = 30.0


class Outcome(Enum):
    """What a run came to."""

    LINKED = "the digest is proved, and the blob is there"
    REFUSED = "the bytes have another digest"
    PAUSED = "the time is over; another run was asked for"
    HELD = "another run is at it"
    GONE = "there is no such upload any more, or it is not closed"


def can_verify(world: World, algorithm: str) -> bool:
    """Whether a proof may outlast a run: where a hash can be saved, and somebody reads on."""
    return world.verifier is not None and world.hashing.begin(algorithm).state() is not None


def provable_bytes(world: World, algorithm: str) -> int:
    """How many bytes of unknown hash the registry proves at the end of an upload."""
    return limits.MAX_OBJECT_BYTES if can_verify(world, algorithm) else limits.MAX_PROOF_READ_BYTES


def takes_long(world: World, session: UploadSession, digest: Digest) -> bool:
    """Whether the digest has to be proved beside the request that closes the upload."""
    return (
        session.offset_bytes > world.inline_proof_bytes
        and known_digest_of(session, digest) is None
        and can_verify(world, digest.algorithm)
    )


def begin(world: World, session: UploadSession, digest: Digest) -> UploadSession:
    """Join the parts of a claimed session, let go of it, and have it proved.

    Raises: RegistryError(BLOB_UPLOAD_INVALID). May be repeated after a crash at any of its calls.
    Costs: 1 conditional write, 1 call of the verifier; in S3 2 calls (3 with a tail).
    """
    complete(world, session)
    if world.blobs.size_bytes(session.object_key) != session.offset_bytes:
        raise size_lied()
    return _asked(world, session, Proving(digest, world.clock.now_s()))


def go_on(world: World, session: UploadSession, digest: Digest) -> UploadSession:
    """What a repeated close does with a claimed session that nobody reads: let go, and ask again.

    Raises: RegistryError(UPLOAD_CLOSED): it was closed as something else.
    Costs: 1 conditional write; 1 call of the verifier when the last is long ago.
    """
    proving, now_s = session.proving, world.clock.now_s()
    assert proving is not None, "an upload that is being proved"
    if proving.digest != digest:
        raise closed(proving)
    if now_s < proving.asked_at_s + limits.CLAIM_TTL_S:
        return _let_go(world, session, proving)
    return _asked(world, session, replace(proving, asked_at_s=now_s))


def run(world: World, team: str, upload_id: str, *, time_left_s: Callable[[], float]) -> Outcome:
    """Read on where the last run stopped, to the end or until the time is over.

    ``time_left_s`` says how long this run may still last.
    Raises: Unavailable: a store did not answer; another run goes on from what is saved.
    Costs: 1 conditional write, 1 more each 20 s, 1 S3 call for each 16 MiB; 1 read and 1
    transaction at the end.
    """
    now_s = world.clock.now_s()
    try:
        session = world.metadata.claim_upload(
            team,
            upload_id,
            world.words.fresh(),
            now_s=now_s,
            expires_at_s=now_s + limits.CLAIM_TTL_S,
        )
    except Missing:
        return Outcome.GONE
    except Conflict:
        return Outcome.HELD
    if session.proving is None:
        world.metadata.save_upload(_free(session), session.claim or "")
        return Outcome.GONE
    try:
        return _read_on(world, session, session.proving, time_left_s)
    except Conflict:
        # Cancelled, or this run was so slow that another holds it now.
        return Outcome.HELD


def _read_on(
    world: World, session: UploadSession, proving: Proving, time_left_s: Callable[[], float]
) -> Outcome:
    hasher, read_bytes = _hasher(world, proving)
    saved_at_s = world.clock.now_s()
    for piece in _pieces(world, session, read_bytes):
        hasher.update(piece)
        read_bytes += len(piece)
        proving = replace(proving, read_bytes=read_bytes)
        if read_bytes < session.offset_bytes and time_left_s() < SPARE_S:
            paused = replace(proving, state=hasher.state(), asked_at_s=world.clock.now_s())
            _asked(world, session, paused)
            return Outcome.PAUSED
        if world.clock.now_s() - saved_at_s >= SAVE_EVERY_S:
            saved_at_s = world.clock.now_s()
            session = _saved(world, session, replace(proving, state=hasher.state()))
    return _end(world, session, proving.digest, hasher.hexdigest())


def _end(world: World, session: UploadSession, digest: Digest, found_hex: str) -> Outcome:
    if found_hex != digest.hex:
        # What they are is known now: whoever closes the upload again is told at once.
        known = RunningHash(digest.algorithm, Digest(digest.algorithm, found_hex))
        refused = replace(_free(session), proving=None, running=known)
        world.metadata.save_upload(refused, session.claim or "")
        return Outcome.REFUSED

    def link() -> None:
        blob = world.metadata.find_blob(session.team, digest)
        blob = blob or Blob(digest, session.offset_bytes, session.object_key)
        world.metadata.put_blob(session.team, session.repository, blob, closing=session)

    anew(link)
    return Outcome.LINKED


def _hasher(world: World, proving: Proving) -> tuple[Hasher, int]:
    """The hash as it was saved; from the beginning where this platform cannot go on with it."""
    algorithm = proving.digest.algorithm
    if proving.state is not None:
        try:
            return world.hashing.resume(algorithm, proving.state), proving.read_bytes
        except Unavailable:
            pass
    return world.hashing.begin(algorithm), 0


def _pieces(world: World, session: UploadSession, start: int) -> Iterator[bytes]:
    """The object from a byte on, read ahead. Raises: Unavailable: it is not as long as it was."""
    key, size_bytes = session.object_key, session.offset_bytes

    def piece(at: int) -> bytes:
        end = min(at + PIECE_BYTES, size_bytes) - 1
        data = world.blobs.get(key, start=at, end=end)
        if len(data) != end + 1 - at:
            raise Unavailable(f"object {key}: {len(data)} bytes of {end + 1 - at}")
        return data

    pending: deque[Future[bytes]] = deque()
    with ThreadPoolExecutor(PIECES_AT_ONCE, "verify") as pool:
        try:
            for at in range(start, size_bytes, PIECE_BYTES):
                pending.append(pool.submit(piece, at))
                if len(pending) == PIECES_AT_ONCE:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for each in pending:
                each.cancel()


def _asked(world: World, session: UploadSession, proving: Proving) -> UploadSession:
    after = _let_go(world, session, proving)
    assert world.verifier is not None, "asked only where there is one"
    world.verifier.ask(session.team, session.upload_id)
    return after


def _let_go(world: World, session: UploadSession, proving: Proving) -> UploadSession:
    now_s = world.clock.now_s()
    after = replace(_free(session), proving=proving, expires_at_s=now_s + limits.UPLOAD_TTL_S)
    world.metadata.save_upload(after, session.claim or "")
    return after


def _saved(world: World, session: UploadSession, proving: Proving) -> UploadSession:
    now_s = world.clock.now_s()
    after = replace(
        session,
        proving=proving,
        claim_expires_at_s=now_s + limits.CLAIM_TTL_S,
        expires_at_s=now_s + limits.UPLOAD_TTL_S,
    )
    world.metadata.save_upload(after, session.claim or "")
    return after


def _free(session: UploadSession) -> UploadSession:
    return replace(session, claim=None, claim_expires_at_s=0)
