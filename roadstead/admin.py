"""Commands for the one who runs the registry; the first administrator comes from here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from chalicelib.domain.access import Mode
from chalicelib.domain.errors import RegistryError
from chalicelib.ports import Unavailable
from chalicelib.service import accounts
from chalicelib.service.world import World
from roadstead import local
from roadstead.embedded.errors import EmbeddedStackError
from roadstead.embedded.stack import EmbeddedStack, StackEndpoints

T = TypeVar("T")


def create_administrator(data: Path, name: str, password: str) -> None:
    """Make an administrator, in the running registry or, when none runs, in its folder.

    Raises: EmbeddedStackError: with the rule that was broken, or what is wrong with the folder.
    """

    def create(world: World) -> None:
        try:
            accounts.create(world, name, password, administrator=True)
        except RegistryError as error:
            raise EmbeddedStackError(f"{name}: {error.message}. Nothing was changed.") from error

    with_world(data, create)


def invite(data: Path) -> str:
    """Make an invitation for one account; it is kept as a hash, and runs out after a week.

    Raises: EmbeddedStackError.
    """
    return with_world(data, accounts.invite)


def with_world(data: Path, use: Callable[[World], T], mode: Mode | None = Mode.ACCOUNTS) -> T:
    """Use the world of a data folder; without a mode that of its registry.

    Raises: EmbeddedStackError.
    """
    endpoints = local.recall_endpoints(data)
    if endpoints is not None:
        try:
            return use(_open(data, endpoints, mode))
        except Unavailable:
            local.forget_endpoints(data)
    stack = EmbeddedStack(data, log=lambda line: None)
    endpoints = stack.start()
    try:
        return use(_open(data, endpoints, mode))
    finally:
        stack.stop()


def _open(data: Path, endpoints: StackEndpoints, mode: Mode | None) -> World:
    mode = local.kept_mode(data) if mode is None else mode
    keys = local.registry_keys(data, mode)
    return local.open_world(endpoints, local.Choices(mode), keys)
