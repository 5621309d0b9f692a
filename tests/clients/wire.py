"""A bare HTTP/1.1 client: what was stored, read without any registry client's help.

Every tested client pushes; this reads back, so that a client which agrees with itself only does
not pass.  Redirects are followed by hand and without Authorization, as Docker does.
"""

import base64
import hashlib
import http.client
import json
import urllib.parse
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from .commands import not_run
from .images import DOCKER, OCI, Image
from .registry import Registry

ACCEPT = ", ".join([OCI.manifest, OCI.index, DOCKER.manifest, DOCKER.index])
BLOCK = 1 << 20


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes


def basic_credentials(registry: Registry) -> str:
    return base64.b64encode((registry.credentials or "").encode()).decode()


def basic(registry: Registry) -> dict[str, str]:
    """The header that signs a request in, if this registry has users."""
    if registry.credentials is None:
        return {}
    return {"Authorization": f"Basic {basic_credentials(registry)}"}


@contextmanager
def opened(
    method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
) -> Iterator[http.client.HTTPResponse]:
    """The answer after at most five redirects of a GET or HEAD."""
    sent = {"User-Agent": "roadstead-tests", **(headers or {})}
    for _ in range(5):
        parts = urllib.parse.urlsplit(url)
        secure = parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = kind(parts.netloc, timeout=60)
        try:
            target = urllib.parse.urlunsplit(("", "", parts.path, parts.query, ""))
            connection.request(method, target, body=body, headers=sent)
            answer = connection.getresponse()
            if method in {"GET", "HEAD"} and answer.status in {301, 302, 303, 307, 308}:
                url = urllib.parse.urljoin(url, answer.headers["Location"])
                sent.pop("Authorization", None)
                continue
            yield answer
            return
        finally:
            connection.close()
    raise AssertionError(f"too many redirects, the last to {url}")


def send(
    method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
) -> Answer:
    with opened(method, url, headers, body) as answer:
        return Answer(answer.status, answer.headers, answer.read())


def manifest(registry: Registry, repository: str, reference: str) -> Answer:
    """The manifest, proved: a digest asked for or claimed is that of the bytes."""
    url = f"{registry.url}/v2/{repository}/manifests/{reference}"
    answer = send("GET", url, {"Accept": ACCEPT, **basic(registry)})
    assert answer.status == 200, f"{url}: {answer.status} {answer.body[:500]!r}"
    digest = f"sha256:{hashlib.sha256(answer.body).hexdigest()}"
    assert answer.headers["Docker-Content-Digest"] == digest
    assert reference == digest or not reference.startswith("sha256:")
    return answer


def referrers(registry: Registry, repository: str, digest: str) -> list[tuple[str, str]]:
    """Digest and artifact type of what the registry says refers to a manifest."""
    if not registry.speaks_oci_1_1:
        not_run("this registry has no referrers")
    url = f"{registry.url}/v2/{repository}/referrers/{digest}"
    answer = send("GET", url, basic(registry))
    assert answer.status == 200, f"{url}: {answer.status} {answer.body[:500]!r}"
    assert answer.headers["Content-Type"] == OCI.index
    return [(one["digest"], one["artifactType"]) for one in json.loads(answer.body)["manifests"]]


def gone(registry: Registry, path: str) -> bool:
    """Whether nothing is at ``/v2/<path>``."""
    answer = send("GET", f"{registry.url}/v2/{path}", {"Accept": ACCEPT, **basic(registry)})
    return answer.status == 404


def blob_digests(registry: Registry, repository: str, digest: str) -> tuple[str, str, int]:
    """Digest of the bytes as stored, of the same bytes unzipped, and the stored size."""
    url = f"{registry.url}/v2/{repository}/blobs/{digest}"
    stored, plain, size = hashlib.sha256(), hashlib.sha256(), 0
    unzip = zlib.decompressobj(wbits=47)
    zipped: bool | None = None
    with opened("GET", url, basic(registry)) as answer:
        assert answer.status == 200, f"{url}: {answer.status}"
        while block := answer.read(BLOCK):
            zipped = block.startswith(b"\x1f\x8b") if zipped is None else zipped
            size += len(block)
            stored.update(block)
            plain.update(unzip.decompress(block) if zipped else block)
    return f"sha256:{stored.hexdigest()}", f"sha256:{plain.hexdigest()}", size


def assert_holds(registry: Registry, repository: str, image: Image, tag: str = "latest") -> None:
    """The registry gives back every byte of `image` exactly as it is in its layout."""
    assert manifest(registry, repository, tag).body == image.read(image.top.digest)
    for one in image.manifests:
        assert manifest(registry, repository, one.blob.digest).body == image.read(one.blob.digest)
    for digest, size in image.blobs.items():
        stored, _, length = blob_digests(registry, repository, digest)
        assert (stored, length) == (digest, size)


def assert_holds_content(
    registry: Registry, repository: str, image: Image, tag: str = "latest"
) -> None:
    """The same for a client that compresses anew: the config, and every layer unzipped."""
    pushed = json.loads(manifest(registry, repository, tag).body)
    config, _, _ = blob_digests(registry, repository, pushed["config"]["digest"])
    assert config == image.only.config.digest
    assert content_digests(registry, repository, tag) == image.only.diff_ids


def content_digests(registry: Registry, repository: str, tag: str = "latest") -> list[str]:
    """Diff id of every layer, recomputed; each stored layer is what its descriptor says."""
    contents = []
    for layer in json.loads(manifest(registry, repository, tag).body)["layers"]:
        stored, plain, size = blob_digests(registry, repository, layer["digest"])
        assert (stored, size) == (layer["digest"], layer["size"])
        contents.append(plain)
    return contents
