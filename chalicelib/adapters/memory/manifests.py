"""Manifests, tags, their history and their referrers, in dictionaries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from chalicelib.adapters.memory.pages import cut
from chalicelib.adapters.memory.teams import MemoryTeams
from chalicelib.domain.digest import Digest
from chalicelib.domain.expiry import is_over
from chalicelib.domain.names import Reference, RepositoryName, TagName
from chalicelib.domain.paging import Listing, Page
from chalicelib.domain.records import (
    Blob,
    Change,
    Repository,
    StoredManifest,
    Tag,
    TagEvent,
    referrer_order,
)
from chalicelib.ports import Conflict, Held, Missing, PullSurvey, PushSurvey


class MemoryManifests(MemoryTeams):
    """Shares its lock and its repositories with the metadata that it is a part of."""

    _revise: Callable[[str, RepositoryName], None]

    def __init__(self) -> None:
        self._manifests: dict[tuple[str, RepositoryName, Digest], StoredManifest] = {}
        self._tags: dict[tuple[str, RepositoryName, TagName], Tag] = {}
        self._links: dict[tuple[str, RepositoryName, Digest], Blob] = {}
        self._named: dict[tuple[str, RepositoryName, Digest], dict[Digest, None]] = {}
        self._history: dict[tuple[str, RepositoryName, TagName], list[TagEvent]] = {}
        self._pushed_at: dict[tuple[str, RepositoryName, Digest], int] = {}

    def survey_push(
        self,
        team: str,
        name: RepositoryName,
        tags: Sequence[TagName],
        blobs: Sequence[Digest],
        manifests: Sequence[Digest],
    ) -> PushSurvey:
        with self._lock:
            self._enter_room(team, name)
            self._tell_tags(team, name, [self._tags.get((team, name, tag)) for tag in tags])
            found = {tag: self.find_tag(team, name, tag) for tag in tags}
            links = {digest: self._links.get((team, name, digest)) for digest in blobs}
            return PushSurvey(
                self._record(team, name),
                {tag: _slim(there) for tag, there in found.items() if there},
                {digest: blob for digest, blob in links.items() if blob},
                frozenset(d for d in manifests if (team, name, d) in self._manifests),
                self._team(team),
            )

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
        name = repository.name
        pointed = [replace(tag, manifest=manifest, image_id=None) for tag in tags]
        with self._lock:
            if any((team, name, child) not in self._manifests for child in children):
                raise Conflict("a child is gone")
            for tag in pointed:
                self._check_fixed(team, name, tag, fixed=tag.name in fixed)
                self._check_end(team, name, tag, lasting=tag.name in lasting)
            self._check_event(change.event)
            self._bring_into_being(team, repository)
            self._keep_event(change.event)
            self._manifests[team, name, manifest.digest] = manifest
            self._pushed_at[team, name, manifest.digest] = change.at_ms // 1000
            for child in children:
                self._named.setdefault((team, name, child), {})[manifest.digest] = None
            for tag in pointed:
                self._set(team, name, tag, change)

    def _bring_into_being(self, team: str, repository: Repository) -> None:
        known = self._repositories.get((team, repository.name))
        if known is not None and self._is_over(known):
            raise Conflict(f"{repository.name} has expired")
        if repository.life is not None and (known is None or known.life != repository.life):
            raise Conflict(f"{repository.name} lives another life")
        if repository.life is not None and known and known.swept != repository.swept:
            raise Conflict(f"{repository.name} has been swept meanwhile")
        self._repositories.setdefault((team, repository.name), repository)
        self._revise(team, repository.name)

    def _check_fixed(self, team: str, name: RepositoryName, tag: Tag, *, fixed: bool) -> None:
        there = self.find_tag(team, name, tag.name)
        if fixed and there is not None and there.target != tag.target:
            raise Conflict(f"tag {tag.name} is fixed")

    def _check_end(self, team: str, name: RepositoryName, tag: Tag, *, lasting: bool) -> None:
        there = self.find_tag(team, name, tag.name)
        if lasting and (there.expires_at_s if there else None) != tag.expires_at_s:
            raise Conflict(f"tag {tag.name} has another end")

    def _set(self, team: str, name: RepositoryName, tag: Tag, change: Change) -> None:
        self._tags[team, name, tag.name] = tag
        self._note(team, name, TagEvent(tag.name, tag.target, change))

    def _note(self, team: str, name: RepositoryName, event: TagEvent) -> None:
        self._history.setdefault((team, name, event.tag), []).append(event)

    def find_manifest(
        self, team: str, name: RepositoryName, digest: Digest
    ) -> StoredManifest | None:
        with self._lock:
            if self._is_hidden(team, name):
                return None
            return self._manifests.get((team, name, digest))

    def find_tag(self, team: str, name: RepositoryName, tag: TagName) -> Tag | None:
        with self._lock:
            found = None if self._is_hidden(team, name) else self._tags.get((team, name, tag))
            return found if found and self._lives(found) else None

    def _lives(self, tag: Tag) -> bool:
        return not is_over(tag.expires_at_s, self._clock.now_s())

    def survey_pull(self, team: str, name: RepositoryName, reference: Reference) -> PullSurvey:
        with self._lock:
            if self._is_hidden(team, name):
                return PullSurvey()
            repository, found = self._record(team, name), self._team(team)
            if isinstance(reference, TagName):
                tag = self.find_tag(team, name, reference)
                return PullSurvey(tag=tag, repository=repository, team=found)
            manifest = self.find_manifest(team, name, reference)
            return PullSurvey(manifest=manifest, repository=repository, team=found)

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
        with self._lock:
            self._check_fixed(team, repository.name, tag, fixed=fixed)
            self._check_end(team, repository.name, tag, lasting=lasting)
            self._check_event(change.event)
            self._bring_into_being(team, repository)
            self._keep_event(change.event)
            self._set(team, repository.name, tag, change)

    def delete_tag(self, team: str, name: RepositoryName, tag: TagName, change: Change) -> None:
        with self._lock:
            known = self._tags.get((team, name, tag))
            if known is None or not self._lives(known):
                raise Missing(f"tag {tag}")
            self._check_event(change.event)
            self._drop_tag(team, name, tag, change)
            self._keep_event(change.event)

    def _drop_tag(self, team: str, name: RepositoryName, tag: TagName, change: Change) -> None:
        del self._tags[team, name, tag]
        self._note(team, name, TagEvent(tag, None, change))

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
        with self._lock:
            if (team, name, digest) not in self._manifests:
                raise Missing(f"manifest {digest}")
            named = self._named.get((team, name, digest), {})
            parents = [parent for parent in named if (team, name, parent) in self._manifests]
            tags = [
                tag.name
                for key, tag in self._tags.items()
                if key[:2] == (team, name) and tag.manifest and tag.manifest.digest == digest
            ]
            held = [tag for tag in tags if kept(tag) and self._lives(self._tags[team, name, tag])]
            if parents or held:
                raise Held(sorted(held), sorted(parents, key=str))
            self._check_event(change.event)
            if change.event is not None:
                facts = {**change.event.facts, "tags": sorted(tag.value for tag in tags)}
                self._keep_event(replace(change.event, facts=facts))
            for tag_name in tags:
                self._drop_tag(team, name, tag_name, change)
            for child in children:
                self._named.get((team, name, child), {}).pop(digest, None)
            del self._manifests[team, name, digest]
            self._pushed_at.pop((team, name, digest), None)

    def list_tags(self, team: str, name: RepositoryName, page: Page) -> Listing[Tag]:
        with self._lock:
            tags = [
                _slim(tag)
                for key, tag in self._tags.items()
                if key[:2] == (team, name) and self._lives(tag)
            ]
            if self._is_hidden(team, name):
                return Listing([], more=False)
        return cut(tags, page, lambda tag: tag.name.value)

    def list_tags_whole(self, team: str, name: RepositoryName, page: Page) -> Listing[Tag]:
        with self._lock:
            tags = [
                tag
                for key, tag in self._tags.items()
                if key[:2] == (team, name) and self._lives(tag)
            ]
            if self._is_hidden(team, name):
                return Listing([], more=False)
        return cut(tags, page, lambda tag: tag.name.value)

    def list_history(
        self, team: str, name: RepositoryName, tag: TagName, page: Page
    ) -> Listing[TagEvent]:
        with self._lock:
            hidden = self._is_hidden(team, name)
            events = [] if hidden else list(self._history.get((team, name, tag), ()))
        return cut(events, page, lambda event: event.change.order)

    def list_referrers(
        self,
        team: str,
        name: RepositoryName,
        subject: Digest,
        page: Page,
        artifact_type: str | None = None,
    ) -> Listing[StoredManifest]:
        with self._lock:
            found = [
                replace(manifest, raw=None)
                for key, manifest in self._manifests.items()
                if key[:2] == (team, name)
                and not self._is_hidden(team, name)
                and manifest.subject == subject
                and artifact_type in (None, manifest.artifact_type)
            ]
        return cut(found, page, lambda each: referrer_order(each.digest, each.artifact_type))


def _slim(tag: Tag) -> Tag:
    """The tag as lists show it: without what makes a manifest large."""
    if tag.manifest is None:
        return tag
    return replace(tag, manifest=replace(tag.manifest, raw=None, annotations={}))
