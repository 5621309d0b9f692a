"""What to do when somebody was faster: look again, a few times."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from chalicelib.ports import Conflict

T = TypeVar("T")

TRIES = 5


def repeated(step: Callable[[], T]) -> T:
    """Run a step that looks and then writes; when its write met another, it looks again.

    What the other did decides what this one is told. Raises: Conflict, after a few tries: the
    caller of the registry is told to come again.
    """
    for _ in range(TRIES - 1):
        try:
            return step()
        except Conflict:
            continue
    return step()
