"""The items as PynamoDB models, and how each becomes a value of the domain.

The models carry no connection of their own: `table.py` sends what they serialize through the
one connection of the store, because PynamoDB otherwise opens one (and a client) for each class.
"""

from __future__ import annotations

import secrets
from typing import Any, Self

from pynamodb.attributes import (
    BinaryAttribute,
    BooleanAttribute,
    DiscriminatorAttribute,
    NumberAttribute,
    UnicodeAttribute,
)
from pynamodb.models import Model

from chalicelib.adapters.dynamo import keys, packing
from chalicelib.domain.digest import Digest
from chalicelib.domain.names import RepositoryName, TagName
from chalicelib.domain.records import Blob, Repository, StoredManifest, Tag
from chalicelib.domain.retention import dump_retention, load_retention
from chalicelib.domain.tag_rules import dump_rules, load_rules
from chalicelib.domain.upload import Proving, RunningHash, Tail, UploadSession

PARTITION_KEY, SORT_KEY, EXPIRY, KIND = "PK", "SK", "expires_at_s", "kind"
# The end of what the collector removes: not the column by which DynamoDB deletes.
ENDS = "ends_at_s"


def _text(*, null: bool = True) -> UnicodeAttribute:
    return UnicodeAttribute(null=null)


def _number(*, null: bool = True) -> NumberAttribute:
    return NumberAttribute(null=null)


def _bytes() -> BinaryAttribute:
    return BinaryAttribute(null=True, legacy_encoding=False)


class Row(Model):
    """What every item has; ``kind`` says which of the classes below it is."""

    pk = UnicodeAttribute(hash_key=True, attr_name=PARTITION_KEY)
    sk = UnicodeAttribute(range_key=True, attr_name=SORT_KEY)
    kind = DiscriminatorAttribute(attr_name=KIND)

    @classmethod
    def at(cls, key: keys.Key, **attributes: Any) -> Self:
        return cls(hash_key=key.pk, range_key=key.sk, **attributes)


class RepositoryRow(Row, discriminator="repository"):
    created_at_s = _number(null=False)
    is_public = BooleanAttribute()
    description = _text()
    tag_rules = _text()
    life = _text()
    ends_at_s = NumberAttribute(attr_name=ENDS, null=True)
    # Set once the repository is being deleted, and never unset.
    going = BooleanAttribute(null=True)
    retention = _text()
    # New with everything that is added to the repository: the collector sees by it that what it
    # has found is out of date.
    revision = _text()
    # New whenever the collector takes something away: a push sees by it the same.
    swept = _text()
    # How many webhooks it has of its own, and the order of the last event: see `hook_events.py`.
    hooks = NumberAttribute(null=True)
    last_event = _text()

    @classmethod
    def of(cls, team: str, repository: Repository) -> Self:
        return cls.at(
            keys.repository(team, repository.name),
            life=repository.life,
            swept=repository.swept,
            revision=new_revision(),
            retention=dump_retention(repository.retention) if repository.retention else None,
            created_at_s=repository.created_at_s,
            is_public=repository.is_public,
            description=repository.description or None,
            tag_rules=dump_rules(repository.tag_rules) if repository.tag_rules else None,
            ends_at_s=repository.expires_at_s,
            hooks=repository.hooks or None,
            last_event=repository.last_event,
        )

    def name(self) -> RepositoryName:
        return RepositoryName(self.sk.removeprefix(keys.REPOSITORIES))

    def value(self) -> Repository:
        rules = load_rules(self.tag_rules) if self.tag_rules else ()
        about = self.description or ""
        retention = load_retention(self.retention) if self.retention else ()
        end_s = None if self.ends_at_s is None else int(self.ends_at_s)
        return Repository(
            self.name(),
            int(self.created_at_s),
            self.is_public,
            about,
            rules,
            self.life,
            end_s,
            retention,
            self.swept,
            int(self.hooks or 0),
            0,
            self.last_event,
        )


