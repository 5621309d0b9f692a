"""The items of v1 images, as in ``models.py``."""

from __future__ import annotations

import hashlib

from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute

from chalicelib.adapters.dynamo import keys, packing
from chalicelib.adapters.dynamo.models import Row, read_digest
from chalicelib.domain.image import ImageState, StoredLayer, V1Image
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.records import IndexImage


class ImageRow(Row, discriminator="image"):
    image_id = UnicodeAttribute()
    json = BinaryAttribute(null=True, legacy_encoding=False)
    json_pieces = NumberAttribute()
    json_hash = UnicodeAttribute()
    ancestry = BinaryAttribute(null=True, legacy_encoding=False)
    state = UnicodeAttribute()
    layer_digest = UnicodeAttribute(null=True)
    layer_bytes = NumberAttribute(null=True)
    layer_key = UnicodeAttribute(null=True)
    payload_checksum = UnicodeAttribute(null=True)
    suspected_at_s = NumberAttribute(null=True)

    def value(self, more_json: bytes = b"") -> V1Image:
        """The image; ``more_json`` is what its pieces hold, still packed, in order."""
        layer = None
        if self.layer_digest is not None:
            digest = read_digest(self.layer_digest)
            layer = StoredLayer(digest, int(self.layer_bytes), self.layer_key, True)
        return V1Image(
            image_id=self.image_id,
            raw_json=packing.unpack(self.json + more_json),
            ancestry=tuple(packing.unpack(self.ancestry).decode().split()),
            state=ImageState(self.state),
            layer=layer,
            payload_checksum=self.payload_checksum,
            suspected_at_s=None if self.suspected_at_s is None else int(self.suspected_at_s),
        )


class JsonPieceRow(Row, discriminator="json piece"):
    json = BinaryAttribute(null=True, legacy_encoding=False)
    suspected_at_s = NumberAttribute(null=True)


class IndexImageRow(Row, discriminator="index image"):
    checksum = UnicodeAttribute(null=True)

    def value(self) -> IndexImage:
        return IndexImage(self.sk.removeprefix(keys.INDEX_IMAGES), self.checksum)


class HolderRow(Row, discriminator="holder"):
    def name(self) -> RepositoryName:
        return RepositoryName(self.sk.removeprefix(keys.HOLDERS))


def json_hash(raw_json: bytes) -> str:
    """What conditions compare instead of up to a megabyte of json."""
    return hashlib.sha256(raw_json).hexdigest()
