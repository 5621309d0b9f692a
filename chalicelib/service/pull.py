"""Bytes out: a blob is looked up here and served by S3."""

from __future__ import annotations

from chalicelib.domain import limits
from chalicelib.domain.digest import Digest
from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.ranges import asked_bytes
from chalicelib.ports import Missing
from chalicelib.service.edge import find_blob
from chalicelib.service.world import World
from chalicelib.trace import note


def blob_url(
    world: World, name: RepositoryName, digest: Digest, method: str, wanted: str | None = None
) -> str:
    """A URL that serves the blob by GET or HEAD, for twenty minutes.

    ``wanted`` is the client's Range header, which it sends to the URL as well.

    Raises: RegistryError(BLOB_UNKNOWN).
    Costs: those of ``edge.find_blob``; 1 write for HEAD of a blob that the collector suspects.
    """
    blob = find_blob(world, name, digest)
    if blob is None:
        raise RegistryError(ErrorCode.BLOB_UNKNOWN, detail={"digest": str(digest)})
    if method == "HEAD" and blob.suspected_at_s is not None:
        _rely_on(world, name, digest)
    if method == "GET":
        note(bytes_pulled=asked_bytes(wanted, blob.size_bytes))
    return world.blobs.presign_get(blob.object_key, method=method, ttl_s=limits.DOWNLOAD_URL_TTL_S)


def _rely_on(world: World, name: RepositoryName, digest: Digest) -> None:
    """Let the collector spare a blob: whoever asks by HEAD does not send it."""
    try:
        world.metadata.spare_link(world.team_of(name), name, digest)
    except Missing:
        raise RegistryError(ErrorCode.BLOB_UNKNOWN, detail={"digest": str(digest)}) from None


def unlink_blob(world: World, name: RepositoryName, digest: Digest) -> None:
    """Stop serving a blob in this repository; its bytes are the collector's business.

    Raises: RegistryError(BLOB_UNKNOWN). Costs: 1 transaction.
    """
    try:
        world.metadata.delete_link(world.team_of(name), name, digest)
    except Missing:
        raise RegistryError(ErrorCode.BLOB_UNKNOWN, detail={"digest": str(digest)}) from None
