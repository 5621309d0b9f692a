"""The registry of the session, the images, and each client in a folder of its own."""

import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from . import containerd, docker
from .commands import workspace
from .containers import Containers
from .images import Shelf
from .registry import PEER, Registry, running, running_with_accounts
from .skopeo import Skopeo

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def registry_without_accounts() -> Iterator[Registry]:
    with running() as found:
        yield found


@pytest.fixture(scope="session")
def registry(registry_without_accounts: Registry) -> Registry:
    return registry_without_accounts


@pytest.fixture(scope="session")
def registry_with_accounts() -> Iterator[Registry]:
    """Like ``registry``, with a login; a peer that has none of its own stands in for nobody."""
    with running() if PEER else running_with_accounts() as found:
        yield found


@pytest.fixture(scope="session")
def registry_with_bearer() -> Iterator[Registry]:
    """Like ``registry_with_accounts``, but it sends clients to its own tokens."""
    with running() if PEER else running_with_accounts(challenge="bearer") as found:
        yield found


@pytest.fixture(scope="session")
def images() -> Iterator[Shelf]:
    with workspace() as folder:
        yield Shelf(folder)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short, private, gone after the test together with whatever was mounted in it."""
    with workspace() as place:
        yield place


@pytest.fixture
def repository(registry: Registry, request: pytest.FixtureRequest) -> str:
    """A repository no other test has: one namespace and one name, as v1 knows them."""
    test = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower()).strip("-")
    return f"{registry.namespace}/{test[:60].rstrip('-')}-{next(_numbers)}"


@pytest.fixture
def skopeo(folder: Path, registry: Registry) -> Skopeo:
    return Skopeo.here(folder, registry)


@pytest.fixture(params=["podman", "buildah"])
def containers(request: pytest.FixtureRequest, folder: Path, registry: Registry) -> Containers:
    return Containers.here(request.param, folder, registry)


@pytest.fixture(scope="session")
def containerd_socket() -> Iterator[Path]:
    with workspace() as place, containerd.daemon(place) as socket:
        yield socket


@pytest.fixture
def ctr(folder: Path, containerd_socket: Path, registry: Registry) -> Iterator[containerd.Ctr]:
    client = containerd.Ctr(folder, containerd_socket, registry)
    yield client
    client.wipe()


@pytest.fixture(scope="session")
def docker_socket(containerd_socket: Path) -> Iterator[Path]:
    with workspace() as place, docker.daemon(place, containerd_socket) as socket:
        yield socket


@pytest.fixture
def dockerd(folder: Path, docker_socket: Path, registry: Registry) -> Iterator[docker.Docker]:
    client = docker.Docker(folder, docker_socket, registry)
    client.login()
    yield client
    client.wipe()
