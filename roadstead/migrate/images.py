"""One tag of a v2 registry, and all that belongs to it.

    HEAD tag there, HEAD tag here        the same digest: only what refers to it is looked after
    HEAD digest here                     here already: the tag is set, and no blob is asked for
    else                                 manifests that are here already are left out with all that
                                         they hold; blobs are mounted or sent; bottom-up, tag last
    then                                 signatures, SBOMs: by the referrers API; tags `sha256-...`
                                         come with the other tags

A manifest that a registry has is whole: it was taken when all its parts were there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from enum import Enum

from chalicelib.domain.digest import parse_digest
from chalicelib.domain.errors import RegistryError
from roadstead.client.door import Door
from roadstead.client.errors import TransferError
from roadstead.client.http import REDIRECTS, RegistryClient
from roadstead.client.image import ACCEPT, Descriptor, Image, gather
from roadstead.client.memory import Memory
from roadstead.client.names import Host, ImageName
from roadstead.client.push import push_image, put_manifest
from roadstead.client.sources.registry import RegistryImage, RemoteBlob, blob_at, pull_scope
from roadstead.migrate import lists
from roadstead.migrate.sharing import SharedMemory
from roadstead.migrate.tally import ImageWatch, Screen, Tally
from roadstead.uploader import PartStorage

SCHEMA_1 = "application/vnd.docker.distribution.manifest.v1"
ASKED = f"{ACCEPT}, {SCHEMA_1}+prettyjws, {SCHEMA_1}+json"
MAX_REFERRER_DEPTH = 4


class Outcome(Enum):
    """What became of a tag."""

    BROUGHT = "brought"
    THERE = "there already"
    LEFT = "differs, left as it is"


@dataclass(frozen=True)
class Lane:
    """A repository, by its name there and here."""

    source: str
    target: str


@dataclass(frozen=True)
class Seen:
    """What a dry run finds of a tag; ``blobs`` (sizes by digest) is None where it cannot tell."""

    outcome: Outcome
    blobs: Mapping[str, int] | None


@dataclass
class Part:
    """An image without what the target has already."""

    client: RegistryClient
    name: ImageName | None
    image: Image

    def blob(self, descriptor: Descriptor) -> RemoteBlob | None:
        assert self.name is not None
        return blob_at(self.client, self.name.repository, descriptor)


@dataclass
class Images:
    """From one v2 registry to another."""

    origin: RegistryClient
    target: RegistryClient
    storage: PartStorage
    parts: Executor
    make_memory: Callable[[], SharedMemory]
    tally: Tally
    screen: Screen
    keeps: bool = False
    # Where every manifest that is read counts, the target's are read where it has them.
    is_counted: bool = False

    def tags(self, repository: str) -> list[str]:
        """Raises: TransferError."""
        return lists.tags(self.origin, repository)

    def digests(self, lane: Lane, tag: str) -> tuple[str, str | None]:
        """Where a tag points to there, and here. Raises: TransferError."""
        return self._digest_there(lane.source, tag), self._digest_here(lane.target, tag)

    def look(self, lane: Lane, tag: str) -> Seen:
        """What `bring` would do. Raises: TransferError."""
        there, here = self.digests(lane, tag)
        outcome = Outcome.THERE if here == there else Outcome.BROUGHT
        if here not in (None, there) and self.keeps:
            outcome = Outcome.LEFT
        if self.is_counted:
            return Seen(outcome, None)
        image = self._read(self.origin, lane.source, there).image
        return Seen(outcome, {blob.digest: blob.size_bytes for blob in image.blobs})

    def bring(self, lane: Lane, tag: str) -> tuple[Outcome, list[str]]:
        """Bring a tag; also the digests of all its manifests. Raises: TransferError."""
        there, here = self.digests(lane, tag)
        if here == there:
            from_here = self.is_counted
            client, repository = (
                (self.target, lane.target) if from_here else (self.origin, lane.source)
            )
            image = self._read(client, repository, there).image
            self.tally.add(bytes_there=sum(blob.size_bytes for blob in image.blobs))
            outcome = Outcome.THERE
        elif here is not None and self.keeps:
            return Outcome.LEFT, []
        else:
            image, outcome = self._bring(lane, tag, there), Outcome.BROUGHT
        digests = [document.descriptor.digest for document in image.documents]
        self._bring_referrers(lane, digests)
        return outcome, digests

    # --- manifests ----------------------------------------------------------------------------

    def _bring(self, lane: Lane, reference: str, digest: str) -> Image:
        if self._has_manifest(lane.target, digest):
            image = self._read(self.target, lane.target, digest).image
            self.tally.add(bytes_there=sum(blob.size_bytes for blob in image.blobs))
            if reference != digest:
                with_door = self._door(lane, reference, Memory(None))
                put_manifest(with_door, image.top, reference)
                self.tally.add(manifests=1)
            return image
        source = self._read(self.origin, lane.source, digest)
        part = Part(self.origin, source.name, self._without_known(lane, source.image))
        memory = self.make_memory()
        watch = ImageWatch(self.tally, self.screen, lambda blob: memory.arrived(blob, lane.target))
        try:
            push_image(self._door(lane, reference, memory), part, watch)
        finally:
            memory.close()
        self.tally.add(manifests=len(part.image.documents))
        return source.image

    def _without_known(self, lane: Lane, image: Image) -> Image:
        """The image without the children that the target has."""
        *below, top = image.documents
        if not below:
            return image
        by_digest = {document.descriptor.digest: document for document in image.documents}
        wanted = [d for d in below if not self._has_manifest(lane.target, d.descriptor.digest)]
        blobs: dict[str, Descriptor] = {}
        for document in wanted:
            within = gather(document, lambda child: by_digest[child.digest].raw)
            blobs.update({blob.digest: blob for blob in within.blobs})
        return Image((*wanted, top), tuple(blobs.values()))

    def _bring_referrers(self, lane: Lane, digests: list[str]) -> None:
        """Everything that refers to these manifests, and to those in turn."""
        seen, below = set(digests), digests
        for _ in range(MAX_REFERRER_DEPTH):
            found = [
                descriptor.digest
                for digest in below
                for descriptor in lists.referrers(self.origin, lane.source, digest) or ()
            ]
            fresh = [digest for digest in dict.fromkeys(found) if digest not in seen]
            if not fresh:
                return
            seen.update(fresh)
            below = []
            for digest in fresh:
                if self._has_manifest(lane.target, digest):
                    below.append(digest)
                    continue
                image = self._bring(lane, digest, digest)
                below += [document.descriptor.digest for document in image.documents]

    def _read(self, client: RegistryClient, repository: str, digest: str) -> RegistryImage:
        return RegistryImage(client, ImageName(client.host, repository, digest))

    def _door(self, lane: Lane, reference: str, memory: Memory) -> Door:
        name = ImageName(self._target_host, lane.target, reference)
        return Door(self.target, self.storage, memory, self.parts, name)

    @property
    def _target_host(self) -> Host:
        return self.target.host

    # --- questions ----------------------------------------------------------------------------

    def _digest_there(self, repository: str, tag: str) -> str:
        what = f"the tag {tag}"
        answer = self.origin.send(
            "HEAD",
            f"/v2/{repository}/manifests/{tag}",
            scopes=[pull_scope(repository)],
            headers={"Accept": ASKED},
            wanted=(200, *REDIRECTS, 404),
            what=what,
        )
        if answer.status == 404:
            raise TransferError("the source lists this tag, and has nothing under it")
        if answer.status in REDIRECTS:
            # To where its manifests are read.
            return self._read(self.origin, repository, tag).image.top.descriptor.digest
        if answer.headers.get("Content-Type", "").startswith(SCHEMA_1):
            raise TransferError(
                "this is a manifest of the old schema 1, which nothing signs or pulls any more: "
                "pull it with docker 20 or skopeo there, and push it here as an image of today"
            )
        digest = answer.headers.get("Docker-Content-Digest", "")
        try:
            return str(parse_digest(digest))
        except RegistryError:
            image = self._read(self.origin, repository, tag).image
            return image.top.descriptor.digest

    def _digest_here(self, repository: str, tag: str) -> str | None:
        answer = self.target.send(
            "HEAD",
            f"/v2/{repository}/manifests/{tag}",
            scopes=self._scopes(repository),
            headers={"Accept": ACCEPT},
            wanted=(200, 404),
            what=f"asking for {repository}:{tag}",
        )
        return answer.headers.get("Docker-Content-Digest") if answer.status == 200 else None

    def _has_manifest(self, repository: str, digest: str) -> bool:
        answer = self.target.send(
            "HEAD",
            f"/v2/{repository}/manifests/{digest}",
            scopes=self._scopes(repository),
            headers={"Accept": ACCEPT},
            wanted=(200, 404),
            what=f"asking for {digest}",
        )
        return answer.status == 200

    @staticmethod
    def _scopes(repository: str) -> list[str]:
        # Those of a push: one token does for all that comes after.
        return [f"repository:{repository}:pull,push"]


def belongs_to(tag: str, digests: set[str]) -> bool:
    """Whether a tag is one of those by which older clients attach things to a manifest.

    >>> belongs_to("sha256-" + 64 * "a" + ".sig", {"sha256:" + 64 * "a"})
    True
    """
    algorithm, dash, rest = tag.partition("-")
    return bool(dash) and f"{algorithm}:{rest.partition('.')[0]}" in digests
