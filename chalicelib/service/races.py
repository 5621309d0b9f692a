"""What to do when somebody was faster: look again, a few times."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from chalicelib.ports import Conflict, Gone, PortError

T = TypeVar("T")

TRIES = 5


def repeated(step: Callable[[], T]) -> T:
    """Run a step that looks and then writes; when its write met another, it looks again.

    What the other did decides what this one is told. Raises: Conflict, after a few tries: the
    caller of the registry is told to come again.
    """
    return _again(step, Conflict)


def anew(step: Callable[[], T]) -> T:
    """Run a step once more when what it relied on was collected under its hands.

    Raises: Gone, after a few tries.
    """
    return _again(step, Gone)


def _again(step: Callable[[], T], met: type[PortError]) -> T:
    for _ in range(TRIES - 1):
        try:
            return step()
        except met:
            continue
    return step()
