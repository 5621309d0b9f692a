"""Tags, and the history of what they were pointed to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.adapters.dynamo import keys
from chalicelib.adapters.dynamo.deletion import lives, touch_record
from chalicelib.adapters.dynamo.hook_events import is_later, note_on_record, put_event
from chalicelib.adapters.dynamo.link_models import EventRow
from chalicelib.adapters.dynamo.living import Living, not_over
from chalicelib.adapters.dynamo.models import (
    ManifestRow,
    RepositoryRow,
    TagEntryRow,
    TagRow,
    new_revision,
)
from chalicelib.adapters.dynamo.table import Transaction
from chalicelib.domain.expiry import is_over
from chalicelib.domain.names import Reference, RepositoryName, TagName
from chalicelib.domain.paging import Listing, Page
from chalicelib.domain.records import Change, Repository, Tag, TagEvent
from chalicelib.domain.webhooks import Event
from chalicelib.ports import Conflict, Missing, PullSurvey


class Tags(Living):
    def find_tag(self, team: str, name: RepositoryName, tag: TagName) -> Tag | None:
        return self.survey_pull(team, name, tag).tag

    def survey_pull(self, team: str, name: RepositoryName, reference: Reference) -> PullSurvey:
        if isinstance(reference, TagName):
            look = self._look(team, name, keys.tag(team, name, reference))
        else:
            look = self._look(team, name, keys.manifest(team, name, reference))
        if look.is_hidden:
            return PullSurvey()
        tag, manifest = look.first(TagRow), look.first(ManifestRow)
        return PullSurvey(
            tag=tag.value() if tag and not is_over(tag.ends_at_s, look.now_s) else None,
            manifest=manifest.manifest() if manifest else None,
            repository=look.repository,
            team=look.team,
        )

    def put_tag(
        self,
        team: str,
        repository: Repository,
        tag: Tag,
        change: Change,
        *,
        fixed: bool = False,
        lasting: bool = False,
    ) -> None:
        writes = self._table.transaction()
        now_s = self._clock.now_s()
        bring_into_being(writes, team, repository, now_s, change.event)
        place = Place(team, repository.name, now_s)
        write_tag(writes, place, tag, change, fixed=fixed, lasting=lasting)
        writes.commit()

    def delete_tag(self, team: str, name: RepositoryName, tag: TagName, change: Change) -> None:
        writes = self._table.transaction()
        there = TagRow.pk.exists() & not_over(TagRow.ends_at_s, self._clock.now_s())
        writes.delete(keys.tag(team, name, tag), condition=there)
        writes.delete(keys.tag_entry(team, name, tag))
        writes.put(EventRow.of(team, name, TagEvent(tag, None, change)))
        note_on_record(writes, team, name, change.event)
        try:
            writes.commit()
        except Conflict as error:
            if change.event is not None and self.find_tag(team, name, tag) is not None:
                # Another event came first.
                raise
            raise Missing(f"tag {tag}") from error

    def list_tags(self, team: str, name: RepositoryName, page: Page) -> Listing[Tag]:
        look = self._look(team, name)
        if look.is_hidden:
            return Listing([], more=False)
        rows, more = self._page(
            TagEntryRow,
            keys.contents(team, name),
            keys.span_after(keys.TAGS, page.after),
            page,
            lambda row: not is_over(row.ends_at_s, look.now_s),
        )
        return Listing([row.value() for row in rows], more=more)

    def set_tag_expiry(
        self, team: str, name: RepositoryName, tag: TagName, expires_at_s: int | None
    ) -> None:
        writes, now_s = self._table.transaction(), self._clock.now_s()
        touch_record(writes, team, name, now_s)
        for model, key in (
            (TagRow, keys.tag(team, name, tag)),
            (TagEntryRow, keys.tag_entry(team, name, tag)),
        ):
            column = model.ends_at_s
            action = column.remove() if expires_at_s is None else column.set(expires_at_s)
            writes.update(key, [action], model.pk.exists() & not_over(column, now_s))
        try:
            writes.commit()
        except Conflict as error:
            raise Missing(f"tag {tag}") from error

    def list_tags_whole(self, team: str, name: RepositoryName, page: Page) -> Listing[Tag]:
        now_s = self._clock.now_s()
        rows, more = self._page(
            TagEntryRow,
            keys.contents(team, name),
            keys.span_after(keys.TAGS, page.after),
            page,
            lambda row: not is_over(row.ends_at_s, now_s),
        )
        if not rows:
            return Listing([], more=False)
        look = self._look(team, name, *(keys.tag(team, name, row.value().name) for row in rows))
        if look.is_hidden:
            return Listing([], more=False)
        tags = [row.value() for row in look.rows if isinstance(row, TagRow)]
        alive = [tag for tag in tags if not is_over(tag.expires_at_s, now_s)]
        return Listing(sorted(alive, key=lambda tag: tag.name), more)

    def list_history(
        self, team: str, name: RepositoryName, tag: TagName, page: Page
    ) -> Listing[TagEvent]:
        if self._is_hidden(team, name):
            return Listing([], more=False)
        rows, more = self._table.query(
            EventRow,
            keys.contents(team, name),
            keys.span_after(keys.events(tag), page.after),
            limit=page.limit + 1,
        )
        events = [row.value() for row in rows]
        return Listing(events[: page.limit], more=more or len(events) > page.limit)


@dataclass(frozen=True)
class Place:
    """Where a tag is written, and when."""

    team: str
    name: RepositoryName
    now_s: int


def bring_into_being(
    writes: Transaction, team: str, repository: Repository, now_s: int, event: Event | None
) -> None:
    """Create the repository, or leave it as it is; the rest fails where its life is another."""
    columns, condition = RepositoryRow, lives(repository, now_s)
    noted: Sequence[Action] = ()
    if event is not None:
        noted, condition = put_event(writes, event), condition & is_later(event)
    writes.update(
        keys.repository(team, repository.name),
        actions=[
            columns.kind.set(columns),
            columns.created_at_s.set(columns.created_at_s | repository.created_at_s),
            columns.is_public.set(columns.is_public | repository.is_public),
            columns.revision.set(new_revision()),
            *noted,
        ],
        condition=condition,
    )


def write_tag(
    writes: Transaction, place: Place, tag: Tag, change: Change, *, fixed: bool, lasting: bool
) -> None:
    """A tag, its line in lists and its line in its history.

    A fixed one only where it may be, a lasting one where nobody has given it another end.
    """
    team, name = place.team, place.name
    same = (
        TagRow.digest == str(tag.manifest.digest)
        if tag.manifest
        else TagRow.image_id == (tag.image_id)
    )
    free = TagRow.pk.does_not_exist() | (TagRow.ends_at_s <= place.now_s)
    condition: Condition | None = free | same if fixed else None
    if lasting:
        column, end_s = TagRow.ends_at_s, tag.expires_at_s
        as_before = (column == end_s) & (column > place.now_s)
        if end_s is None:
            as_before = free | column.does_not_exist()
        condition = as_before if condition is None else condition & as_before
    writes.put(TagRow.of(team, name, tag), condition=condition)
    writes.put(TagEntryRow.of(team, name, tag))
    writes.put(EventRow.of(team, name, TagEvent(tag.name, tag.target, change)))