class ManifestColumns(Row):
    """The columns of a manifest; all empty where there is none."""

    digest = _text()
    media_type = _text()
    size_bytes = _number()
    raw = _bytes()
    object_key = _text()
    subject = _text()
    artifact_type = _text()
    annotations = _bytes()

    def fill(self, manifest: StoredManifest | None, *, slim: bool) -> None:
        if manifest is None:
            return
        self.digest = str(manifest.digest)
        self.media_type = manifest.media_type
        self.size_bytes = manifest.size_bytes
        self.object_key = manifest.object_key
        self.subject = str(manifest.subject) if manifest.subject else None
        self.artifact_type = manifest.artifact_type
        if slim:
            return
        self.raw = None if manifest.raw is None else packing.pack(manifest.raw)
        self.annotations = packing.pack_annotations(manifest.annotations, manifest.raw)

    def manifest(self) -> StoredManifest | None:
        if not self.digest:
            return None
        raw = None if self.raw is None else packing.unpack(self.raw)
        return StoredManifest(
            digest=read_digest(self.digest),
            media_type=self.media_type,
            size_bytes=int(self.size_bytes),
            raw=raw,
            object_key=self.object_key,
            subject=read_digest(self.subject) if self.subject else None,
            artifact_type=self.artifact_type,
            annotations=packing.unpack_annotations(self.annotations, raw),
        )


class ManifestRow(ManifestColumns, discriminator="manifest"):
    @classmethod
    def of(cls, team: str, name: RepositoryName, manifest: StoredManifest) -> Self:
        row = cls.at(keys.manifest(team, name, manifest.digest))
        row.fill(manifest, slim=False)
        return row


class BridgedRow(ManifestColumns, discriminator="bridged"):
    @classmethod
    def of(cls, team: str, name: RepositoryName, image_id: str, manifest: StoredManifest) -> Self:
        row = cls.at(keys.bridged(team, name, image_id))
        row.fill(manifest, slim=False)
        return row


class ManifestEntryRow(ManifestColumns, discriminator="manifest entry"):
    """``revision`` is new with every write: a deletion sees by it what was pushed meanwhile."""

    revision = _text()
    # Missing where the registry made the manifest itself, and nobody has pushed it.
    pushed_at_s = _number()

    @classmethod
    def of(
        cls, team: str, name: RepositoryName, manifest: StoredManifest, pushed_at_s: int
    ) -> Self:
        row = cls.at(
            keys.manifest_entry(team, name, manifest.digest),
            revision=new_revision(),
            pushed_at_s=pushed_at_s,
        )
        row.fill(manifest, slim=True)
        return row


class _TagColumns(ManifestColumns):
    tag = _text(null=False)
    updated_at_s = _number(null=False)
    image_id = _text()
    client = _bytes()
    ends_at_s = NumberAttribute(attr_name=ENDS, null=True)

    @classmethod
    def _made(cls, key: keys.Key, tag: Tag, *, slim: bool) -> Self:
        row = cls.at(
            key,
            tag=tag.name.value,
            updated_at_s=tag.updated_at_s,
            image_id=tag.image_id,
            client=packing.pack_texts(tag.client),
            ends_at_s=tag.expires_at_s,
        )
        row.fill(tag.manifest, slim=slim)
        return row

    def value(self) -> Tag:
        return Tag(
            name=TagName(self.tag),
            updated_at_s=int(self.updated_at_s),
            manifest=self.manifest(),
            image_id=self.image_id,
            client=packing.unpack_texts(self.client),
            expires_at_s=None if self.ends_at_s is None else int(self.ends_at_s),
        )


class TagRow(_TagColumns, discriminator="tag"):
    @classmethod
    def of(cls, team: str, name: RepositoryName, tag: Tag) -> Self:
        return cls._made(keys.tag(team, name, tag.name), tag, slim=False)


class TagEntryRow(_TagColumns, discriminator="tag entry"):
    @classmethod
    def of(cls, team: str, name: RepositoryName, tag: Tag) -> Self:
        return cls._made(keys.tag_entry(team, name, tag.name), tag, slim=True)


