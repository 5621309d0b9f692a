"""What the collector asks, in dictionaries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from threading import RLock
from typing import TypeVar

from chalicelib.collect_ports import Scanned
from chalicelib.domain.digest import Digest
from chalicelib.domain.expiry import is_over
from chalicelib.domain.facts import Fact, FactKind
from chalicelib.domain.image import V1Image
from chalicelib.domain.marking import Contents, Going, Kind, Line, ManifestEntry
from chalicelib.domain.names import RepositoryName, TagName
from chalicelib.domain.records import (
    Blob,
    Change,
    IndexImage,
    Repository,
    StoredManifest,
    Tag,
    TagEvent,
)
from chalicelib.domain.teams import Team
from chalicelib.domain.upload import UploadSession
from chalicelib.ports import Clock, Conflict

Named = tuple[str, RepositoryName]
K = TypeVar("K")
V = TypeVar("V")


def read(text: str) -> Digest:
    algorithm, _, encoded = text.partition(":")
    return Digest(algorithm, encoded)


class MemoryCollecting:
    """Shares everything with the metadata that it is a part of."""

    _lock: RLock
    _clock: Clock
    _repositories: dict[Named, Repository]
    _revisions: dict[Named, int]
    _tags: dict[tuple[str, RepositoryName, TagName], Tag]
    _manifests: dict[tuple[str, RepositoryName, Digest], StoredManifest]
    _pushed_at: dict[tuple[str, RepositoryName, Digest], int]
    _named: dict[tuple[str, RepositoryName, Digest], dict[Digest, None]]
    _links: dict[tuple[str, RepositoryName, Digest], Blob]
    _bridged: dict[tuple[str, RepositoryName, str], StoredManifest]
    _listed: dict[Named, dict[str, IndexImage]]
    _history: dict[tuple[str, RepositoryName, TagName], list[TagEvent]]
    _blobs: dict[tuple[str, Digest], Blob]
    _condemned: set[tuple[str, Digest]]
    _images: dict[tuple[str, str], V1Image]
    _uploads: dict[tuple[str, str], UploadSession]
    _edge_words: dict[Named, str]
    _teams: dict[str, Team]
    _runs: dict[str, tuple[str, int, str]]

    # --- looking ------------------------------------------------------------------------------

    def scan(self, cursor: str | None, limit: int | None = None) -> Scanned:
        with self._lock:
            found = sorted(self._facts(), key=lambda each: each[0])
        left = [each for each in found if cursor is None or each[0] > cursor]
        page = left if limit is None else left[:limit]
        ended = len(page) == len(left)
        return Scanned([fact for _, fact in page], None if ended else page[-1][0])

    def _facts(self) -> Iterator[tuple[str, Fact]]:
        """Each under a key that scatters them as a table does."""
        for (team, name), record in self._repositories.items():
            fact = Fact(FactKind.RECORD, team, name, ends_at_s=record.expires_at_s)
            yield f"T {team} {name.path}", fact
        for known in self._teams.values():
            fact = Fact(FactKind.TEAM, known.name, word=known.life, ends_at_s=known.expires_at_s)
            yield f"T {known.name}", fact
        for (team, name, digest), link in self._links.items():
            key = link.object_key
            fact = Fact(FactKind.LINK, team, name, blob=link, object_key=key)
            yield f"R {team} {name.path} link {digest}", fact
        for (team, name, tag_name), tag in self._tags.items():
            kind = FactKind.TAGGED_IMAGE if tag.image_id else FactKind.HELD
            fact = Fact(kind, team, name, image_id=tag.image_id or "")
            yield f"R {team} {name.path} tag {tag_name}", fact
            yield f"X {team} {name.path} {tag_name}", _document(team, tag.manifest)
        for (team, name, digest), manifest in self._manifests.items():
            yield f"M {team} {name.path} {digest}", _document(team, manifest)
            yield f"R {team} {name.path} man {digest}", Fact(FactKind.HELD, team, name)
        for (team, name, key), manifest in self._bridged.items():
            yield f"R {team} {name.path} view {key}", _document(team, manifest, name)
        for (team, name), listed in self._listed.items():
            for image_id in listed:
                fact = Fact(FactKind.HOLDER, team, name, image_id=image_id)
                yield f"I {team} {image_id} in {name.path}", fact
                yield f"R {team} {name.path} v1 {image_id}", Fact(FactKind.HELD, team, name)
        for (team, name), word in self._edge_words.items():
            yield f"R {team} {name.path} edge", Fact(FactKind.WORD, team, name, word=word)
        yield from self._of_teams()

    def _of_teams(self) -> Iterator[tuple[str, Fact]]:
        for (team, digest), blob in self._blobs.items():
            is_condemned = (team, digest) in self._condemned
            since_s, key = blob.suspected_at_s, blob.object_key
            fact = Fact(
                FactKind.BLOB, team, None, blob, is_condemned, False, key, suspected_at_s=since_s
            )
            yield f"B {team} {digest}", fact
        for (team, image_id), image in self._images.items():
            layer = image.layer
            blob_of = Blob(layer.digest, layer.size_bytes, layer.object_key) if layer else None
            fact = Fact(
                FactKind.IMAGE,
                team,
                blob=blob_of,
                object_key=layer.object_key if layer else "",
                image_id=image_id,
                ancestry=image.ancestry,
                suspected_at_s=image.suspected_at_s,
            )
            yield f"I {team} {image_id}", fact
        for (team, upload_id), session in self._uploads.items():
            yield f"U {team} {upload_id}", Fact(FactKind.UPLOAD, team, session=session)

    def find_manifests(
        self, team: str, name: RepositoryName, digests: Sequence[Digest]
    ) -> Mapping[Digest, StoredManifest]:
        with self._lock:
            found = {digest: self._manifests.get((team, name, digest)) for digest in digests}
        return {digest: manifest for digest, manifest in found.items() if manifest}

    def glance(self, team: str, name: RepositoryName) -> tuple[Contents, bool]:
        return replace(self.read_contents(team, name), repository=None), True

    def read_contents(self, team: str, name: RepositoryName) -> Contents:
        place = (team, name)
        with self._lock:
            manifests = {k[2]: m for k, m in self._manifests.items() if k[:2] == place}
            parents = [
                Line(f"{child} {digest}", digest)
                for (_, _, child), named in self._at(self._named, place)
                for digest in named
            ]
            record = self._repositories.get(place)
            has_ended = record is not None and is_over(record.expires_at_s, self._clock.now_s())
            return Contents(
                name,
                record,
                str(self._revisions.get(place, 0)),
                has_ended,
                tags=tuple(tag for _, tag in self._at(self._tags, place)),
                manifests=tuple(
                    ManifestEntry(
                        digest,
                        manifest.size_bytes,
                        manifest.subject,
                        self._pushed_at.get((*place, digest)),
                        manifest.object_key,
                    )
                    for digest, manifest in manifests.items()
                ),
                links=tuple(link for _, link in self._at(self._links, place)),
                parents=tuple(parents),
                views={key[2]: m.digest for key, m in self._at(self._bridged, place)},
                listed=tuple(sorted(self._listed.get(place, ()))),
            )

    @staticmethod
    def _at(
        facts: dict[tuple[str, RepositoryName, K], V], place: Named
    ) -> list[tuple[tuple[str, RepositoryName, K], V]]:
        return [(key, fact) for key, fact in facts.items() if key[:2] == place]

    # --- a repository -------------------------------------------------------------------------

    def sweep(self, team: str, seen: Contents, going: Sequence[Going], change: Change) -> None:
        place = (team, seen.name)
        with self._lock:
            record = self._repositories.get(place)
            life = seen.repository.life if seen.repository else None
            if (record is None) != (seen.repository is None) or (record and record.life != life):
                raise Conflict(f"{seen.name} lives another life")
            if str(self._revisions.get(place, 0)) != seen.revision:
                raise Conflict(f"{seen.name} has been added to")
            for thing in going:
                if thing.kind is Kind.LINK:
                    link = self._links.get((*place, read(thing.text)))
                    if link is None or link.suspected_at_s != thing.suspected_at_s:
                        raise Conflict(f"blob {thing.text} is relied on")
            if record:
                self._repositories[place] = replace(record, swept=change.word)
            for thing in going:
                self._take(team, seen.name, thing, change)

    def _take(self, team: str, name: RepositoryName, thing: Going, change: Change) -> None:
        place = (team, name)
        if thing.kind is Kind.TAG:
            tag = TagName(thing.text)
            if self._tags.pop((*place, tag), None):
                self._history.setdefault((*place, tag), []).append(TagEvent(tag, None, change))
        elif thing.kind is Kind.MANIFEST:
            self._manifests.pop((*place, read(thing.text)), None)
            self._pushed_at.pop((*place, read(thing.text)), None)
        elif thing.kind is Kind.PARENT:
            child, _, digest = thing.text.partition(" ")
            named = self._named.get((*place, read(child)), {})
            named.pop(read(digest), None)
            if not named:
                self._named.pop((*place, read(child)), None)
        elif thing.kind is Kind.VIEW:
            self._bridged.pop((*place, thing.text), None)
        elif thing.kind is Kind.LISTED:
            self._listed.get(place, {}).pop(thing.text, None)
        elif thing.kind is Kind.LINK:
            self._links.pop((*place, read(thing.text)), None)
            if thing.object_key.startswith(f"{team}/edge/"):
                self._edge_words.pop(place, None)

    def suspect_link(self, team: str, name: RepositoryName, digest: Digest, at_s: int) -> None:
        with self._lock:
            link = self._links.get((team, name, digest))
            if link and link.suspected_at_s is None:
                self._links[team, name, digest] = replace(link, suspected_at_s=at_s)

    def drop_edge_word(self, team: str, name: RepositoryName, word: str) -> None:
        with self._lock:
            if self._edge_words.get((team, name)) == word:
                del self._edge_words[team, name]

    # --- what belongs to a team ---------------------------------------------------------------

    def suspect_blob(self, team: str, digest: Digest, at_s: int) -> None:
        with self._lock:
            blob = self._blobs.get((team, digest))
            if blob and blob.suspected_at_s is None and (team, digest) not in self._condemned:
                self._blobs[team, digest] = replace(blob, suspected_at_s=at_s)

    def spare_blob(self, team: str, digest: Digest) -> None:
        with self._lock:
            blob = self._blobs.get((team, digest))
            if blob and (team, digest) not in self._condemned:
                self._blobs[team, digest] = replace(blob, suspected_at_s=None)

    def condemn_blob(self, team: str, digest: Digest, suspected_at_s: int) -> bool:
        with self._lock:
            blob = self._blobs.get((team, digest))
            if blob is None or blob.suspected_at_s != suspected_at_s:
                return False
            self._condemned.add((team, digest))
            return True

    def forget_blob(self, team: str, blob: Blob) -> None:
        key = (team, blob.digest)
        with self._lock:
            there = self._blobs.get(key)
            if there and key in self._condemned and there.object_key == blob.object_key:
                del self._blobs[key]
                self._condemned.discard(key)

    def suspect_image(self, team: str, image_id: str, at_s: int) -> None:
        with self._lock:
            image = self._images.get((team, image_id))
            if image and image.suspected_at_s is None:
                self._images[team, image_id] = replace(image, suspected_at_s=at_s)

    def delete_image(self, team: str, image_id: str, suspected_at_s: int) -> bool:
        with self._lock:
            image = self._images.get((team, image_id))
            if image is None or image.suspected_at_s != suspected_at_s:
                return False
            del self._images[team, image_id]
            return True

    # Here a json is whole: there are no pieces.

    def suspect_piece(self, team: str, piece: str, at_s: int) -> None:
        return

    def delete_piece(self, team: str, piece: str, suspected_at_s: int) -> bool:
        return False

    def end_upload(self, session: UploadSession) -> bool:
        with self._lock:
            there = self._uploads.get((session.team, session.upload_id))
            if there is None or there.expires_at_s != session.expires_at_s:
                return False
            del self._uploads[session.team, session.upload_id]
            return True

    # --- runs ---------------------------------------------------------------------------------

    def take_run(self, scope: str, word: str, *, now_s: int, until_s: int) -> str:
        with self._lock:
            holder, ends_at_s, state = self._runs.get(scope, ("", 0, ""))
            if holder != word and ends_at_s > now_s:
                raise Conflict(f"{scope} is being collected")
            self._runs[scope] = (word, until_s, state)
            return state

    def save_run(self, scope: str, word: str, state: str, *, until_s: int) -> None:
        with self._lock:
            if self._runs.get(scope, ("", 0, ""))[0] != word:
                raise Conflict(f"{scope} is collected by another run")
            self._runs[scope] = (word, until_s, state)


def _document(
    team: str, manifest: StoredManifest | None, name: RepositoryName | None = None
) -> Fact:
    key = manifest.object_key if manifest else None
    return Fact(FactKind.DOCUMENT, team, name, object_key=key or "")
