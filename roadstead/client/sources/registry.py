"""Images at a registry, read by its v2 API. Spec: OCI Distribution 1.1, "Pull"."""

from __future__ import annotations

import io
import tempfile
import weakref
from pathlib import Path
from threading import Lock
from typing import IO

import urllib3
from urllib3 import BaseHTTPResponse

from roadstead.client.errors import RegistryRefused, TransferError
from roadstead.client.http import RegistryClient, let_go
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
from roadstead.client.stream import ResumedStream

BLOCK_BYTES = 1024 * 1024


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
        answer = self._client.read(
            f"/v2/{self._repository}/manifests/{reference}",
            limit_bytes=MAX_MANIFEST_BYTES,
            scopes=[pull_scope(self._repository)],
            headers={"Accept": ACCEPT},
            what=f"the manifest {self._repository} {reference}",
        )
        media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip()
        return answer.body, media_type

    def blob(self, descriptor: Descriptor) -> RemoteBlob | None:
        """Its bytes; None for a foreign layer that is elsewhere only. Raises: TransferError."""
        return blob_at(self._client, self._repository, descriptor)

    def remote(self, descriptor: Descriptor) -> RemoteBlob:
        """A blob, whether it is there or not."""
        return RemoteBlob(self._client, self._repository, descriptor)


def blob_at(client: RegistryClient, repository: str, descriptor: Descriptor) -> RemoteBlob | None:
    """A blob's bytes; None for a foreign layer that is elsewhere only. Raises: TransferError."""
    if descriptor.urls and not _has_blob(client, repository, descriptor.digest):
        return None
    return RemoteBlob(client, repository, descriptor)


def _has_blob(client: RegistryClient, repository: str, digest: str) -> bool:
    path = f"/v2/{repository}/blobs/{digest}"
    try:
        client.send(
            "HEAD", path, scopes=[pull_scope(repository)], wanted=(200, 302, 303, 307), what=digest
        )
    except RegistryRefused:
        return False
    return True


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
            let_go(answer)

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

    def _stream(self, start_bytes: int) -> ResumedStream:
        return ResumedStream(self._open, self.size_bytes, start_bytes, self._client.patience)

    def opened_at(self, start_bytes: int) -> IO[bytes]:
        """The bytes from there to the end, in order."""
        return io.BufferedReader(self._stream(start_bytes), BLOCK_BYTES)

    def opened(self) -> IO[bytes]:
        return io.BufferedReader(self._stream(0), BLOCK_BYTES)


def _read_up_to(answer: BaseHTTPResponse, size_bytes: int) -> bytes:
    held = bytearray()
    try:
        while len(held) < size_bytes and (data := answer.read(size_bytes - len(held))):
            held += data
    except urllib3.exceptions.HTTPError:
        if not held:
            raise TransferError("the registry hung up while it sent a blob") from None
    return bytes(held)
