"""What the edge has taken for a repository: the word that it lies under, and its adoption."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chalicelib.adapters.dynamo import keys
from chalicelib.adapters.dynamo.link_models import EdgeRow
from chalicelib.adapters.dynamo.models import BlobRow, LinkRow, RepositoryRow
from chalicelib.adapters.dynamo.table import TRANSACTION_ITEMS, Table
from chalicelib.domain.digest import Digest
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.records import Blob

# A blob is two items, and two more are looked at.
BLOBS_AT_ONCE = TRANSACTION_ITEMS // 2 - 1


class Edge:
    _table: Table

    def find_edge_word(self, team: str, name: RepositoryName) -> str | None:
        row = self._table.get(EdgeRow, keys.edge(team, name))
        return row.word if row else None

    def give_edge_word(self, team: str, name: RepositoryName, word: str) -> str:
        columns = EdgeRow
        row = self._table.update(
            EdgeRow,
            keys.edge(team, name),
            actions=[columns.kind.set(columns), columns.word.set(columns.word | word)],
        )
        return str(row.word)

    def find_blobs(self, team: str, digests: Sequence[Digest]) -> Mapping[Digest, Blob]:
        rows = self._table.batch_get(keys.blob(team, digest) for digest in digests)
        found = [row.value() for row in rows if isinstance(row, BlobRow)]
        return {blob.digest: blob for blob in found}

    def adopt_blobs(
        self, team: str, name: RepositoryName, word: str, blobs: Sequence[Blob]
    ) -> None:
        for at in range(0, len(blobs), BLOBS_AT_ONCE):
            writes = self._table.transaction()
            writes.check(keys.edge(team, name), EdgeRow.word == word)
            # A deletion lists what is to go after its mark: what came later would stay behind.
            writes.check(keys.repository(team, name), RepositoryRow.going.does_not_exist())
            for blob in blobs[at : at + BLOBS_AT_ONCE]:
                writes.put(LinkRow.of(keys.link(team, name, blob.digest), blob))
                writes.put(BlobRow.of(keys.blob(team, blob.digest), blob))
            writes.commit()
