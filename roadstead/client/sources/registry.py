"""Images at a registry, read by its v2 API. Spec: OCI Distribution 1.1, "Pull"."""

from __future__ import annotations

import io
import tempfile
import weakref
from pathlib import Path
from threading import Lock
from typing import IO, Any

import urllib3
from urllib3 import BaseHTTPResponse

from roadstead.client.errors import TransferError
from roadstead.client.http import RegistryClient
from roadstead.client.image import (
    ACCEPT,
    MAX_MANIFEST_BYTES,
    Descriptor,
    Document,
    Image,
    check_document,
    described,
    gather,
)
from roadstead.client.names import ImageName
from roadstead.client.sources.files import FileSlice

BLOCK_BYTES = 1024 * 1024
MAX_BREAKS = 8


def pull_scope(repository: str) -> str:
    return f"repository:{repository}:pull"


class RegistryImage:
    """An image at a registry, its manifests read."""

    def __init__(self, client: RegistryClient, name: ImageName) -> None:
        self._client = client
        self.name: ImageName | None = name
        self._repository = name.repository
        self.image: Image = gather(self._top(name.reference), self._raw)

    def _top(self, reference: str) -> Document:
        raw, media_type = self._fetch(reference)
        document = described(raw, media_type)
        if ":" in reference:
            return check_document(Descriptor(media_type, reference, len(raw)), raw)
        return document

    def _raw(self, descriptor: Descriptor) -> bytes:
        return self._fetch(descriptor.digest)[0]

    def _fetch(self, reference: str) -> tuple[bytes, str]:
        answer = self._client.send(
            "GET",
            f"/v2/{self._repository}/manifests/{reference}",
            scopes=[pull_scope(self._repository)],
            headers={"Accept": ACCEPT},
            what=f"the manifest {self._repository} {reference}",
        )
        if len(answer.body) > MAX_MANIFEST_BYTES:
            raise TransferError(f"{reference} is too large for a manifest")
        media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip()
        return answer.body, media_type

    def blob(self, descriptor: Descriptor) -> RemoteBlob:
        return RemoteBlob(self._client, self._repository, descriptor)


class RemoteBlob:
    """A blob at a registry: parts by Range; where there is none, by way of a temporary file."""

    def __init__(self, client: RegistryClient, repository: str, descriptor: Descriptor) -> None:
        self._client = client
        self._repository = repository
        self._descriptor = descriptor
        self._spooled: FileSlice | None = None
        self._lock = Lock()

    @property
    def size_bytes(self) -> int:
        return self._descriptor.size_bytes

    def read_at(self, offset_bytes: int, size_bytes: int) -> bytes:
        if self._spooled is None:
            held = bytearray()
            while len(held) < size_bytes:
                got = self._range(offset_bytes + len(held), size_bytes - len(held))
                if got is None:
                    break
                held += got
            else:
                return bytes(held)
        return self._spool().read_at(offset_bytes, size_bytes)

    def _range(self, offset_bytes: int, size_bytes: int) -> bytes | None:
        """The bytes, or those of them that came; None where the registry gives no ranges."""
        wanted = {"Range": f"bytes={offset_bytes}-{offset_bytes + size_bytes - 1}"}
        answer = self._open(wanted)
        try:
            if answer.status != 206:
                return None
            return _read_up_to(answer, size_bytes)
        finally:
            answer.release_conn()

    def _open(self, headers: dict[str, str]) -> BaseHTTPResponse:
        path = f"/v2/{self._repository}/blobs/{self._descriptor.digest}"
        return self._client.open(path, scopes=[pull_scope(self._repository)], headers=headers)

    def _spool(self) -> FileSlice:
        with self._lock:
            if self._spooled is None:
                handle, name = tempfile.mkstemp(prefix="roadstead-")
                weakref.finalize(self, Path(name).unlink, missing_ok=True)
                with open(handle, "wb") as sink, self.opened() as stream:  # noqa: PTH123
                    while data := stream.read(BLOCK_BYTES):
                        sink.write(data)
                self._spooled = FileSlice(Path(name), 0, self.size_bytes)
            return self._spooled

    def opened(self) -> IO[bytes]:
        return io.BufferedReader(ResumedStream(self._open, self.size_bytes), BLOCK_BYTES)


def _read_up_to(answer: BaseHTTPResponse, size_bytes: int) -> bytes:
    held = bytearray()
    try:
        while len(held) < size_bytes and (data := answer.read(size_bytes - len(held))):
            held += data
    except urllib3.exceptions.HTTPError:
        if not held:
            raise TransferError("the registry hung up while it sent a blob") from None
    return bytes(held)


class ResumedStream(io.RawIOBase):
    """A body of known size that is asked for again, from where it broke, when it breaks.

    A server that cannot go on from the middle is read from the start again, and what is known
    is passed over. Raises: TransferError after ``MAX_BREAKS`` breaks without a byte between them.
    """

    def __init__(self, open_at: Any, size_bytes: int, start_bytes: int = 0) -> None:
        self._open_at = open_at
        self._size_bytes = size_bytes
        self._at = start_bytes
        self._answer: BaseHTTPResponse | None = None
        self._breaks = 0

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        while self._at < self._size_bytes:
            try:
                data = self._opened().read(min(len(target), self._size_bytes - self._at))
            except urllib3.exceptions.HTTPError:
                data = b""
            if data:
                target[: len(data)] = data
                self._at += len(data)
                self._breaks = 0
                return len(data)
            self._drop()
        self._drop()
        return 0

    def _opened(self) -> BaseHTTPResponse:
        if self._answer is None:
            headers = {"Range": f"bytes={self._at}-"} if self._at else {}
            answer = self._open_at(headers)
            passed = self._at if answer.status == 200 else 0
            while passed and (data := answer.read(min(passed, BLOCK_BYTES))):
                passed -= len(data)
            self._answer = answer
        assert self._answer is not None
        return self._answer

    def _drop(self) -> None:
        if self._answer is not None:
            self._answer.close()
            self._answer.release_conn()
            self._answer = None
        if self._at < self._size_bytes:
            self._breaks += 1
            if self._breaks > MAX_BREAKS:
                raise TransferError("the registry breaks off again and again while it sends a blob")

    def close(self) -> None:
        if self._answer is not None:
            self._answer.close()
            self._answer.release_conn()
            self._answer = None
        super().close()
