"""Layers that a registry lacks, and whose manifest says where they are."""

from __future__ import annotations

import json

from tests.migrate.filling import described, digest_of
from tests.migrate.peer import Asked, Says, peer
from tests.uploader.conftest import Remote
from tests.uploader.driving import push_here

DOCKER = "application/vnd.docker.distribution.manifest.v2+json"


def test_a_foreign_layer_of_another_registry_stays_where_it_is(
    remote: Remote, repository: str
) -> None:
    config = json.dumps({"os": "windows", "architecture": "amd64", "for": repository}).encode()
    foreign = described(b"never seen", "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip")
    manifest = {
        "schemaVersion": 2,
        "mediaType": DOCKER,
        "config": described(config, "application/vnd.docker.container.image.v1+json"),
        "layers": [{**foreign, "urls": ["https://192.0.2.1/layer"]}],
    }
    raw = json.dumps(manifest).encode()

    def answer(asked: Asked) -> Says:
        if "/manifests/" in asked.path:
            headers = {"Content-Type": DOCKER, "Docker-Content-Digest": digest_of(raw)}
            return Says(200, raw, headers)
        has = asked.path.endswith(digest_of(config))
        return Says(200, config) if has else Says(200 if asked.path == "/v2/" else 404)

    with peer(lambda _: answer) as there:
        notes = push_here(f"docker://{there.host}/a/b:1", f"{remote.host}/{repository}:1").notes
    assert notes[foreign["digest"]].startswith("left where it is")
