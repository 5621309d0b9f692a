"""Repositories and what a push asks of them."""

from __future__ import annotations

from collections.abc import Sequence

from chalicelib.adapters.dynamo import keys
from chalicelib.adapters.dynamo.deletion import Deletion
from chalicelib.adapters.dynamo.living import has_ended
from chalicelib.adapters.dynamo.models import (
    LinkRow,
    ManifestEntryRow,
    RepositoryRow,
    TagEntryRow,
    read_digest,
)
from chalicelib.domain.digest import Digest
from chalicelib.domain.expiry import is_over
from chalicelib.domain.names import RepositoryName, TagName
from chalicelib.domain.paging import Listing, Page
from chalicelib.domain.records import Repository
from chalicelib.ports import PushSurvey


class Repositories(Deletion):
    def find_repository(self, team: str, name: RepositoryName) -> Repository | None:
        return self._look(team, name).repository

    def list_repositories(self, team: str, page: Page) -> Listing[RepositoryName]:
        if self._is_team_over(team):
            return Listing([], more=False)
        now_s, span = self._clock.now_s(), keys.span_after(keys.REPOSITORIES, page.after)
        rows, more = self._page(
            RepositoryRow, keys.catalog(team), span, page, lambda row: not has_ended(row, now_s)
        )
        return Listing([row.name() for row in rows], more=more)

    def survey_push(
        self,
        team: str,
        name: RepositoryName,
        tags: Sequence[TagName],
        blobs: Sequence[Digest],
        manifests: Sequence[Digest],
    ) -> PushSurvey:
        wanted = [keys.tag_entry(team, name, tag) for tag in tags]
        wanted += [keys.link(team, name, digest) for digest in blobs]
        wanted += [keys.manifest_entry(team, name, digest) for digest in manifests]
        # What is left of a deletion that was cut off must not come to life again.
        look = self._enter_room(team, name, *wanted)
        rows = look.rows
        links = [row.value() for row in rows if isinstance(row, LinkRow)]
        found = [row.value() for row in rows if isinstance(row, TagEntryRow)]
        self._tell_tags(team, name, look)
        return PushSurvey(
            repository=look.repository,
            team=look.team,
            tags={tag.name: tag for tag in found if not is_over(tag.expires_at_s, look.now_s)},
            blobs={blob.digest: blob for blob in links},
            manifests=frozenset(
                read_digest(row.digest) for row in rows if isinstance(row, ManifestEntryRow)
            ),
        )
