"""What is pushed through one protocol is pulled through every other, byte for byte."""

from __future__ import annotations

import json

import pytest

from chalicelib.domain.bridge import EMPTY_LAYER
from chalicelib.domain.media_types import DOCKER_MANIFEST
from tests.matrix.protocols import (
    PULLS,
    PUSHES,
    REPOSITORY,
    Pulled,
    Sample,
    fetch,
    push_v1,
    sha256,
)
from tests.support.world import Registry, json_of, memory_world

SAMPLE = Sample()
WHOLE = Pulled(SAMPLE.layers, SAMPLE.command, SAMPLE.created, SAMPLE.author)


@pytest.fixture
def registry() -> Registry:
    return Registry(memory_world())


@pytest.mark.parametrize("pull", PULLS)
@pytest.mark.parametrize("push", PUSHES)
def test_every_pull_brings_what_every_push_sent(registry: Registry, push: str, pull: str) -> None:
    PUSHES[push](registry, SAMPLE)
    assert PULLS[pull](registry) == WHOLE
    assert PULLS[pull](registry) == WHOLE


@pytest.mark.parametrize("push", PUSHES)
def test_the_tag_is_listed_through_both(registry: Registry, push: str) -> None:
    PUSHES[push](registry, SAMPLE)
    assert json_of(registry.send("GET", f"/v2/{REPOSITORY}/tags/list"))["tags"] == ["latest"]
    assert set(json_of(registry.send("GET", f"/v1/repositories/{REPOSITORY}/tags"))) == {"latest"}


def test_a_tag_moved_through_v1_is_moved_for_v2(registry: Registry) -> None:
    push_v1(registry, SAMPLE)
    before = registry.send("GET", f"/v2/{REPOSITORY}/manifests/latest").body
    ids = json_of(registry.send("GET", f"/v1/repositories/{REPOSITORY}/images"))
    parent = next(
        each["id"]
        for each in ids
        if len(json_of(registry.send("GET", f"/v1/images/{each['id']}/ancestry"))) == 2
    )
    tag = json.dumps(parent).encode()
    assert registry.send("PUT", f"/v1/repositories/{REPOSITORY}/tags/latest", tag).status == 200
    after = json_of(registry.send("GET", f"/v2/{REPOSITORY}/manifests/latest"))
    assert len(after["layers"]) == len(json.loads(before)["layers"]) - 1


def test_a_v1_image_in_the_middle_of_its_push_is_no_manifest(registry: Registry) -> None:
    image_id = "e" * 64
    raw = json.dumps({"id": image_id}).encode()
    registry.send("PUT", f"/v1/images/{image_id}/json", raw)
    tag = json.dumps(image_id).encode()
    assert registry.send("PUT", f"/v1/repositories/{REPOSITORY}/tags/half", tag).status == 200
    assert registry.send("GET", f"/v2/{REPOSITORY}/manifests/half").status == 404


def test_an_artifact_is_no_v1_image(registry: Registry) -> None:
    empty = b"{}"
    url = f"/v2/{REPOSITORY}/blobs/uploads/?digest="
    digest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert registry.send("POST", url + digest, empty).status == 201
    part = {"mediaType": "application/vnd.oci.empty.v1+json", "size": 2, "digest": digest}
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "artifactType": "application/vnd.example",
        "config": part,
        "layers": [part],
    }
    typed = {"content-type": manifest["mediaType"]}
    raw = json.dumps(manifest).encode()
    answer = registry.send("PUT", f"/v2/{REPOSITORY}/manifests/a", raw, {**typed})
    assert answer.status == 201
    assert registry.send("GET", f"/v1/repositories/{REPOSITORY}/tags/a").status == 404
    assert json_of(registry.send("GET", f"/v1/repositories/{REPOSITORY}/tags")) == {}


def test_an_image_that_somebody_pushed_under_a_manifests_id_is_not_taken_for_it(
    registry: Registry,
) -> None:
    PUSHES["oci"](registry, SAMPLE)
    answer = registry.send("HEAD", f"/v2/{REPOSITORY}/manifests/latest")
    stolen = (answer.header("docker-content-digest") or "").removeprefix("sha256:")
    raw = json.dumps({"id": stolen, "author": "somebody"}).encode()
    assert registry.send("PUT", f"/v1/images/{stolen}/json", raw).status == 200
    assert registry.send("GET", f"/v1/repositories/{REPOSITORY}/tags/latest").status == 404


def test_a_step_that_changed_no_file_is_an_image_with_the_empty_layer(registry: Registry) -> None:
    layer = SAMPLE.layers[0]
    history = [{"created_by": "ADD"}, {"created_by": "ENV a=b", "empty_layer": True}]
    config = json.dumps({"os": "linux", "history": history, "config": {"Env": ["a=b"]}}).encode()
    for data in (config, layer):
        url = f"/v2/{REPOSITORY}/blobs/uploads/?digest={sha256(data)}"
        assert registry.send("POST", url, data).status == 201
    kind = "application/vnd.docker.container.image.v1+json"
    layer_kind = "application/vnd.docker.image.rootfs.diff.tar.gzip"
    document = {
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST,
        "config": {"mediaType": kind, "size": len(config), "digest": sha256(config)},
        "layers": [{"mediaType": layer_kind, "size": len(layer), "digest": sha256(layer)}],
    }
    raw, typed = json.dumps(document).encode(), {"content-type": DOCKER_MANIFEST}
    url = f"/v2/{REPOSITORY}/manifests/latest"
    assert registry.send("PUT", url, raw, typed).status == 201

    top = json_of(registry.send("GET", f"/v1/repositories/{REPOSITORY}/tags/latest"))
    ancestry = json_of(registry.send("GET", f"/v1/images/{top}/ancestry"))
    assert [fetch(registry, f"/v1/images/{each}/layer") for each in ancestry] == [
        EMPTY_LAYER,
        layer,
    ]
    said = json_of(registry.send("GET", f"/v1/images/{top}/json"))
    assert (said["config"], said["throwaway"]) == ({"Env": ["a=b"]}, True)
