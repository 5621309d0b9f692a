"""MetadataStore in dictionaries; one lock makes every verb atomic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from threading import RLock
from typing import Any

from chalicelib.adapters.clock import SystemClock
from chalicelib.adapters.memory.collecting import MemoryCollecting
from chalicelib.adapters.memory.hub import MemoryHub
from chalicelib.adapters.memory.manifests import MemoryManifests
from chalicelib.adapters.memory.pages import cut
from chalicelib.domain.digest import Digest
from chalicelib.domain.image import ImageState, StoredLayer, V1Image
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.paging import Listing, Page
from chalicelib.domain.records import Blob, IndexImage, Repository, StoredManifest
from chalicelib.domain.upload import UploadSession
from chalicelib.image_ports import ListedImages, ListedIndex
from chalicelib.ports import Clock, Conflict, Gone, Missing


class MemoryMetadata(MemoryCollecting, MemoryManifests, MemoryHub):
    """Every fact lies under a key that begins with its team; what has ended is not told of."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._lock = RLock()
        self._clock = clock or SystemClock()
        self._repositories: dict[tuple[str, RepositoryName], Repository] = {}
        self._blobs: dict[tuple[str, Digest], Blob] = {}
        self._condemned: set[tuple[str, Digest]] = set()
        self._edge_words: dict[tuple[str, RepositoryName], str] = {}
        self._uploads: dict[tuple[str, str], UploadSession] = {}
        self._bridged: dict[tuple[str, RepositoryName, str], StoredManifest] = {}
        self._images: dict[tuple[str, str], V1Image] = {}
        self._listed: dict[tuple[str, RepositoryName], dict[str, IndexImage]] = {}
        self._runs: dict[str, tuple[str, int, str]] = {}
        MemoryManifests.__init__(self)
        MemoryHub.__init__(self)

    # --- repositories -------------------------------------------------------------------------

    def find_repository(self, team: str, name: RepositoryName) -> Repository | None:
        with self._lock:
            return self._record(team, name)

    def put_repository(self, team: str, repository: Repository) -> None:
        with self._lock:
            self._enter(team, repository)

    def list_repositories(self, team: str, page: Page) -> Listing[RepositoryName]:
        with self._lock:
            names = [
                name
                for owner, name in self._repositories
                if owner == team and self._record(team, name)
            ]
        return cut(names, page, lambda name: name.path)

    # --- blobs --------------------------------------------------------------------------------

    def find_link(self, team: str, name: RepositoryName, digest: Digest) -> Blob | None:
        with self._lock:
            if self._is_hidden(team, name):
                return None
            return self._links.get((team, name, digest))

    def delete_link(self, team: str, name: RepositoryName, digest: Digest) -> None:
        with self._lock:
            hidden = self._is_hidden(team, name)
            if hidden or self._links.pop((team, name, digest), None) is None:
                raise Missing(f"blob {digest}")
            self._edge_words.pop((team, name), None)

    def find_blob(self, team: str, digest: Digest) -> Blob | None:
        with self._lock:
            return None if (team, digest) in self._condemned else self._blobs.get((team, digest))

    def put_blob(
        self, team: str, name: RepositoryName, blob: Blob, closing: UploadSession | None = None
    ) -> None:
        with self._lock:
            self._enter_room(team, name)
            self._check_bytes(team, [blob])
            named = self._named_blob(team, blob)
            self._end_claimed(closing)
            self._links[team, name, blob.digest] = named
            self._keep_blob(team, named)

    def _named_blob(self, team: str, blob: Blob) -> Blob:
        """The blob as it can be named now. Raises: Gone, Conflict."""
        known, is_condemned = (
            self._blobs.get((team, blob.digest)),
            (team, blob.digest) in self._condemned,
        )
        if known is not None and not is_condemned:
            return replace(known, suspected_at_s=None)
        if blob.is_kept:
            raise Gone(f"blob {blob.digest}")
        if known is not None and known.object_key == blob.object_key:
            raise Conflict(f"object {blob.object_key} is going")
        return replace(blob, is_kept=True, suspected_at_s=None)

    def _keep_blob(self, team: str, blob: Blob) -> None:
        self._condemned.discard((team, blob.digest))
        self._blobs[team, blob.digest] = blob

    def spare_link(self, team: str, name: RepositoryName, digest: Digest) -> None:
        with self._lock:
            link = self._links.get((team, name, digest))
            if link is None:
                raise Missing(f"blob {digest}")
            self._links[team, name, digest] = replace(link, suspected_at_s=None)

    def find_blobs(self, team: str, digests: Sequence[Digest]) -> Mapping[Digest, Blob]:
        with self._lock:
            found = {digest: self.find_blob(team, digest) for digest in digests}
        return {digest: blob for digest, blob in found.items() if blob}

    # --- what the edge has taken --------------------------------------------------------------

    def find_edge_word(self, team: str, name: RepositoryName) -> str | None:
        with self._lock:
            return None if self._is_hidden(team, name) else self._edge_words.get((team, name))

    def give_edge_word(self, team: str, name: RepositoryName, word: str) -> str:
        with self._lock:
            self._enter_room(team, name)
            return self._edge_words.setdefault((team, name), word)

    def adopt_blobs(
        self, team: str, name: RepositoryName, word: str, blobs: Sequence[Blob]
    ) -> None:
        with self._lock:
            self._enter_room(team, name)
            if self._edge_words.get((team, name)) != word:
                raise Conflict(f"{word} is not a word of {name} any more")
            self._check_bytes(team, blobs)
            for blob in blobs:
                self.put_blob(team, name, blob)

    # --- uploads ------------------------------------------------------------------------------

    def open_upload(self, session: UploadSession) -> None:
        with self._lock:
            self._uploads[session.team, session.upload_id] = session

    def find_upload(self, team: str, upload_id: str, *, now_s: int) -> UploadSession | None:
        with self._lock:
            session = self._uploads.get((team, upload_id))
            return session if session and session.expires_at_s > now_s else None

    def claim_upload(
        self, team: str, upload_id: str, claim: str, *, now_s: int, expires_at_s: int
    ) -> UploadSession:
        with self._lock:
            session = self.find_upload(team, upload_id, now_s=now_s)
            if session is None:
                raise Missing(f"upload {upload_id}")
            if session.claim not in (None, claim) and session.claim_expires_at_s > now_s:
                raise Conflict(f"upload {upload_id} is claimed")
            claimed = replace(session, claim=claim, claim_expires_at_s=expires_at_s)
            self._uploads[team, upload_id] = claimed
            return claimed

    def save_upload(self, session: UploadSession, claim: str) -> None:
        with self._lock:
            stored = self._uploads.get((session.team, session.upload_id))
            if stored == session:
                return
            if stored is None or stored.claim != claim:
                raise Conflict(f"upload {session.upload_id} is not held by this claim")
            self._uploads[session.team, session.upload_id] = session

    def close_upload(self, session: UploadSession) -> None:
        with self._lock:
            self._uploads.pop((session.team, session.upload_id), None)

    def _end_claimed(self, session: UploadSession | None) -> None:
        if session is None:
            return
        stored = self._uploads.get((session.team, session.upload_id))
        if stored is None or stored.claim != session.claim:
            raise Conflict(f"upload {session.upload_id} is not held by its claim")
        del self._uploads[session.team, session.upload_id]

    # --- v1 images ----------------------------------------------------------------------------

    def find_images(self, team: str, image_ids: Sequence[str]) -> Mapping[str, V1Image]:
        with self._lock:
            found = {image_id: self._images.get((team, image_id)) for image_id in image_ids}
        return {image_id: image for image_id, image in found.items() if image}

    def find_bridged(self, team: str, name: RepositoryName, image_id: str) -> StoredManifest | None:
        with self._lock:
            return self._bridged.get((team, name, image_id))

    def put_bridged(
        self, team: str, name: RepositoryName, image_id: str, manifest: StoredManifest
    ) -> None:
        with self._lock:
            self._check_there(team, name)
            self._revise(team, name)
            self._manifests[team, name, manifest.digest] = manifest
            self._bridged[team, name, image_id] = manifest

    def find_listed(
        self, team: str, name: RepositoryName, image_ids: Sequence[str]
    ) -> ListedImages:
        with self._lock:
            if self._is_hidden(team, name):
                return ListedImages({}, frozenset())
            listed = self._listed.get((team, name), {})
            return ListedImages(
                self.find_images(team, image_ids),
                frozenset(image_id for image_id in image_ids if image_id in listed),
            )

    def list_holders(self, team: str, image_id: str) -> Sequence[RepositoryName]:
        with self._lock:
            return sorted(
                name
                for (owner, name), listed in self._listed.items()
                if owner == team and image_id in listed
            )

    def put_image(self, team: str, image: V1Image) -> None:
        with self._lock:
            known = self._images.get((team, image.image_id))
            if known is not None and known.state is ImageState.SEALED:
                raise Conflict(f"image {image.image_id} is sealed")
            layer = image.layer
            named = layer and self._name_layer(team, layer)
            self._images[team, image.image_id] = replace(image, layer=named, suspected_at_s=None)

    def spare_image(self, team: str, image_id: str) -> None:
        with self._lock:
            image = self._images.get((team, image_id))
            if image is None:
                raise Missing(f"image {image_id}")
            self._images[team, image_id] = replace(image, suspected_at_s=None)

    def _name_layer(self, team: str, layer: StoredLayer) -> StoredLayer:
        blob = Blob(layer.digest, layer.size_bytes, layer.object_key, layer.is_kept)
        named = self._named_blob(team, blob)
        self._keep_blob(team, named)
        return StoredLayer(named.digest, named.size_bytes, named.object_key, is_kept=True)

    def put_layer(self, team: str, image: V1Image, closing: UploadSession | None = None) -> None:
        layer = image.layer
        assert layer is not None, "put_layer takes an image that has its layer"
        with self._lock:
            known = self._images.get((team, image.image_id))
            if known is None or known.state is ImageState.SEALED:
                raise Conflict(f"image {image.image_id} takes no layer")
            if known.raw_json != image.raw_json:
                raise Conflict(f"image {image.image_id} has been described anew")
            blob = Blob(layer.digest, layer.size_bytes, layer.object_key, layer.is_kept)
            self._check_bytes(team, [blob])
            self._named_blob(team, blob)
            self._end_claimed(closing)
            self._images[team, image.image_id] = replace(
                known,
                state=ImageState.UPLOADED,
                layer=self._name_layer(team, layer),
                payload_checksum=image.payload_checksum,
                suspected_at_s=None,
            )

    def seal_image(self, team: str, image: V1Image) -> None:
        with self._lock:
            known = self._images.get((team, image.image_id))
            if known is None or known.state is not ImageState.UPLOADED:
                raise Conflict(f"image {image.image_id} is not waiting for its seal")
            if known.payload_checksum != image.payload_checksum:
                raise Conflict(f"image {image.image_id} has another checksum")
            self._images[team, image.image_id] = replace(known, state=ImageState.SEALED)

    def put_index_images(
        self, team: str, name: RepositoryName, images: Sequence[IndexImage]
    ) -> None:
        with self._lock:
            self._check_there(team, name)
            self._revise(team, name)
            entries = self._listed.setdefault((team, name), {})
            for image in images:
                known = entries.get(image.image_id)
                if known is None or known.checksum is None:
                    entries[image.image_id] = image

    def list_index_images(self, team: str, name: RepositoryName) -> Sequence[IndexImage]:
        return self.survey_index(team, name).images

    def survey_index(self, team: str, name: RepositoryName) -> ListedIndex:
        with self._lock:
            if self._is_hidden(team, name):
                return ListedIndex()
            entries = self._listed.get((team, name), {})
            images = [entries[image_id] for image_id in sorted(entries)]
            return ListedIndex(images, self._team(team))

    # --- the whole of a repository ------------------------------------------------------------

    def _empty(self, team: str, name: RepositoryName) -> None:
        held: tuple[dict[Any, Any], ...] = (
            self._manifests,
            self._tags,
            self._links,
            self._bridged,
            self._named,
            self._history,
            self._pushed_at,
        )
        for facts in held:
            for key in [key for key in facts if key[:2] == (team, name)]:
                del facts[key]
        self._listed.pop((team, name), None)
        self._edge_words.pop((team, name), None)
