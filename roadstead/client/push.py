"""A whole image into a registry: blobs side by side, then manifests bottom-up, the tag last.

Memory: ``PARTS_AT_ONCE`` parts of up to 13 MiB for all blobs together, and one small blob
(4.5 MB) or one buffer of 1 MiB for each of ``BLOBS_AT_ONCE``.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

from roadstead.client.blobs import push_blob
from roadstead.client.door import Door
from roadstead.client.errors import TransferError
from roadstead.client.http import RegistryClient
from roadstead.client.image import Descriptor, Document
from roadstead.client.memory import Memory
from roadstead.client.names import ImageName
from roadstead.client.progress import Watch, label_of
from roadstead.client.sources import Source
from roadstead.client.workers import settle, working
from roadstead.uploader import PartStorage, StorageFailed

BLOBS_AT_ONCE = 3
PARTS_AT_ONCE = 6


def push(
    source: Source,
    client: RegistryClient,
    storage: PartStorage,
    memory: Memory,
    target: ImageName,
    watch: Watch,
    expires: str | None = None,
) -> str:
    """Push an image; the answer is its digest. ``expires`` is when its tag ends, as the API says.

    Raises: TransferError.
    """
    image = source.image
    if expires is not None and ":" in target.reference:
        raise TransferError("only a tag has an end: --expires needs HOST/NAME:TAG")
    if ":" in target.reference and target.reference != image.top.descriptor.digest:
        raise TransferError(
            f"the source's image is {image.top.descriptor.digest}, not {target.reference}"
        )
    client.ping()
    memory.sweep()
    with working(PARTS_AT_ONCE, "part") as pool:
        door = Door(client, storage, memory, pool, target)
        push_image(door, source, watch, expires)
    return image.top.descriptor.digest


def push_image(door: Door, source: Source, watch: Watch, expires: str | None = None) -> None:
    """Everything of an image, its top last and under the name of the door's target.

    Raises: TransferError.
    """
    image, target = source.image, door.target
    _push_blobs(door, source, watch)
    for document in image.documents[:-1]:
        put_manifest(door, document, document.descriptor.digest)
    put_manifest(door, image.top, target.reference, expires)
    door.memory.saw(target.host.name, target.repository, [blob.digest for blob in image.blobs])


def _push_blobs(door: Door, source: Source, watch: Watch) -> None:
    """All blobs; after a failure none is begun, and those under way come to their end.

    Raises: TransferError: the first failure.
    """
    # The large ones first: they decide how long it takes.
    ordered = sorted(source.image.blobs, key=lambda blob: -blob.size_bytes)
    try:
        with working(BLOBS_AT_ONCE, "blob") as workers:
            settle([workers.submit(_push_one, door, source, blob, watch) for blob in ordered])
    except StorageFailed as failure:
        raise TransferError(f"{failure}. Repeat the command to go on from there.") from None


def _push_one(door: Door, source: Source, blob: Descriptor, watch: Watch) -> None:
    label = ("config " if blob.is_config else "layer  ") + label_of(blob.digest)
    watch.begin(blob.digest, label, blob.size_bytes)
    moved: Callable[[int], None] = lambda size_bytes: watch.moved(blob.digest, size_bytes)  # noqa: E731
    try:
        note = push_blob(door, blob, source.blob(blob), _mount_from(door, source, blob), moved)
        watch.end(blob.digest, note)
    finally:
        door.memory.let_go(blob.digest)


def _mount_from(door: Door, source: Source, blob: Descriptor) -> str | None:
    """A repository of the same host that has the blob, as far as we know."""
    if source.name is not None and source.name.host.name == door.host_name:
        return source.name.repository
    return door.memory.repository_of(door.host_name, blob.digest)


def put_manifest(
    door: Door, document: Document, reference: str, expires: str | None = None
) -> None:
    """Give the repository a manifest whose parts it has. Raises: TransferError."""
    path = f"/v2/{door.target.repository}/manifests/{reference}"
    path += f"?{urlencode({'expires': expires})}" if expires is not None else ""
    headers = {"Content-Type": document.descriptor.media_type}
    what = f"the manifest {reference}"
    answer = door.send("PUT", path, (201,), what, body=document.raw, headers=headers)
    stored = answer.headers.get("Docker-Content-Digest", document.descriptor.digest)
    if stored != document.descriptor.digest:
        raise TransferError(f"{door.host_name} stored another manifest than was sent: {stored}")
