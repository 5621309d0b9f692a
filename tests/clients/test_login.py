"""Logging in: the right password is taken, a wrong one and none are refused."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from . import wire
from .commands import CommandError, not_run
from .containers import Containers
from .docker import Docker
from .registry import Registry
from .skopeo import Skopeo

pytestmark = pytest.mark.clients
Login = Callable[[Registry], None]


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
