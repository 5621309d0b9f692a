"""SearchStore: repositories entered under their words, and changed with them."""

from __future__ import annotations

from collections.abc import Sequence

from chalicelib.adapters.dynamo import keys
from chalicelib.adapters.dynamo.deletion import EVERYTHING, Deletion, entries_of, unchanged
from chalicelib.adapters.dynamo.hub_models import EntryRow
from chalicelib.adapters.dynamo.models import RepositoryRow
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.records import Repository
from chalicelib.domain.search import Found
from chalicelib.ports import Conflict


class Search(Deletion):
    def put_repository(self, team: str, repository: Repository) -> None:
        try:
            self._enter(team, repository)
        except Conflict:
            # One that is there stays, unless a deletion of it was cut off.
            if self.finish_deletion(team, repository.name):
                self._enter(team, repository)

    def _enter(self, team: str, repository: Repository) -> None:
        writes = self._table.transaction()
        row = RepositoryRow.of(team, repository)
        writes.put(row, condition=RepositoryRow.pk.does_not_exist())
        for entry in entries_of(team, repository).values():
            writes.put(entry)
        writes.commit()

    def change_repository(self, team: str, before: Repository, after: Repository) -> None:
        writes = self._table.transaction()
        writes.put(RepositoryRow.of(team, after), condition=unchanged(team, before))
        old, new = entries_of(team, before), entries_of(team, after)
        for entry in new.values():
            writes.put(entry)
        for key in old.keys() - new.keys():
            writes.delete(key)
        writes.commit()

    def find_entries(self, scope: str, prefix: str, limit: int) -> Sequence[Found]:
        if limit < 1:
            return []
        # Behind the beginning of a word come letters, digits or the `#`; `~` sorts after all.
        span = (prefix, f"{prefix}~") if prefix else EVERYTHING
        rows = self._table.gather(EntryRow, keys.entries(scope, prefix), span, most=limit)
        return [row.value() for row in rows]

    def find_repositories(
        self, team_names: Sequence[tuple[str, RepositoryName]]
    ) -> Sequence[Repository]:
        wanted = [keys.repository(team, name) for team, name in team_names]
        rows = self._table.batch_get(wanted) if wanted else []
        return [row.value() for row in rows if isinstance(row, RepositoryRow) and not row.going]
