"""What v1 images ask of a metadata store. Rules as in ``ports``: reads are strong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from chalicelib.domain.digest import Digest
from chalicelib.domain.image import V1Image
from chalicelib.domain.marking import Contents
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.records import IndexImage, StoredManifest
from chalicelib.domain.teams import Team
from chalicelib.domain.upload import UploadSession


@dataclass(frozen=True)
class ListedImages:
    """Images of a team, and which of those asked for stand in a repository's list."""

    images: Mapping[str, V1Image]
    listed: frozenset[str]


@dataclass(frozen=True)
class ListedIndex:
    """A repository's v1 list, bytewise by id, and the team's record if it has one."""

    images: Sequence[IndexImage] = ()
    team: Team | None = None


class ImageStore(Protocol):
    """Images of a team, their layers' states, and the lists that repositories keep of them."""

    def find_images(self, team: str, image_ids: Sequence[str]) -> Mapping[str, V1Image]:
        """Those of them that exist. Costs: 1 read (one id), or 1 batch read for each hundred.

        1 batch read more when some json did not fit into a row.
        """

    def find_manifests(
        self, team: str, name: RepositoryName, digests: Sequence[Digest]
    ) -> Mapping[Digest, StoredManifest]:
        """Those of them that are here. Costs: 1 batch read for each hundred, and 16 MB."""

    def read_contents(self, team: str, name: RepositoryName) -> Contents:
        """All that a repository holds, without the bytes of its manifests.

        Costs: 1 read, 1 query for each MB.
        """

    def glance(self, team: str, name: RepositoryName) -> tuple[Contents, bool]:
        """What of that fits into two queries, without its record and its history; whether all has.

        Costs: 2 queries of at most 1 MB.
        """

    def find_bridged(self, team: str, name: RepositoryName, image_id: str) -> StoredManifest | None:
        """The manifest that shows a v1 image, or another manifest, in this repository.

        Costs: 1 read.
        """

    def put_bridged(
        self, team: str, name: RepositoryName, image_id: str, manifest: StoredManifest
    ) -> None:
        """Keep a manifest, by its digest and as what shows the other.

        Raises: Conflict: there is no such repository. Costs: 1 transaction.
        """

    def find_listed(
        self, team: str, name: RepositoryName, image_ids: Sequence[str]
    ) -> ListedImages:
        """The images that exist, and which of the ids the repository lists.

        Costs: 1 batch read for each hundred keys: two for each id, and two more.
        """

    def list_holders(self, team: str, image_id: str) -> Sequence[RepositoryName]:
        """The repositories that list an image, bytewise. Costs: 1 query."""

    def put_image(self, team: str, image: V1Image) -> None:
        """Describe an image anew. Raises: Conflict when it is sealed; Gone: its layer is.

        Costs: 1 write (1 transaction for a json that does not fit into a row, or with a layer).
        """

    def spare_image(self, team: str, image_id: str) -> None:
        """Take the collector's suspicion from an image. Raises: Missing.

        Costs: 1 conditional write.
        """

    def put_layer(self, team: str, image: V1Image, closing: UploadSession | None = None) -> None:
        """Give a described image its layer, and the team the layer's blob, all or nothing.

        ``closing`` is the upload that brought the bytes; it ends with it.
        Raises: Conflict when the json is no longer the one that the checksum covers, or the
        image is sealed or gone; Gone, Refused as for ``MetadataStore.put_blob``.
        Costs: 1 batch read, 1 transaction; 1 batch read more where the team has a quota of bytes.
        """

    def seal_image(self, team: str, image: V1Image) -> None:
        """Seal an uploaded image that still has this checksum.

        Raises: Conflict. Costs: 1 conditional write.
        """

    def put_index_images(
        self, team: str, name: RepositoryName, images: Sequence[IndexImage]
    ) -> None:
        """Merge into the repository's v1 list: one entry an id, the first checksum stays.

        Raises: Conflict: there is no such repository.
        Costs: 1 query, and 1 transaction for each 49 entries that are new.
        """

    def list_index_images(self, team: str, name: RepositoryName) -> Sequence[IndexImage]:
        """As ``survey_index``, without the team."""

    def survey_index(self, team: str, name: RepositoryName) -> ListedIndex:
        """All of the list, and the team. Costs: 1 batch read, 1 query (more for each 1 MB)."""
