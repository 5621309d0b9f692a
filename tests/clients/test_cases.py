"""What every registry owes its clients: resumption, no byte twice, mounts, pushes at once."""

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from . import wire
from .archives import docker_archive, identity, saved
from .commands import not_run
from .containerd import Ctr
from .containers import Containers
from .docker import Docker
from .files import assert_among, assert_directory
from .images import HOST, Shelf
from .middle import between
from .registry import Registry
from .skopeo import Skopeo

pytestmark = pytest.mark.clients
NOT_CUT = "the blobs of this registry did not pass the forwarder, so none was cut"


@pytest.mark.parametrize("name", ["five", "large"])
def test_a_pull_goes_on_by_range_where_it_stopped(
    registry: Registry, images: Shelf, skopeo: Skopeo, repository: str, name: str
) -> None:
    image = images[name]
    skopeo.push(image, repository)
    layer = image.only.layers[0].blob
    url = f"{registry.url}/v2/{repository}/blobs/{layer.digest}"
    whole, got = hashlib.sha256(), 0

    for stop in (1, layer.size // 3, layer.size - 1, layer.size):
        wanted = {"Range": f"bytes={got}-"} if got else {}
        with wire.opened("GET", url, {**wire.basic(registry), **wanted}) as answer:
            assert answer.status == (206 if got else 200)
            if got:
                span = f"bytes {got}-{layer.size - 1}/{layer.size}"
                assert answer.headers["Content-Range"] == span
            while got < stop:
                block = answer.read(min(wire.BLOCK, stop - got))
                assert block, f"ended at {got} of {stop}"
                whole.update(block)
                got += len(block)

    assert f"sha256:{whole.hexdigest()}" == layer.digest


@pytest.fixture
def racy(registry: Registry) -> Registry:
    if not registry.takes_races:
        not_run("this registry fails where two clients push one blob to one repository at once")
    return registry


def _at_once(*pushes: Callable[[], None]) -> None:
    with ThreadPoolExecutor(len(pushes)) as pool:
        for running in [pool.submit(push) for push in pushes]:
            running.result()


@pytest.fixture
def resumable(images: Shelf, skopeo: Skopeo, repository: str) -> str:
    """A repository with one layer large enough to be cut."""
    skopeo.push(images["large"], repository)
    return repository


def test_ctr_resumes_a_cut_download(
    registry: Registry, images: Shelf, resumable: str, ctr: Ctr, folder: Path
) -> None:
    with between(registry) as (near, middle):
        middle.cut_at = 5_000_000
        Ctr(folder, ctr.socket, near).fetch(resumable)

    if not middle.cuts:
        not_run(NOT_CUT)
    assert [found for found in middle.ranges if not found.startswith("bytes=0-")]
    assert_among(ctr.store, images["large"])


def test_docker_resumes_a_cut_download(
    registry: Registry, images: Shelf, resumable: str, dockerd: Docker, folder: Path
) -> None:
    with between(registry) as (near, middle):
        client = Docker(folder, dockerd.socket, near)
        client.login()
        middle.cut_at = 5_000_000
        client.pull(resumable)
        found = client.inspect(client.name(resumable))

    if not middle.cuts:
        not_run(NOT_CUT)
    assert middle.ranges
    manifest = images["large"].only
    assert (found["Id"], found["RootFS"]["Layers"]) == (manifest.config.digest, manifest.diff_ids)


@pytest.mark.parametrize("name", ["five", "docker-two-platforms"])
def test_the_same_push_again_uploads_nothing(
    registry: Registry, images: Shelf, repository: str, folder: Path, name: str
) -> None:
    image = images[name]
    with between(registry) as (near, middle):
        client = Skopeo.here(folder, near)
        client.push(image, repository)
        first = list(middle.asked("POST", "/blobs/uploads/"))
        client.push(image, repository)
        again = middle.asked("POST", "/blobs/uploads/")[len(first) :]

    assert len(first) == len(image.blobs)
    assert again == []
    wire.assert_holds(registry, repository, image)


def test_a_push_to_a_second_repository_mounts(
    registry: Registry, images: Shelf, repository: str, folder: Path
) -> None:
    image = images["five"]
    with between(registry) as (near, middle):
        client = Skopeo.here(folder, near)
        client.push(image, repository)
        before = middle.sent
        client.copy_across(repository, f"{repository}-other")
        mounts = middle.asked("POST", "mount=sha256")

    assert len(mounts) >= len(image.only.layers)
    assert middle.sent - before < 100_000
    wire.assert_holds(registry, f"{repository}-other", image)


def test_many_pushes_of_one_image_at_once(
    racy: Registry, images: Shelf, repository: str, folder: Path
) -> None:
    image = images["thirty"]
    client = Skopeo.here(folder, racy)
    tags = ["latest", "latest", "one", "two"]

    _at_once(*(partial(client.push, image, repository, tag) for tag in tags))

    assert client.tags(repository) == ["latest", "one", "two"]
    for tag in sorted(set(tags)):
        wire.assert_holds(racy, repository, image, tag)


def test_two_clients_push_one_image_at_once(
    racy: Registry, images: Shelf, repository: str, skopeo: Skopeo, ctr: Ctr
) -> None:
    image = images["five"]
    ctr.take(image, repository, "ctr")

    _at_once(
        partial(skopeo.push, image, repository, "skopeo"), partial(ctr.push, repository, "ctr")
    )

    wire.assert_holds(racy, repository, image, "skopeo")
    wire.assert_holds(racy, repository, image, "ctr")


def test_two_clients_push_to_one_repository_at_once(
    registry: Registry, images: Shelf, repository: str, skopeo: Skopeo, ctr: Ctr
) -> None:
    ctr.take(images["two-platforms"], repository, "ctr")

    _at_once(
        partial(skopeo.push, images["docker-five"], repository, "skopeo"),
        partial(ctr.push, repository, "ctr"),
    )

    wire.assert_holds(registry, repository, images["docker-five"], "skopeo")
    wire.assert_holds(registry, repository, images["two-platforms"], "ctr")


def test_two_clients_push_one_image_to_two_repositories_at_once(
    registry: Registry, images: Shelf, repository: str, skopeo: Skopeo, ctr: Ctr
) -> None:
    other = f"{repository}-other"
    ctr.take(images["thirty"], other)

    _at_once(partial(skopeo.push, images["thirty"], repository), partial(ctr.push, other))

    wire.assert_holds(registry, repository, images["thirty"])
    wire.assert_holds(registry, other, images["thirty"])


@pytest.mark.parametrize("name", ["docker-five", "two-platforms", "docker-two-platforms"])
def test_what_ctr_pushed_skopeo_pulls(
    images: Shelf, repository: str, skopeo: Skopeo, ctr: Ctr, folder: Path, name: str
) -> None:
    ctr.take(images[name], repository)
    ctr.push(repository)

    skopeo.pull(repository, "latest", f"dir:{folder / 'pulled'}")

    assert_directory(folder / "pulled", images[name])


@pytest.mark.parametrize("name", ["docker-five", "two-platforms", "docker-two-platforms"])
def test_what_skopeo_pushed_docker_pulls(
    images: Shelf, repository: str, skopeo: Skopeo, dockerd: Docker, name: str
) -> None:
    skopeo.push(images[name], repository)

    dockerd.pull(repository)

    found = dockerd.inspect(dockerd.name(repository))
    (mine,) = (one for one in images[name].manifests if one.architecture == HOST)
    assert (found["Id"], found["RootFS"]["Layers"]) == (mine.config.digest, mine.diff_ids)


def test_what_docker_pushed_others_pull(
    registry: Registry, images: Shelf, repository: str, dockerd: Docker, folder: Path
) -> None:
    image = images["docker-five"]
    dockerd.load(docker_archive(image, folder / "in.tar", dockerd.name(repository)))
    dockerd.push(repository)

    podman = Containers.here("podman", folder, registry)
    pulled = podman.pull(repository)

    assert saved(podman.save(pulled, folder / "out.tar")) == identity(image.only)
