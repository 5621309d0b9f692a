"""docker-registry-client speaks both protocols; it lists, reads and deletes, but cannot push."""

from typing import Any

import pytest

from . import v1images, v1push, wire
from .commands import library, not_run
from .images import Shelf
from .registry import Registry
from .test_python_dxf import client as dxf_client
from .test_python_dxf import push as dxf_push

pytestmark = pytest.mark.clients


def connect(registry: Registry, version: int | None) -> Any:
    module = library("docker_registry_client", "docker-registry-client")
    return module.DockerRegistryClient(
        registry.url,
        api_version=version,
        username=registry.username,
        password=registry.password,
        api_timeout=60,
    )


@pytest.fixture
def pushed(registry: Registry, images: Shelf, repository: str) -> str:
    with dxf_client(registry, repository) as session:
        dxf_push(session, images["docker-five"], "one")
        dxf_push(session, images["docker-five"], "two")
    return repository


@pytest.mark.parametrize("version", [2, None], ids=["v2", "detected"])
def test_client_lists_over_v2(registry: Registry, pushed: str, version: int | None) -> None:
    client = connect(registry, version)

    assert client.api_version == 2
    assert registry.namespace in client.namespaces()
    assert pushed in client.repositories(registry.namespace)
    assert sorted(client.repository(pushed).tags()) == ["one", "two"]


def test_client_reads_a_manifest_over_v2(registry: Registry, images: Shelf, pushed: str) -> None:
    """It accepts schema 1 only; a registry that gives the stored manifest instead is fine too."""
    manifest, digest = connect(registry, 2).repository(pushed).manifest("one")

    if manifest["schemaVersion"] == 2:
        assert digest == images["docker-five"].top.digest
        assert len(manifest["layers"]) == 5
    else:
        assert (manifest["name"], manifest["tag"]) == (pushed, "one")


def test_client_deletes_over_v2(registry: Registry, images: Shelf, pushed: str) -> None:
    connect(registry, 2).repository(pushed).delete_manifest(images["docker-five"].top.digest)

    url = f"{registry.url}/v2/{pushed}/manifests/one"
    assert wire.send("GET", url, {"Accept": wire.ACCEPT, **wire.basic(registry)}).status == 404


@pytest.fixture
def v1_pushed(registry: Registry, images: Shelf, repository: str) -> tuple[str, str]:
    """Repository and image id of a v1 push."""
    if not registry.speaks_v1:
        not_run("this registry does not speak v1")
    image = v1images.from_image(images["five"], repository)
    v1push.push(registry, repository, image, ["one", "two"])
    return repository, image.top.id


def test_client_lists_over_v1(registry: Registry, v1_pushed: tuple[str, str]) -> None:
    name, image_id = v1_pushed
    client = connect(registry, 1)

    assert registry.namespace in client.namespaces()
    assert name in client.repositories(registry.namespace)
    assert sorted(client.repository(name).tags()) == ["one", "two"]
    assert client.repository(name).image("one").image_id == image_id


def test_client_moves_tags_over_v1(registry: Registry, v1_pushed: tuple[str, str]) -> None:
    name, image_id = v1_pushed
    client = connect(registry, 1)

    client.repository(name).tag("three", image_id)
    client.repository(name).untag("one")

    assert sorted(client.repository(name).tags()) == ["three", "two"]
    assert client.repository(name).data("two")["docker_version"] == "1.12.6"
