"""The uploader's side door: whoever holds many bytes sends them straight to S3, in parts.

    whole     a URL for the whole blob, where its digest is known: S3 refuses other bytes
    claim     take the session; learn the offset, the hash so far, and URLs for the first parts
    parts     more URLs; renews the claim
    advance   what has been stored, with the proof of its hash; lets go of the claim

The uploader needs the registry's permission to push, and no AWS credentials. Its word on a hash
counts only with a proof made with the operator's gateway key; without one the registry reads the
bytes itself when the upload is closed, unless they came whole and S3 has checked them.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, replace

from chalicelib.domain import keys, limits
from chalicelib.domain.digest import Digest
from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.ranges import ByteSpan
from chalicelib.domain.tokens import mac, mac_matches
from chalicelib.domain.upload import (
    Part,
    Progress,
    RunningHash,
    Tail,
    UploadSession,
    advanced,
    busy,
    check_chunk,
    check_open,
    check_progress,
)
from chalicelib.ports import Conflict
from chalicelib.service import uploads
from chalicelib.service.verify import provable_bytes
from chalicelib.service.world import World

URLS_AT_ONCE = 16


@dataclass(frozen=True)
class PartUrl:
    """Where one part goes, by PUT, and how large it is unless it is the last."""

    number: int
    url: str
    size_bytes: int


@dataclass(frozen=True)
class Handed:
    """What the holder of a claim needs to send bytes; URLs are secrets that run out.

    ``provable_bytes`` is how long a blob may be whose hash nobody proves as it comes.
    """

    session: UploadSession
    parts: tuple[PartUrl, ...]
    tail_url: str
    tail_key: str
    held_tail_url: str | None
    provable_bytes: int


@dataclass(frozen=True)
class Report:
    """What an uploader says that it has stored: all parts of the session, its own and earlier."""

    offset_bytes: int
    parts: tuple[Part, ...]
    tail: Tail | None
    running: RunningHash | None
    proof: str


@dataclass(frozen=True)
class WholeUrl:
    """Where a whole blob goes, by PUT; ``offset_bytes`` are there otherwise, and are what counts
    where they are not 0.
    """

    url: str
    offset_bytes: int


def whole_url(
    world: World, name: RepositoryName, upload_id: str, digest: Digest, size_bytes: int
) -> WholeUrl:
    """A URL that takes this blob by one PUT, its SHA-256 checked by S3.

    Whoever closes the upload then needs no proof: nothing else can lie there.
    Raises: RegistryError(BLOB_UPLOAD_UNKNOWN, DIGEST_INVALID, SIZE_EXCEEDED). Costs: 1 read.
    """
    if digest.algorithm != "sha256":
        raise RegistryError(ErrorCode.DIGEST_INVALID, "S3 checks sha256 only")
    if size_bytes > limits.MAX_WHOLE_BYTES:
        raise RegistryError(
            ErrorCode.SIZE_EXCEEDED,
            "S3 takes at most 5 GiB at once; push through a gateway that the operator runs",
            detail={"limit_bytes": limits.MAX_WHOLE_BYTES},
        )
    session = uploads.status(world, name, upload_id)
    key = keys.whole_key(session.team, session.upload_id, digest)
    url = world.blobs.presign_put(key, ttl_s=limits.PART_URL_TTL_S, sha256_hex=digest.hex)
    return WholeUrl(url, session.offset_bytes)


def claim(
    world: World,
    name: RepositoryName,
    upload_id: str,
    span: ByteSpan | None,
    length_bytes: int | None,
    word: str | None = None,
) -> Handed:
    """Hand the session to an uploader, under a claim of its own choice or a fresh one.

    Whoever repeats its own word gets the session again: so an answer that was lost, or an
    uploader that was killed, need not wait until the claim runs out.
    Raises: RegistryError(BLOB_UPLOAD_UNKNOWN, RANGE_INVALID, SIZE_INVALID, UPLOAD_CLOSED).
    Costs: 1 conditional write; the first time 1 more and 1 S3 call.
    """
    session = uploads.claim(world, name, upload_id, word or world.words.fresh())

    def step() -> Handed:
        check_chunk(check_open(session), span, length_bytes)
        return handed(world, with_multipart(world, session))

    return uploads.guarded(world, session, step)


def with_multipart(world: World, session: UploadSession) -> UploadSession:
    """The claimed session with a multipart upload begun for it."""
    if session.multipart_id:
        return session
    multipart_id = world.blobs.create_multipart(session.object_key)
    begun = replace(session, multipart_id=multipart_id)
    world.metadata.save_upload(begun, session.claim or "")
    return begun


def handed(world: World, session: UploadSession, first: int | None = None) -> Handed:
    """URLs for a claimed session, of parts from ``first`` on or from the next one. Costs: 0.

    Raises: RegistryError(SIZE_EXCEEDED) past S3's last part.
    """
    key = keys.tail_key(session.team, session.upload_id, session.claim or "")
    held = session.tail.key if session.tail else None
    return Handed(
        session=session,
        parts=part_urls(world, session, first if first is not None else len(session.parts) + 1),
        tail_url=world.blobs.presign_put(key, ttl_s=limits.PART_URL_TTL_S),
        tail_key=key,
        held_tail_url=(
            world.blobs.presign_get(held, ttl_s=limits.PART_URL_TTL_S) if held else None
        ),
        provable_bytes=provable_bytes(world, session.algorithm),
    )


def part_urls(world: World, session: UploadSession, first: int) -> tuple[PartUrl, ...]:
    """URLs for the parts from this number on.

    Raises: RegistryError(SIZE_EXCEEDED) past S3's last part.
    """
    # The last number stays free for the tail.
    last = min(first + URLS_AT_ONCE, limits.MAX_PARTS)
    if not 1 <= first < last or session.multipart_id is None:
        raise RegistryError(ErrorCode.SIZE_EXCEEDED, "the blob has too many parts")
    key, multipart_id = session.object_key, session.multipart_id
    return tuple(
        PartUrl(
            number,
            world.blobs.presign_part(key, multipart_id, number, ttl_s=limits.PART_URL_TTL_S),
            limits.part_bytes(number),
        )
        for number in range(first, last)
    )


def more_parts(world: World, name: RepositoryName, upload_id: str, word: str, first: int) -> Handed:
    """More URLs for the holder of a claim, whose time begins anew: of parts, and of the tail.

    Raises: RegistryError(BLOB_UPLOAD_UNKNOWN, RANGE_INVALID, SIZE_EXCEEDED).
    Costs: 1 conditional write.
    """
    session = uploads.claim(world, name, upload_id, word)
    return uploads.guarded(world, session, lambda: handed(world, check_open(session), first))


def advance(
    world: World, name: RepositoryName, upload_id: str, word: str, report: Report
) -> UploadSession:
    """Record what an uploader has stored, and let go of its claim.

    Raises: RegistryError(BLOB_UPLOAD_UNKNOWN, BLOB_UPLOAD_INVALID, RANGE_INVALID).
    Costs: 2 conditional writes.
    """
    session = uploads.claim(world, name, upload_id, word)

    def step() -> UploadSession:
        progress = believed(world, check_open(session), report)
        check_progress(session, progress)
        after = advanced(session, progress, now_s=world.clock.now_s())
        world.metadata.save_upload(after, word)
        return after

    try:
        return uploads.guarded(world, session, step)
    except Conflict:
        raise busy(session) from None


def believed(world: World, session: UploadSession, report: Report) -> Progress:
    """The report as progress; a hash without a good proof is left out of it."""
    trusted = (
        world.gateway_key is not None
        and report.running is not None
        and report.running.algorithm == session.algorithm
        and mac_matches(world.gateway_key, report.proof, *proof_fields(session, report))
    )
    # A tail lies where the claim said, or where it lay before; never where a report likes.
    allowed = {keys.tail_key(session.team, session.upload_id, session.claim or "")}
    allowed |= {session.tail.key} if session.tail else set()
    if report.tail is not None and report.tail.key not in allowed:
        raise RegistryError(ErrorCode.BLOB_UPLOAD_INVALID, "the tail lies elsewhere")
    # A report of no progress lets go of the claim; what is known of the bytes stays known.
    # The tail counts as well: its object at another key may hold other bytes, of the same size.
    unchanged = (report.offset_bytes, report.parts, report.tail) == (
        session.offset_bytes,
        session.parts,
        session.tail,
    )
    running = session.running if unchanged else report.running if trusted else None
    return Progress(report.offset_bytes, session.multipart_id, report.parts, report.tail, running)


def proof_fields(session: UploadSession, report: Report) -> Sequence[str]:
    """What the proof signs: this session, this claim, this many bytes, this hash."""
    running = report.running
    state = base64.b64encode(running.state).decode() if running and running.state else ""
    digest = str(running.digest) if running else ""
    return proof_text(session.upload_id, session.claim or "", report.offset_bytes, digest, state)


def proof_text(
    upload_id: str, word: str, offset_bytes: int, digest: str, state_base64: str
) -> Sequence[str]:
    """The fields of a proof in their order; the gateway makes its proof of the very same."""
    return ("upload-progress", upload_id, word, str(offset_bytes), digest, state_base64)


def make_proof(
    gateway_key: bytes, upload_id: str, word: str, offset_bytes: int, running: RunningHash
) -> str:
    """A gateway's word that it has hashed these bytes itself."""
    state = base64.b64encode(running.state).decode() if running.state else ""
    fields = proof_text(upload_id, word, offset_bytes, str(running.digest), state)
    return mac(gateway_key, *fields)


def make_layer_proof(
    gateway_key: bytes, upload_id: str, word: str, digest: Digest, payload_checksum: str
) -> str:
    """A gateway's word on a v1 layer: its digest and its payload checksum."""
    return mac(gateway_key, *layer_proof_text(upload_id, word, digest, payload_checksum))


def layer_proof_text(
    upload_id: str, word: str, digest: Digest, payload_checksum: str
) -> Sequence[str]:
    return ("v1-layer", upload_id, word, str(digest), payload_checksum)
