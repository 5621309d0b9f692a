"""Logging in: the right password is taken, a wrong one and none are refused."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from . import v1push, wire
from .archives import docker_archive, identity
from .commands import CommandError, not_run
from .containers import Containers
from .docker import Docker
from .files import assert_layout
from .images import Shelf
from .registry import Registry
from .skopeo import Skopeo
from .v1images import from_image
from .v1pull import pull

pytestmark = pytest.mark.clients
Login = Callable[[Registry], None]


@pytest.fixture
def registry(registry_with_accounts: Registry) -> Registry:
    return registry_with_accounts


@pytest.fixture
def secured(registry: Registry) -> Registry:
    if registry.credentials is None:
        not_run("this registry has no passwords")
    return registry


@pytest.fixture(params=["skopeo", "podman", "buildah", "docker"])
def login(request: pytest.FixtureRequest, folder: Path, secured: Registry) -> Login:
    """The login of one client, with the user of the registry it is given."""
    if request.param == "skopeo":
        skopeo = Skopeo.here(folder, secured)
        return lambda whom: replace(skopeo, registry=whom).login()
    if request.param == "docker":
        socket = request.getfixturevalue("docker_socket")
        return lambda whom: Docker(folder, socket, whom).login()
    containers = Containers.here(request.param, folder, secured)
    return lambda whom: replace(containers, registry=whom).login()


def test_login_takes_the_right_password_only(secured: Registry, login: Login) -> None:
    login(secured)

    with pytest.raises(CommandError, match=r"(?i)unauthorized|authenticat|invalid username"):
        login(replace(secured, password="wrong"))


def test_a_push_without_a_login_is_refused(secured: Registry, repository: str) -> None:
    answer = wire.send("POST", f"{secured.url}/v2/{repository}/blobs/uploads/")

    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].split()[0].lower() in {"basic", "bearer"}


@pytest.mark.parametrize("name", ["five", "two-platforms"])
def test_skopeo_pulls_what_it_pushed_with_a_login(
    secured: Registry, skopeo: Skopeo, images: Shelf, repository: str, folder: Path, name: str
) -> None:
    skopeo.push(images[name], repository)
    wire.assert_holds(secured, repository, images[name])

    skopeo.pull(repository, "latest", f"oci:{folder / 'pulled'}:latest")

    assert_layout(folder / "pulled", images[name])


def test_docker_pulls_what_it_pushed_with_a_login(
    secured: Registry, dockerd: Docker, images: Shelf, repository: str, folder: Path
) -> None:
    image = images["five"]
    local = dockerd.name(repository)
    dockerd.load(docker_archive(image, folder / "in.tar", local))
    dockerd.push(repository)
    wire.assert_holds_content(secured, repository, image)

    dockerd.wipe()
    dockerd.pull(repository)

    assert dockerd.inspect(local)["Id"] == identity(image.only)[0]


def test_a_push_to_a_namespace_of_somebody_else_is_refused(
    secured: Registry, skopeo: Skopeo, images: Shelf
) -> None:
    with pytest.raises(CommandError, match=r"(?i)denied|forbidden|403"):
        skopeo.push(images["five"], "somebody-else/app")


def test_v1_pushes_and_pulls_with_a_login(
    secured: Registry, images: Shelf, repository: str, folder: Path
) -> None:
    if not secured.speaks_v1:
        not_run("this registry does not speak v1")
    image = from_image(images["five"], repository)

    sent = v1push.push(secured, repository, image)
    pulled = pull(secured, repository, "latest", folder / "pulled")

    assert {one.id: one.sha256 for one in pulled} == {i: p.sha256 for i, p in sent.items()}
