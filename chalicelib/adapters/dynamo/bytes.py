"""How many bytes a team has: counted in the very transaction that gives it a blob.

    TEAM#<team> / bytes#<n>     eight counters, each for an eighth of the digests

A blob counts once for its team, whichever of its repositories link it, from its row's first write
until its row goes: whoever deletes one calls ``count_bytes`` with ``sign=-1`` in the same
transaction. An open registry counts none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from chalicelib.adapters.dynamo import keys
from chalicelib.adapters.dynamo.living import Living, Look, team_places
from chalicelib.adapters.dynamo.models import BlobRow, LinkRow, Row
from chalicelib.adapters.dynamo.naming import as_seen, nameable
from chalicelib.adapters.dynamo.table import Transaction
from chalicelib.adapters.dynamo.team_models import BytesRow
from chalicelib.domain.access import OPEN_TEAM
from chalicelib.domain.digest import Digest
from chalicelib.domain.expiry import EXPIRED_TEAM
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.records import Blob
from chalicelib.domain.teams import Team
from chalicelib.ports import Conflict, Refused

Write = Callable[[Transaction, Sequence[Blob]], None]

# How often it is tried again because a blob of it came or went meanwhile.
KEEP_TRIES = 4


class Bytes(Living):
    def _check_bytes(self, team: Team | None, new: Sequence[Blob]) -> None:
        new_bytes = sum(blob.size_bytes for blob in new)
        limit = team.quota.size_bytes if team else None
        if team is None or limit is None or not new_bytes:
            return
        if self._bytes_of(team.name) + new_bytes > limit:
            raise Refused(
                f"this team may have {limit} bytes, and would have more with these {new_bytes}; "
                "delete something, or ask an administrator for more",
                "size_bytes",
            )

    def _bytes_of(self, team: str) -> int:
        rows = self._table.batch_get(keys.bytes_shards(team))
        return sum(int(row.size_bytes) for row in rows if isinstance(row, BytesRow))

    def _link(
        self,
        team: str,
        name: RepositoryName,
        blobs: Sequence[Blob],
        more: Callable[[Transaction], None],
        *,
        begins: bool = True,
    ) -> None:
        """Let a repository serve these, all or nothing, with what ``more`` writes.

        Unless something new ``begins`` by it, the repository must not have ended.
        """

        def write(writes: Transaction, named: Sequence[Blob]) -> None:
            more(writes)
            for blob in named:
                writes.put(LinkRow.of(keys.link(team, name, blob.digest), blob))

        see = self._enter_room if begins else self._look_again
        self._keep(team, blobs, lambda places: see(team, name, *places), write)

    def _look_again(self, team: str, name: RepositoryName, *wanted: keys.Key) -> Look:
        look = self._look(team, name, *wanted)
        if look.team_is_over or look.record_is_over:
            raise Conflict(f"{name} is gone")
        return look

    def _take(self, team: str, blobs: Sequence[Blob], write: Write) -> None:
        """Give these to a team with what ``write`` writes, whatever repository they are for."""
        self._keep(team, blobs, lambda places: self._look_at_team(team, places), write)

    def _look_at_team(self, team: str, places: Sequence[keys.Key]) -> Look:
        rows = self._table.batch_get([*places, *team_places(team)])
        look = Look(tuple(rows), self._clock.now_s())
        if look.team_is_over:
            raise Refused(EXPIRED_TEAM)
        return look

    def _keep(
        self,
        team: str,
        blobs: Sequence[Blob],
        see: Callable[[Sequence[keys.Key]], Look],
        write: Write,
    ) -> None:
        """Write the rows of blobs, counted where they are new; see ``naming``.

        Raises: Conflict, Gone, Refused.
        """
        places = [keys.blob(team, blob.digest) for blob in blobs]
        for left in reversed(range(KEEP_TRIES)):
            look = see(places)
            rows = _blob_rows(look.rows)
            known = rows.keys()
            named = [nameable(blob, rows.get(blob.digest)) for blob in blobs]
            self._check_bytes(look.team, [blob for blob in blobs if blob.digest not in known])
            writes = self._table.transaction()
            write(writes, named)
            for blob in named:
                row, key = rows.get(blob.digest), keys.blob(team, blob.digest)
                writes.put(BlobRow.of(key, blob), condition=as_seen(row))
            count_bytes(writes, team, [blob for blob in blobs if blob.digest not in known])
            try:
                writes.commit()
            except Conflict:
                # Perhaps a blob came or went meanwhile; if not, something else is in the way.
                now = _blob_rows(self._table.batch_get(places))
                if not left or _states(now) == _states(rows):
                    raise
            else:
                return


def _blob_rows(rows: Iterable[Row]) -> dict[Digest, BlobRow]:
    return {row.value().digest: row for row in rows if isinstance(row, BlobRow)}


def _states(rows: Mapping[Digest, BlobRow]) -> set[tuple[Digest, str, bool]]:
    return {(digest, row.object_key, bool(row.condemned)) for digest, row in rows.items()}


def count_bytes(writes: Transaction, team: str, blobs: Iterable[Blob], *, sign: int = 1) -> None:
    """Add the sizes of blobs that come, or with ``sign=-1`` of those that go, to the team's."""
    if team == OPEN_TEAM:
        return
    by_shard: dict[int, int] = {}
    for blob in blobs:
        shard = keys.shard_of(blob.digest)
        by_shard[shard] = by_shard.get(shard, 0) + sign * blob.size_bytes
    columns = BytesRow
    for shard, size_bytes in by_shard.items():
        writes.update(
            keys.bytes_shard(team, shard),
            [columns.kind.set(columns), columns.size_bytes.add(size_bytes)],
        )
