"""Fill a registry by plain requests, and read all of it back."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from roadstead.client.image import ACCEPT
from tests.clients.images import Image


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Filled:
    """A registry, perhaps with a login; ``store`` is where a file driver keeps things."""

    host: str
    store: Path | None = None
    login: str = ""

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """One request; GET follows redirects, without the login."""
        sent = dict(headers or {})
        if self.login:
            sent["Authorization"] = "Basic " + base64.b64encode(self.login.encode()).decode()
        url = urljoin(f"http://{self.host}", path)
        for _ in range(4):
            parts = urlsplit(url)
            connection = http.client.HTTPConnection(parts.netloc, timeout=60)
            try:
                target = f"{parts.path}?{parts.query}" if parts.query else parts.path
                connection.request(method, target, body, sent)
                answer = connection.getresponse()
                found = Answer(answer.status, answer.headers, answer.read())
            finally:
                connection.close()
            if method != "GET" or found.status not in (302, 303, 307):
                return found
            url = urljoin(url, found.headers["Location"])
            sent.pop("Authorization", None)
        raise AssertionError("redirected for ever")

    def put_blob(self, repository: str, content: bytes) -> str:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        opened = self.ask("POST", f"/v2/{repository}/blobs/uploads/")
        assert opened.status == 202, opened
        place = opened.headers["Location"]
        mark = "&" if "?" in place else "?"
        kind = {"Content-Type": "application/octet-stream"}
        stored = self.ask("PUT", f"{place}{mark}digest={digest}", content, kind)
        assert stored.status == 201, stored
        return digest

    def put_manifest(self, repository: str, reference: str, raw: bytes, media_type: str) -> str:
        path = f"/v2/{repository}/manifests/{reference}"
        stored = self.ask("PUT", path, raw, {"Content-Type": media_type})
        assert stored.status == 201, stored
        return f"sha256:{hashlib.sha256(raw).hexdigest()}"

    def put_image(self, repository: str, tag: str, image: Image) -> str:
        """An image with everything below it."""
        for digest in image.blobs:
            self.put_blob(repository, image.read(digest))
        for manifest in image.manifests:
            blob = manifest.blob
            self.put_manifest(repository, blob.digest, image.read(blob.digest), blob.media_type)
        top = image.top
        return self.put_manifest(repository, tag, image.read(top.digest), top.media_type)

    def tags(self, repository: str) -> list[str]:
        answer = self.ask("GET", f"/v2/{repository}/tags/list")
        return sorted(answer.json["tags"]) if answer.status == 200 else []

    def manifest(self, repository: str, reference: str) -> bytes | None:
        answer = self.ask(
            "GET", f"/v2/{repository}/manifests/{reference}", None, {"Accept": ACCEPT}
        )
        return answer.body if answer.status == 200 else None

    def holds(self, repository: str, tag: str, image: Image) -> bool:
        """Whether every byte of the image is there, under its digest."""
        if self.manifest(repository, tag) != image.read(image.top.digest):
            return False
        for manifest in image.manifests:
            digest = manifest.blob.digest
            if self.manifest(repository, digest) != image.read(digest):
                return False
        return all(
            self.ask("GET", f"/v2/{repository}/blobs/{digest}").body == image.read(digest)
            for digest in image.blobs
        )


def small_image(seed: str, size_bytes: int = 1000) -> tuple[list[bytes], bytes]:
    """An OCI image of one layer that is no archive: its blobs (config, layer) and its manifest."""
    layer = (seed.encode() + b"\n") * (size_bytes // (len(seed) + 1) + 1)
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Labels": {"seed": seed}},
            "rootfs": {"type": "layers", "diff_ids": [digest_of(layer)]},
        }
    ).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": described(config, "application/vnd.oci.image.config.v1+json"),
        "layers": [described(layer, "application/vnd.oci.image.layer.v1.tar")],
    }
    return [config, layer], json.dumps(manifest).encode()


def digest_of(raw: bytes) -> str:
    return f"sha256:{hashlib.sha256(raw).hexdigest()}"


def described(raw: bytes, media_type: str) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(raw), "size": len(raw)}


def put_small(registry: Filled, repository: str, tag: str, seed: str) -> str:
    """A small image; the answer is its digest."""
    blobs, manifest = small_image(seed)
    for blob in blobs:
        registry.put_blob(repository, blob)
    kind = "application/vnd.oci.image.manifest.v1+json"
    return registry.put_manifest(repository, tag, manifest, kind)


def put_referrer(registry: Filled, repository: str, subject: bytes, note: str) -> str:
    """Something that refers to a manifest, an SBOM for instance; the answer is its digest."""
    content, empty = note.encode(), b"{}"
    registry.put_blob(repository, content)
    registry.put_blob(repository, empty)
    kind = "application/vnd.oci.image.manifest.v1+json"
    manifest = {
        "schemaVersion": 2,
        "mediaType": kind,
        "artifactType": "application/spdx+json",
        "config": described(empty, "application/vnd.oci.empty.v1+json"),
        "layers": [described(content, "application/spdx+json")],
        "subject": described(subject, kind),
    }
    raw = json.dumps(manifest).encode()
    return registry.put_manifest(repository, digest_of(raw), raw, kind)
