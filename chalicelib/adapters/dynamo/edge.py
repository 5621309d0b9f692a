"""What the edge has taken for a repository: the word that it lies under, and its adoption."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chalicelib.adapters.dynamo import keys
from chalicelib.adapters.dynamo.bytes import Bytes
from chalicelib.adapters.dynamo.link_models import EdgeRow
from chalicelib.adapters.dynamo.models import BlobRow, RepositoryRow
from chalicelib.adapters.dynamo.table import TRANSACTION_ITEMS, Transaction
from chalicelib.domain.digest import Digest
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.records import Blob

# A blob is two items, two more are looked at, and eight count the bytes of the team.
BLOBS_AT_ONCE = (TRANSACTION_ITEMS - keys.BYTES_SHARDS - 2) // 2


class Edge(Bytes):
    def find_edge_word(self, team: str, name: RepositoryName) -> str | None:
        row = self._find(EdgeRow, team, name, keys.edge(team, name))
        return row.word if row else None

    def give_edge_word(self, team: str, name: RepositoryName, word: str) -> str:
        self._enter_room(team, name)
        columns = EdgeRow
        row = self._table.update(
            EdgeRow,
            keys.edge(team, name),
            actions=[columns.kind.set(columns), columns.word.set(columns.word | word)],
        )
        return str(row.word)

    def find_blobs(self, team: str, digests: Sequence[Digest]) -> Mapping[Digest, Blob]:
        rows = self._table.batch_get(keys.blob(team, digest) for digest in digests)
        found = [row.value() for row in rows if isinstance(row, BlobRow) and not row.condemned]
        return {blob.digest: blob for blob in found}

    def adopt_blobs(
        self, team: str, name: RepositoryName, word: str, blobs: Sequence[Blob]
    ) -> None:
        def look(writes: Transaction) -> None:
            writes.check(keys.edge(team, name), EdgeRow.word == word)
            # A deletion lists what is to go after its mark: what came later would stay behind.
            writes.check(keys.repository(team, name), RepositoryRow.going.does_not_exist())

        for at in range(0, len(blobs), BLOBS_AT_ONCE):
            self._link(team, name, blobs[at : at + BLOBS_AT_ONCE], look, begins=False)
