"""What the use cases ask of the world: a metadata store, a blob store, a clock, hashes, passwords.

The promises stand in the docstrings, and `tests/contracts/` holds every adapter to them.
``find_*`` answers None for what is not there; ``put_*`` may be repeated with the same value.
A store that refuses or is too slow raises ``Unavailable``: the caller may try again, and nothing
half done is visible.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from chalicelib.domain.digest import Digest
from chalicelib.domain.names import Reference, RepositoryName, TagName
from chalicelib.domain.paging import Listing, Page
from chalicelib.domain.records import Blob, Change, Repository, StoredManifest, Tag, TagEvent
from chalicelib.domain.teams import Team
from chalicelib.domain.upload import UploadSession
from chalicelib.image_ports import ImageStore


class PortError(Exception):
    """Something that a store says instead of an answer."""


class Missing(PortError):
    """What the verb works on is not there (any more)."""


class Conflict(PortError):
    """The state is not the one that the caller expected; nothing was changed."""


class Gone(Conflict):
    """What the caller relied on has been collected meanwhile; looking again helps."""


class Unavailable(PortError):
    """The back end refused, throttled or timed out; nothing half done is visible."""


class Throttled(Unavailable):
    """The back end has more to do than it takes: whoever comes again a little later is served."""


class Refused(PortError):
    """What the team is forbids it: it has expired, or a quota of it is used up; in a sentence.

    ``quota`` is which one, by its field of ``domain.teams.Quota``.
    """

    def __init__(self, sentence: str, quota: str | None = None) -> None:
        self.quota = quota
        super().__init__(sentence)


class PartRefused(PortError):
    """The blob store will not join these parts: one is missing, replaced or too small."""


class Held(PortError):
    """Something else needs what should go: these tags may not go, or these manifests name it."""

    def __init__(self, tags: Sequence[TagName] = (), manifests: Sequence[Digest] = ()) -> None:
        self.tags = tuple(tags)
        self.manifests = tuple(manifests)
        super().__init__(f"held by {len(self.tags)} tags, {len(self.manifests)} manifests")


@dataclass(frozen=True)
class PushSurvey:
    """What a manifest PUT needs to know, as one consistent set of strong reads."""

    repository: Repository | None
    tags: Mapping[TagName, Tag] = field(default_factory=dict)
    blobs: Mapping[Digest, Blob] = field(default_factory=dict)
    manifests: frozenset[Digest] = frozenset()
    team: Team | None = None


@dataclass(frozen=True)
class PullSurvey:
    """What a pull needs to know, as one consistent set of strong reads.

    ``tag`` or ``manifest`` is what was asked for; neither in a repository that has expired.
    """

    tag: Tag | None = None
    manifest: StoredManifest | None = None
    repository: Repository | None = None
    team: Team | None = None


class MetadataStore(ImageStore, Protocol):
    """Repositories, tags, manifests, links, uploads, v1 images, users. Reads are strong.

    Every verb but those on users takes the team: what one team stores, no other ever sees.
    What has expired is not there: the store looks at its clock with every verb. A repository that
    has expired goes, with all that it holds, before anything new begins under its name.
    """

    # --- repositories -------------------------------------------------------------------------

    def find_repository(self, team: str, name: RepositoryName) -> Repository | None:
        """Costs: 1 read."""

    def put_repository(self, team: str, repository: Repository) -> None:
        """Create it with its search entries; one that exists stays as it is.

        Raises: Refused: the team has expired, or has as many as it may.
        Costs: 1 transaction; of one that exists 1 read more. With accounts 1 read before it, and
        1 query where the team has a quota of repositories.
        """

    def list_repositories(self, team: str, page: Page) -> Listing[RepositoryName]:
        """Bytewise by full path. Costs: 1 query; with accounts 1 read more."""

    # --- manifests and tags -------------------------------------------------------------------

    def survey_push(
        self,
        team: str,
        name: RepositoryName,
        tags: Sequence[TagName],
        blobs: Sequence[Digest],
        manifests: Sequence[Digest],
    ) -> PushSurvey:
        """The repository, the tags as lists show them, and which of these it holds.

        A deletion of the repository that was cut off is ended first.
        Costs: 1 batch read for each hundred keys.
        """

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
        """Store a manifest and point the tags to it, all or nothing; the tags are the commit.

        The repository comes into being with it, and the subject's list of referrers has it. At
        most 30 tags at once.
        ``children`` are manifests that it names: each must be there, and cannot be deleted as long
        as this one is. A tag that is ``fixed`` must be new or point to this manifest already; one
        that is ``lasting`` must still have the end that it is given here, or none where it is None.
        Raises: Conflict: a child is gone, a fixed tag points elsewhere, a lasting one was given
        another end, or the repository is being deleted, or lives another life than the one given.
        Costs: 1 transaction; above some 45 children (fewer beside many tags) 1 for each 50.
        """

    def survey_pull(self, team: str, name: RepositoryName, reference: Reference) -> PullSurvey:
        """What a tag or a digest names, with the records that say whether it may be served.

        Costs: 1 batch read.
        """

    def find_manifest(
        self, team: str, name: RepositoryName, digest: Digest
    ) -> StoredManifest | None:
        """Costs: 1 batch read."""

    def find_tag(self, team: str, name: RepositoryName, tag: TagName) -> Tag | None:
        """The tag, with its manifest when it points to one. Costs: 1 batch read."""

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
        """Point a tag to a v1 image; the repository comes into being.

        A tag that is ``fixed`` must be new or point to this image already; for ``lasting`` see
        ``put_manifest``.
        Raises: Conflict: it points elsewhere, or as for ``put_manifest``. Costs: 1 transaction.
        """

    def delete_tag(self, team: str, name: RepositoryName, tag: TagName, change: Change) -> None:
        """Raises: Missing. Costs: 1 transaction."""

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
        """Remove a manifest and the tags that point to it, at once; of many tags some go before.

        ``children`` are those that it was stored with, ``kept`` says which tags may not go. What
        is pushed while this runs is seen, or comes after it.
        Raises: Missing; Held: a manifest here names it, or a kept tag points to it: then nothing
        was changed, unless it had more than 32 tags and was named while they went.
        Costs: 1 read, 1 query of what names it (1 batch read more where something did), 1 query
        of the tags for each MB, 1 transaction, and 1 for each 32 tags above 32.
        """

    def list_tags(self, team: str, name: RepositoryName, page: Page) -> Listing[Tag]:
        """Bytewise by name, without their manifests' bytes and annotations.

        Costs: 1 batch read, 1 query; 1 query more for each thousand tags that have expired.
        """

    def list_tags_whole(self, team: str, name: RepositoryName, page: Page) -> Listing[Tag]:
        """The same with the manifests' bytes, where those are kept in rows; for short pages.

        A tag that goes meanwhile is left out. Costs: 1 query, as for ``list_tags``, and 1 batch
        read for each hundred.
        """

    def list_history(
        self, team: str, name: RepositoryName, tag: TagName, page: Page
    ) -> Listing[TagEvent]:
        """What a tag was pointed to, the newest first; ``page.after`` is an event's ``order``.

        It outlives the tag, and ends with the repository. Costs: 1 batch read, 1 query.
        """

    def list_referrers(
        self,
        team: str,
        name: RepositoryName,
        subject: Digest,
        page: Page,
        artifact_type: str | None = None,
    ) -> Listing[StoredManifest]:
        """The manifests that name this subject, whether or not it is there; without their bytes.

        In the order of ``referrer_order``, which ``page.after`` is one of; only those of one
        artifact type, where it is given. Costs: 1 batch read, 1 query.
        """

    # --- blobs --------------------------------------------------------------------------------

    def find_link(self, team: str, name: RepositoryName, digest: Digest) -> Blob | None:
        """The blob, when this repository may serve it. Costs: 1 batch read."""

    def delete_link(self, team: str, name: RepositoryName, digest: Digest) -> None:
        """Stop serving a blob in this repository, and forget the word of ``find_edge_word``.

        What the edge has taken under that word would bring the blob back.
        Raises: Missing. Costs: 1 batch read, 1 transaction.
        """

    def find_blob(self, team: str, digest: Digest) -> Blob | None:
        """The team's, whichever repository holds it: no answer to a client. Costs: 1 read."""

    def put_blob(
        self, team: str, name: RepositoryName, blob: Blob, closing: UploadSession | None = None
    ) -> None:
        """Make proved bytes visible in a repository, and end the upload that brought them.

        The bytes that are new to a team count towards its quota. Where somebody else has brought
        the same bytes meanwhile, theirs are linked.
        Raises: Conflict when ``closing`` is no longer held by its claim; Gone: the object of a blob
        that ``is_kept`` has been collected meanwhile; Refused: the team has expired, or its quota
        of bytes is used up.
        Costs: 1 batch read, 1 transaction; 1 batch read more where the team has such a quota.
        """

    def spare_link(self, team: str, name: RepositoryName, digest: Digest) -> None:
        """Let the collector spare a link. Raises: Missing. Costs: 1 conditional write."""

    def find_blobs(self, team: str, digests: Sequence[Digest]) -> Mapping[Digest, Blob]:
        """Those of the team's blobs that there are. Costs: 1 batch read for each hundred."""

    # --- what the edge has taken --------------------------------------------------------------

    def find_edge_word(self, team: str, name: RepositoryName) -> str | None:
        """The word under which the edge keeps what it takes for it. Costs: 1 batch read."""

    def give_edge_word(self, team: str, name: RepositoryName, word: str) -> str:
        """The repository's word, which is this one where it had none; of two at once both get one.

        It may come before the repository, and ends with it. Raises: Refused: the team has expired.
        Costs: 1 batch read, 1 write.
        """

    def adopt_blobs(
        self, team: str, name: RepositoryName, word: str, blobs: Sequence[Blob]
    ) -> None:
        """Make proved bytes visible that lie under a repository's word, while it still has it.

        Raises: Conflict: the repository that had it is being deleted; some may be visible until
        it is gone; Refused as for ``put_blob``. Costs: for each 45 those of ``put_blob``.
        """

    # --- uploads ------------------------------------------------------------------------------

    def open_upload(self, session: UploadSession) -> None:
        """Costs: 1 write."""

    def find_upload(self, team: str, upload_id: str, *, now_s: int) -> UploadSession | None:
        """None once it has expired, whether or not its row is gone. Costs: 1 read."""

    def claim_upload(
        self, team: str, upload_id: str, claim: str, *, now_s: int, expires_at_s: int
    ) -> UploadSession:
        """Take the session for one request; of two at once exactly one gets it.

        The holder of a claim renews it by claiming again with the same word.
        Raises: Missing (unknown, expired); Conflict (held by another claim that has not run out).
        Costs: 1 conditional write; 1 read more when it is refused.
        """

    def save_upload(self, session: UploadSession, claim: str) -> None:
        """Store the session as given, if ``claim`` still holds it or it is stored so already.

        Raises: Conflict. Costs: 1 conditional write.
        """

    def close_upload(self, session: UploadSession) -> None:
        """End a session whose bytes are not wanted; one that is gone already is no error.

        Costs: 1 write.
        """


