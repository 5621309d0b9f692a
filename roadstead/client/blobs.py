"""One blob's way into a registry.

    there already             HEAD                                              nothing is sent
    in another repository     POST ?mount=&from= where we know which, ?mount= else  nothing is sent
    up to 4.5 MB              POST ?digest=                 proved by the function that takes it
    up to 16 MiB, or          POST, whole, PUT to S3, PUT ?digest=      proved by S3, once again
      more than 1 GiB           from the start when it breaks
    in between                POST, claim, parts to S3, advance, PUT ?digest=    read back by the
                                registry, and what S3 has is not sent again when it breaks
    more than 5 GiB           refused: only a gateway that the operator runs can prove it

Whoever is not trusted cannot vouch for a hash (ADR 3), and a function that answers within 29 s
can read back 1 GiB, not more; hence the bounds.
"""

from __future__ import annotations

from chalicelib.domain import limits
from roadstead.client.door import Door, Moved
from roadstead.client.errors import RegistryRefused, TransferError
from roadstead.client.image import Descriptor
from roadstead.client.progress import readable_size
from roadstead.client.sending import Sending
from roadstead.uploader.planned import PARTS_UP_TO_BYTES, Readable

WHOLE_UP_TO_BYTES = 2 * limits.FIRST_PART_BYTES


def push_blob(
    door: Door, blob: Descriptor, source: Readable | None, mount_from: str | None, moved: Moved
) -> str:
    """Bring a blob into the repository; the answer says how, for the person who watches.

    Raises: TransferError, StorageFailed.
    """
    if door.has(blob.digest):
        return "is there"
    if mount_from and mount_from != door.target.repository and _mounted(door, blob, mount_from):
        return f"mounted from {mount_from}"
    if source is None:
        if blob.urls:
            return "left where it is: its manifest says where to get it"
        raise TransferError(f"the source lacks {blob.digest}, which its manifest needs")
    return _send(door, blob, source, moved)


def _mounted(door: Door, blob: Descriptor, mount_from: str) -> bool:
    path = f"/v2/{door.target.repository}/blobs/uploads/?mount={blob.digest}&from={mount_from}"
    scopes = [*door.scopes, f"repository:{mount_from}:pull"]
    try:
        answer = door.send("POST", path, (201, 202), f"mounting {blob.digest}", scopes=scopes)
    except RegistryRefused:
        return False
    if answer.status == 202:
        # It has begun an upload instead, which nobody needs.
        location = answer.headers.get("Location", "")
        door.send("DELETE", location, tuple(range(200, 500)), "dropping an upload")
    return answer.status == 201


def _send(door: Door, blob: Descriptor, source: Readable, moved: Moved) -> str:
    if blob.size_bytes <= limits.MAX_INLINE_BODY_BYTES:
        _send_inline(door, blob, source, moved)
        return "pushed"
    return send_large(door, blob, source, moved)


def send_large(door: Door, blob: Descriptor, source: Readable, moved: Moved) -> str:
    """Send a blob past the functions; the answer says how it came to be there.

    Raises: TransferError, StorageFailed.
    """
    size = blob.size_bytes
    is_sha256 = blob.digest.startswith("sha256:")
    if size > limits.MAX_OBJECT_BYTES:
        raise TransferError(
            f"{blob.digest} has {readable_size(size)}: more than S3 keeps in one object "
            f"({readable_size(limits.MAX_OBJECT_BYTES)}); nothing of it was sent."
        )
    fits_whole = is_sha256 and size <= limits.MAX_WHOLE_BYTES
    in_parts = WHOLE_UP_TO_BYTES < size <= PARTS_UP_TO_BYTES or not fits_whole
    with door.memory.upload(door.host_name, door.target.repository, blob.digest) as upload:
        return Sending(door, blob, source, upload, moved).run(in_parts=in_parts)


def _send_inline(door: Door, blob: Descriptor, source: Readable, moved: Moved) -> None:
    path = f"/v2/{door.target.repository}/blobs/uploads/?digest={blob.digest}"
    body = source.read_at(0, blob.size_bytes)
    headers = {"Content-Type": "application/octet-stream"}
    door.send("POST", path, (201,), f"pushing {blob.digest}", body=body, headers=headers)
    moved(blob.size_bytes)
