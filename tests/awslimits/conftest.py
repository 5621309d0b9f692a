"""Stand-ins around applications of the tests' own, and whole registries with AWS's limits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from roadstead.awslimits.home import Plan
from roadstead.awslimits.servers import serving
from roadstead.client.names import parse_host
from roadstead.proxy.run import make_proxy
from tests.awslimits.places import Place, aws_place
from tests.awslimits.pushing import RECIPES, Bench
from tests.clients import containerd, docker
from tests.clients.commands import workspace
from tests.clients.images import Shelf
from tests.support.stack import Stack


@pytest.fixture(scope="module")
def bare(stack: Stack) -> Iterator[Place]:
    """Nothing but Lambda and S3."""
    with aws_place(stack) as place:
        yield place


@pytest.fixture(scope="module")
def beside(stack: Stack) -> Iterator[Place]:
    """The same with a gateway."""
    with aws_place(stack, Plan(gateway=True)) as place:
        yield place


@pytest.fixture(scope="module")
def by_plain(bare: Place) -> Place:
    return bare


@pytest.fixture(scope="module")
def by_gateway(beside: Place) -> Place:
    return beside


@pytest.fixture(scope="module")
def by_proxy(bare: Place) -> Iterator[str]:
    """The user's own proxy in front of nothing but Lambda and S3; its address."""
    with serving(make_proxy(parse_host(bare.host, insecure=True)), "the proxy") as address:
        yield address.netloc


@pytest.fixture(scope="module")
def shelf() -> Iterator[Shelf]:
    with workspace() as folder:
        yield Shelf(folder, dict(RECIPES))


@pytest.fixture
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    with workspace() as folder:
        yield Bench(folder, request)


@pytest.fixture(scope="module")
def containerd_socket() -> Iterator[Path]:
    with workspace() as place, containerd.daemon(place) as socket:
        yield socket


@pytest.fixture(scope="module")
def docker_socket(containerd_socket: Path) -> Iterator[Path]:
    with workspace() as place, docker.daemon(place, containerd_socket) as socket:
        yield socket
