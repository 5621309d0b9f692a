"""A tag of a v1 registry with all its ancestors, pushed as v1: ids, jsons and checksums stay.

    tags here -> ancestry there -> register -> root first: json, layer, checksum -> tag -> end

A layer is read once, to a file where it is large, and hashed on the way: a function takes 4.5 MB,
and what is larger goes to S3 in parts and is read back there.
"""

from __future__ import annotations

import base64
import hashlib
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import IO

import urllib3

from chalicelib.adapters.hashing import ResumableHashing
from chalicelib.domain import limits
from chalicelib.domain.image import payload_prefix
from chalicelib.web.endpoints import url_for
from roadstead.client.errors import RegistryRefused, TransferError
from roadstead.client.http import RegistryClient
from roadstead.client.login import Login
from roadstead.migrate import v1wire
from roadstead.migrate.images import Lane, Outcome, Seen
from roadstead.migrate.tally import Screen, Tally
from roadstead.migrate.v1wire import JSON, V1Repository
from roadstead.uploader import PartPump, PartStorage, UploadRefused, report_of

BLOCK_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Layer:
    """A layer that has come: its bytes, how many, and the checksum over json and layer."""

    file: IO[bytes]
    size_bytes: int
    checksum: str


class V1Images:
    """From one v1 registry to another."""

    def __init__(
        self,
        origin: RegistryClient,
        origin_login: Login | None,
        target: RegistryClient,
        target_login: Login | None,
        storage: PartStorage,
        tally: Tally,
        screen: Screen,
        *,
        keeps: bool = False,
    ) -> None:
        self.origin, self._origin_login = origin, origin_login
        self.target, self._target_login = target, target_login
        self._storage, self._tally, self._screen = storage, tally, screen
        self._keeps = keeps
        self._readers: dict[str, V1Repository] = {}
        self._tags: dict[tuple[str, str], Mapping[str, str]] = {}
        self._lock = Lock()

    def tags(self, repository: str) -> list[str]:
        """Raises: TransferError."""
        return list(self._tags_there(repository))

    def digests(self, lane: Lane, tag: str) -> tuple[str, str | None]:
        """The image ids of a tag, there and here. Raises: TransferError."""
        there = self._tags_there(lane.source).get(tag)
        if there is None:
            raise TransferError("the source has no such tag any more")
        return there, self._tags_here(lane.target).get(tag)

    def look(self, lane: Lane, tag: str) -> Seen:
        """Raises: TransferError."""
        there, here = self.digests(lane, tag)
        if here not in (None, there) and self._keeps:
            return Seen(Outcome.LEFT, None)
        return Seen(Outcome.THERE if here == there else Outcome.BROUGHT, None)

    def bring(self, lane: Lane, tag: str) -> tuple[Outcome, list[str]]:
        """Bring a tag. Raises: TransferError."""
        there, here = self.digests(lane, tag)
        if here == there:
            return Outcome.THERE, []
        if here is not None and self._keeps:
            return Outcome.LEFT, []
        reader = self._reader(lane.source)
        chain = reader.ancestry(there)
        listed: list[Mapping[str, str]] = [{"id": each} for each in chain[:-1]]
        listed.append({"id": there, "Tag": tag})
        writer = v1wire.writing(self.target, self._target_login, lane.target, listed)
        for image_id in chain:
            self._bring_image(reader, writer, image_id)
        path = f"repositories/{lane.target}"
        body = json.dumps(there).encode()
        writer.put(f"{path}/tags/{tag}", body, JSON, f"the tag {tag}")
        writer.put(f"{path}/images", b"[]", JSON, f"ending the push of {lane.target}")
        return Outcome.BROUGHT, []

    # --- images -------------------------------------------------------------------------------

    def _bring_image(self, reader: V1Repository, writer: V1Repository, image_id: str) -> None:
        raw, claimed = reader.json(image_id)
        known = writer.has(image_id)
        if known is not None:
            if known != raw:
                raise TransferError(f"{image_id} is there already, and is another image")
            return
        writer.put(f"images/{image_id}/json", raw, JSON, f"the json of {image_id}")
        with tempfile.SpooledTemporaryFile(max_size=limits.MAX_INLINE_BODY_BYTES) as spool:
            layer = self._fetch(reader, image_id, raw, spool)
            if claimed.startswith("sha256:") and claimed != layer.checksum:
                raise TransferError(
                    f"the layer of {image_id} came with other bytes than its checksum says"
                )
            self._send(writer, image_id, layer)
        headers = {"X-Docker-Checksum-Payload": layer.checksum}
        writer.put(f"images/{image_id}/checksum", b"", headers, f"the checksum of {image_id}")
        self._tally.add(manifests=1)

    def _fetch(self, reader: V1Repository, image_id: str, raw: bytes, spool: IO[bytes]) -> Layer:
        """Read a layer; anew when it breaks off. Raises: TransferError."""
        patience = reader.client.patience
        for attempt in range(len(patience.pauses_s) + 1):
            spool.seek(0)
            spool.truncate()
            try:
                return _read_layer(reader, image_id, raw, spool)
            except urllib3.exceptions.HTTPError:
                if attempt == len(patience.pauses_s):
                    break
                patience.wait(attempt, None)
        raise TransferError(f"the layer of {image_id} breaks off again and again")

    def _send(self, writer: V1Repository, image_id: str, layer: Layer) -> None:
        layer.file.seek(0)
        if layer.size_bytes <= limits.MAX_INLINE_BODY_BYTES:
            kind = {"Content-Type": "application/octet-stream"}
            body = layer.file.read()
            writer.put(f"images/{image_id}/layer", body, kind, f"the layer of {image_id}")
        elif layer.size_bytes > limits.MAX_PROOF_READ_BYTES:
            raise TransferError(
                f"the layer of {image_id} has {layer.size_bytes} bytes, more than a registry "
                "reads back of a v1 layer; push the image by v2 (docker push)"
            )
        else:
            try:
                self._send_parts(writer, image_id, layer)
            except UploadRefused as refusal:
                answer = refusal.answer
                what = f"the layer of {image_id}"
                raise v1wire.refused(what, writer.client, answer.status, answer.body) from None
        self._tally.add(bytes_moved=layer.size_bytes)
        self._screen.status(self._tally)

    def _send_parts(self, writer: V1Repository, image_id: str, layer: Layer) -> None:
        claimed = writer.post(url_for("v1.image.layer.claim", image_id=image_id), {}).document()
        payload = hashlib.sha256(base64.b64decode(claimed["payload_prefix"]))
        parts_path = url_for("v1.image.layer.parts", image_id=image_id)
        pump = PartPump(writer, self._storage, ResumableHashing(), claimed, parts_path=parts_path)
        try:
            while data := layer.file.read(BLOCK_BYTES):
                payload.update(data)
                pump.feed(data)
            stored = pump.finish()
        except BaseException:
            pump.abandon()
            raise
        report = {
            **report_of(claimed, stored, lambda _: ""),
            "payload_checksum": f"sha256:{payload.hexdigest()}",
        }
        answer = writer.post(url_for("v1.image.layer.finish", image_id=image_id), report)
        if answer.status != 200:
            raise UploadRefused(answer)

    # --- what is known ------------------------------------------------------------------------

    def _reader(self, repository: str) -> V1Repository:
        with self._lock:
            found = self._readers.get(repository)
        if found is None:
            found = v1wire.reading(self.origin, self._origin_login, repository)
            with self._lock:
                self._readers[repository] = found
        return found

    def _tags_there(self, repository: str) -> Mapping[str, str]:
        key = ("there", repository)
        with self._lock:
            found = self._tags.get(key)
        if found is None:
            found = self._reader(repository).tags()
            with self._lock:
                self._tags[key] = found
        return found

    def _tags_here(self, repository: str) -> Mapping[str, str]:
        try:
            return v1wire.reading(self.target, self._target_login, repository).tags()
        except RegistryRefused as refusal:
            # Not there yet, as far as we may see: pushing will tell.
            if refusal.status not in (401, 403, 404):
                raise
            return {}


def _read_layer(reader: V1Repository, image_id: str, raw: bytes, spool: IO[bytes]) -> Layer:
    hasher, size_bytes = hashlib.sha256(payload_prefix(raw)), 0
    answer = reader.layer(image_id)
    try:
        while data := answer.read(BLOCK_BYTES):
            hasher.update(data)
            spool.write(data)
            size_bytes += len(data)
    finally:
        answer.close()
        answer.release_conn()
    return Layer(spool, size_bytes, f"sha256:{hasher.hexdigest()}")
