"""One blob that goes to S3 past the registry's functions, whole or in parts, and again if need be.

    begin ─▶ whole: PUT with the SHA-256 signed ─────────────▶ close
         └─▶ parts: claim ─▶ PUT each that S3 lacks ─▶ advance ─▶ close, again while it is 202

Every step may be repeated: an answer that was lost, or a process that was killed, costs the
repetition of one step. What is remembered of an earlier try may be stale; then the blob begins
anew, once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import IO, Any
from urllib.parse import urlencode

from chalicelib.domain import limits
from chalicelib.domain.edge import without_edge
from chalicelib.web.endpoints import url_for
from roadstead.client.door import Door, Moved
from roadstead.client.errors import RegistryRefused, TransferError, refused_answer
from roadstead.client.http import RemoteApi
from roadstead.client.image import Descriptor
from roadstead.client.memory import Upload
from roadstead.client.progress import readable_size
from roadstead.uploader import PartUrls, StorageFailed, UploadRefused
from roadstead.uploader.planned import (
    PARTS_UP_TO_BYTES,
    PlannedPart,
    Readable,
    plan_parts,
    send_parts,
)

# A close that was cut off, or refused because of the size: the bytes could not be read back.
UNPROVED = (413, 502, 503, 504)
# What an upload is answered with that is closed already.
CLOSED = 409
GONE = 404
# How long between two looks at a proof: soon at first, then as the gigabytes have it.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 10.0
# What a session that we remember may be answered with when it is of no use any more.
STALE = (400, 404, 416)


class CloseRefused(TransferError):
    """The registry would not close the upload; ``status`` and ``codes`` are its answer's."""

    def __init__(self, refusal: RegistryRefused) -> None:
        super().__init__(str(refusal))
        self.status, self.codes = refusal.status, refusal.codes


