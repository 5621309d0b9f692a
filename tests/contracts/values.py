"""Values to put into stores; every argument that a test does not name does not matter to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Barrier
from typing import Any, TypeVar

from chalicelib.domain.digest import Digest, digest_of
from chalicelib.domain.image import ImageState, StoredLayer, V1Image
from chalicelib.domain.names import RepositoryName, TagName
from chalicelib.domain.records import Blob, Change, Repository, StoredManifest, Tag
from chalicelib.domain.upload import UploadSession
from chalicelib.ports import PortError

T = TypeVar("T")

NOW_S = 1_800_000_000
APP = RepositoryName("acme/app")
V1 = TagName("v1")
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"


def repository(path: str = "acme/app", **changes: Any) -> Repository:
    return Repository(**{"name": RepositoryName(path), "created_at_s": NOW_S, **changes})


def manifest(raw: bytes = b'{"schemaVersion":2}', **changes: Any) -> StoredManifest:
    values = {
        "digest": digest_of(raw),
        "media_type": MANIFEST_TYPE,
        "size_bytes": len(raw),
        "raw": raw,
    }
    return StoredManifest(**{**values, **changes})


def tag(name: str = "v1", **changes: Any) -> Tag:
    return Tag(**{"name": TagName(name), "updated_at_s": NOW_S, **changes})


_MOMENTS = count()


def change(by: str | None = "alice") -> Change:
    """A moment later than every one before it."""
    moment = next(_MOMENTS)
    return Change(NOW_S * 1000 + moment, f"{moment:032x}", by)


def blob(data: bytes = b"layer", object_key: str = "team/sha256/xx") -> Blob:
    return Blob(digest_of(data), len(data), object_key)


def session(team: str, upload_id: str = "upload-1", **changes: Any) -> UploadSession:
    values = {
        "upload_id": upload_id,
        "team": team,
        "repository": APP,
        "expires_at_s": NOW_S + 3600,
    }
    return UploadSession(**{**values, **changes})


def image(image_id: str = "a" * 64, raw: bytes = b'{"id":"a"}', **changes: Any) -> V1Image:
    values = {
        "image_id": image_id,
        "raw_json": raw,
        "ancestry": (image_id,),
        "state": ImageState.DESCRIBED,
    }
    return V1Image(**{**values, **changes})


def uploaded(image_id: str = "a" * 64, checksum: str = "sha256:1", **changes: Any) -> V1Image:
    """An image with a layer, as ``put_layer`` takes it."""
    layer = StoredLayer(digest_of(b"layer"), 5, "team/objects/layer")
    values = {"state": ImageState.UPLOADED, "layer": layer, "payload_checksum": checksum}
    return image(image_id, **{**values, **changes})


def unknown_digest() -> Digest:
    return digest_of(b"nobody has stored this")


def at_once(count: int, action: Callable[[int], T]) -> Sequence[T | PortError]:
    """Call the action in that many threads at the same moment; what each returned or raised."""
    barrier = Barrier(count)

    def run(number: int) -> T | PortError:
        barrier.wait()
        try:
            return action(number)
        except PortError as error:
            return error

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))
