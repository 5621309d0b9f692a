"""Items as the collector reads them: the contents of a repository, and facts of a scan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.adapters.dynamo import keys, packing
from chalicelib.adapters.dynamo.image_models import HolderRow, ImageRow, IndexImageRow, JsonPieceRow
from chalicelib.adapters.dynamo.link_models import EdgeRow, ParentRow, ReferrerRow
from chalicelib.adapters.dynamo.living import has_ended
from chalicelib.adapters.dynamo.models import (
    PARTITION_KEY,
    SORT_KEY,
    BlobRow,
    BridgedRow,
    LinkRow,
    ManifestColumns,
    ManifestEntryRow,
    RepositoryRow,
    Row,
    TagEntryRow,
    UploadRow,
    read_digest,
)
from chalicelib.adapters.dynamo.team_models import TeamRow, number
from chalicelib.domain.facts import Fact, FactKind
from chalicelib.domain.marking import Contents, Line, ManifestEntry
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.records import Blob

# What a scan has to send of an item, so that megabytes of manifests stay where they are. Sessions
# are whole: they are few.
SCANNED = (
    "PK",
    "SK",
    "kind",
    "digest",
    "size_bytes",
    "object_key",
    "image_id",
    "ancestry",
    "layer_digest",
    "layer_bytes",
    "layer_key",
    "suspected_at_s",
    "condemned",
    "ends_at_s",
    "life",
    "going",
    "word",
    "team",
    "upload_id",
    "repository",
    "expires_at_s",
    "offset_bytes",
    "multipart_id",
    "tail_key",
    "tail_bytes",
    "algorithm",
    "claim",
    "claim_expires_at_s",
    "json_hash",
)
# Partitions of rows that hang on their team, and that no repository's deletion takes along: what
# is to be told of it, and what was.
_HANGING = frozenset({"EVENTS", "HOOK", "TOLD"})


class RunRow(Row, discriminator="collector run"):
    """Where the collector of a scope is, and whose turn it is."""

    word = UnicodeAttribute()
    until_s = NumberAttribute()
    state = UnicodeAttribute(null=True)


def contents_of(
    name: RepositoryName, record: RepositoryRow | None, rows: Sequence[Row], now_s: int
) -> Contents:
    """A repository's partition, after its record."""
    is_going = record is not None and has_ended(record, now_s)
    bridged = [row for row in rows if isinstance(row, BridgedRow)]
    return Contents(
        name,
        record.value() if record and not record.going else None,
        record.revision if record else None,
        is_going,
        tags=tuple(row.value() for row in rows if isinstance(row, TagEntryRow)),
        manifests=tuple(_entry(row) for row in rows if isinstance(row, ManifestEntryRow)),
        links=tuple(row.value() for row in rows if isinstance(row, LinkRow)),
        referrers=tuple(
            Line(row.sk, read_digest(row.digest)) for row in rows if isinstance(row, ReferrerRow)
        ),
        parents=tuple(Line(row.sk, row.value()) for row in rows if isinstance(row, ParentRow)),
        views={row.sk.removeprefix(keys.BRIDGED): read_digest(row.digest) for row in bridged},
        listed=tuple(row.value().image_id for row in rows if isinstance(row, IndexImageRow)),
    )


def _entry(row: ManifestEntryRow) -> ManifestEntry:
    return ManifestEntry(
        read_digest(row.digest),
        int(row.size_bytes),
        read_digest(row.subject) if row.subject else None,
        None if row.pushed_at_s is None else int(row.pushed_at_s),
        row.object_key,
    )


def _piece(row: JsonPieceRow, key: keys.Key, team: str, image_id: str) -> Fact:
    return Fact(
        FactKind.PIECE,
        team,
        image_id=image_id,
        suspected_at_s=number(row.suspected_at_s),
        word=key.sk.split("#")[1],
        row=written(key),
    )


def _blob(row: BlobRow, team: str) -> Fact:
    blob = row.value()
    return Fact(
        FactKind.BLOB,
        team,
        blob=blob,
        is_condemned=bool(row.condemned),
        object_key=row.object_key,
        suspected_at_s=blob.suspected_at_s,
    )


def fact_of(item: Mapping[str, Any]) -> Fact | None:
    """What an item is to the collector; None for those that are none of its business."""
    key = keys.Key(*(item[column]["S"] for column in (PARTITION_KEY, SORT_KEY)))
    place = key.pk.split("#", 2)
    team = place[1] if len(place) > 1 else ""
    if place[0] in _HANGING:
        return Fact(FactKind.HANGING, team, row=written(key))
    row = Row.from_raw_data(dict(item))
    if place[0] == "REPO":
        return _held(row, team, RepositoryName(place[2]))
    if isinstance(row, RepositoryRow):
        is_going, end_s = bool(row.going), number(row.ends_at_s)
        return Fact(FactKind.RECORD, team, row.name(), is_going=is_going, ends_at_s=end_s)
    if isinstance(row, TeamRow):
        return Fact(FactKind.TEAM, team, word=row.life, ends_at_s=number(row.ends_at_s))
    if isinstance(row, HolderRow):
        image_id = place[2]
        return Fact(FactKind.HOLDER, team, row.name(), image_id=image_id, row=written(key))
    if isinstance(row, JsonPieceRow):
        return _piece(row, key, team, place[2])
    if isinstance(row, BlobRow):
        return _blob(row, team)
    if isinstance(row, ImageRow):
        return _image(row, team)
    if isinstance(row, UploadRow):
        return Fact(FactKind.UPLOAD, team, session=row.value())
    if isinstance(row, ManifestColumns):
        return Fact(FactKind.DOCUMENT, team, object_key=row.object_key or "")
    return None


def _held(row: Row, team: str, name: RepositoryName) -> Fact:
    if isinstance(row, LinkRow):
        return Fact(FactKind.LINK, team, name, row.value(), object_key=row.object_key)
    if isinstance(row, EdgeRow):
        return Fact(FactKind.WORD, team, name, word=row.word)
    if isinstance(row, TagEntryRow) and row.image_id:
        return Fact(FactKind.TAGGED_IMAGE, team, name, image_id=row.image_id)
    if isinstance(row, ManifestColumns) and row.object_key:
        return Fact(FactKind.DOCUMENT, team, name, object_key=row.object_key)
    return Fact(FactKind.HELD, team, name)


def _image(row: ImageRow, team: str) -> Fact:
    blob = None
    if row.layer_digest is not None:
        blob = Blob(read_digest(row.layer_digest), int(row.layer_bytes), row.layer_key)
    since_s = None if row.suspected_at_s is None else int(row.suspected_at_s)
    return Fact(
        FactKind.IMAGE,
        team,
        blob=blob,
        object_key=row.layer_key or "",
        image_id=row.image_id,
        ancestry=tuple(packing.unpack(row.ancestry).decode().split()),
        suspected_at_s=since_s,
        word=row.json_hash,
    )


def written(key: keys.Key) -> str:
    """A key as a word of a fact: no key has a line break."""
    return f"{key.pk}\n{key.sk}"


def read(row: str) -> keys.Key:
    return keys.Key(*row.split("\n"))
