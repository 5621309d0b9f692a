"""What a scan of the whole table tells the collector, a few words an item."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from chalicelib.domain.names import RepositoryName
from chalicelib.domain.records import Blob
from chalicelib.domain.upload import UploadSession


class FactKind(Enum):
    """What an item is to the collector."""

    RECORD = "a repository's record"
    HELD = "something that a repository holds"
    LINK = "a link"
    TAGGED_IMAGE = "a tag that points to a v1 image"
    DOCUMENT = "a manifest that is an object"
    BLOB = "a blob of a team"
    IMAGE = "a v1 image"
    HOLDER = "a repository that lists a v1 image"
    UPLOAD = "an upload session"
    WORD = "the word of a repository at the edge"
    TEAM = "a team's record"
    PIECE = "a piece of a v1 image's json"
    HANGING = "what hangs on a team alone"


@dataclass(frozen=True)
class Fact:
    """An item; of the rest only what its kind has.

    ``image_id`` is an image's, or of what points to one; ``word`` an edge word, a team's life, or
    which json an image or a piece has; ``ends_at_s`` the end of a team or a repository; ``row``
    names the item itself in the store, where it may go by itself.
    """

    kind: FactKind
    team: str
    name: RepositoryName | None = None
    blob: Blob | None = None
    is_condemned: bool = False
    is_going: bool = False
    object_key: str = ""
    image_id: str = ""
    ancestry: tuple[str, ...] = ()
    suspected_at_s: int | None = None
    session: UploadSession | None = None
    word: str = ""
    ends_at_s: int | None = None
    row: str = ""