class Hasher(Protocol):
    """A running hash whose state can leave the process."""

    def update(self, data: bytes | memoryview) -> None: ...

    def hexdigest(self) -> str: ...

    def state(self) -> bytes | None:
        """What continues this hash elsewhere; None where the platform cannot say."""


class Hashing(Protocol):
    """Makes running hashes."""

    def begin(self, algorithm: str) -> Hasher: ...

    def resume(self, algorithm: str, state: bytes) -> Hasher:
        """Raises: Unavailable where the platform cannot continue a state."""


class Verifier(Protocol):
    """Reads what has come, beside the requests: see ``service/verify.py``."""

    def ask(self, team: str, upload_id: str) -> None:
        """Have an upload proved soon, by a run of its own. May be repeated.

        Raises: Unavailable. Costs: 1 call.
        """


class Clock(Protocol):
    """The only way to the time."""

    def now_s(self) -> int: ...

    def now_ms(self) -> int:
        """The same in milliseconds, for telling which of two came first."""


class Passwords(Protocol):
    """Hashes and checks passwords, slowly on purpose."""

    def hash(self, password: str) -> str: ...

    def matches(self, encoded: str, password: str) -> bool: ...

    def nobody(self) -> str:
        """A hash that no password matches and that takes as long to check as any."""


class Words(Protocol):
    """Makes words that nobody can guess: upload ids, claims."""

    def fresh(self) -> str: ...
