from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from roadstead.embedded import EmbeddedStack, StackEndpoints


def _quiet(line: str) -> None:
    """Tests print nothing."""


@pytest.fixture
def make_stack(tmp_path: Path) -> Iterator[Callable[..., EmbeddedStack]]:
    """Make stacks that are stopped at the end of the test, whatever happens."""
    made: list[EmbeddedStack] = []

    def make(name: str = "data", **options: Any) -> EmbeddedStack:
        stack = EmbeddedStack(tmp_path / name, **({"log": _quiet, "durable": False} | options))
        made.append(stack)
        return stack

    yield make
    for stack in made:
        stack.stop()


@pytest.fixture(scope="module")
def endpoints(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackEndpoints]:
    """One running stack for all tests of a module that only use it."""
    stack = EmbeddedStack(tmp_path_factory.mktemp("stack") / "data", log=_quiet, durable=False)
    try:
        yield stack.start()
    finally:
        stack.stop()
