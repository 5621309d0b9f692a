"""A whole image from a registry to disk: blobs side by side, each held against its digest.

Memory: one buffer of 1 MiB for each of ``BLOBS_AT_ONCE``.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from roadstead.client.errors import RegistryRefused, TransferError
from roadstead.client.image import Descriptor
from roadstead.client.layouts import LayoutFolder
from roadstead.client.progress import Watch, label_of
from roadstead.client.sources.registry import RegistryImage
from roadstead.client.workers import settle, working

BLOBS_AT_ONCE = 4
BLOCK_BYTES = 1024 * 1024


def pull(source: RegistryImage, folder: LayoutFolder, watch: Watch) -> str:
    """Bring an image into a layout folder; the answer is its digest. Raises: TransferError."""
    folder.prepare()
    ordered = sorted(source.image.blobs, key=lambda blob: -blob.size_bytes)
    with working(BLOBS_AT_ONCE, "blob") as workers:
        settle([workers.submit(_pull_one, source, folder, blob, watch) for blob in ordered])
    for document in source.image.documents:
        folder.write(document)
    return source.image.top.descriptor.digest


def _pull_one(source: RegistryImage, folder: LayoutFolder, blob: Descriptor, watch: Watch) -> None:
    label = ("config " if blob.is_config else "layer  ") + label_of(blob.digest)
    watch.begin(blob.digest, label, blob.size_bytes)
    if is_sound(folder.path(blob.digest), blob):
        watch.end(blob.digest, "is there")
        return
    try:
        fetch_blob(source, folder, blob, watch)
    except RegistryRefused as refusal:
        if refusal.status != 404 or not blob.urls:
            raise
        watch.end(blob.digest, "left where it is: its manifest says where to get it")
        return
    watch.end(blob.digest, "pulled")


def is_sound(path: Path, blob: Descriptor) -> bool:
    """Whether a file holds the very bytes of a blob."""
    if not path.is_file() or path.stat().st_size != blob.size_bytes:
        return False
    algorithm, _, wanted = blob.digest.partition(":")
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest() == wanted


def fetch_blob(source: RegistryImage, folder: LayoutFolder, blob: Descriptor, watch: Watch) -> None:
    """Fetch a blob, from where an earlier try broke off. Raises: TransferError.

    Bytes whose digest is another are never given the blob's name.
    """
    partial = folder.partial(blob.digest)
    if partial.exists() and partial.stat().st_size > blob.size_bytes:
        partial.unlink()
    resumed = partial.exists() and partial.stat().st_size > 0
    if not _streamed(source, partial, blob, watch):
        partial.unlink()
        watch.moved(blob.digest, -blob.size_bytes)
        # The earlier try's bytes may have been spoiled; those of one stream are the registry's.
        if not resumed or not _streamed(source, partial, blob, watch):
            partial.unlink(missing_ok=True)
            raise TransferError(f"{blob.digest} came with other bytes than its name says")
    folder.keep(blob.digest)


def _streamed(source: RegistryImage, partial: Path, blob: Descriptor, watch: Watch) -> bool:
    """Append what is missing; whether the whole then has the blob's digest."""
    algorithm, _, wanted = blob.digest.partition(":")
    hasher = hashlib.new(algorithm)
    with partial.open("a+b") as sink:
        sink.seek(0)
        while data := sink.read(BLOCK_BYTES):
            hasher.update(data)
        watch.moved(blob.digest, sink.tell())
        with source.remote(blob).opened_at(sink.tell()) as stream:
            while data := stream.read(BLOCK_BYTES):
                sink.write(data)
                hasher.update(data)
                watch.moved(blob.digest, len(data))
    return hasher.hexdigest() == wanted
