"""Registries to come from and to go to, each real; and the command as a process of its own."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.commands import Service, clean_environment, find, need, serving, workspace
from tests.clients.images import Shelf
from tests.clients.registry import Registry, answers, free_port, running_with_accounts
from tests.migrate.filling import Filled
from tests.support.registry import running_registry
from tests.uploader.conftest import Command

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def ours() -> Iterator[Registry]:
    """Open to everybody, as `roadstead up` is."""
    with running_registry() as found:
        yield Registry(found.host, found.url)


@pytest.fixture(scope="session", params=["basic", "bearer"])
def ours_with_accounts(request: pytest.FixtureRequest) -> Iterator[Registry]:
    """The user owns the namespace of her name; asked to identify in either way."""
    with running_with_accounts(request.param) as found:
        yield found


@pytest.fixture
def debian() -> Iterator[Filled]:
    """Debian's docker-registry, empty."""
    need("docker-registry")
    with workspace() as folder:
        host = f"127.0.0.1:{free_port()}"
        config = folder / "config.yml"
        config.write_text(
            "version: 0.1\n"
            "log: {level: error, accesslog: {disabled: true}}\n"
            f"storage: {{filesystem: {{rootdirectory: {folder / 'store'}}}}}\n"
            f"http: {{addr: '{host}'}}\n"
        )
        program = [find("docker-registry") or "", "serve", config]
        service = Service(program, clean_environment(folder), folder / "registry.log")
        with serving(service, lambda: answers(f"http://{host}/v2/")):
            yield Filled(host, folder / "store")


@pytest.fixture(scope="session")
def images() -> Iterator[Shelf]:
    with workspace() as folder:
        yield Shelf(folder)


@pytest.fixture
def team() -> str:
    """A namespace that no other test has."""
    return f"crew-{os.getpid()}-{next(_NUMBERS)}"


@pytest.fixture
def roadstead(tmp_path: Path) -> Command:
    home = tmp_path / "home"
    home.mkdir()
    return Command(home)
