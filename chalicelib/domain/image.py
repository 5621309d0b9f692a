"""v1 images: ids, the json that describes one, ancestry, checksums, and the push in three states.

    state \\ request     PUT json        PUT layer     PUT checksum         GET (json, layer...)
    (absent)            described       404           404                  404
    described           described       uploaded      400 layer first      400 being uploaded
    uploaded            described *     uploaded      sealed, or 400 **    400 being uploaded
    sealed              409 exists      409 exists    409 cannot set       200

     *  the checksum is forgotten, because it covers the json; the layer must come again
    **  the checksum does not match: the state stays, so that the client may send it again

    image id  ::= [a-f0-9]{16} | [a-f0-9]{64}

An image id is chosen by the client and is no digest: two teams may use one id for two images.
Spec: Docker Registry API v1, images; docker-registry 0.9.1 as the oracle where it is silent.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from enum import Enum

from chalicelib.domain import limits
from chalicelib.domain.digest import Digest
from chalicelib.domain.errors import ErrorCode, RegistryError

_IMAGE_ID = re.compile(r"[a-f0-9]{16}|[a-f0-9]{64}", re.ASCII)


class ImageState(Enum):
    """How far the push of an image has come."""

    DESCRIBED = "described"
    UPLOADED = "uploaded"
    SEALED = "sealed"


@dataclass(frozen=True)
class StoredLayer:
    """The bytes of a layer as they came over the wire: usually gzip, of no interest to us.

    ``is_kept`` as for ``records.Blob``.
    """

    digest: Digest
    size_bytes: int
    object_key: str
    is_kept: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class V1Image:
    """One image of a team; ``raw_json`` is the body that was PUT, byte for byte.

    ``ancestry`` begins with the image itself and ends with the root.
    ``payload_checksum`` is what the layer that is here gives together with the json that is here;
    an image that the registry has made itself has none. ``suspected_at_s`` as for a ``Blob``.
    """

    image_id: str
    raw_json: bytes
    ancestry: tuple[str, ...]
    state: ImageState
    layer: StoredLayer | None = None
    payload_checksum: str | None = None
    suspected_at_s: int | None = field(default=None, compare=False)

    @property
    def parent(self) -> str | None:
        return self.ancestry[1] if len(self.ancestry) > 1 else None


@dataclass(frozen=True)
class ImageDescription:
    """What the registry reads of an image's json."""

    image_id: str
    parent: str | None


def check_image_id(text: str) -> str:
    """The id itself, when it is one.

    Raises: RegistryError(V1_IMAGE_ID_INVALID).
    """
    if not _IMAGE_ID.fullmatch(text):
        raise RegistryError(ErrorCode.V1_IMAGE_ID_INVALID)
    return text


def parse_image_json(image_id: str, raw: bytes) -> ImageDescription:
    """Read the json of the image that the URL names; the order of the checks is the old server's.

    Raises: RegistryError(V1_JSON_TOO_LARGE, V1_JSON_INVALID, V1_JSON_ID_MISSING,
        V1_JSON_ID_INVALID, V1_PARENT_INVALID).
    """
    if len(raw) > limits.MAX_IMAGE_JSON_BYTES:
        raise RegistryError(ErrorCode.V1_JSON_TOO_LARGE)
    try:
        document = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError):
        raise RegistryError(ErrorCode.V1_JSON_INVALID) from None
    if not isinstance(document, dict) or not document:
        raise RegistryError(ErrorCode.V1_JSON_INVALID)
    if "id" not in document:
        raise RegistryError(ErrorCode.V1_JSON_ID_MISSING)
    if document["id"] != image_id:
        raise RegistryError(ErrorCode.V1_JSON_ID_INVALID)
    parent = document.get("parent") or None
    if parent is not None and (
        not isinstance(parent, str) or not _IMAGE_ID.fullmatch(parent) or parent == image_id
    ):
        raise RegistryError(ErrorCode.V1_PARENT_INVALID)
    return ImageDescription(image_id, parent)


def described(
    description: ImageDescription, raw: bytes, known: V1Image | None, parent: V1Image | None
) -> V1Image:
    """The image after PUT json, given what is stored of it and of its parent.

    A known ancestry is never rebuilt from a parent that lists the image itself: no loops.
    Raises: RegistryError(V1_IMAGE_EXISTS, V1_PARENT_UNKNOWN, V1_PARENT_INVALID,
        V1_ANCESTRY_TOO_LONG).
    """
    if description.parent and parent is None:
        raise RegistryError(ErrorCode.V1_PARENT_UNKNOWN)
    inherited = parent.ancestry if parent else ()
    if description.image_id in inherited:
        raise RegistryError(ErrorCode.V1_PARENT_INVALID, "Image is its own ancestor")
    if known is not None and known.state is ImageState.SEALED:
        raise RegistryError(ErrorCode.V1_IMAGE_EXISTS)
    if len(inherited) >= limits.MAX_ANCESTRY:
        raise RegistryError(ErrorCode.V1_ANCESTRY_TOO_LONG)
    return V1Image(
        description.image_id, raw, (description.image_id, *inherited), ImageState.DESCRIBED
    )


def check_takes_layer(image: V1Image | None) -> V1Image:
    """The image, when its state lets a layer in.

    Raises: RegistryError(V1_IMAGE_UNKNOWN, V1_IMAGE_EXISTS).
    """
    if image is None:
        raise RegistryError(ErrorCode.V1_IMAGE_UNKNOWN)
    if image.state is ImageState.SEALED:
        raise RegistryError(ErrorCode.V1_IMAGE_EXISTS)
    return image


def check_sealable(image: V1Image | None) -> tuple[V1Image, StoredLayer]:
    """The image and its layer, when its state lets a checksum in.

    Raises: RegistryError(V1_IMAGE_UNKNOWN, V1_CHECKSUM_CONFLICT, V1_LAYER_MISSING).
    """
    if image is None:
        raise RegistryError(ErrorCode.V1_IMAGE_UNKNOWN)
    if image.state is ImageState.SEALED:
        raise RegistryError(ErrorCode.V1_CHECKSUM_CONFLICT)
    if image.state is ImageState.DESCRIBED or image.layer is None:
        raise RegistryError(ErrorCode.V1_LAYER_MISSING)
    return image, image.layer


def check_seal(image: V1Image | None, checksum: str) -> V1Image:
    """The image, when this payload checksum may seal it.

    Raises: RegistryError(V1_IMAGE_UNKNOWN, V1_CHECKSUM_CONFLICT, V1_LAYER_MISSING,
        V1_CHECKSUM_MISMATCH).
    """
    sealable, _ = check_sealable(image)
    if checksum != sealable.payload_checksum:
        raise RegistryError(ErrorCode.V1_CHECKSUM_MISMATCH)
    return sealable


def check_readable(image: V1Image | None) -> V1Image:
    """The image, when it is whole.

    Raises: RegistryError(V1_IMAGE_UNKNOWN, V1_IMAGE_BUSY).
    """
    if image is None:
        raise RegistryError(ErrorCode.V1_IMAGE_UNKNOWN)
    if image.state is not ImageState.SEALED:
        raise RegistryError(ErrorCode.V1_IMAGE_BUSY)
    return image


def payload_prefix(raw_json: bytes) -> bytes:
    """What is hashed before the layer: SHA-256(json + newline + layer) is the payload checksum."""
    return raw_json + b"\n"
