"""SearchStore: repositories entered under their words, and changed with them."""

from __future__ import annotations

from collections.abc import Sequence

from chalicelib.adapters.dynamo import keys
from chalicelib.adapters.dynamo.deletion import EVERYTHING, Deletion, entries_of, unchanged
from chalicelib.adapters.dynamo.hub_models import EntryRow
from chalicelib.adapters.dynamo.living import has_ended, team_places
from chalicelib.adapters.dynamo.models import RepositoryRow
from chalicelib.adapters.dynamo.team_models import TeamRow
from chalicelib.domain.expiry import EXPIRED_TEAM, is_over
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.records import Repository
from chalicelib.domain.search import Found
from chalicelib.domain.teams import repositories_full
from chalicelib.ports import Conflict, Refused


class Search(Deletion):
    def put_repository(self, team: str, repository: Repository) -> None:
        self._check_room(team, repository.name)
        try:
            self._enter(team, repository)
        except Conflict:
            # One that is there stays, unless a deletion of it was cut off.
            if self.finish_deletion(team, repository.name):
                self._enter(team, repository)

    def _check_room(self, team: str, name: RepositoryName) -> None:
        """Raises: Refused. Costs: 1 read with accounts; 1 query where there is such a quota."""
        places, now_s = team_places(team), self._clock.now_s()
        row = self._table.get(TeamRow, places[0]) if places else None
        if row is None:
            return
        if is_over(row.ends_at_s, now_s):
            raise Refused(EXPIRED_TEAM)
        limit = row.value().quota.repositories
        if limit is None:
            return
        span = keys.span_after(keys.REPOSITORIES, "")
        rows = self._table.gather(RepositoryRow, keys.catalog(team), span)
        there = {each.name() for each in rows if not has_ended(each, now_s)}
        if name not in there and len(there) >= limit:
            raise Refused(repositories_full(limit), "repositories")

    def _enter(self, team: str, repository: Repository) -> None:
        writes = self._table.transaction()
        row = RepositoryRow.of(team, repository)
        writes.put(row, condition=RepositoryRow.pk.does_not_exist())
        for entry in entries_of(team, repository).values():
            writes.put(entry)
        writes.commit()

    def change_repository(self, team: str, before: Repository, after: Repository) -> None:
        writes = self._table.transaction()
        writes.put(
            RepositoryRow.of(team, after), condition=unchanged(team, before, self._clock.now_s())
        )
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
        wanted += [place for team, _ in team_names for place in team_places(team)]
        rows = self._table.batch_get(wanted) if wanted else []
        now_s = self._clock.now_s()
        over = {
            row.pk for row in rows if isinstance(row, TeamRow) and is_over(row.ends_at_s, now_s)
        }
        return [
            row.value()
            for row in rows
            if isinstance(row, RepositoryRow) and not has_ended(row, now_s) and row.pk not in over
        ]
