"""A gateway in memory, and one on the embedded servers, each started once."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from tests.gateway.places import Place, memory_place, stack_place
from tests.support.stack import Stack

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def memory_server() -> Iterator[Place]:
    with memory_place() as place:
        yield place


@pytest.fixture
def memory(memory_server: Place) -> Place:
    """An empty registry in memory."""
    memory_server.renew()
    return memory_server


@pytest.fixture(scope="session")
def embedded(stack: Stack) -> Iterator[Place]:
    """A registry on SeaweedFS and DynamoDB Local."""
    with stack_place(stack) as place:
        yield place


@pytest.fixture(params=["memory", "embedded"])
def place(request: pytest.FixtureRequest) -> Place:
    """The test runs on both."""
    found: Place = request.getfixturevalue(request.param)
    found.door.mend()
    return found


@pytest.fixture
def repository() -> str:
    """A repository that no other test has."""
    return f"gateway/test-{next(_NUMBERS)}"
