"""A Docker daemon: loads what `docker save` writes, pushes schema 2, pulls into an empty store."""

from pathlib import Path

import pytest

from . import wire
from .archives import docker_archive, identity, saved
from .commands import not_run
from .docker import Docker
from .images import Shelf
from .registry import Registry

pytestmark = pytest.mark.clients


@pytest.mark.parametrize("name", ["five", "thirty", "large", "empty-layer", "foreign-names"])
def test_docker_pulls_what_it_pushed(
    dockerd: Docker, registry: Registry, images: Shelf, repository: str, folder: Path, name: str
) -> None:
    image = images[name]
    local = dockerd.name(repository)
    dockerd.load(docker_archive(image, folder / "in.tar", local))
    dockerd.push(repository)
    wire.assert_holds_content(registry, repository, image)

    dockerd.wipe()
    dockerd.pull(repository)

    found = dockerd.inspect(local)
    assert (found["Id"], found["RootFS"]["Layers"]) == identity(image.only)
    assert saved(dockerd.save(local, folder / "out.tar")) == identity(image.only)


def test_docker_pulls_by_the_digest_it_was_told(
    dockerd: Docker, registry: Registry, images: Shelf, repository: str, folder: Path
) -> None:
    image = images["five"]
    dockerd.load(docker_archive(image, folder / "in.tar", dockerd.name(repository)))
    dockerd.push(repository)
    answer = wire.manifest(registry, repository, "latest")

    dockerd.wipe()
    dockerd.pull(repository, answer.headers["Docker-Content-Digest"])

    found = dockerd.inspect(image.only.config.digest)
    assert (found["Id"], found["RootFS"]["Layers"]) == identity(image.only)


def test_docker_pushes_a_second_tag_and_repository_without_bytes(
    dockerd: Docker, registry: Registry, images: Shelf, repository: str, folder: Path
) -> None:
    image = images["docker-five"]
    dockerd.load(docker_archive(image, folder / "in.tar", dockerd.name(repository)))
    dockerd.push(repository)

    dockerd.tag(dockerd.name(repository), dockerd.name(f"{repository}-other"))
    said = dockerd.push(f"{repository}-other")
    again = dockerd.push(repository)

    assert said.count("Mounted from") == 5
    assert again.count("Layer already exists") == 5
    wire.assert_holds_content(registry, f"{repository}-other", image)


def test_docker_searches(
    dockerd: Docker, registry: Registry, images: Shelf, repository: str, folder: Path
) -> None:
    if not registry.speaks_v1:
        not_run("docker search speaks v1, this registry does not")
    local = dockerd.name(repository)
    dockerd.load(docker_archive(images["empty-layer"], folder / "in.tar", local))
    dockerd.push(repository)

    found = dockerd.search(repository.rpartition("/")[2])

    assert repository in {result["Name"].removeprefix(f"{registry.host}/") for result in found}
