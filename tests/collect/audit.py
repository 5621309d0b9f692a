"""What the stores hold, held against what is needed: nothing is missing, nothing is left over."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from chalicelib.adapters.memory import MemoryBlobs, MemoryMetadata
from chalicelib.domain.digest import Digest
from chalicelib.domain.manifest import parse_manifest
from chalicelib.domain.marking import is_chained, shown_digest
from chalicelib.domain.names import RepositoryName

parse = lru_cache(5000)(parse_manifest)


def whole_manifest(
    store: MemoryMetadata, blobs: MemoryBlobs, team: str, name: RepositoryName, digest: Digest
) -> Iterable[str]:
    """What is missing of a manifest with all that it names."""
    stored = store.find_manifest(team, name, digest)
    if stored is None:
        yield f"{name}@{digest} is gone"
        return
    if stored.raw is None and blobs.size_bytes(stored.object_key or "") is None:
        yield f"{name}@{digest} has lost its document"
        return
    raw = stored.raw if stored.raw is not None else blobs.get(stored.object_key or "")
    manifest = parse(raw, stored.media_type, digest.algorithm)
    for part in manifest.required_blobs:
        link = store.find_link(team, name, part.digest)
        if link is None:
            yield f"{name}@{digest} has lost the link to {part.digest}"
            continue
        yield from _bytes(blobs, link.object_key, part.digest)
        known = store.find_blob(team, part.digest)
        if known is None or known.object_key != link.object_key:
            yield f"{name}: the link to {part.digest} has no row of the team's"
    for child in manifest.children:
        yield from whole_manifest(store, blobs, team, name, child.digest)


def whole_image(
    store: MemoryMetadata, blobs: MemoryBlobs, team: str, image_id: str
) -> Iterable[str]:
    """What is missing of a v1 image with its ancestors."""
    top = store.find_images(team, [image_id]).get(image_id)
    if top is None:
        yield f"image {image_id[:8]} is gone"
        return
    for each in top.ancestry:
        image = store.find_images(team, [each]).get(each)
        if image is None:
            yield f"image {each[:8]}, an ancestor of {image_id[:8]}, is gone"
        elif image.layer is not None:
            yield from _bytes(blobs, image.layer.object_key, image.layer.digest)


def _bytes(blobs: MemoryBlobs, key: str, digest: Digest) -> Iterable[str]:
    if blobs.size_bytes(key) is None:
        yield f"the object {key} of {digest} is gone"
    elif hashlib.sha256(blobs.get(key)).hexdigest() != digest.hex:
        yield f"the object {key} has other bytes"


def missing(store: MemoryMetadata, blobs: MemoryBlobs) -> list[str]:
    """What is missing of all that is shown: manifests and tags, through v2 and v1."""
    state: Any = vars(store)
    lost: list[str] = []
    for team, name, digest in state["_manifests"]:
        lost += whole_manifest(store, blobs, team, name, digest)
    for (team, name, _), tag in state["_tags"].items():
        if tag.image_id:
            lost += whole_image(store, blobs, team, tag.image_id)
        else:
            lost += whole_manifest(store, blobs, team, name, tag.manifest.digest)
    for (team, _), listed in state["_listed"].items():
        for image_id in listed:
            if store.find_images(team, [image_id]):
                lost += whole_image(store, blobs, team, image_id)
    return lost


@dataclass
class Leftovers:
    """Everything that there is and that nothing needs."""

    store: MemoryMetadata
    blobs: MemoryBlobs

    def all(self) -> list[str]:
        state: Any = vars(self.store)
        objects: Any = vars(self.blobs)
        links, needed_blobs = self._links(state)
        left = [f"link {key}" for key in state["_links"] if key not in links]
        needed_images = self._images(state)
        left += [f"image {key}" for key in state["_images"] if key not in needed_images]
        for (team, _), image in state["_images"].items():
            if image.layer:
                needed_blobs.add((team, image.layer.digest))
        left += [f"blob {key}" for key in state["_blobs"] if key not in needed_blobs]
        left += [f"condemned {key}" for key in state["_condemned"]]
        left += [f"upload {key}" for key in state["_uploads"]]
        left += [f"parts of {each.key}" for each in objects["_multiparts"].values()]
        named = {blob.object_key for blob in state["_blobs"].values()}
        for facts in ("_manifests", "_bridged"):
            named |= {each.object_key for each in state[facts].values()}
        named |= {tag.manifest.object_key for tag in state["_tags"].values() if tag.manifest}
        kept = (".collector/", "open/answers/")
        found = [key for key in objects["_objects"] if not key.startswith(kept)]
        left += [f"object {key}" for key in found if key not in named]
        left += self._shown(state)
        states = [key for key in objects["_objects"] if key.startswith(".collector/")]
        return left + states[1:]

    def _shown(self, state: Any) -> list[str]:
        """Views, and images of the registry's own making, of what is gone."""
        left, tagged = [], {(k[0], k[1], t.image_id) for k, t in state["_tags"].items()}
        for team, name, key in state["_bridged"]:
            source = shown_digest(key)
            listed = state["_listed"].get((team, name), {})
            if source is None and (team, name, key) not in tagged and key not in listed:
                left.append(f"view of image {key}")
            if source is not None and (team, name, source) not in state["_manifests"]:
                left.append(f"view {key}")
        for (team, name), listed in state["_listed"].items():
            roots = {image_id for t, n, image_id in tagged if (t, n) == (team, name)}
            for image_id in listed:
                image = state["_images"].get((team, image_id))
                digest = Digest("sha256", image_id)
                if not is_chained(image) or (team, name, digest) in state["_manifests"]:
                    roots.add(image_id)
            needed = set(roots)
            for image_id in roots & {key[1] for key in state["_images"]}:
                needed.update(state["_images"][team, image_id].ancestry)
            left += [f"{name} lists {image_id}" for image_id in listed if image_id not in needed]
        return left

    def _links(self, state: Any) -> tuple[set[Any], set[Any]]:
        links, blobs = set(), set()
        for (team, name, digest), stored in state["_manifests"].items():
            raw = stored.raw if stored.raw is not None else self.blobs.get(stored.object_key)
            manifest = parse(raw, stored.media_type, digest.algorithm)
            for part in (*manifest.layers, *([manifest.config] if manifest.config else [])):
                links.add((team, name, part.digest))
                blobs.add((team, part.digest))
        return links, blobs

    def _images(self, state: Any) -> set[Any]:
        roots = {(key[0], tag.image_id) for key, tag in state["_tags"].items() if tag.image_id}
        for (team, _), listed in state["_listed"].items():
            roots |= {(team, image_id) for image_id in listed}
        needed = set(roots)
        for key in roots:
            image = state["_images"].get(key)
            needed |= {(key[0], each) for each in image.ancestry} if image else set()
        return needed
