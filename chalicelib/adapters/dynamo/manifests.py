"""Manifests, what names them, and what refers to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from chalicelib.adapters.dynamo import keys
from chalicelib.adapters.dynamo.deletion import touch_record
from chalicelib.adapters.dynamo.hook_events import note_on_record
from chalicelib.adapters.dynamo.link_models import EventRow, ParentRow, ReferrerRow, referrer_key
from chalicelib.adapters.dynamo.living import Living
from chalicelib.adapters.dynamo.models import (
    BridgedRow,
    ManifestEntryRow,
    ManifestRow,
    TagEntryRow,
    TagRow,
    new_revision,
    read_digest,
)
from chalicelib.adapters.dynamo.table import TRANSACTION_ITEMS, Transaction
from chalicelib.adapters.dynamo.tags import Place, bring_into_being, write_tag
from chalicelib.domain.digest import Digest
from chalicelib.domain.expiry import is_over
from chalicelib.domain.names import RepositoryName, TagName
from chalicelib.domain.paging import Listing, Page
from chalicelib.domain.records import (
    Change,
    Repository,
    StoredManifest,
    Tag,
    TagEvent,
    type_prefix,
)
from chalicelib.domain.webhooks import order_after
from chalicelib.ports import Conflict, Held, Missing, Unavailable

# A transaction takes a hundred items: a tag that comes or goes is three, a child that is named two,
# the manifest itself four.
TAGS_AT_ONCE = 32
CHILDREN_AT_ONCE = 50
# How often a deletion begins again because the manifest was pushed meanwhile.
DELETE_TRIES = 8


class Manifests(Living):
    def put_manifest(
        self,
        team: str,
        repository: Repository,
        manifest: StoredManifest,
        tags: Sequence[Tag],
        change: Change,
        *,
        children: Sequence[Digest] = (),
        fixed: frozenset[TagName] = frozenset(),
        lasting: frozenset[TagName] = frozenset(),
    ) -> None:
        name, distinct = repository.name, list(dict.fromkeys(children))
        room = (TRANSACTION_ITEMS - 4 - bool(change.event) - 3 * len(tags)) // 2
        for at in range(room, len(distinct), CHILDREN_AT_ONCE):
            # Lines that name an index that is not there count for nothing: see `_parents`.
            writes = self._table.transaction()
            for child in distinct[at : at + CHILDREN_AT_ONCE]:
                _name_child(writes, team, name, child, manifest.digest)
            writes.commit()
        writes = self._table.transaction()
        now_s = self._clock.now_s()
        bring_into_being(writes, team, repository, now_s, change.event)
        _write_manifest(writes, team, name, manifest)
        pushed_at_s = change.at_ms // 1000
        writes.put(ManifestEntryRow.of(team, name, manifest, pushed_at_s))
        for child in distinct[:room]:
            _name_child(writes, team, name, child, manifest.digest)
        for tag in tags:
            pointed = replace(tag, manifest=manifest, image_id=None)
            place, is_fixed = Place(team, name, now_s), tag.name in fixed
            lasts = tag.name in lasting
            write_tag(writes, place, pointed, change, fixed=is_fixed, lasting=lasts)
        writes.commit()

    def find_manifest(
        self, team: str, name: RepositoryName, digest: Digest
    ) -> StoredManifest | None:
        row = self._find(ManifestRow, team, name, keys.manifest(team, name, digest))
        return row.manifest() if row else None

    def find_bridged(self, team: str, name: RepositoryName, image_id: str) -> StoredManifest | None:
        row = self._table.get(BridgedRow, keys.bridged(team, name, image_id))
        return row.manifest() if row else None

    def put_bridged(
        self, team: str, name: RepositoryName, image_id: str, manifest: StoredManifest
    ) -> None:
        writes = self._table.transaction()
        touch_record(writes, team, name, self._clock.now_s())
        writes.put(BridgedRow.of(team, name, image_id, manifest))
        _write_manifest(writes, team, name, manifest)
        _enter_made(writes, team, name, manifest)
        writes.commit()

    def delete_manifest(
        self,
        team: str,
        name: RepositoryName,
        digest: Digest,
        change: Change,
        *,
        children: Sequence[Digest] = (),
        kept: Callable[[TagName], bool] = lambda tag: False,
    ) -> None:
        for _ in range(DELETE_TRIES):
            entry = self._table.get(ManifestEntryRow, keys.manifest_entry(team, name, digest))
            if entry is None:
                raise Missing(f"manifest {digest}")
            tags = self._free_tags(team, name, digest, kept)
            # An event is two items more.
            at_once = TAGS_AT_ONCE - bool(change.event)
            while len(tags) > at_once:
                # So many do not fit beside the manifest: these go first, and stay gone.
                self._delete_pointing(team, name, digest, _of_tags(change), tags[:at_once])
                tags, change = tags[at_once:], _later(change)
            if self._delete_entry(team, name, entry, tags, change):
                self._forget_parent(team, name, digest, children)
                return
        raise Unavailable(f"manifest {digest} is pushed again and again while it is deleted")

    def _free_tags(
        self, team: str, name: RepositoryName, digest: Digest, kept: Callable[[TagName], bool]
    ) -> list[TagName]:
        """The tags that point to a manifest. Raises: Held: it may not go."""
        parents = self._parents(team, name, digest)
        span = keys.span_after(keys.TAGS, "")
        entries = self._table.gather(TagEntryRow, keys.contents(team, name), span)
        pointing = [row.value() for row in entries if row.digest == str(digest)]
        tags, now_s = [tag.name for tag in pointing], self._clock.now_s()
        held = [t.name for t in pointing if kept(t.name) and not is_over(t.expires_at_s, now_s)]
        if parents or held:
            raise Held(sorted(held), sorted(parents, key=str))
        return tags

    def _parents(self, team: str, name: RepositoryName, child: Digest) -> list[Digest]:
        """What names a manifest and is there; a push that failed may have left lines behind."""
        span = keys.span_after(keys.parents(child), "")
        rows, _ = self._table.query(ParentRow, keys.contents(team, name), span)
        wanted = [keys.manifest_entry(team, name, row.value()) for row in rows]
        found = self._table.batch_get(wanted) if wanted else []
        return [read_digest(row.digest) for row in found if isinstance(row, ManifestEntryRow)]

    def _delete_entry(
        self,
        team: str,
        name: RepositoryName,
        entry: ManifestEntryRow,
        tags: Sequence[TagName],
        change: Change,
    ) -> bool:
        """Delete a manifest and its tags, if nobody has pushed or named it or moved them since."""
        column, digest = ManifestEntryRow.revision, read_digest(entry.digest)
        unchanged = column == entry.revision if entry.revision else column.does_not_exist()
        writes = self._table.transaction()
        writes.delete(keys.manifest_entry(team, name, digest), condition=unchanged)
        writes.delete(keys.manifest(team, name, digest))
        for tag in tags:
            _delete_tag(writes, team, name, tag, digest, change)
        stored = entry.manifest()
        if stored is not None and stored.subject is not None:
            writes.delete(referrer_key(team, name, stored.subject, stored))
        note_on_record(writes, team, name, _told_of(change, tags).event)
        try:
            writes.commit()
        except Conflict:
            if change.event is not None:
                # Perhaps another event came first: whoever deletes makes a later one.
                raise
            return False
        return True

    def _forget_parent(
        self, team: str, name: RepositoryName, digest: Digest, children: Sequence[Digest]
    ) -> None:
        distinct = list(dict.fromkeys(children))
        for at in range(0, len(distinct), TRANSACTION_ITEMS):
            writes = self._table.transaction()
            for child in distinct[at : at + TRANSACTION_ITEMS]:
                writes.delete(keys.parent(team, name, child, digest))
            writes.commit()

    def _delete_pointing(
        self,
        team: str,
        name: RepositoryName,
        digest: Digest,
        change: Change,
        tags: Sequence[TagName],
    ) -> None:
        # A tag that a push has moved meanwhile stays: it points to something else now.
        writes = self._table.transaction()
        for tag in tags:
            _delete_tag(writes, team, name, tag, digest, change)
        note_on_record(writes, team, name, _told_of(change, tags).event)
        try:
            writes.commit()
        except Conflict:
            if change.event is not None:
                raise
            if len(tags) == 1:
                return
            for tag in tags:
                self._delete_pointing(team, name, digest, change, [tag])

    def list_referrers(
        self,
        team: str,
        name: RepositoryName,
        subject: Digest,
        page: Page,
        artifact_type: str | None = None,
    ) -> Listing[StoredManifest]:
        prefix = keys.referrers(subject)
        kind = "" if artifact_type is None else type_prefix(artifact_type)
        first, last = keys.span_after(f"{prefix}{kind}", "")
        first = max(first, keys.span_after(prefix, page.after)[0])
        if first > last or self._is_hidden(team, name):
            return Listing([], more=False)
        rows, more = self._table.query(
            ReferrerRow, keys.contents(team, name), (first, last), limit=page.limit + 1
        )
        found = [row.value() for row in rows]
        return Listing(found[: page.limit], more=more or len(found) > page.limit)


def _write_manifest(
    writes: Transaction, team: str, name: RepositoryName, manifest: StoredManifest
) -> None:
    writes.put(ManifestRow.of(team, name, manifest))
    if manifest.subject is not None:
        writes.put(ReferrerRow.of(team, name, manifest.subject, manifest))


def _enter_made(
    writes: Transaction, team: str, name: RepositoryName, manifest: StoredManifest
) -> None:
    """The line of a manifest that the registry made; one that was pushed as well stays pushed."""
    columns = ManifestEntryRow
    writes.update(
        keys.manifest_entry(team, name, manifest.digest),
        actions=[
            columns.kind.set(columns),
            columns.revision.set(new_revision()),
            columns.digest.set(str(manifest.digest)),
            columns.media_type.set(manifest.media_type),
            columns.size_bytes.set(manifest.size_bytes),
            columns.object_key.set(manifest.object_key)
            if manifest.object_key
            else columns.object_key.remove(),
        ],
    )


def _delete_tag(
    writes: Transaction,
    team: str,
    name: RepositoryName,
    tag: TagName,
    digest: Digest,
    change: Change,
) -> None:
    """Delete a tag that still points to this manifest; else all the writes fail."""
    pointing, listed = TagRow.digest == str(digest), TagEntryRow.digest == str(digest)
    writes.delete(keys.tag(team, name, tag), condition=pointing)
    writes.delete(keys.tag_entry(team, name, tag), condition=listed)
    writes.put(EventRow.of(team, name, TagEvent(tag, None, change)))


def _told_of(change: Change, tags: Sequence[TagName]) -> Change:
    """The change whose event names these tags, which go with it."""
    if change.event is None:
        return change
    facts = {**change.event.facts, "tags": [tag.value for tag in tags]}
    return replace(change, event=replace(change.event, facts=facts))


def _of_tags(change: Change) -> Change:
    """The same change, of tags alone: their manifest is still there."""
    if change.event is None:
        return change
    facts = {**change.event.facts, "what": "tags"}
    return replace(change, event=replace(change.event, facts=facts))


def _later(change: Change) -> Change:
    """The same change, whose event comes after the one that was kept just now."""
    event = change.event
    if event is None:
        return change
    order = order_after(event.at_ms, change.word, event.order)
    # Each event has an id of its own: a receiver knows by it what it has seen.
    later = replace(event, order=order, event_id=f"{event.event_id}+")
    return replace(change, event=later)


def _name_child(
    writes: Transaction, team: str, name: RepositoryName, child: Digest, digest: Digest
) -> None:
    """Say that a manifest names a child, which must be there.

    The child's new revision tells a deletion that is under way to look again at what names it.
    """
    columns = ManifestEntryRow
    writes.update(
        keys.manifest_entry(team, name, child),
        actions=[columns.revision.set(new_revision())],
        condition=columns.pk.exists(),
    )
    writes.put(ParentRow.of(team, name, child, digest))
