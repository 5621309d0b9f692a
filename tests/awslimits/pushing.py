"""Each client's own push, and the proof that what it pushed is there."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.awslimits.table import Size
from tests.clients import v1pull, v1push, wire
from tests.clients.archives import docker_archive
from tests.clients.commands import library
from tests.clients.containerd import Ctr
from tests.clients.containers import Containers
from tests.clients.crane import Crane
from tests.clients.docker import Docker
from tests.clients.files import assert_among
from tests.clients.images import MEGABYTE, OCI, Builder, File, Image, Recipe, large
from tests.clients.oras import Oras
from tests.clients.regctl import Regctl
from tests.clients.registry import Registry
from tests.clients.skopeo import Skopeo
from tests.clients.v1images import from_image

_numbers = itertools.count(1)


def _of_one_layer(megabytes: int) -> Callable[[Builder], Image]:
    def build(builder: Builder) -> Image:
        files = [File("data.bin", size=megabytes * MEGABYTE)]
        layer = builder.layer(f"{megabytes} MB", files, level=0)
        return builder.image(f"{megabytes}-mb", builder.manifest([layer]))

    return build


RECIPES = {
    Size.SMALL.name.lower(): Recipe(_of_one_layer(1)),
    Size.MIDDLE.name.lower(): Recipe(_of_one_layer(8)),
    Size.LARGE.name.lower(): Recipe(large),
}


@dataclass(frozen=True)
class Bench:
    """What a client may need: a folder of its own, and the sockets of the daemons."""

    folder: Path
    request: pytest.FixtureRequest

    def socket(self, fixture: str) -> Path:
        found: Path = self.request.getfixturevalue(fixture)
        return found


def is_pulled(image: Image) -> bool:
    """Whether the client pulls as well; what is large is read back by the tests alone."""
    return sum(image.blobs.values()) < 50 * MEGABYTE


Push = Callable[[Bench, Registry, str, Image], None]


def _docker(bench: Bench, registry: Registry, repository: str, image: Image) -> None:
    client = Docker(bench.folder, bench.socket("docker_socket"), registry)
    try:
        client.load(docker_archive(image, bench.folder / "in.tar", client.name(repository)))
        client.push(repository)
        wire.assert_holds_content(registry, repository, image)
        if is_pulled(image):
            client.wipe()
            client.pull(repository)
            assert client.inspect(client.name(repository))["Id"] == image.only.config.digest
    finally:
        client.wipe()


def _containers(tool: str) -> Push:
    def push(bench: Bench, registry: Registry, repository: str, image: Image) -> None:
        client = Containers.here(tool, bench.folder, registry)
        client.push(client.take(image), repository)
        wire.assert_holds_content(registry, repository, image)
        if is_pulled(image):
            client.wipe()
            assert f"sha256:{client.pull(repository)}" == image.only.config.digest

    return push


def _ctr(bench: Bench, registry: Registry, repository: str, image: Image) -> None:
    client = Ctr(bench.folder, bench.socket("containerd_socket"), registry)
    try:
        client.take(image, repository)
        client.push(repository)
        wire.assert_holds(registry, repository, image)
        if is_pulled(image):
            client.wipe()
            client.fetch(repository)
            assert_among(client.store, image)
    finally:
        client.wipe()


def _copying(kind: type[Crane | Oras | Regctl | Skopeo]) -> Push:
    def push(bench: Bench, registry: Registry, repository: str, image: Image) -> None:
        client = kind.here(bench.folder, registry)
        client.push(image, repository)
        wire.assert_holds(registry, repository, image)
        if is_pulled(image):
            place = bench.folder / "pulled"
            if isinstance(client, Skopeo):
                client.pull(repository, "latest", f"oci:{place}:latest")
            else:
                client.pull(repository, "latest", place)
            assert_among(place / "blobs" / "sha256", image)

    return push


def _oras_py(bench: Bench, registry: Registry, repository: str, image: Image) -> None:
    module = library("oras.provider", "oras")
    client = module.Registry(registry.host, insecure=True, auth_backend="basic")
    with contextlib.closing(client.session):
        container = client.get_container(f"{registry.host}/{repository}:latest")
        for digest, size in image.blobs.items():
            layer = {"digest": digest, "size": size}
            answer = client.upload_blob(str(image.path(digest)), container, layer)
            assert answer.status_code == 201, answer.text
        answer = client.upload_manifest(json.loads(image.read(image.top.digest)), container)
        assert answer.status_code == 201, answer.text
    wire.assert_holds(registry, repository, image)


def _dxf(bench: Bench, registry: Registry, repository: str, image: Image) -> None:
    dxf = library("dxf", "python-dxf")
    with dxf.DXF(registry.host, repository, insecure=True, timeout=60) as session:
        for digest in image.blobs:
            session.push_blob(str(image.path(digest)))
        session.set_manifest("latest", image.read(image.top.digest).decode())
    wire.assert_holds(registry, repository, image)


def _v1(bench: Bench, registry: Registry, repository: str, image: Image) -> None:
    sent = v1push.push(registry, repository, from_image(image, repository))
    pulled = v1pull.pull(registry, repository, "latest", bench.folder / "pulled")
    assert {one.id: (one.sha256, one.size) for one in pulled} == {
        image_id: (one.sha256, one.size) for image_id, one in sent.items()
    }
    assert pulled


PUSHES: dict[str, Push] = {
    "docker": _docker,
    "podman": _containers("podman"),
    "buildah": _containers("buildah"),
    "skopeo": _copying(Skopeo),
    "crane": _copying(Crane),
    "ctr": _ctr,
    "oras": _copying(Oras),
    "regctl": _copying(Regctl),
    "oras-py": _oras_py,
    "dxf": _dxf,
    "v1": _v1,
}
assert all(recipe.kind is OCI for recipe in RECIPES.values())


def repository_for(name: str) -> str:
    """A repository that no other cell has."""
    return f"table/{name}-{next(_numbers)}"


def words(fault: BaseException) -> Iterator[str]:
    """All that a client said, its causes included."""
    found: BaseException | None = fault
    while found is not None:
        yield str(found)
        found = found.__cause__ or found.__context__
