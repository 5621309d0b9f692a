"""Repositories, manifests and tags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from chalicelib.adapters.dynamo import keys
from chalicelib.adapters.dynamo.models import (
    BridgedRow,
    LinkRow,
    ManifestEntryRow,
    ManifestRow,
    RepositoryRow,
    TagEntryRow,
    TagRow,
    read_digest,
)
from chalicelib.adapters.dynamo.table import Table, Transaction
from chalicelib.domain.digest import Digest
from chalicelib.domain.names import RepositoryName, TagName
from chalicelib.domain.paging import Listing, Page
from chalicelib.domain.records import Repository, StoredManifest, Tag
from chalicelib.ports import Conflict, Missing, PushSurvey

# A tag is two items, and a transaction takes a hundred.
TAGS_AT_ONCE = 50


class Repositories:
    _table: Table

    def find_repository(self, team: str, name: RepositoryName) -> Repository | None:
        row = self._table.get(RepositoryRow, keys.repository(team, name))
        return row.value() if row else None

    def list_repositories(self, team: str, page: Page) -> Listing[RepositoryName]:
        rows, more = self._table.query(
            RepositoryRow,
            keys.catalog(team),
            keys.span_after(keys.REPOSITORIES, page.after),
            limit=page.limit + 1,
        )
        names = [row.name() for row in rows]
        return Listing(names[: page.limit], more=more or len(names) > page.limit)

    def survey_push(
        self,
        team: str,
        name: RepositoryName,
        tag: TagName | None,
        blobs: Sequence[Digest],
        manifests: Sequence[Digest],
    ) -> PushSurvey:
        wanted = [keys.repository(team, name)]
        wanted += [keys.tag_entry(team, name, tag)] if tag else []
        wanted += [keys.link(team, name, digest) for digest in blobs]
        wanted += [keys.manifest_entry(team, name, digest) for digest in manifests]
        rows = self._table.batch_get(wanted)
        links = [row.value() for row in rows if isinstance(row, LinkRow)]
        return PushSurvey(
            repository=next((r.value() for r in rows if isinstance(r, RepositoryRow)), None),
            tag=next((r.value() for r in rows if isinstance(r, TagEntryRow)), None),
            blobs={blob.digest: blob for blob in links},
            manifests=frozenset(
                read_digest(row.digest) for row in rows if isinstance(row, ManifestEntryRow)
            ),
        )

    def put_manifest(
        self, team: str, repository: Repository, manifest: StoredManifest, tags: Sequence[Tag]
    ) -> None:
        name, writes = repository.name, self._table.transaction()
        _bring_into_being(writes, team, repository)
        writes.put(ManifestRow.of(team, name, manifest))
        writes.put(ManifestEntryRow.of(team, name, manifest))
        for tag in tags:
            _write_tag(writes, team, name, replace(tag, manifest=manifest, image_id=None))
        writes.commit()

    def find_manifest(
        self, team: str, name: RepositoryName, digest: Digest
    ) -> StoredManifest | None:
        row = self._table.get(ManifestRow, keys.manifest(team, name, digest))
        return row.manifest() if row else None

    def find_bridged(self, team: str, name: RepositoryName, image_id: str) -> StoredManifest | None:
        row = self._table.get(BridgedRow, keys.bridged(team, name, image_id))
        return row.manifest() if row else None

    def put_bridged(
        self, team: str, name: RepositoryName, image_id: str, manifest: StoredManifest
    ) -> None:
        writes = self._table.transaction()
        writes.put(BridgedRow.of(team, name, image_id, manifest))
        writes.put(ManifestRow.of(team, name, manifest))
        writes.put(ManifestEntryRow.of(team, name, manifest))
        writes.commit()

    def find_tag(self, team: str, name: RepositoryName, tag: TagName) -> Tag | None:
        row = self._table.get(TagRow, keys.tag(team, name, tag))
        return row.value() if row else None

    def put_tag(self, team: str, repository: Repository, tag: Tag) -> None:
        writes = self._table.transaction()
        _bring_into_being(writes, team, repository)
        _write_tag(writes, team, repository.name, tag)
        writes.commit()

    def delete_tag(self, team: str, name: RepositoryName, tag: TagName) -> None:
        writes = self._table.transaction()
        writes.delete(keys.tag(team, name, tag), condition=TagRow.pk.exists())
        writes.delete(keys.tag_entry(team, name, tag))
        try:
            writes.commit()
        except Conflict as error:
            raise Missing(f"tag {tag}") from error

    def delete_manifest(self, team: str, name: RepositoryName, digest: Digest) -> None:
        span = keys.span_after(keys.TAGS, "")
        entries = self._table.gather(TagEntryRow, keys.contents(team, name), span)
        tags = [row.value().name for row in entries if row.digest == str(digest)]
        for at in range(0, len(tags), TAGS_AT_ONCE):
            self._delete_pointing(team, name, digest, tags[at : at + TAGS_AT_ONCE])
        writes = self._table.transaction()
        writes.delete(keys.manifest(team, name, digest), condition=ManifestRow.pk.exists())
        writes.delete(keys.manifest_entry(team, name, digest))
        try:
            writes.commit()
        except Conflict as error:
            raise Missing(f"manifest {digest}") from error

    def _delete_pointing(
        self, team: str, name: RepositoryName, digest: Digest, tags: Sequence[TagName]
    ) -> None:
        # A tag that a push has moved meanwhile stays: it points to something else now.
        writes = self._table.transaction()
        still = TagRow.digest == str(digest)
        for tag in tags:
            writes.delete(keys.tag(team, name, tag), condition=still)
            writes.delete(
                keys.tag_entry(team, name, tag), condition=TagEntryRow.digest == str(digest)
            )
        try:
            writes.commit()
        except Conflict:
            if len(tags) == 1:
                return
            for tag in tags:
                self._delete_pointing(team, name, digest, [tag])

    def list_tags(self, team: str, name: RepositoryName, page: Page) -> Listing[Tag]:
        rows, more = self._table.query(
            TagEntryRow,
            keys.contents(team, name),
            keys.span_after(keys.TAGS, page.after),
            limit=page.limit + 1,
        )
        tags = [row.value() for row in rows]
        return Listing(tags[: page.limit], more=more or len(tags) > page.limit)


def _bring_into_being(writes: Transaction, team: str, repository: Repository) -> None:
    """Create the repository, or leave it as it is: a put with a condition would fail the rest."""
    columns = RepositoryRow
    writes.update(
        keys.repository(team, repository.name),
        actions=[
            columns.kind.set(columns),
            columns.created_at_s.set(columns.created_at_s | repository.created_at_s),
            columns.is_public.set(columns.is_public | repository.is_public),
        ],
    )


def _write_tag(writes: Transaction, team: str, name: RepositoryName, tag: Tag) -> None:
    writes.put(TagRow.of(team, name, tag))
    writes.put(TagEntryRow.of(team, name, tag))
