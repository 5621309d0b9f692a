"""Repositories deleted, so that nothing of one life is ever found in the next.

    mark      the record says that it is going: from then on it is not found, and nothing is added
    sweep     what it holds goes: tags, then manifests, then all else
    end       the record goes

Every step but the first holds only while the record is still the marked one; whoever meets a mark
that a crash has left behind sweeps and ends before anything new begins under the name.
"""

from __future__ import annotations

from typing import Any

from pynamodb.attributes import Attribute
from pynamodb.expressions.condition import Condition

from chalicelib.adapters.dynamo import keys
from chalicelib.adapters.dynamo.hook_events import is_later, put_event
from chalicelib.adapters.dynamo.hub_models import EntryRow, GrantRow
from chalicelib.adapters.dynamo.image_models import IndexImageRow
from chalicelib.adapters.dynamo.living import Living, has_ended, not_over
from chalicelib.adapters.dynamo.models import (
    ManifestEntryRow,
    RepositoryRow,
    Row,
    TagEntryRow,
    new_revision,
    read_digest,
)
from chalicelib.adapters.dynamo.table import Transaction
from chalicelib.domain.names import RepositoryName, TagName
from chalicelib.domain.records import Repository
from chalicelib.domain.search import Found, index_words
from chalicelib.domain.webhooks import Event
from chalicelib.ports import Conflict

# Each thing that a repository holds is at most two items; a transaction takes a hundred, and one
# of them is the record.
THINGS_AT_ONCE = 49
# DynamoDB takes no empty bound; nothing is kept under a key that begins with a space.
EVERYTHING = (" ", "\x7f")


class Deletion(Living):
    def delete_repository(
        self, team: str, repository: Repository, event: Event | None = None
    ) -> None:
        columns, key = RepositoryRow, keys.repository(team, repository.name)
        condition = unchanged(team, repository, self._clock.now_s())
        mark = columns.going.set(True)
        if event is None:
            row = self._table.update(RepositoryRow, key, actions=[mark], condition=condition)
        else:
            writes = self._table.transaction()
            actions = [mark, *put_event(writes, event)]
            writes.update(key, actions, condition=condition & is_later(event))
            writes.commit()
            row = RepositoryRow.of(team, repository)
        self._sweep(team, row)

    def finish_deletion(self, team: str, name: RepositoryName) -> bool:
        row = self._table.get(RepositoryRow, keys.repository(team, name))
        if row is None or not has_ended(row, self._clock.now_s()):
            return False
        if not row.going:
            try:
                row = self._mark_expired(row)
            except Conflict:
                # It was given more time at this very moment, or somebody else ends it.
                return False
        self._sweep(team, row)
        return True

    def _mark_expired(self, record: RepositoryRow) -> RepositoryRow:
        columns = RepositoryRow
        same = equal(columns.life, record.life)
        return self._table.update(
            RepositoryRow,
            keys.Key(record.pk, record.sk),
            actions=[columns.going.set(True)],
            condition=same & (columns.ends_at_s <= self._clock.now_s()),
        )

    def _sweep(self, team: str, record: RepositoryRow) -> None:
        try:
            self._sweep_contents(team, record)
            writes = self._table.transaction()
            writes.delete(keys.Key(record.pk, record.sk), condition=_still_going(record))
            for key in entries_of(team, record.value()):
                writes.delete(key)
            writes.commit()
        except Conflict:
            # Somebody else has ended it.
            return

    def _sweep_contents(self, team: str, record: RepositoryRow) -> None:
        name, columns = record.name(), RepositoryRow
        rows = self._table.gather(Row, keys.contents(team, name), EVERYTHING)
        rows.sort(key=rank)
        for at in range(0, len(rows), THINGS_AT_ONCE):
            writes = self._table.transaction()
            writes.update(
                keys.Key(record.pk, record.sk),
                actions=[columns.going.set(True)],
                condition=_still_going(record),
            )
            for row in rows[at : at + THINGS_AT_ONCE]:
                delete_thing(writes, team, name, row)
            writes.commit()


def lives(repository: Repository, now_s: int) -> Condition:
    """That the record is not going nor over, was not swept, and is the one that was looked at."""
    columns = RepositoryRow
    condition: Condition = columns.going.does_not_exist() & not_over(columns.ends_at_s, now_s)
    if repository.life is not None:
        condition &= columns.life == repository.life
        condition &= equal(columns.swept, repository.swept)
    return condition


def equal(column: Attribute[Any], value: str | float | None) -> Condition:
    """That a column holds this, or nothing."""
    return column.does_not_exist() if value is None else column == value


def touch_record(writes: Transaction, team: str, name: RepositoryName, now_s: int) -> None:
    """Let what else is written stand or fall with a record that is there and has not ended."""
    columns = RepositoryRow
    writes.update(
        keys.repository(team, name),
        actions=[columns.kind.set(columns), columns.revision.set(new_revision())],
        condition=columns.pk.exists()
        & columns.going.does_not_exist()
        & not_over(columns.ends_at_s, now_s),
    )


def unchanged(team: str, before: Repository, now_s: int) -> Condition:
    """That the record is still as it was: nothing that somebody else has changed is lost."""
    row, columns = RepositoryRow.of(team, before), RepositoryRow
    condition: Condition = (
        lives(before, now_s)
        & (columns.created_at_s == row.created_at_s)
        & (columns.is_public == row.is_public)
    )
    for column, value in (
        (columns.description, row.description),
        (columns.tag_rules, row.tag_rules),
        (columns.retention, row.retention),
        (columns.ends_at_s, row.ends_at_s),
        # What a record is put in the place of must not lose a webhook or an event.
        (columns.last_event, row.last_event),
    ):
        condition &= equal(column, value)
    none = columns.hooks.does_not_exist() | (columns.hooks == 0)
    condition &= columns.hooks == row.hooks if row.hooks else none
    return condition


def entries_of(team: str, repository: Repository) -> dict[keys.Key, EntryRow]:
    """The search entries of a repository, by their keys."""
    entry = Found(repository.name, repository.description)
    places = (
        keys.entry(repository.scope(team), word, repository.name)
        for word in ("", *index_words(entry))
    )
    return {
        key: EntryRow.at(key, path=repository.name.path, description=entry.description or None)
        for key in places
    }


def _still_going(record: RepositoryRow) -> Condition:
    columns = RepositoryRow
    condition: Condition = columns.going.exists() & equal(columns.life, record.life)
    return condition


def rank(row: Row) -> int:
    """Tags go before the manifests that they point to, and those before the blobs."""
    return 0 if isinstance(row, TagEntryRow) else 1 if isinstance(row, ManifestEntryRow) else 2


def delete_thing(writes: Transaction, team: str, name: RepositoryName, row: Row) -> None:
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
