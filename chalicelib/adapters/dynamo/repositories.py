"""Repositories and what a push asks of them."""

from __future__ import annotations

from collections.abc import Sequence

from chalicelib.adapters.dynamo import keys
from chalicelib.adapters.dynamo.deletion import Deletion
from chalicelib.adapters.dynamo.models import (
    LinkRow,
    ManifestEntryRow,
    RepositoryRow,
    TagEntryRow,
    read_digest,
)
from chalicelib.domain.digest import Digest
from chalicelib.domain.names import RepositoryName, TagName
from chalicelib.domain.paging import Listing, Page
from chalicelib.domain.records import Repository
from chalicelib.ports import PushSurvey


class Repositories(Deletion):
    def find_repository(self, team: str, name: RepositoryName) -> Repository | None:
        row = self._table.get(RepositoryRow, keys.repository(team, name))
        return row.value() if row and not row.going else None

    def list_repositories(self, team: str, page: Page) -> Listing[RepositoryName]:
        rows, more = self._table.query(
            RepositoryRow,
            keys.catalog(team),
            keys.span_after(keys.REPOSITORIES, page.after),
            limit=page.limit + 1,
        )
        names = [row.name() for row in rows[: page.limit] if not row.going]
        return Listing(names, more=more or len(rows) > page.limit)

    def survey_push(
        self,
        team: str,
        name: RepositoryName,
        tags: Sequence[TagName],
        blobs: Sequence[Digest],
        manifests: Sequence[Digest],
    ) -> PushSurvey:
        wanted = [keys.repository(team, name)]
        wanted += [keys.tag_entry(team, name, tag) for tag in tags]
        wanted += [keys.link(team, name, digest) for digest in blobs]
        wanted += [keys.manifest_entry(team, name, digest) for digest in manifests]
        rows = self._table.batch_get(wanted)
        if any(isinstance(row, RepositoryRow) and row.going for row in rows):
            # What is left of a deletion that was cut off must not come to life again.
            self.finish_deletion(team, name)
            rows = self._table.batch_get(wanted)
        links = [row.value() for row in rows if isinstance(row, LinkRow)]
        found = [row.value() for row in rows if isinstance(row, TagEntryRow)]
        return PushSurvey(
            repository=next((r.value() for r in rows if isinstance(r, RepositoryRow)), None),
            tags={tag.name: tag for tag in found},
            blobs={blob.digest: blob for blob in links},
            manifests=frozenset(
                read_digest(row.digest) for row in rows if isinstance(row, ManifestEntryRow)
            ),
        )
