"""Registries with accounts, their clock in the tests' hands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.domain.access import Mode
from tests.accounts.people import PASSWORDS, Town
from tests.conformance.runner import PlainPasswords
from tests.support.world import Registry, memory_world

TownMaker = Callable[..., Town]


@pytest.fixture
def make_town() -> TownMaker:
    """Makes a registry with alice, bob and the administrator root; arguments change its world."""

    def make(**changes: Any) -> Town:
        world = memory_world(Mode.ACCOUNTS, **{"passwords": PlainPasswords(), **changes})
        town = Town(Registry(world))
        for name, password in PASSWORDS.items():
            town.registry.add_user(name, password, administrator=name == "root")
        return town

    return make


@pytest.fixture
def town(make_town: TownMaker) -> Town:
    return make_town()
