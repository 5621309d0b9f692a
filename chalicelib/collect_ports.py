"""What the collector asks of the stores, beyond what requests do. Rules as in ``ports``.

Each deletion holds only while the reason for it does: see ``docs/adr/0040-the-collector.md``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from chalicelib.blob_ports import BlobStore
from chalicelib.domain.digest import Digest
from chalicelib.domain.facts import Fact
from chalicelib.domain.marking import Contents, Going
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.paging import Listing, Page
from chalicelib.domain.records import Blob, Change
from chalicelib.domain.upload import UploadSession
from chalicelib.ports import MetadataStore


@dataclass(frozen=True)
class Scanned:
    """A piece of the table; ``cursor`` is where the next one begins, None at the end."""

    facts: Sequence[Fact]
    cursor: str | None


class CollectStore(MetadataStore, Protocol):
    """The whole table, and deletions that somebody who adds something in time prevents."""

    def scan(self, cursor: str | None, limit: int | None = None) -> Scanned:
        """The next items of the table, each as it is now. Costs: 1 scan of at most 1 MB."""

    def finish_deletion(self, team: str, name: RepositoryName) -> bool:
        """As in ``SearchStore``."""

    # --- a repository -------------------------------------------------------------------------

    def sweep(self, team: str, seen: Contents, going: Sequence[Going], change: Change) -> None:
        """Delete things of a repository, at most thirty, all or none.

        ``change`` is noted for tags, and its word tells pushes that were under way to look again.
        With a blob that lies at the edge goes the word that it lies under.
        Raises: Conflict: something was added since, or somebody relies on one of its links.
        Costs: 1 transaction.
        """

    def suspect_link(self, team: str, name: RepositoryName, digest: Digest, at_s: int) -> None:
        """Note when a link was first needed by nothing; one that is gone is no error.

        Costs: 1 conditional write.
        """

    def drop_edge_word(self, team: str, name: RepositoryName, word: str) -> None:
        """Take the word from a repository that still has it. Costs: 1 conditional write."""

    # --- what belongs to a team ---------------------------------------------------------------

    def suspect_blob(self, team: str, digest: Digest, at_s: int) -> None:
        """Note when a blob was first named by nothing. Costs: 1 conditional write."""

    def spare_blob(self, team: str, digest: Digest) -> None:
        """Take the suspicion from a blob. Costs: 1 conditional write."""

    def condemn_blob(self, team: str, digest: Digest, suspected_at_s: int) -> bool:
        """Let nobody name a blob any more; False where somebody has since it was suspected.

        Costs: 1 conditional write.
        """

    def forget_blob(self, team: str, blob: Blob) -> None:
        """Delete the row of a condemned blob, whose object is gone; it counts no more.

        Costs: 1 transaction.
        """

    def suspect_image(self, team: str, image_id: str, at_s: int) -> None:
        """Note when a v1 image was first needed by nothing. Costs: 1 conditional write."""

    def delete_image(self, team: str, image_id: str, suspected_at_s: int) -> bool:
        """Delete a v1 image; False where somebody relies on it since it was suspected.

        Costs: 1 query, 1 transaction.
        """

    def suspect_piece(self, team: str, piece: str, at_s: int) -> None:
        """Note when a piece of a json was first no image's. Costs: 1 conditional write."""

    def delete_piece(self, team: str, piece: str, suspected_at_s: int) -> bool:
        """Delete a piece of a json that its image does not have; False where it has it again.

        ``piece`` is a fact's ``row``. Costs: 1 transaction.
        """

    def end_upload(self, session: UploadSession) -> bool:
        """Delete a session that is still as it was; False where it is not.

        Costs: 1 conditional write.
        """

    # --- teams that have ended ----------------------------------------------------------------

    def end_repository(self, team: str, life: str, name: RepositoryName) -> None:
        """Delete a repository, or what is left of one, of a team that has ended.

        Raises: Conflict: the team with this ``life`` is not there, or has not ended.
        Costs: 1 read, 2 queries, 1 more for each MB; 1 transaction for each 49 things, 1 more for
        a record.
        """

    def end_rows(self, team: str, life: str, rows: Sequence[str]) -> None:
        """Delete items that only an ended team holds, each a fact's ``row``.

        Raises: Conflict: as above. Costs: 1 transaction for each 99.
        """

    def end_team(self, team: str, life: str) -> None:
        """Delete all that a team has besides, its record last: its name is free then.

        Who owned it stays known as long as counts are kept: see ``TeamStore.find_lives``.
        Raises: Conflict: as above, or it has repositories.
        Costs: 4 queries, 1 for each webhook; 1 transaction for each 99 owners and for each 99 rows,
        1 more for the record.
        """

    def rows_of(self, team: str) -> Iterator[str]:
        """Every row that names a team, but counts, which expire. Costs: a scan of the table."""

    # --- runs ---------------------------------------------------------------------------------

    def take_run(self, scope: str, word: str, *, now_s: int, until_s: int) -> str:
        """Begin a run; the answer is what the last one saved, "" where nothing was.

        Raises: Conflict: another run has not ended and its time is not over.
        Costs: 1 conditional write.
        """

    def save_run(self, scope: str, word: str, state: str, *, until_s: int) -> None:
        """Save where a run is; a time that is over lets the next one begin.

        Raises: Conflict: another run has begun. Costs: 1 conditional write.
        """


@dataclass(frozen=True)
class StoredObject:
    """An object; where it came in parts, ``modified_at_s`` may be when the first was begun."""

    key: str
    size_bytes: int
    modified_at_s: int


@dataclass(frozen=True)
class OpenParts:
    """A multipart upload that is neither complete nor aborted."""

    key: str
    multipart_id: str
    begun_at_s: int


class CollectBlobs(BlobStore, Protocol):
    """The whole bucket."""

    def list_objects(self, prefix: str, page: Page) -> Listing[StoredObject]:
        """Objects whose keys begin so, bytewise. Costs: 1 call for each thousand."""

    def list_parts(self, prefix: str) -> Sequence[OpenParts]:
        """All multipart uploads whose keys begin so, by key: they are few.

        Costs: 1 call for each thousand.
        """

    def delete(self, key: str) -> None:
        """Delete an object; one that is not there is no error.

        A bucket that keeps versions keeps this one as long as it is told to. Costs: 1 call.
        """
