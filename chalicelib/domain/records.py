"""The facts that the registry keeps, as frozen values; a store saves and returns them whole.

Every fact belongs to a team, which the verbs of the store take beside the value.
Times are epoch seconds, sizes are bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from chalicelib.domain.access import Limit
from chalicelib.domain.digest import Digest
from chalicelib.domain.names import RepositoryName, TagName
from chalicelib.domain.retention import RetentionRule
from chalicelib.domain.tag_rules import TagRule
from chalicelib.domain.webhooks import Event


@dataclass(frozen=True)
class Repository:
    """A repository exists from its first manifest, v1 tag or v1 registration on.

    ``life`` is a word that no other repository has, not even the next of the same name: what was
    looked up in one life does not count in another. ``swept`` is new whenever the collector has
    taken something away: what was looked up before does not count either.

    ``hooks`` and ``team_hooks`` count the webhooks that hear of it, its own and its team's, and
    ``last_event`` is the order of the last event that they were to hear of. A store tells these;
    what it is given of them counts for nothing.
    """

    name: RepositoryName
    created_at_s: int
    is_public: bool = False
    description: str = ""
    tag_rules: tuple[TagRule, ...] = ()
    life: str | None = field(default=None, compare=False)
    expires_at_s: int | None = None
    retention: tuple[RetentionRule, ...] = ()
    swept: str | None = field(default=None, compare=False)
    hooks: int = field(default=0, compare=False)
    team_hooks: int = field(default=0, compare=False)
    last_event: str | None = field(default=None, compare=False)

    @property
    def is_hooked(self) -> bool:
        """Whether anybody is to hear of what happens here."""
        return self.hooks + self.team_hooks > 0

    def scope(self, team: str) -> str:
        """Where its search entries are kept: with all public ones, or with its team's."""
        return "public" if self.is_public else f"team/{team}"


@dataclass(frozen=True)
class Blob:
    """Bytes that have been proved to have this digest, and the object that holds them.

    ``is_kept`` says that a store gave it: whoever makes it visible once more relies on an object
    that is there, and not on one of their own. ``suspected_at_s`` is when the collector first
    found nothing that needs it.
    """

    digest: Digest
    size_bytes: int
    object_key: str
    is_kept: bool = field(default=False, compare=False)
    suspected_at_s: int | None = field(default=None, compare=False)


@dataclass(frozen=True)
class StoredManifest:
    """A manifest: its bytes inline, or the object that holds them when they are many."""

    digest: Digest
    media_type: str
    size_bytes: int
    raw: bytes | None = None
    object_key: str | None = None
    subject: Digest | None = None
    artifact_type: str | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Tag:
    """A tag points to a manifest or to a v1 image; a manifest comes along, to save a read.

    ``client`` holds what v1 shows of who tagged: ``docker_version``, ``arch`` and so on.
    """

    name: TagName
    updated_at_s: int
    manifest: StoredManifest | None = None
    image_id: str | None = None
    client: Mapping[str, str] = field(default_factory=dict)
    expires_at_s: int | None = None

    @property
    def target(self) -> str | None:
        """What it points to, as a text: a digest, or the id of a v1 image."""
        return str(self.manifest.digest) if self.manifest else self.image_id


# Later than any time in milliseconds that has fifteen digits: the year 33658.
_END_MS = 10**15 - 1


@dataclass(frozen=True)
class Change:
    """Who changes tags, and when; ``word`` tells apart what happens in one millisecond.

    ``event`` is what webhooks are told of it; it is kept with the change, all or nothing.
    """

    at_ms: int
    word: str
    by: str | None = None
    event: Event | None = field(default=None, compare=False, repr=False)

    @property
    def order(self) -> str:
        """Sorts the newest change first."""
        return f"{_END_MS - self.at_ms:015d}.{self.word}"


@dataclass(frozen=True)
class TagEvent:
    """A line of a tag's history: what it was pointed to; None when it was deleted.

    ``target`` is a digest, or the id of a v1 image, which has no colon.
    """

    tag: TagName
    target: str | None
    change: Change


@dataclass(frozen=True)
class IndexImage:
    """An entry of a repository's v1 image list."""

    image_id: str
    checksum: str | None = None


def referrer_order(digest: Digest, artifact_type: str | None) -> str:
    """How referrers sort: by type and then by digest, so that one type stands together.

    Types hold any characters up to 255; the hash is short and sorts nowhere near a neighbour.
    """
    return f"{type_prefix(artifact_type)}{digest}"


def type_prefix(artifact_type: str | None) -> str:
    """How the orders of all referrers of one artifact type begin."""
    return hashlib.sha256((artifact_type or "").encode()).hexdigest()[:24] + "."


@dataclass(frozen=True)
class User:
    """An account; ``password_hash`` is argon2id's encoded form.

    ``generation`` grows with every change of the password; tokens carry the one they were
    given under, and end with it.
    """

    name: str
    password_hash: str
    email: str | None
    is_administrator: bool
    created_at_s: int
    generation: int = 1


@dataclass(frozen=True)
class ApiToken:
    """A machine's way in: named, limited by scopes, perhaps with an end.

    Its secret has 256 random bits, so that a plain SHA-256 of it may be kept.
    """

    token_id: str
    user: str
    label: str
    secret_sha256: str
    limits: tuple[Limit, ...]
    created_at_s: int
    expires_at_s: int | None = None

    def is_alive(self, now_s: int) -> bool:
        return self.expires_at_s is None or self.expires_at_s > now_s


@dataclass(frozen=True)
class GrantRecord:
    """What an owner lets somebody else do in a repository: ``read`` or ``write``."""

    name: RepositoryName
    user: str
    access: str
