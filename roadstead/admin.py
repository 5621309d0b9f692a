"""Commands for the one who runs the registry; the first administrator comes from here.

The registry is a data folder's, or, without one, the one on AWS that the environment names: then
it is the caller's own AWS rights that let the command write into the table.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from chalicelib.bootstrap import build
from chalicelib.config import SettingError, read_collector_settings
from chalicelib.domain.access import Mode
from chalicelib.domain.errors import RegistryError
from chalicelib.ports import PortError, Unavailable
from chalicelib.service import accounts
from chalicelib.service.world import World
from roadstead import local
from roadstead.embedded.errors import EmbeddedStackError
from roadstead.embedded.stack import EmbeddedStack, StackEndpoints
from roadstead.failure import Failure

T = TypeVar("T")


def create_administrator(data: Path | None, name: str, password: str) -> None:
    """Make an administrator, in the running registry or, when none runs, in its folder.

    Raises: Failure: with the rule that was broken, or what is wrong with the folder.
    """

    def create(world: World) -> None:
        try:
            accounts.create(world, name, password, administrator=True)
        except RegistryError as error:
            raise EmbeddedStackError(f"{name}: {error.message}. Nothing was changed.") from error

    _use(data, create)


def invite(data: Path | None) -> str:
    """Make an invitation for one account; it is kept as a hash, and runs out after a week.

    Raises: Failure.
    """
    return _use(data, accounts.invite)


def _use(data: Path | None, use: Callable[[World], T]) -> T:
    if data is not None:
        return with_world(data, use)
    try:
        return use(build(read_collector_settings()))
    except SettingError as error:
        raise Failure(f"{error}.") from error
    except PortError as error:
        raise Failure(f"The table cannot be reached: {error}") from error


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