class _BlobColumns(Row):
    digest = _text(null=False)
    size_bytes = _number(null=False)
    object_key = _text(null=False)
    # Set by the collector where it finds nothing that needs this; every other write unsets it.
    suspected_at_s = _number()

    @classmethod
    def of(cls, key: keys.Key, blob: Blob) -> Self:
        return cls.at(
            key,
            digest=str(blob.digest),
            size_bytes=blob.size_bytes,
            object_key=blob.object_key,
        )

    def value(self) -> Blob:
        suspected = None if self.suspected_at_s is None else int(self.suspected_at_s)
        return Blob(
            read_digest(self.digest), int(self.size_bytes), self.object_key, True, suspected
        )


class LinkRow(_BlobColumns, discriminator="link"):
    pass


class BlobRow(_BlobColumns, discriminator="blob"):
    # Set when the object is about to be deleted, and never unset: nobody may name it any more.
    condemned = BooleanAttribute(null=True)


class UploadRow(Row, discriminator="upload"):
    team = _text(null=False)
    upload_id = _text(null=False)
    repository = _text(null=False)
    expires_at_s = _number(null=False)
    offset_bytes = _number(null=False)
    object_key = _text(null=False)
    multipart_id = _text()
    parts = _bytes()
    tail_key = _text()
    tail_bytes = _number()
    hash_algorithm = _text()
    hash_hex = _text()
    running_algorithm = _text()
    running_state = _bytes()
    algorithm = _text(null=False)
    claim = _text()
    claim_expires_at_s = _number(null=False)
    image_id = _text()
    proving_digest = _text()
    proving_asked_at_s = _number()
    proving_read_bytes = _number()
    proving_state = _bytes()

    @classmethod
    def of(cls, session: UploadSession) -> Self:
        tail, running, proving = session.tail, session.running, session.proving
        return cls.at(
            keys.upload(session.team, session.upload_id),
            team=session.team,
            upload_id=session.upload_id,
            repository=session.repository.path,
            expires_at_s=session.expires_at_s,
            offset_bytes=session.offset_bytes,
            object_key=session.object_key,
            multipart_id=session.multipart_id,
            parts=packing.pack_parts(session.parts) if session.parts else None,
            tail_key=tail.key if tail else None,
            tail_bytes=tail.size_bytes if tail else None,
            running_algorithm=running.algorithm if running else None,
            hash_algorithm=running.digest.algorithm if running else None,
            hash_hex=running.digest.hex if running else None,
            running_state=running.state if running else None,
            algorithm=session.algorithm,
            claim=session.claim,
            claim_expires_at_s=session.claim_expires_at_s,
            image_id=session.image_id,
            proving_digest=str(proving.digest) if proving else None,
            proving_asked_at_s=proving.asked_at_s if proving else None,
            proving_read_bytes=proving.read_bytes if proving else None,
            proving_state=proving.state if proving else None,
        )

    def value(self) -> UploadSession:
        tail = None if self.tail_key is None else Tail(self.tail_key, int(self.tail_bytes))
        return UploadSession(
            upload_id=self.upload_id,
            team=self.team,
            repository=RepositoryName(self.repository),
            expires_at_s=int(self.expires_at_s),
            offset_bytes=int(self.offset_bytes),
            object_key=self.object_key,
            multipart_id=self.multipart_id,
            parts=packing.unpack_parts(self.parts) if self.parts else (),
            tail=tail,
            running=self._running(),
            algorithm=self.algorithm,
            claim=self.claim,
            claim_expires_at_s=int(self.claim_expires_at_s),
            image_id=self.image_id,
            proving=self._proving(),
        )

    def _proving(self) -> Proving | None:
        if not self.proving_digest:
            return None
        asked_at_s, read_bytes = int(self.proving_asked_at_s), int(self.proving_read_bytes)
        digest = read_digest(self.proving_digest)
        return Proving(digest, asked_at_s, read_bytes, self.proving_state)

    def _running(self) -> RunningHash | None:
        if not self.running_algorithm:
            return None
        digest = Digest(self.hash_algorithm, self.hash_hex)
        return RunningHash(self.running_algorithm, digest, self.running_state)


def new_revision() -> str:
    """A word that tells one write of an item from the next."""
    return secrets.token_hex(6)


def read_digest(text: str) -> Digest:
    """A digest that we stored ourselves, and need not check again."""
    algorithm, _, encoded = text.partition(":")
    return Digest(algorithm, encoded)
