"""The upload session: one blob (or one v1 layer) on its way in.

    open ──claim──▶ claimed ──advance──▶ open (further on) ──claim──▶ claimed ──close──▶ gone
      ▲               │ release, or the claim runs out
      └───────────────┘

A request that brings bytes first *claims* the session, so that two requests that continue one
upload cannot interleave; it then *advances* it by what it has stored. The store makes both steps
conditional on the state they start from. Bytes wait in three places, in this order:

    parts  of S3's multipart upload, each at least 5 MiB, pinned by the ETag that S3 gave
    tail   an object of less than 5 MiB that has not become a part yet

An upload whose hash nobody knows, and which is too large to be read by its closing request, is
*proving* from then on: it takes no more bytes, and the verifier, which claims it like any request,
reads them and ends it; see ``service/verify.py``.

What is pinned is what is served: a part overwritten by a request that had lost its claim no
longer has its ETag, and S3 refuses to complete.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from chalicelib.domain import limits
from chalicelib.domain.digest import Digest
from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.ranges import ByteSpan, render_received

# S3's are 34 characters with their quotes; what is longer would only fill the row.
MAX_ETAG_CHARS = 100


@dataclass(frozen=True)
class Part:
    """One stored part: number from 1, S3's ETag with its quotes, and the size."""

    number: int
    etag: str
    size_bytes: int


@dataclass(frozen=True)
class Tail:
    """The object that holds the last bytes, fewer than S3 takes as a part."""

    key: str
    size_bytes: int


@dataclass(frozen=True)
class RunningHash:
    """What has been hashed of the bytes so far, by somebody whom the registry believes.

    ``state`` continues the hash in another process; without it only ``digest`` is known, and
    further bytes end the proof (the registry then reads the object back itself).
    """

    algorithm: str
    digest: Digest
    state: bytes | None = None


@dataclass(frozen=True)
class Proving:
    """An upload that was closed as ``digest``, whose bytes are being read to prove it.

    The object is whole. ``read_bytes`` of it are in the hash that ``state`` continues;
    ``asked_at_s`` is when somebody was last asked to read on.
    """

    digest: Digest
    asked_at_s: int
    read_bytes: int = 0
    state: bytes | None = None


@dataclass(frozen=True)
class UploadSession:
    """The whole state of an upload; times are epoch seconds."""

    upload_id: str
    team: str
    repository: RepositoryName
    expires_at_s: int
    offset_bytes: int = 0
    object_key: str = ""
    multipart_id: str | None = None
    parts: tuple[Part, ...] = ()
    tail: Tail | None = None
    running: RunningHash | None = None
    algorithm: str = "sha256"
    claim: str | None = None
    claim_expires_at_s: int = 0
    image_id: str | None = None
    proving: Proving | None = None

    @property
    def proof_lost(self) -> bool:
        """Bytes were stored whose hash nobody knows any more."""
        return self.offset_bytes > 0 and self.running is None


@dataclass(frozen=True)
class Progress:
    """What one request added: the new state of the bytes, all of it."""

    offset_bytes: int
    multipart_id: str | None
    parts: tuple[Part, ...]
    tail: Tail | None
    running: RunningHash | None


def check_chunk(session: UploadSession, span: ByteSpan | None, length_bytes: int | None) -> None:
    """Hold a chunk against what has been received; without Content-Range it simply follows.

    Raises: RegistryError(RANGE_INVALID) for a gap or an overlap, with the Range received so far;
        RegistryError(SIZE_INVALID) when the header and the length disagree.
    """
    if span is None:
        return
    if span.start != session.offset_bytes:
        raise out_of_order(session)
    # regctl writes end = start + length, one past the last byte: both spellings are taken.
    if length_bytes is not None and length_bytes not in (span.size_bytes, span.size_bytes - 1):
        raise RegistryError(
            ErrorCode.SIZE_INVALID,
            detail={"content_range_bytes": span.size_bytes, "content_length_bytes": length_bytes},
        )


class SessionBusyError(RegistryError):
    """The refusal for a session that another request holds, or the verifier."""

    def __init__(self, session: UploadSession) -> None:
        refusal = (
            out_of_order(session, "another request is continuing this upload; try again later")
            if session.proving is None
            else closed(session.proving)
        )
        super().__init__(
            refusal.code, refusal.message, headers=refusal.headers, items=refusal.items
        )
        self.session = session


def out_of_order(session: UploadSession, message: str | None = None) -> RegistryError:
    """The 416 that tells a client where to go on."""
    return RegistryError(
        ErrorCode.RANGE_INVALID,
        message,
        detail={"received_bytes": session.offset_bytes},
        headers={
            "Range": render_received(session.offset_bytes),
            "Location": upload_path(session.repository, session.upload_id),
        },
    )


def busy(session: UploadSession) -> RegistryError:
    """The refusal for a session that another request holds."""
    return SessionBusyError(session)


def closed(proving: Proving) -> RegistryError:
    """The 409 for an upload whose end is to be waited for."""
    return RegistryError(ErrorCode.UPLOAD_CLOSED, detail={"digest": str(proving.digest)})


def check_open(session: UploadSession) -> UploadSession:
    """The session, when it takes bytes. Raises: RegistryError(UPLOAD_CLOSED)."""
    if session.proving is not None:
        raise closed(session.proving)
    return session


def upload_path(repository: RepositoryName, upload_id: str) -> str:
    """The path of a session, relative to the host: oras refuses another host."""
    return f"/v2/{repository.shown}/blobs/uploads/{upload_id}"


def extended(session: UploadSession, progress: Progress) -> UploadSession:
    """The session with more bytes in it, held by the claim that it had."""
    return replace(
        session,
        offset_bytes=progress.offset_bytes,
        multipart_id=progress.multipart_id,
        parts=progress.parts,
        tail=progress.tail,
        running=progress.running,
    )


def advanced(session: UploadSession, progress: Progress, *, now_s: int) -> UploadSession:
    """The session after a request has stored its bytes: further on, open, its life renewed."""
    return replace(
        extended(session, progress),
        claim=None,
        claim_expires_at_s=0,
        expires_at_s=now_s + limits.UPLOAD_TTL_S,
    )


def check_progress(session: UploadSession, progress: Progress) -> None:
    """Hold what an uploader reports against what S3 will ask for when the parts are joined.

    Raises: RegistryError(BLOB_UPLOAD_INVALID): numbers out of order, a part under 5 MiB or above
        5 GiB, an ETag that is none, or sizes that do not add up to the offset.
    """
    numbers = [part.number for part in progress.parts]
    total = sum(part.size_bytes for part in progress.parts)
    total += progress.tail.size_bytes if progress.tail else 0
    sound = (
        numbers == list(range(1, len(numbers) + 1))
        and len(numbers) < limits.MAX_PARTS
        and progress.parts[: len(session.parts)] == session.parts
        and all(_is_sound(part) for part in progress.parts)
        and (progress.tail is None or 0 < progress.tail.size_bytes < limits.MIN_PART_BYTES)
        and total == progress.offset_bytes >= session.offset_bytes
    )
    if not sound:
        raise RegistryError(
            ErrorCode.BLOB_UPLOAD_INVALID, "the parts reported do not make up the bytes reported"
        )


def _is_sound(part: Part) -> bool:
    fits = limits.MIN_PART_BYTES <= part.size_bytes <= limits.MAX_PART_BYTES
    return fits and len(part.etag) <= MAX_ETAG_CHARS and part.etag.isascii()