class Sending:
    """One blob under way."""

    def __init__(
        self,
        door: Door,
        blob: Descriptor,
        source: Readable,
        upload: Upload,
        moved: Moved,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._sleep = sleep
        self._door, self._blob, self._source = door, blob, source
        self._upload, self._moved = upload, moved
        self._counted_bytes = 0

    def run(self, *, in_parts: bool) -> str:
        """Send the blob and close its upload; the answer says how it came to be there.

        Raises: TransferError, StorageFailed.
        """
        resumed = bool(self._upload.upload_id)
        try:
            note = self._attempt(in_parts=in_parts)
        except (RegistryRefused, UploadRefused, CloseRefused) as refusal:
            unproved = in_parts and self._is_unproved(refusal)
            if not unproved and not (resumed and status_of(refusal) in STALE):
                raise self._sentence(refusal) from None
            self._drop()
            try:
                note = self._attempt(in_parts=in_parts and not unproved)
            except (RegistryRefused, UploadRefused, CloseRefused) as again:
                raise self._sentence(again) from None
        self._upload.forget()
        return note

    def _attempt(self, *, in_parts: bool) -> str:
        begun = bool(self._upload.upload_id)
        if not begun and self._begin():
            return "mounted"
        if in_parts:
            self._send_parts()
        elif not (begun and self._has_arrived()):
            self._send_whole()
        else:
            return "pushed"
        self._close()
        return "pushed"

    def _begin(self) -> bool:
        """Open an upload; True when the registry has linked a blob that it has instead.

        A mount that it will not or cannot make is an upload like any other.
        """
        path = f"/v2/{self._door.target.repository}/blobs/uploads/"
        algorithm = self._blob.digest.partition(":")[0]
        query = {"mount": self._blob.digest, "digest-algorithm": algorithm}
        path = f"{path}?{urlencode(query, safe=':')}"
        answer = self._door.send("POST", path, (201, 202), "beginning an upload")
        if answer.status == 201:
            return True
        upload_id = answer.headers.get("Docker-Upload-UUID")
        self._upload.begin(
            upload_id or without_edge(answer.headers.get("Location", "")).rpartition("/")[2]
        )
        return False

    @property
    def _api(self) -> RemoteApi:
        return RemoteApi(self._door.client, self._door.scopes)

    def _path(self, verb: str) -> str:
        repository, upload_id = self._door.target.repository, self._upload.upload_id
        return url_for(f"uploader.{verb}", repository=repository, upload_id=upload_id)

    def _ask(self, verb: str, document: dict[str, object]) -> dict[str, Any]:
        return self._api.post(self._path(verb), document).document()

    # --- in parts -----------------------------------------------------------------------------

    def _send_parts(self) -> None:
        try:
            claimed = self._ask("claim", {"claim": self._upload.word})
        except UploadRefused as refusal:
            # Closed by an earlier try, and being proved: only its end is to be waited for. Gone
            # where it has been proved since we looked.
            status = refusal.answer.status
            if status == CLOSED or (status == GONE and self._door.has(self._blob.digest)):
                return
            raise
        self._check_provable(claimed)
        plan = plan_parts(self._blob.size_bytes)
        sizes = {part.number: part.size_bytes for part in plan}
        known = {n: etag for n, (etag, size) in self._upload.parts.items() if sizes.get(n) == size}
        # What the registry has recorded counts, whatever our own file says.
        known |= {n: etag for n, etag, size in claimed["stored"] if sizes.get(n) == size}
        self._count(sum(sizes[number] for number in known))

        def on_stored(part: PlannedPart, etag: str) -> None:
            self._upload.add(part.number, etag, part.size_bytes)
            self._count(part.size_bytes)

        urls = PartUrls.of(self._api, self._path("parts"), claimed)
        door = self._door
        stored = send_parts(urls, door.storage, plan, self._source, known, door.pool, on_stored)
        size_bytes = self._blob.size_bytes
        report = {"claim": claimed["claim"], "offset_bytes": size_bytes, "stored": stored}
        self._ask("advance", report)

    def _check_provable(self, claimed: dict[str, Any]) -> None:
        """Refuse what the registry would refuse in the end, before a byte of it is sent."""
        size_bytes = self._blob.size_bytes
        provable_bytes = int(claimed.get("provable_bytes", limits.MAX_PROOF_READ_BYTES))
        if provable_bytes <= limits.MAX_PROOF_READ_BYTES:
            # No verifier: the request that closes the upload has to read it, in 30 s.
            provable_bytes = PARTS_UP_TO_BYTES
        if size_bytes > provable_bytes:
            self._drop()
            raise TransferError(
                f"{self._blob.digest} has {readable_size(size_bytes)}: more than "
                f"{self._door.host_name} proves of what comes this way "
                f"({readable_size(provable_bytes)}). Push it through a gateway that the "
                "registry's operator runs; nothing of it was sent."
            )

    # --- whole --------------------------------------------------------------------------------

    def _has_arrived(self) -> bool:
        """Whether an earlier try got as far as S3: then closing is all there is to do."""
        try:
            self._close()
        except CloseRefused as refusal:
            if "DIGEST_INVALID" not in refusal.codes:
                raise
            return False
        return True

    def _send_whole(self) -> None:
        before = self._counted_bytes

        def opened() -> IO[bytes]:
            self._count(before - self._counted_bytes)
            return _Told(self._source.opened(), self._count)  # type: ignore[return-value]

        try:
            self._put_whole(opened)
        except StorageFailed as failure:
            if failure.is_mismatch:
                self._drop()
                raise self._other_bytes() from None
            if not failure.has_expired:
                raise
            self._put_whole(opened)

    def _put_whole(self, opened: Callable[[], IO[bytes]]) -> None:
        size_bytes = self._blob.size_bytes
        asked = self._ask("whole", {"digest": self._blob.digest, "size_bytes": size_bytes})
        self._door.storage.put_whole(asked["url"], asked["headers"], size_bytes, opened)

    # --- the end ------------------------------------------------------------------------------

    def _close(self) -> None:
        path = f"/v2/{self._door.target.repository}/blobs/uploads/{self._upload.upload_id}"
        try:
            what = f"closing the upload of {self._blob.digest}"
            target = f"{path}?digest={self._blob.digest}"
            for pause_s in _pauses():
                answer = self._door.send("PUT", target, (201, 202), what)
                if answer.status == 201:
                    return
                # The registry reads what it has been sent: it says so until it has read it all.
                self._sleep(pause_s)
        except RegistryRefused as refusal:
            # The answer to an earlier try may have been lost: the upload is gone, the blob there.
            if refusal.status != 404 or not self._door.has(self._blob.digest):
                raise CloseRefused(refusal) from None

    def _drop(self) -> None:
        """Begin anew: forget the session, here and there."""
        path = f"/v2/{self._door.target.repository}/blobs/uploads/{self._upload.upload_id}"
        self._upload.forget()
        self._count(-self._counted_bytes)
        try:
            self._door.send("DELETE", path, (204, 404, 416), "dropping an upload")
        except TransferError:
            return  # it runs out by itself

    def _count(self, size_bytes: int) -> None:
        self._counted_bytes += size_bytes
        self._moved(size_bytes)

    # --- refusals -----------------------------------------------------------------------------

    def _is_unproved(self, refusal: Exception) -> bool:
        is_sha256 = self._blob.digest.startswith("sha256:")
        fits_whole = is_sha256 and self._blob.size_bytes <= limits.MAX_WHOLE_BYTES
        return isinstance(refusal, CloseRefused) and refusal.status in UNPROVED and fits_whole

    def _sentence(self, refusal: RegistryRefused | UploadRefused | CloseRefused) -> TransferError:
        host = self._door.host_name
        if isinstance(refusal, UploadRefused):
            found = refused_answer(f"pushing {self._blob.digest}", host, refusal.answer)
            if found.status in (404, 405) and "BLOB_UPLOAD_UNKNOWN" not in found.codes:
                return TransferError(
                    f"{host} is no Roadstead, or an older one: it hands out no URLs for large "
                    "blobs. Push there with docker or skopeo."
                )
            return found
        if refusal.status == 400 and "DIGEST_INVALID" in refusal.codes:
            self._drop()
            return self._other_bytes()
        return refusal

    def _other_bytes(self) -> TransferError:
        return TransferError(
            f"the source's bytes are not those of {self._blob.digest}; they were refused, "
            "and nothing of them can be seen"
        )


def status_of(refusal: RegistryRefused | UploadRefused | CloseRefused) -> int:
    """The status of a registry's refusal."""
    return refusal.answer.status if isinstance(refusal, UploadRefused) else refusal.status


def _pauses() -> Iterator[float]:
    pause_s = FIRST_PAUSE_S
    while True:
        yield pause_s
        pause_s = min(pause_s * 1.5, LONGEST_PAUSE_S)


class _Told:
    """A stream that says how much of it was read."""

    def __init__(self, stream: IO[bytes], tell: Callable[[int], None]) -> None:
        self._stream, self._tell = stream, tell

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._tell(len(data))
        return data
