"""Real clients through `roadstead proxy`, against a registry that is nothing but Lambda and S3.

Each pushes a layer of 30 MB, six times what a function takes, and pulls it back byte for byte.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from roadstead.client.names import Host
from roadstead.proxy.run import make_proxy
from tests.clients import containerd, docker, wire
from tests.clients.archives import docker_archive, identity, saved
from tests.clients.commands import clean_environment, find, not_run, run, workspace
from tests.clients.containerd import Ctr
from tests.clients.containers import Containers
from tests.clients.docker import Docker
from tests.clients.files import assert_among, assert_layout
from tests.clients.images import Image, Shelf
from tests.clients.registry import Registry
from tests.clients.skopeo import Skopeo
from tests.clients.test_python_dxf import client as dxf_client
from tests.clients.test_python_dxf import push as dxf_push
from tests.support.registry import serving
from tests.uploader.conftest import Command, Remote
from tests.uploader.driving import assert_served, pull_here

pytestmark = pytest.mark.clients

BINARIES = Path(__file__).parents[2] / ".clients" / "bin"
LARGE = "thirty-mb"
EXACT = ["five", "two-platforms", LARGE]


@pytest.fixture(scope="module")
def registry(_remote: Remote) -> Iterator[Registry]:
    """The proxy, as the clients see it: a registry on this machine."""
    _remote.mend()
    with serving(make_proxy(Host(_remote.host, "http"))) as host:
        yield Registry(host, f"http://{host}")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short name: a unix socket's path may have 107 bytes only."""
    with workspace() as place:
        yield place


@pytest.fixture
def repository(request: pytest.FixtureRequest) -> str:
    name = request.node.name.removeprefix("test_").lower()
    return "clients/" + re.sub(r"[^a-z0-9]+", "-", name).strip("-")[:80]


@pytest.fixture(scope="module")
def containerd_socket() -> Iterator[Path]:
    with workspace() as place, containerd.daemon(place) as socket:
        yield socket


@pytest.fixture
def dockerd(folder: Path, containerd_socket: Path, registry: Registry) -> Iterator[Docker]:
    with workspace() as place, docker.daemon(place, containerd_socket) as socket:
        yield Docker(folder, socket, registry)


@pytest.mark.parametrize("name", EXACT)
def test_skopeo(
    remote: Remote, registry: Registry, images: Shelf, repository: str, folder: Path, name: str
) -> None:
    skopeo = Skopeo.here(folder, registry)
    skopeo.push(images[name], repository)
    assert_served(remote, repository, images[name])
    skopeo.pull(repository, "latest", f"oci:{folder / 'pulled'}:latest")
    assert_layout(folder / "pulled", images[name])


@pytest.mark.parametrize("tool", ["podman", "buildah"])
def test_podman_and_buildah(
    registry: Registry, images: Shelf, repository: str, folder: Path, tool: str
) -> None:
    image, containers = images[LARGE], Containers.here(tool, folder, registry)
    containers.push(containers.take(image), repository)
    wire.assert_holds_content(registry, repository, image)
    containers.wipe()
    assert f"sha256:{containers.pull(repository)}" == image.only.config.digest


@pytest.mark.parametrize("name", EXACT)
def test_ctr(
    remote: Remote,
    registry: Registry,
    images: Shelf,
    repository: str,
    folder: Path,
    containerd_socket: Path,
    name: str,
) -> None:
    ctr = Ctr(folder, containerd_socket, registry)
    ctr.take(images[name], repository)
    ctr.push(repository)
    assert_served(remote, repository, images[name])
    ctr.wipe()
    ctr.fetch(repository)
    assert_among(ctr.store, images[name])
    ctr.wipe()


def test_docker(
    dockerd: Docker, registry: Registry, images: Shelf, repository: str, folder: Path
) -> None:
    image, local = images[LARGE], dockerd.name(repository)
    dockerd.load(docker_archive(image, folder / "in.tar", local))
    dockerd.push(repository)
    wire.assert_holds_content(registry, repository, image)
    dockerd.wipe()
    dockerd.pull(repository)
    assert saved(dockerd.save(local, folder / "out.tar")) == identity(image.only)


def test_what_docker_saves_is_pushed_and_what_we_pull_it_loads(
    remote: Remote,
    dockerd: Docker,
    registry: Registry,
    images: Shelf,
    repository: str,
    folder: Path,
    roadstead: Command,
) -> None:
    image, local = images[LARGE], dockerd.name(repository)
    dockerd.load(docker_archive(image, folder / "in.tar", local))
    dockerd.save(local, folder / "saved.tar")
    target = f"{remote.host}/{repository}"
    roadstead.run("push", f"docker-archive:{folder / 'saved.tar'}", target)
    dockerd.wipe()
    roadstead.run("pull", target, folder / "pulled.tar")
    dockerd.load(folder / "pulled.tar")
    found = dockerd.inspect(f"{target}:latest")
    assert (found["Id"], found["RootFS"]["Layers"]) == identity(image.only)


@pytest.mark.parametrize("name", EXACT)
def test_python_dxf(
    remote: Remote, registry: Registry, images: Shelf, repository: str, name: str
) -> None:
    with dxf_client(registry, repository) as session:
        dxf_push(session, images[name])
    assert_served(remote, repository, images[name])


# --- clients of one binary, where the machine has them ----------------------------------------


def crane(host: str, repository: str, image: Image) -> list[str]:
    return ["crane", "push", "--insecure", str(image.folder), f"{host}/{repository}:latest"]


def regctl(host: str, repository: str, image: Image) -> list[str]:
    source = f"ocidir://{image.folder}:latest"
    return ["regctl", "--host", f"reg={host},tls=disabled", "image", "copy", source,
            f"{host}/{repository}:latest"]  # fmt: skip


def oras(host: str, repository: str, image: Image) -> list[str]:
    source = f"{image.folder}:latest"
    target = f"{host}/{repository}:latest"
    return ["oras", "cp", "--from-oci-layout", "--to-plain-http", source, target]


@pytest.mark.parametrize("name", ["five", LARGE])
@pytest.mark.parametrize("make", [crane, regctl, oras], ids=lambda make: make.__name__)
def test_clients_of_one_binary(
    remote: Remote, registry: Registry, images: Shelf, repository: str, folder: Path,
    make: object, name: str,
) -> None:  # fmt: skip
    tool, *words = make(registry.host, repository, images[name])  # type: ignore[operator]
    program = BINARIES / tool
    found = str(program) if program.exists() else find(tool)
    if found is None:
        not_run(f"not installed: {tool} (in .clients/bin or on PATH)")
    run([found, *words], clean_environment(folder))
    assert_served(remote, repository, images[name])


def test_what_a_client_pushes_through_it_we_pull(
    remote: Remote, registry: Registry, images: Shelf, repository: str, folder: Path
) -> None:
    Skopeo.here(folder, registry).push(images[LARGE], repository)
    pull_here(f"{remote.host}/{repository}", f"oci:{folder / 'out'}")
    (entry,) = json.loads((folder / "out" / "index.json").read_text())["manifests"]
    assert entry["digest"] == images[LARGE].top.digest
