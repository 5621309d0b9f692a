"""v1 images and the v1 image lists of repositories."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from chalicelib.adapters.dynamo import keys, packing
from chalicelib.adapters.dynamo.bytes import Bytes
from chalicelib.adapters.dynamo.deletion import touch_record
from chalicelib.adapters.dynamo.image_models import (
    HolderRow,
    ImageRow,
    IndexImageRow,
    JsonPieceRow,
    json_hash,
)
from chalicelib.adapters.dynamo.models import Row
from chalicelib.adapters.dynamo.table import TRANSACTION_ITEMS, Transaction
from chalicelib.adapters.dynamo.uploads import end_claimed
from chalicelib.domain.image import ImageState, V1Image
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.records import Blob, IndexImage
from chalicelib.domain.upload import UploadSession
from chalicelib.image_ports import ListedImages, ListedIndex
from chalicelib.ports import Conflict, Missing

# A json may be 1 MB and resist compression, an item is 400 KB: the rest goes into pieces.
PIECE_BYTES = 300_000
# An entry of a list is two items: one under the repository, one under the image. The repository's
# record is one more.
ENTRIES_AT_ONCE = TRANSACTION_ITEMS // 2 - 1


class Images(Bytes):
    def find_images(self, team: str, image_ids: Sequence[str]) -> Mapping[str, V1Image]:
        wanted = [keys.image(team, image_id) for image_id in dict.fromkeys(image_ids)]
        found: Iterable[Row | None]
        if len(wanted) == 1:
            found = [self._table.get(ImageRow, wanted[0])]
        else:
            found = self._table.batch_get(wanted)
        rows = [row for row in found if isinstance(row, ImageRow)]
        pieces = self._pieces(team, rows)
        return {row.image_id: row.value(pieces.get(row.image_id, b"")) for row in rows}

    def find_listed(
        self, team: str, name: RepositoryName, image_ids: Sequence[str]
    ) -> ListedImages:
        wanted = list(dict.fromkeys(image_ids))
        places = [keys.image(team, image_id) for image_id in wanted]
        places += [keys.index_image(team, name, image_id) for image_id in wanted]
        look = self._look(team, name, *places)
        if look.is_hidden:
            return ListedImages({}, frozenset())
        rows = look.rows
        images = [row for row in rows if isinstance(row, ImageRow)]
        pieces = self._pieces(team, images)
        return ListedImages(
            {row.image_id: row.value(pieces.get(row.image_id, b"")) for row in images},
            frozenset(row.value().image_id for row in rows if isinstance(row, IndexImageRow)),
        )

    def list_holders(self, team: str, image_id: str) -> Sequence[RepositoryName]:
        pk = keys.image(team, image_id).pk
        rows, _ = self._table.query(HolderRow, pk, keys.span_after(keys.HOLDERS, ""))
        return [row.name() for row in rows]

    def _pieces(self, team: str, rows: Sequence[ImageRow]) -> Mapping[str, bytes]:
        """The packed rest of those json that are too large for their items: hardly ever any."""
        wanted = {
            row.image_id: [
                keys.json_piece(team, row.image_id, row.json_hash, number)
                for number in range(int(row.json_pieces))
            ]
            for row in rows
            if row.json_pieces
        }
        if not wanted:
            return {}
        stored = self._table.batch_get(key for places in wanted.values() for key in places)
        json_at = {(row.pk, row.sk): row.json for row in stored if isinstance(row, JsonPieceRow)}
        return {
            image_id: b"".join(json_at[place] for place in places)
            for image_id, places in wanted.items()
        }

    def put_image(self, team: str, image: V1Image) -> None:
        row, pieces = _rows(team, image)
        may_change = ImageRow.pk.does_not_exist() | (ImageRow.state != ImageState.SEALED.value)
        if not pieces and image.layer is None:
            self._table.put(row, condition=may_change)
            return

        layer = image.layer

        def write(writes: Transaction, named: Sequence[Blob]) -> None:
            row.layer_key = named[0].object_key if named else None
            writes.put(row, condition=may_change)
            for piece in pieces:
                writes.put(piece)

        if layer is None:
            writes = self._table.transaction()
            write(writes, [])
            writes.commit()
        else:
            blob = Blob(layer.digest, layer.size_bytes, layer.object_key, layer.is_kept)
            self._take(team, [blob], write)

    def spare_image(self, team: str, image_id: str) -> None:
        columns, key = ImageRow, keys.image(team, image_id)
        try:
            self._table.update(
                ImageRow, key, [columns.suspected_at_s.remove()], columns.pk.exists()
            )
        except Conflict as error:
            raise Missing(f"image {image_id}") from error

    def put_layer(self, team: str, image: V1Image, closing: UploadSession | None = None) -> None:
        layer = image.layer
        assert layer is not None, "put_layer takes an image that has its layer"
        blob = Blob(layer.digest, layer.size_bytes, layer.object_key, layer.is_kept)

        def write(writes: Transaction, named: Sequence[Blob]) -> None:
            _give_layer(writes, team, image, named[0])
            end_claimed(writes, closing)

        self._take(team, [blob], write)

    def seal_image(self, team: str, image: V1Image) -> None:
        columns = ImageRow
        same_checksum = (
            columns.payload_checksum == image.payload_checksum
            if image.payload_checksum is not None
            else columns.payload_checksum.does_not_exist()
        )
        self._table.update(
            ImageRow,
            keys.image(team, image.image_id),
            actions=[columns.state.set(ImageState.SEALED.value)],
            condition=(columns.state == ImageState.UPLOADED.value) & same_checksum,
        )

    def put_index_images(
        self, team: str, name: RepositoryName, images: Sequence[IndexImage]
    ) -> None:
        known = {image.image_id: image for image in self._index_images(team, name)}
        fresh: dict[str, IndexImage] = {}
        for image in images:
            old = fresh.get(image.image_id) or known.get(image.image_id)
            if old is None or (old.checksum is None and image.checksum is not None):
                fresh[image.image_id] = image
        entries = list(fresh.values())
        for at in range(0, len(entries), ENTRIES_AT_ONCE):
            self._merge(team, name, entries[at : at + ENTRIES_AT_ONCE])

    def _merge(self, team: str, name: RepositoryName, images: Sequence[IndexImage]) -> None:
        # The query above spares writes; that the first checksum stays is decided here, where
        # another push cannot come between.
        columns, writes = IndexImageRow, self._table.transaction()
        touch_record(writes, team, name, self._clock.now_s())
        for image in images:
            actions = [columns.kind.set(columns)]
            if image.checksum is not None:
                actions.append(columns.checksum.set(columns.checksum | image.checksum))
            writes.update(keys.index_image(team, name, image.image_id), actions)
            writes.put(HolderRow.at(keys.holder(team, image.image_id, name)))
        writes.commit()

    def list_index_images(self, team: str, name: RepositoryName) -> Sequence[IndexImage]:
        return self.survey_index(team, name).images

    def survey_index(self, team: str, name: RepositoryName) -> ListedIndex:
        look = self._look(team, name)
        if look.is_hidden:
            return ListedIndex()
        return ListedIndex(self._index_images(team, name), look.team)

    def _index_images(self, team: str, name: RepositoryName) -> Sequence[IndexImage]:
        span = keys.span_after(keys.INDEX_IMAGES, "")
        rows, _ = self._table.query(IndexImageRow, keys.contents(team, name), span)
        return [row.value() for row in rows]


def _give_layer(writes: Transaction, team: str, image: V1Image, layer: Blob) -> None:
    columns = ImageRow
    checksum = columns.payload_checksum
    writes.update(
        keys.image(team, image.image_id),
        actions=[
            columns.state.set(ImageState.UPLOADED.value),
            columns.layer_digest.set(str(layer.digest)),
            columns.layer_bytes.set(layer.size_bytes),
            columns.layer_key.set(layer.object_key),
            columns.suspected_at_s.remove(),
            checksum.set(image.payload_checksum)
            if image.payload_checksum is not None
            else checksum.remove(),
        ],
        condition=(columns.json_hash == json_hash(image.raw_json))
        & (columns.state != ImageState.SEALED.value),
    )


def _rows(team: str, image: V1Image) -> tuple[ImageRow, list[JsonPieceRow]]:
    """The item of an image, and the pieces of its json that do not fit into it.

    Pieces are keyed by the json's hash: while a json is replaced, a reader who has the old item
    still finds the old pieces.
    """
    packed, hashed, layer = packing.pack(image.raw_json), json_hash(image.raw_json), image.layer
    rest = [packed[at : at + PIECE_BYTES] for at in range(PIECE_BYTES, len(packed), PIECE_BYTES)]
    row = ImageRow.at(
        keys.image(team, image.image_id),
        image_id=image.image_id,
        json=packed[:PIECE_BYTES],
        json_pieces=len(rest),
        json_hash=hashed,
        ancestry=packing.pack("\n".join(image.ancestry).encode()),
        state=image.state.value,
        layer_digest=str(layer.digest) if layer else None,
        layer_bytes=layer.size_bytes if layer else None,
        layer_key=layer.object_key if layer else None,
        payload_checksum=image.payload_checksum,
    )
    return row, [
        JsonPieceRow.at(keys.json_piece(team, image.image_id, hashed, number), json=piece)
        for number, piece in enumerate(rest)
    ]
