"""SearchStore: repositories entered under their words, changed and deleted with them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pynamodb.expressions.condition import Condition

from chalicelib.adapters.dynamo import keys
from chalicelib.adapters.dynamo.hub_models import EntryRow, GrantRow
from chalicelib.adapters.dynamo.models import (
    IndexImageRow,
    ManifestEntryRow,
    RepositoryRow,
    Row,
    TagEntryRow,
    read_digest,
)
from chalicelib.adapters.dynamo.table import Table, Transaction
from chalicelib.domain.names import RepositoryName, TagName
from chalicelib.domain.records import Repository
from chalicelib.domain.search import Found, index_words
from chalicelib.ports import Conflict

# Each thing that a repository holds is at most two items, and a transaction takes a hundred.
THINGS_AT_ONCE = 50
# DynamoDB takes no empty bound; nothing is kept under a key that begins with a space.
EVERYTHING = (" ", "\x7f")


class Search:
    _table: Table

    def put_repository(self, team: str, repository: Repository) -> None:
        writes = self._table.transaction()
        row = RepositoryRow.of(team, repository)
        writes.put(row, condition=RepositoryRow.pk.does_not_exist())
        for entry in _entries(team, repository).values():
            writes.put(entry)
        try:
            writes.commit()
        except Conflict:
            return

    def change_repository(self, team: str, before: Repository, after: Repository) -> None:
        writes = self._table.transaction()
        writes.put(RepositoryRow.of(team, after), condition=_unchanged(team, before))
        old, new = _entries(team, before), _entries(team, after)
        for entry in new.values():
            writes.put(entry)
        for key in old.keys() - new.keys():
            writes.delete(key)
        writes.commit()

    def delete_repository(self, team: str, repository: Repository) -> None:
        name = repository.name
        rows = self._table.gather(Row, keys.contents(team, name), EVERYTHING)
        for at in range(0, len(rows), THINGS_AT_ONCE):
            writes = self._table.transaction()
            for row in rows[at : at + THINGS_AT_ONCE]:
                _delete_thing(writes, team, name, row)
            writes.commit()
        writes = self._table.transaction()
        writes.delete(keys.repository(team, name))
        for key in _entries(team, repository):
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
        return [row.value() for row in rows if isinstance(row, RepositoryRow)]


def _unchanged(team: str, before: Repository) -> Condition:
    """That the record is still as it was: nothing that somebody else has changed is lost."""
    row, columns = RepositoryRow.of(team, before), RepositoryRow
    condition: Condition = (columns.created_at_s == row.created_at_s) & (
        columns.is_public == row.is_public
    )
    for column, value in (
        (columns.description, row.description),
        (columns.tag_rules, row.tag_rules),
    ):
        condition &= column.does_not_exist() if value is None else column == value
    return condition


def _entries(team: str, repository: Repository) -> dict[keys.Key, EntryRow]:
    entry = Found(repository.name, repository.description)
    places: Iterable[keys.Key] = (
        keys.entry(repository.scope(team), word, repository.name)
        for word in ("", *index_words(entry))
    )
    return {
        key: EntryRow.at(key, path=repository.name.path, description=entry.description or None)
        for key in places
    }


def _delete_thing(writes: Transaction, team: str, name: RepositoryName, row: Row) -> None:
    """Delete a line of a repository, and the item that stands apart for it."""
    writes.delete(keys.Key(row.pk, row.sk))
    if isinstance(row, TagEntryRow):
        writes.delete(keys.tag(team, name, TagName(row.sk.removeprefix(keys.TAGS))))
    elif isinstance(row, ManifestEntryRow):
        writes.delete(keys.manifest(team, name, read_digest(row.digest)))
    elif isinstance(row, IndexImageRow):
        image_id = row.sk.removeprefix(keys.INDEX_IMAGES)
        writes.delete(keys.holder(team, image_id, name))
    elif isinstance(row, GrantRow):
        writes.delete(keys.granted(row.user, name))
