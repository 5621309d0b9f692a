"""The facts that the registry keeps, as frozen values; a store saves and returns them whole.

Every fact belongs to a team, which the verbs of the store take beside the value.
Times are epoch seconds, sizes are bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from chalicelib.domain.digest import Digest
from chalicelib.domain.names import RepositoryName, TagName


@dataclass(frozen=True)
class Repository:
    """A repository exists from its first manifest, v1 tag or v1 registration on."""

    name: RepositoryName
    created_at_s: int
    is_public: bool = False
    description: str = ""

    def scope(self, team: str) -> str:
        """Where its search entries are kept: with all public ones, or with its team's."""
        return "public" if self.is_public else f"team/{team}"


@dataclass(frozen=True)
class Blob:
    """Bytes that have been proved to have this digest, and the object that holds them."""

    digest: Digest
    size_bytes: int
    object_key: str


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


@dataclass(frozen=True)
class IndexImage:
    """An entry of a repository's v1 image list."""

    image_id: str
    checksum: str | None = None


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
class GrantRecord:
    """What an owner lets somebody else do in a repository: ``read`` or ``write``."""

    name: RepositoryName
    user: str
    access: str
