"""Commands for the one who runs the registry; the first administrator comes from here."""

from __future__ import annotations

from pathlib import Path

from chalicelib.domain.access import Mode
from chalicelib.domain.errors import RegistryError
from chalicelib.ports import Unavailable
from chalicelib.service import accounts
from chalicelib.service.world import World
from roadstead import local
from roadstead.embedded.errors import EmbeddedStackError
from roadstead.embedded.stack import EmbeddedStack


def create_administrator(data: Path, name: str, password: str) -> None:
    """Make an administrator, in the running registry or, when none runs, in its folder.

    Raises: EmbeddedStackError: with the rule that was broken, or what is wrong with the folder.
    """
    endpoints = local.recall_endpoints(data)
    if endpoints is not None:
        try:
            _create(local.open_world(endpoints, Mode.ACCOUNTS, _keys(data)), name, password)
            return
        except Unavailable:
            local.forget_endpoints(data)
    stack = EmbeddedStack(data, log=lambda line: None)
    endpoints = stack.start()
    try:
        _create(local.open_world(endpoints, Mode.ACCOUNTS, _keys(data)), name, password)
    finally:
        stack.stop()


def _keys(data: Path) -> tuple[bytes, bytes]:
    return local.registry_keys(data, Mode.ACCOUNTS)


def _create(world: World, name: str, password: str) -> None:
    try:
        accounts.create(world, name, password, administrator=True)
    except RegistryError as error:
        raise EmbeddedStackError(f"{name}: {error.message}. Nothing was changed.") from error
