"""What an image is made of, read from its manifests. Spec: OCI Image 1.1; Docker schema 2."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from chalicelib.domain.digest import parse_digest
from chalicelib.domain.errors import RegistryError
from roadstead.client.errors import TransferError

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
INDEXES = (OCI_INDEX, DOCKER_INDEX)
MANIFESTS = (OCI_MANIFEST, DOCKER_MANIFEST)
ACCEPT = ", ".join((*INDEXES, *MANIFESTS))
MAX_MANIFEST_BYTES = 16 * 1024 * 1024
MAX_DEPTH = 8


@dataclass(frozen=True)
class Descriptor:
    """A pointer to bytes; ``urls`` say that they may be had elsewhere, and perhaps only there."""

    media_type: str
    digest: str
    size_bytes: int
    urls: tuple[str, ...] = ()
    is_config: bool = False


@dataclass(frozen=True)
class Document:
    """A manifest or an index, its very bytes."""

    descriptor: Descriptor
    raw: bytes


@dataclass(frozen=True)
class Image:
    """Everything of one image, in the order in which it may be pushed: the top comes last."""

    documents: tuple[Document, ...]
    blobs: tuple[Descriptor, ...]

    @property
    def top(self) -> Document:
        return self.documents[-1]


def read_descriptor(entry: Any, where: str, *, is_config: bool = False) -> Descriptor:
    """A descriptor of a manifest. Raises: TransferError."""
    try:
        media_type, size = entry["mediaType"], entry["size"]
        digest = str(parse_digest(entry["digest"]))
        urls = tuple(str(url) for url in entry.get("urls") or ())
    except (KeyError, TypeError, AttributeError, RegistryError):
        raise TransferError(f"{where}: an entry is no descriptor") from None
    if not isinstance(media_type, str) or not isinstance(size, int) or size < 0:
        raise TransferError(f"{where}: an entry is no descriptor")
    return Descriptor(media_type, digest, size, urls, is_config)


def check_document(descriptor: Descriptor, raw: bytes) -> Document:
    """Hold a manifest's bytes against its digest. Raises: TransferError."""
    algorithm, _, wanted = descriptor.digest.partition(":")
    if hashlib.new(algorithm, raw).hexdigest() != wanted:
        raise TransferError(f"the manifest {descriptor.digest} has other bytes than its name says")
    return Document(descriptor, raw)


def described(raw: bytes, media_type: str) -> Document:
    """A manifest that we name ourselves."""
    digest = f"sha256:{hashlib.sha256(raw).hexdigest()}"
    return Document(Descriptor(media_type, digest, len(raw)), raw)


def gather(top: Document, fetch: Callable[[Descriptor], bytes]) -> Image:
    """Read everything below a manifest or an index, each thing once.

    Raises: TransferError: a manifest that is damaged, too deep or of an unknown kind.
    """
    documents: dict[str, Document] = {}
    blobs: dict[str, Descriptor] = {}

    def visit(document: Document, depth: int) -> None:
        digest = document.descriptor.digest
        if digest in documents:
            return
        if depth > MAX_DEPTH:
            raise TransferError(f"{digest}: indexes within indexes, more than {MAX_DEPTH} deep")
        found = _parsed(document)
        for child in children_of(document, found):
            visit(check_document(child, fetch(child)), depth + 1)
        for blob in _blobs_of(document, found):
            blobs.setdefault(blob.digest, blob)
        documents[digest] = document

    visit(top, 0)
    return Image(tuple(documents.values()), tuple(blobs.values()))


def _parsed(document: Document) -> dict[str, Any]:
    try:
        found = json.loads(document.raw)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise TransferError(f"the manifest {document.descriptor.digest} is not JSON")
    return found


def children_of(document: Document, found: dict[str, Any]) -> Iterator[Descriptor]:
    """The manifests of an index; of anything else none."""
    if document.descriptor.media_type in INDEXES:
        for entry in found.get("manifests") or ():
            yield read_descriptor(entry, document.descriptor.digest)


def _blobs_of(document: Document, found: dict[str, Any]) -> Iterator[Descriptor]:
    if document.descriptor.media_type in INDEXES:
        return
    if document.descriptor.media_type not in MANIFESTS:
        kind = document.descriptor.media_type
        raise TransferError(f"{document.descriptor.digest} is a {kind}, which cannot be pushed")
    where = document.descriptor.digest
    yield read_descriptor(found.get("config"), where, is_config=True)
    for entry in found.get("layers") or ():
        yield read_descriptor(entry, where)
