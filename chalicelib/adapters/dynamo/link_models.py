"""What stands between manifests and beside tags: referrers, parents, history, the edge's word."""

from __future__ import annotations

from dataclasses import replace
from typing import Self

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.adapters.dynamo import keys, packing
from chalicelib.adapters.dynamo.models import ManifestColumns, Row, read_digest
from chalicelib.domain.digest import Digest
from chalicelib.domain.names import RepositoryName, TagName
from chalicelib.domain.records import Change, StoredManifest, TagEvent, referrer_order


class ReferrerRow(ManifestColumns, discriminator="referrer"):
    """A manifest under its subject: all that a list of referrers shows of it."""

    @classmethod
    def of(cls, team: str, name: RepositoryName, subject: Digest, manifest: StoredManifest) -> Self:
        row = cls.at(referrer_key(team, name, subject, manifest))
        row.fill(manifest, slim=True)
        row.annotations = packing.pack_texts(manifest.annotations)
        return row

    def value(self) -> StoredManifest:
        stored = self.manifest()
        assert stored is not None, "a referrer has its manifest's columns"
        return replace(stored, annotations=packing.unpack_texts(self.annotations))


def referrer_key(
    team: str, name: RepositoryName, subject: Digest, manifest: StoredManifest
) -> keys.Key:
    order = referrer_order(manifest.digest, manifest.artifact_type)
    return keys.referrer(team, name, subject, order)


class ParentRow(Row, discriminator="parent"):
    digest = UnicodeAttribute()

    @classmethod
    def of(cls, team: str, name: RepositoryName, child: Digest, digest: Digest) -> Self:
        return cls.at(keys.parent(team, name, child, digest), digest=str(digest))

    def value(self) -> Digest:
        return read_digest(self.digest)


class EdgeRow(Row, discriminator="edge"):
    word = UnicodeAttribute()


class EventRow(Row, discriminator="tag event"):
    tag = UnicodeAttribute()
    target = UnicodeAttribute(null=True)
    at_ms = NumberAttribute()
    word = UnicodeAttribute()
    by = UnicodeAttribute(null=True)

    @classmethod
    def of(cls, team: str, name: RepositoryName, event: TagEvent) -> Self:
        change = event.change
        return cls.at(
            keys.event(team, name, event.tag, change.order),
            tag=event.tag.value,
            target=event.target,
            at_ms=change.at_ms,
            word=change.word,
            by=change.by,
        )

    def value(self) -> TagEvent:
        change = Change(int(self.at_ms), self.word, self.by)
        return TagEvent(TagName(self.tag), self.target, change)
