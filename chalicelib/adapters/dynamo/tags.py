"""Tags, and the history of what they were pointed to."""

from __future__ import annotations

from chalicelib.adapters.dynamo import keys
from chalicelib.adapters.dynamo.deletion import lives
from chalicelib.adapters.dynamo.link_models import EventRow
from chalicelib.adapters.dynamo.models import RepositoryRow, TagEntryRow, TagRow
from chalicelib.adapters.dynamo.table import Table, Transaction
from chalicelib.domain.names import RepositoryName, TagName
from chalicelib.domain.paging import Listing, Page
from chalicelib.domain.records import Change, Repository, Tag, TagEvent
from chalicelib.ports import Conflict, Missing


class Tags:
    _table: Table

    def find_tag(self, team: str, name: RepositoryName, tag: TagName) -> Tag | None:
        row = self._table.get(TagRow, keys.tag(team, name, tag))
        return row.value() if row else None

    def put_tag(
        self, team: str, repository: Repository, tag: Tag, change: Change, *, fixed: bool = False
    ) -> None:
        writes = self._table.transaction()
        bring_into_being(writes, team, repository)
        write_tag(writes, team, repository.name, tag, change, fixed=fixed)
        writes.commit()

    def delete_tag(self, team: str, name: RepositoryName, tag: TagName, change: Change) -> None:
        writes = self._table.transaction()
        writes.delete(keys.tag(team, name, tag), condition=TagRow.pk.exists())
        writes.delete(keys.tag_entry(team, name, tag))
        writes.put(EventRow.of(team, name, TagEvent(tag, None, change)))
        try:
            writes.commit()
        except Conflict as error:
            raise Missing(f"tag {tag}") from error

    def list_tags(self, team: str, name: RepositoryName, page: Page) -> Listing[Tag]:
        rows, more = self._table.query(
            TagEntryRow,
            keys.contents(team, name),
            keys.span_after(keys.TAGS, page.after),
            limit=page.limit + 1,
        )
        tags = [row.value() for row in rows]
        return Listing(tags[: page.limit], more=more or len(tags) > page.limit)

    def list_history(
        self, team: str, name: RepositoryName, tag: TagName, page: Page
    ) -> Listing[TagEvent]:
        rows, more = self._table.query(
            EventRow,
            keys.contents(team, name),
            keys.span_after(keys.events(tag), page.after),
            limit=page.limit + 1,
        )
        events = [row.value() for row in rows]
        return Listing(events[: page.limit], more=more or len(events) > page.limit)


def bring_into_being(writes: Transaction, team: str, repository: Repository) -> None:
    """Create the repository, or leave it as it is; the rest fails where its life is another."""
    columns = RepositoryRow
    writes.update(
        keys.repository(team, repository.name),
        actions=[
            columns.kind.set(columns),
            columns.created_at_s.set(columns.created_at_s | repository.created_at_s),
            columns.is_public.set(columns.is_public | repository.is_public),
        ],
        condition=lives(repository),
    )


def write_tag(
    writes: Transaction,
    team: str,
    name: RepositoryName,
    tag: Tag,
    change: Change,
    *,
    fixed: bool,
) -> None:
    """A tag, its line in lists and its line in its history; a fixed one only where it may be."""
    same = (
        TagRow.digest == str(tag.manifest.digest)
        if tag.manifest
        else TagRow.image_id == (tag.image_id)
    )
    condition = TagRow.pk.does_not_exist() | same if fixed else None
    writes.put(TagRow.of(team, name, tag), condition=condition)
    writes.put(TagEntryRow.of(team, name, tag))
    writes.put(EventRow.of(team, name, TagEvent(tag.name, tag.target, change)))
