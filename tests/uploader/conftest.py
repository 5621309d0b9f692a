"""A registry that is nothing but Lambda and S3, on the embedded servers, behind two doors."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from chalicelib.adapters.clock import SystemClock
from chalicelib.domain.access import Mode
from chalicelib.domain.digest import Digest
from chalicelib.domain.records import Blob
from chalicelib.service.world import World
from tests.clients.commands import workspace
from tests.clients.images import MEGABYTE, Builder, File, Image, Recipe, Shelf
from tests.support.stack import Stack
from tests.support.world import memory_world
from tests.uploader.lambdaonly import Door, lambda_only
from tests.uploader.s3door import s3_door

_NUMBERS = itertools.count(1)


class Forgetful:
    """A metadata store whose team knows only the blobs that were put since it last forgot.

    All tests of an open registry share one team, and would find one another's blobs.
    """

    def __init__(self, store: Any) -> None:
        self._store = store
        self.known: set[Digest] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def put_blob(self, team: str, name: Any, blob: Blob, closing: Any = None) -> None:
        self._store.put_blob(team, name, blob, closing)
        self.known.add(blob.digest)

    def find_blob(self, team: str, digest: Digest) -> Blob | None:
        found: Blob | None = self._store.find_blob(team, digest)
        return found if digest in self.known else None


@dataclass
class Remote:
    """The registry as it is reached from outside."""

    api: Door
    s3: Door
    world: World
    store: Forgetful

    @property
    def host(self) -> str:
        return self.api.host

    def mend(self) -> None:
        self.api.mend()
        self.s3.mend()
        self.store.known.clear()


@contextmanager
def remote_of(
    stack: Stack,
    mode: Mode = Mode.OPEN,
    finished: Callable[[World], World] = lambda world: world,
) -> Iterator[Remote]:
    """No gateway key: nobody outside is believed about a hash."""
    with s3_door(stack.endpoints.s3_url) as s3:
        # One that runs: what is signed here is signed for a minute, and the tests take longer.
        clock = SystemClock()
        blobs = stack.blobs(clock, public_endpoint_url=s3.url)
        store = Forgetful(stack.metadata())
        changes = {"metadata": store, "blobs": blobs, "clock": clock}
        world = finished(memory_world(mode, gateway_key=None, **changes))
        with lambda_only(lambda: world) as api:
            yield Remote(api, s3, world, store)


@pytest.fixture(scope="session")
def _remote(stack: Stack) -> Iterator[Remote]:
    with remote_of(stack) as found:
        yield found


@pytest.fixture
def remote(_remote: Remote) -> Remote:
    _remote.mend()
    return _remote


@pytest.fixture
def repository() -> str:
    return f"uploader-{os.getpid()}/test-{next(_NUMBERS)}"


def one_layer(name: str, size_bytes: int) -> Recipe:
    """An image of one layer that no compression shrinks."""

    def build(builder: Builder) -> Image:
        layer = builder.layer(name, [File("a.bin", size=size_bytes)], level=0)
        return builder.image(name, builder.manifest([layer]))

    return Recipe(build)


SIZES = {"ten": 10 * MEGABYTE, "thirty-mb": 30 * MEGABYTE, "120-mb": 120 * MEGABYTE}


@pytest.fixture(scope="session")
def images() -> Iterator[Shelf]:
    """The images of the clients' tests, and some of one large layer each."""
    with workspace() as folder:
        shelf = Shelf(folder)
        for name, size_bytes in SIZES.items():
            shelf.recipes[name] = one_layer(name, size_bytes)
        yield shelf


@dataclass(frozen=True)
class Command:
    """`roadstead` as a process of its own, with a home of its own and no AWS variable."""

    home: Path

    @property
    def env(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(self.home), "PYTHONDONTWRITEBYTECODE": "1"}

    def start(self, *words: str | Path) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "roadstead", *map(str, words)],
            env=self.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str | Path, stdin: str = "", timeout_s: float = 120) -> Sequence[str]:
        """Lines of stdout; fails when the command does."""
        status, out, err = self.outcome(*words, stdin=stdin, timeout_s=timeout_s)
        assert status == 0, err
        return out.splitlines()

    def outcome(
        self, *words: str | Path, stdin: str = "", timeout_s: float = 120
    ) -> tuple[int, str, str]:
        process = self.start(*words)
        try:
            out, err = process.communicate(stdin, timeout=timeout_s)
        except BaseException:
            process.kill()
            process.communicate()
            raise
        return process.returncode, out, err


@pytest.fixture
def roadstead(tmp_path: Path) -> Command:
    home = tmp_path / "home"
    home.mkdir()
    return Command(home)
