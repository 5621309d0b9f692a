"""What is in an image's layer, and how it differs from the layers below.

Answers are computed once and kept beside the layers, named by the layers' digests, so that equal
layers share them. A layer that is refused is remembered as well: a bomb is opened once.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.domain import keys, limits
from chalicelib.domain.digest import Digest, digest_of
from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.image import StoredLayer, V1Image, check_readable
from chalicelib.domain.listing import Diff, files_document, list_files
from chalicelib.domain.unpack import Unpacked, too_large
from chalicelib.ports import Missing
from chalicelib.service.world import World

# A change of what the answers say, or of what is refused, takes a new number.
FILES_KIND = "files-1"
DIFF_KIND = "diff-1"

_REFUSED = "refused"


@dataclass(frozen=True)
class Answer:
    """A JSON document, and the object that holds it."""

    object_key: str
    body: bytes


@dataclass(frozen=True)
class Budget:
    """What one comparison may cost; ``unpacked_bytes`` is when no further layer is begun."""

    layers: int = limits.MAX_DIFF_LAYERS
    listing_bytes: int = limits.MAX_DIFF_LISTING_BYTES
    unpacked_bytes: int = limits.MAX_DIFF_UNPACKED_BYTES


PLENTY = Budget()


def files(world: World, team: str, image: V1Image) -> Answer:
    """The files of a whole image's layer.

    Raises: RegistryError(V1_LAYER_UNSUPPORTED, V1_LAYER_TOO_LARGE).
    Costs: 1 S3 call; the first time 3, and the layer is read and unpacked.
    """
    return _Walk(world, team, PLENTY).files(_layer(image))


def diff(world: World, team: str, image: V1Image, budget: Budget = PLENTY) -> Answer:
    """How a whole image differs from its ancestors.

    Raises: RegistryError(V1_LAYER_UNSUPPORTED, V1_LAYER_TOO_LARGE, V1_IMAGE_UNKNOWN,
        V1_IMAGE_BUSY, V1_DIFF_BUSY, V1_DIFF_TOO_LARGE).
    Costs: 1 batch read for each hundred ancestors, 1 S3 call; the first time 2, and those of
        ``files`` for each layer until every file is accounted for.
    """
    below = _below(world, team, image)
    if len(below) > budget.layers:
        raise RegistryError(ErrorCode.V1_DIFF_TOO_LARGE)
    top = _layer(image)
    chain = "\n".join(str(layer.digest) for layer in (top, *below))
    key = keys.answer_key(team, DIFF_KIND, digest_of(chain.encode()))
    body = _kept(world, key)
    if body is None:
        walk = _Walk(world, team, budget)
        compared = Diff(walk.files(top).body)
        for layer in below:
            if compared.is_complete:
                break
            compared.show(walk.files(layer).body)
        body = compared.document()
        world.blobs.put(key, body)
    return Answer(key, body)


def _layer(image: V1Image) -> StoredLayer:
    if image.layer is None:
        raise RegistryError(ErrorCode.V1_IMAGE_UNKNOWN)
    return image.layer


def _below(world: World, team: str, image: V1Image) -> Sequence[StoredLayer]:
    """The layers under the image's, the nearest first; one that comes again says nothing new."""
    ancestors = image.ancestry[1:]
    found = world.metadata.find_images(team, ancestors) if ancestors else {}
    layers: dict[Digest, StoredLayer] = {}
    for image_id in ancestors:
        layer = _layer(check_readable(found.get(image_id)))
        layers.setdefault(layer.digest, layer)
    return tuple(layers.values())


@dataclass
class _Walk:
    """One request's way through layers, with what it has cost so far."""

    world: World
    team: str
    budget: Budget
    unpacked_bytes: int = 0
    listing_bytes: int = 0

    def files(self, layer: StoredLayer) -> Answer:
        """As ``files``.

        Raises: also RegistryError(V1_DIFF_BUSY) when this request has unpacked enough, and
            RegistryError(V1_DIFF_TOO_LARGE) when it has read enough.
        """
        key = keys.answer_key(self.team, FILES_KIND, layer.digest)
        body = _kept(self.world, key)
        if body is None:
            if self.unpacked_bytes > self.budget.unpacked_bytes:
                raise RegistryError(ErrorCode.V1_DIFF_BUSY)
            body = self._listed(layer)
            self.world.blobs.put(key, body)
        _check_refusal(body)
        self.listing_bytes += len(body)
        if self.listing_bytes > self.budget.listing_bytes:
            raise RegistryError(ErrorCode.V1_DIFF_TOO_LARGE)
        return Answer(key, body)

    def _listed(self, layer: StoredLayer) -> bytes:
        try:
            if layer.size_bytes > limits.MAX_UNPACKED_BYTES:
                raise too_large()
            source = Unpacked(self.world.blobs.read(layer.object_key))
            try:
                return files_document(list_files(source))
            finally:
                self.unpacked_bytes += source.total_bytes
        except RegistryError as refusal:
            return json.dumps({_REFUSED: [refusal.code.name, refusal.message]}).encode()


def _kept(world: World, key: str) -> bytes | None:
    try:
        return world.blobs.get(key)
    except Missing:
        return None


def _check_refusal(body: bytes) -> None:
    # Listings are arrays.
    if body.startswith(b"{"):
        name, message = json.loads(body)[_REFUSED]
        raise RegistryError(ErrorCode[name], message)


def answer_url(world: World, answer: Answer, method: str) -> str:
    """A URL that serves the answer by GET or HEAD, for twenty minutes. Costs: 0."""
    return world.blobs.presign_get(
        answer.object_key, method=method, ttl_s=limits.DOWNLOAD_URL_TTL_S
    )
