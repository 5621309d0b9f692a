"""Repositories of any size, put straight into the metadata store: no blob is behind a manifest.

The rows are those of a push through the registry: the same parser and the same verb make them.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice

from chalicelib.domain import limits
from chalicelib.domain.digest import Digest, digest_of
from chalicelib.domain.manifest import parse_manifest
from chalicelib.domain.names import RepositoryName, TagName
from chalicelib.domain.records import Change, Repository, StoredManifest, Tag
from chalicelib.service.documents import keep
from chalicelib.service.world import World

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
EMPTY = "application/vnd.oci.empty.v1+json"
OFTEN, SELDOM = "application/vnd.example.sbom", "application/vnd.example.signature"
# One referrer in so many is of the type that is seldom.
SELDOM_EVERY = 100
# DynamoDB Local does one transaction after the other: a second thread prepares the next.
THREADS = 2


def tag_names(count: int) -> list[str]:
    """In the order of lists."""
    return [f"v1.{number:06d}" for number in range(count)]


def document(number: int, subject: Digest | None = None, artifact_type: str | None = None) -> bytes:
    """An image manifest of a size that is usual, unlike all others; a referrer with a subject."""

    def named(what: str, media_type: str) -> dict[str, object]:
        digest = digest_of(f"{what} {number} {subject}".encode())
        return {"mediaType": media_type, "digest": str(digest), "size": 1000 + number}

    layer = "application/vnd.oci.image.layer.v1.tar+gzip"
    made: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": named("config", EMPTY),
        "layers": [named("first", layer), named("second", layer)],
        "annotations": {"org.opencontainers.image.version": f"1.{number}"},
    }
    if subject is not None:
        made["subject"] = {"mediaType": OCI_MANIFEST, "digest": str(subject), "size": 1000}
    if artifact_type is not None:
        made["artifactType"] = artifact_type
    return json.dumps(made).encode()


@dataclass
class Filler:
    """Writes into one registry, in threads, and keeps count."""

    world: World
    manifests: int = 0
    tags: int = 0
    seconds: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def empty(self, path: str) -> None:
        """A repository that is there and holds nothing."""
        repository = self._repository(path)
        self.world.metadata.put_repository(self.world.team_of(repository.name), repository)

    def tagged(self, path: str, count: int) -> None:
        """Tags, as many to a manifest as one transaction takes."""
        names = iter(tag_names(count))
        groups = iter(lambda: list(islice(names, limits.MAX_TAGS_AT_ONCE)), [])
        self._put(path, ((document(n), group) for n, group in enumerate(groups)))

    def images(self, path: str, count: int) -> None:
        """Manifests with a tag each."""
        self._put(path, ((document(n), [name]) for n, name in enumerate(tag_names(count))))

    def referrers(self, path: str, subject: Digest, count: int) -> list[StoredManifest]:
        """Manifests that refer to one, which need not be there."""
        kinds = (OFTEN if number % SELDOM_EVERY else SELDOM for number in range(count))
        documents = (document(n, subject, kind) for n, kind in enumerate(kinds))
        return self._put(path, ((raw, []) for raw in documents))

    def _repository(self, path: str) -> Repository:
        return Repository(RepositoryName(path), self.world.clock.now_s())

    def _put(
        self, path: str, images: Iterable[tuple[bytes, Sequence[str]]]
    ) -> list[StoredManifest]:
        self.empty(path)
        repository, world = self._repository(path), self.world
        team = world.team_of(repository.name)

        def put(image: tuple[bytes, Sequence[str]]) -> StoredManifest:
            raw, names = image
            stored = keep(world, team, parse_manifest(raw, OCI_MANIFEST), len(names))
            now_s = world.clock.now_s()
            tags = [Tag(TagName(name), now_s, manifest=stored) for name in names]
            change = Change(world.clock.now_ms(), world.words.fresh())
            world.metadata.put_manifest(team, repository, stored, tags, change)
            with self._lock:
                self.manifests, self.tags = self.manifests + 1, self.tags + len(tags)
            return stored

        began_s = time.perf_counter()
        with ThreadPoolExecutor(THREADS) as pool:
            stored = [made for some in _portions(images) for made in pool.map(put, some)]
        self.seconds += time.perf_counter() - began_s
        return stored


def _portions(
    images: Iterable[tuple[bytes, Sequence[str]]],
) -> Iterator[list[tuple[bytes, Sequence[str]]]]:
    """So many at a time as are worth holding in memory."""
    rest = iter(images)
    while portion := list(islice(rest, 500)):
        yield portion
