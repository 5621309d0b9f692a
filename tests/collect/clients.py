"""Clients of a registry in memory, as they behave: look first, send what is missing, push."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from chalicelib.domain import limits
from chalicelib.domain.access import Actor
from chalicelib.domain.digest import Digest, digest_of
from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.names import RepositoryName, TagName, parse_reference
from chalicelib.domain.negotiate import Accepted, parse_accept
from chalicelib.domain.records import IndexImage
from chalicelib.ports import Conflict, PortError
from chalicelib.service import hub, images, index, manifests, pull, uploads
from chalicelib.service.world import World
from tests.conformance.bodies import CONFIG, DOCKER, OCI, OCI_INDEX, descriptor, image
from tests.conformance.bodies import index as index_of

ACTOR = Actor("somebody")
# The first more often: what is worth seeing happens where many meet.
REPOSITORIES = tuple(RepositoryName(path) for path in ("a/one", "a/one", "a/two"))
TAGS = tuple(TagName(name) for name in ("x", "y"))
LAYERS = tuple(f"layer {number}".encode() for number in range(2))
HISTORY = b'{"architecture":"amd64","os":"linux","history":[{},{"empty_layer":true}]}'
# Two chains on one image; a table comes upon one from its root, upon the other from its end.
V1_CHAINS = tuple(tuple(character * 64 for character in word) for word in ("abc", "a98"))
TRIES = 6


@dataclass
class Client:
    """Somebody with a registry before them; what they were told is theirs to rely on."""

    world: World
    chosen: random.Random
    may_be_refused: bool = False
    pushed: dict[tuple[RepositoryName, Digest], bytes] = field(default_factory=dict)

    # --- v2 -----------------------------------------------------------------------------------

    def push_image(self) -> None:
        name, layer = self.chosen.choice(REPOSITORIES), self.chosen.choice(LAYERS)
        kind = self.chosen.choice((OCI, OCI, DOCKER))
        raw = image(kind, layer, annotations={"n": str(self.chosen.randrange(2))})
        self._push(name, raw, kind, (CONFIG, layer))

    def push_index(self) -> None:
        name, layer = self.chosen.choice(REPOSITORIES), self.chosen.choice(LAYERS)
        child = image(OCI, layer)
        raw = index_of(OCI_INDEX, (child, OCI))
        self._push(name, child, OCI, (CONFIG, layer), tagged=False)
        self._manifest(name, raw, OCI_INDEX, self.chosen.choice(TAGS))

    def push_referrer(self) -> None:
        name, layer = self.chosen.choice(REPOSITORIES), self.chosen.choice(LAYERS)
        subject = descriptor(image(OCI, layer), OCI)
        raw = image(OCI, LAYERS[0], subject=subject, artifactType="a/b")
        self._push(name, raw, OCI, (CONFIG, LAYERS[0]), tagged=self.chosen.random() < 0.3)

    def push_large(self) -> None:
        """A manifest that fits into no row."""
        name, layer = self.chosen.choice(REPOSITORIES), self.chosen.choice(LAYERS)
        padding = {"p": "x" * (limits.MAX_INLINE_DOCUMENT_BYTES + 1)}
        self._push(name, image(OCI, layer, annotations=padding), OCI, (CONFIG, layer))

    def _push(
        self,
        name: RepositoryName,
        raw: bytes,
        kind: str,
        parts: tuple[bytes, ...],
        *,
        tagged: bool = True,
    ) -> None:
        text = str(self.chosen.choice(TAGS)) if tagged else str(digest_of(raw))
        reference = parse_reference(text)
        # Some remember what the registry has, and only send what it then says that it lacks.
        if self.chosen.random() < 0.4 and self._asked(
            lambda: manifests.push(self.world, ACTOR, name, reference, raw, kind)
        ):
            self.pushed[name, digest_of(raw)] = raw
            return
        for part in parts:
            self._send_blob(name, part)
        self._manifest(name, raw, kind, reference)

    def _send_blob(self, name: RepositoryName, data: bytes) -> None:
        digest = digest_of(data)
        how = self.chosen.randrange(6)
        if how and self._asked(lambda: pull.blob_url(self.world, name, digest, "HEAD")):
            return
        source = self.chosen.choice(REPOSITORIES)
        if how == 1 and self._again(lambda: uploads.mount(self.world, name, source, digest)):
            return
        if how == 2 and self._again(lambda: uploads.mount_any(self.world, name, digest)):
            return
        if how == 3:
            self._again(lambda: self._in_parts(name, data))
        else:
            self._again(lambda: uploads.put_whole(self.world, name, digest, data))

    def _in_parts(self, name: RepositoryName, data: bytes) -> None:
        begun = uploads.start(self.world, name, "sha256")
        uploads.append(self.world, name, begun.upload_id, data[:3], None)
        if self.chosen.random() < 0.1:
            return self._again(lambda: self._in_parts(name, data))
        uploads.close(self.world, name, begun.upload_id, digest_of(data), data[3:], None)
        return None

    def _manifest(
        self, name: RepositoryName, raw: bytes, kind: str, reference: TagName | Digest
    ) -> None:
        def put() -> object:
            return manifests.push(self.world, ACTOR, name, reference, raw, kind)

        try:
            self._again(put)
        except RegistryError as refusal:
            # Only who deletes makes a part disappear that was just seen or sent.
            if refusal.code is ErrorCode.MANIFEST_BLOB_UNKNOWN and self.may_be_refused:
                return
            raise
        self.pushed[name, digest_of(raw)] = raw

    def leave_a_blob(self) -> None:
        """A push that got no further."""
        self._send_blob(self.chosen.choice(REPOSITORIES), self.chosen.choice(LAYERS))

    def read(self) -> None:
        """A pull in some form, which may make another one."""
        name, tag = self.chosen.choice(REPOSITORIES), self.chosen.choice(TAGS)
        accepted = self.chosen.choice(ACCEPTED)
        self._asked(lambda: manifests.pull(self.world, name, tag, accepted))

    def read_v1(self) -> None:
        name, tag = self.chosen.choice(REPOSITORIES), self.chosen.choice(TAGS)
        self._asked(lambda: index.tag_image(self.world, name, tag))

    # --- deletions ----------------------------------------------------------------------------

    def delete_tag(self) -> None:
        name, tag = self.chosen.choice(REPOSITORIES), self.chosen.choice(TAGS)
        self._asked(lambda: manifests.delete(self.world, ACTOR, name, tag))

    def delete_manifest(self) -> None:
        if self.pushed:
            name, digest = self.chosen.choice(sorted(self.pushed, key=str))
            self._asked(lambda: manifests.delete(self.world, ACTOR, name, digest))

    def delete_repository(self) -> None:
        name = self.chosen.choice(REPOSITORIES)
        self._asked(lambda: hub.delete(self.world, ACTOR, name))

    # --- v1 -----------------------------------------------------------------------------------

    def push_v1(self) -> None:
        """Docker's way: list, look, send what is not there, tag; parents first."""
        name, team = self.chosen.choice(REPOSITORIES), "open"
        chain = self.chosen.choice(V1_CHAINS)
        ids = chain[: self.chosen.randrange(1, len(chain) + 1)]
        self._again(
            lambda: index.register(self.world, ACTOR, name, [IndexImage(each) for each in ids])
        )
        for number, image_id in enumerate(ids):
            if self._asked(lambda image_id=image_id: images.read(self.world, team, image_id)):
                continue
            document = {"id": image_id, **({"parent": ids[number - 1]} if number else {})}
            raw, layer = json.dumps(document).encode(), LAYERS[number % len(LAYERS)]
            checksum = hashlib.sha256(raw + b"\n" + layer).hexdigest()
            self._v1(
                lambda image_id=image_id, raw=raw: images.describe(self.world, team, image_id, raw)
            )
            self._v1(
                lambda image_id=image_id, layer=layer: images.put_layer(
                    self.world, team, image_id, layer
                )
            )
            self._v1(
                lambda image_id=image_id, checksum=checksum: images.seal(
                    self.world, team, image_id, f"sha256:{checksum}"
                )
            )
        tag = self.chosen.choice(TAGS)
        self._again(lambda: index.put_tag(self.world, ACTOR, name, tag, ids[-1], {}))

    def _v1(self, step: Callable[[], object]) -> None:
        """A step that another client of the same image may have done meanwhile."""
        try:
            self._again(step)
        except RegistryError as refusal:
            if refusal.status not in (400, 409):
                raise

    # --- how answers are taken ----------------------------------------------------------------

    def _asked(self, step: Callable[[], object]) -> bool:
        """Whether it is there."""
        try:
            self._again(step)
        except RegistryError:
            return False
        return True

    def _again(self, step: Callable[[], object]) -> object:
        """A request that is sent again when the registry says that others were in the way."""
        for _ in range(TRIES):
            try:
                return step()
            except Conflict:
                continue
            except RegistryError as refusal:
                if refusal.code is not ErrorCode.UNAVAILABLE:
                    raise
        raise PortError("others are always in the way")


ACCEPTED: tuple[Accepted, ...] = tuple(parse_accept(each) for each in ((), (OCI,), (DOCKER,)))
