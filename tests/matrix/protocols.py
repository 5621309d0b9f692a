"""Each protocol as a pair of functions over one small image: push it, pull it back."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chalicelib.domain.media_types import DOCKER_MANIFEST, OCI_MANIFEST
from roadstead.gateway.events import HttpResponse
from tests.support.world import Registry, json_of

REPOSITORY = "team/app"


def layer(name: str, content: bytes) -> bytes:
    """A gzip'd tar with one file, the same at every call."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return gzip.compress(packed.getvalue(), mtime=0)


@dataclass(frozen=True)
class Sample:
    """What is pushed: layers, the root first, and what the image says of itself."""

    layers: tuple[bytes, ...] = (
        layer("base", b"base" * 100),
        layer("naïve-ß", b"middle"),
        gzip.compress(bytes(10240), mtime=0),
    )
    command: tuple[str, ...] = ("/bin/app", "--serve")
    created: str = "2016-05-04T03:02:01Z"
    author: str = "Ánna"


@dataclass(frozen=True)
class Pulled:
    """What came back, whichever way: the layers as bytes, and the image's own words."""

    layers: tuple[bytes, ...]
    command: tuple[str, ...]
    created: str
    author: str


def sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def fetch(registry: Registry, url: str) -> bytes:
    """The bytes behind a redirect to the blob store."""
    answer = registry.send("GET", url)
    assert answer.status in (302, 307), (url, answer.status, answer.body)
    blobs: Any = registry.world.blobs
    served: bytes = blobs.fetch(answer.header("location") or "").body
    return served


def push_v1(registry: Registry, sample: Sample) -> None:
    ids = [hashlib.sha256(b"%d" % n).hexdigest() for n in range(len(sample.layers))]
    listed = json.dumps([{"id": each} for each in ids]).encode()
    token = {"x-docker-token": "true"}
    assert registry.send("PUT", f"/v1/repositories/{REPOSITORY}/", listed, token).status == 200
    for number, (image_id, data) in enumerate(zip(ids, sample.layers, strict=True)):
        document: dict[str, object] = {"id": image_id}
        if number:
            document["parent"] = ids[number - 1]
        if number == len(ids) - 1:
            document |= {"created": sample.created, "author": sample.author}
            document["config"] = {"Cmd": list(sample.command)}
        raw = json.dumps(document).encode()
        checksum = {"x-docker-checksum-payload": sha256(raw + b"\n" + data)}
        assert registry.send("PUT", f"/v1/images/{image_id}/json", raw).status == 200
        assert registry.send("PUT", f"/v1/images/{image_id}/layer", data).status == 200
        answer = registry.send("PUT", f"/v1/images/{image_id}/checksum", b"", checksum)
        assert answer.status == 200, answer.body
    tag = json.dumps(ids[-1]).encode()
    assert registry.send("PUT", f"/v1/repositories/{REPOSITORY}/tags/latest", tag).status == 200
    assert registry.send("PUT", f"/v1/repositories/{REPOSITORY}/images", b"[]").status == 204


def pull_v1(registry: Registry) -> Pulled:
    token = registry.send(
        "GET", f"/v1/repositories/{REPOSITORY}/images", headers={"x-docker-token": "true"}
    ).header("x-docker-token")
    headers = {"authorization": f"Token {token}"}
    listed = json_of(registry.send("GET", f"/v1/repositories/{REPOSITORY}/tags", headers=headers))
    top = listed["latest"]
    ancestry = json_of(registry.send("GET", f"/v1/images/{top}/ancestry", headers=headers))
    one = registry.send("GET", f"/v1/repositories/{REPOSITORY}/tags/latest", headers=headers)
    assert json_of(one) == top
    layers = []
    for image_id in reversed(ancestry):
        described = json_of(registry.send("GET", f"/v1/images/{image_id}/json", headers=headers))
        assert described["id"] == image_id
        layers.append(fetch(registry, f"/v1/images/{image_id}/layer"))
    said = json_of(registry.send("GET", f"/v1/images/{top}/json", headers=headers))
    return Pulled(tuple(layers), tuple(said["config"]["Cmd"]), said["created"], said["author"])


def push_v2(media_type: str, config_type: str, layer_type: str) -> Callable[..., None]:
    def push(registry: Registry, sample: Sample) -> None:
        diff_ids = [sha256(gzip.decompress(data)) for data in sample.layers]
        config = json.dumps(
            {
                "architecture": "amd64",
                "os": "linux",
                "created": sample.created,
                "author": sample.author,
                "config": {"Cmd": list(sample.command)},
                "rootfs": {"type": "layers", "diff_ids": diff_ids},
            }
        ).encode()
        for data in (config, *sample.layers):
            url = f"/v2/{REPOSITORY}/blobs/uploads/?digest={sha256(data)}"
            assert registry.send("POST", url, data).status == 201
        manifest = {
            "schemaVersion": 2,
            "mediaType": media_type,
            "config": {"mediaType": config_type, "size": len(config), "digest": sha256(config)},
            "layers": [
                {"mediaType": layer_type, "size": len(data), "digest": sha256(data)}
                for data in sample.layers
            ],
        }
        raw, typed = json.dumps(manifest).encode(), {"content-type": media_type}
        answer = registry.send("PUT", f"/v2/{REPOSITORY}/manifests/latest", raw, typed)
        assert answer.status == 201, answer.body

    return push


def pull_v2(*media_types: str) -> Callable[[Registry], Pulled]:
    """A pull by a client that takes these manifest types and no others."""

    def pull(registry: Registry) -> Pulled:
        accept = {"accept": ", ".join(media_types)}
        url = f"/v2/{REPOSITORY}/manifests/latest"
        answer = registry.send("GET", url, headers=accept)
        assert answer.status == 200, answer.body
        assert answer.header("content-type") in media_types
        return _pulled(registry, answer)

    return pull


def _pulled(registry: Registry, answer: HttpResponse) -> Pulled:
    digest = answer.header("docker-content-digest")
    assert digest == sha256(answer.body)
    by_digest = registry.send("GET", f"/v2/{REPOSITORY}/manifests/{digest}")
    assert by_digest.body == answer.body
    manifest = json_of(answer)
    assert manifest["mediaType"] == answer.header("content-type")
    layers = []
    for described in manifest["layers"]:
        data = fetch(registry, f"/v2/{REPOSITORY}/blobs/{described['digest']}")
        assert (sha256(data), len(data)) == (described["digest"], described["size"])
        layers.append(data)
    config = json.loads(fetch(registry, f"/v2/{REPOSITORY}/blobs/{manifest['config']['digest']}"))
    unpacked = [sha256(gzip.decompress(data)) for data in layers]
    assert config["rootfs"]["diff_ids"] == unpacked
    command = tuple(config["config"]["Cmd"])
    return Pulled(tuple(layers), command, config["created"], config["author"])


PUSHES: dict[str, Callable[[Registry, Sample], None]] = {
    "v1": push_v1,
    "schema 2": push_v2(
        DOCKER_MANIFEST,
        "application/vnd.docker.container.image.v1+json",
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
    ),
    "oci": push_v2(
        OCI_MANIFEST,
        "application/vnd.oci.image.config.v1+json",
        "application/vnd.oci.image.layer.v1.tar+gzip",
    ),
}
PULLS: dict[str, Callable[[Registry], Pulled]] = {
    "v1": pull_v1,
    "schema 2": pull_v2(DOCKER_MANIFEST),
    "oci": pull_v2(OCI_MANIFEST),
    "any v2": pull_v2(DOCKER_MANIFEST, OCI_MANIFEST),
}
