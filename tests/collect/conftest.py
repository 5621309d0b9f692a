"""A registry in memory and one on real servers, for each test that asks for a ``place``."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.service.world import World
from tests.collect.places import Place, in_memory, on_servers
from tests.support.world import SettableClock


@pytest.fixture(params=[in_memory, on_servers])
def place(request: pytest.FixtureRequest) -> Place:
    make: Callable[[Any, SettableClock], World] = request.param
    # The servers have a clock of their own, by which they date what they keep.
    clock = SettableClock(int(time.time()))
    stack = request.getfixturevalue("stack") if make is on_servers else None
    return Place(make(stack, clock), clock)
