"""podman and buildah: unpacked and packed again, so the content is compared, not the gzip."""

import json
from pathlib import Path

import pytest

from . import wire
from .archives import docker_archive, identity, saved
from .containers import Containers
from .images import HOST, Shelf
from .registry import Registry
from .skopeo import Skopeo

pytestmark = pytest.mark.clients


# One library serves both tools: what is slow is done once.
SLOW = {"podman": "large", "buildah": "thirty"}


@pytest.mark.parametrize(
    "name", ["five", "twenty-megabytes", "slow", "empty-layer", "foreign-names"]
)
def test_containers_pull_what_they_pushed(
    containers: Containers,
    registry: Registry,
    images: Shelf,
    repository: str,
    folder: Path,
    name: str,
) -> None:
    image = images[SLOW[containers.tool] if name == "slow" else name]
    local = containers.take(image)
    containers.push(local, repository)
    wire.assert_holds_content(registry, repository, image)

    containers.wipe()
    pulled = containers.pull(repository)

    assert f"sha256:{pulled}" == image.only.config.digest
    assert saved(containers.save(pulled, folder / "saved.tar")) == identity(image.only)


def test_containers_push_docker_media_types(
    containers: Containers, registry: Registry, images: Shelf, repository: str, folder: Path
) -> None:
    image = images["docker-five"]
    archive = docker_archive(image, folder / "in.tar", "localhost/in:latest")
    containers.load(archive)
    containers.push("localhost/in:latest", repository, "latest", "--format", "v2s2")
    answer = wire.manifest(registry, repository, "latest")
    assert answer.headers["Content-Type"] == image.kind.manifest
    wire.assert_holds_content(registry, repository, image)

    containers.wipe()
    pulled = containers.pull(repository)

    assert saved(containers.save(pulled, folder / "out.tar")) == identity(image.only)


@pytest.mark.parametrize("name", ["two-platforms", "docker-two-platforms"])
def test_containers_pull_the_platform_of_the_host_from_an_index(
    containers: Containers,
    registry: Registry,
    images: Shelf,
    repository: str,
    folder: Path,
    name: str,
) -> None:
    image = images[name]
    Skopeo.here(folder, registry).push(image, repository)

    pulled = containers.pull(repository, image.top.digest)

    (mine,) = (one for one in image.manifests if one.architecture == HOST)
    assert saved(containers.save(pulled, folder / "saved.tar")) == identity(mine)


@pytest.mark.parametrize(
    ("name", "form"), [("two-platforms", "oci"), ("docker-two-platforms", "v2s2")]
)
def test_podman_pushes_two_platforms(
    folder: Path, registry: Registry, images: Shelf, repository: str, name: str, form: str
) -> None:
    image, source = images[name], f"{repository}-source"
    Skopeo.here(folder, registry).push(image, source)

    Containers.here("podman", folder, registry).push_list(source, repository, form)

    pushed = wire.manifest(registry, repository, "latest")
    assert pushed.headers["Content-Type"] == image.kind.index
    entries = json.loads(pushed.body)["manifests"]
    assert [one["platform"]["architecture"] for one in entries] == ["amd64", "arm64"]
    for entry, manifest in zip(entries, image.manifests, strict=True):
        found = json.loads(wire.manifest(registry, repository, entry["digest"]).body)
        assert found["config"]["digest"] == manifest.config.digest
        assert wire.content_digests(registry, repository, entry["digest"]) == manifest.diff_ids


def test_podman_searches(folder: Path, registry: Registry, images: Shelf, repository: str) -> None:
    podman = Containers.here("podman", folder, registry)
    podman.push(podman.take(images["empty-layer"]), repository)

    assert repository in podman.search(repository.rpartition("/")[2])


def test_podman_lists_tags(
    folder: Path, registry: Registry, images: Shelf, repository: str
) -> None:
    podman = Containers.here("podman", folder, registry)
    local = podman.take(images["empty-layer"])
    for tag in ("latest", "v1", "V_2"):
        podman.push(local, repository, tag)

    assert podman.tags(repository) == ["V_2", "latest", "v1"]
