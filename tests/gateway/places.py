"""Gateways under test: on memory, with a door for S3, or on the embedded servers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from chalicelib.adapters.hashing import ResumableHashing
from chalicelib.adapters.memory import MemoryBlobs
from chalicelib.api.blueprints import register_all
from chalicelib.domain.access import Mode
from chalicelib.service.world import World
from chalicelib.web.edge import RegistryApp
from roadstead.gateway.asgi import Gateway
from roadstead.gateway.events import LambdaFront
from roadstead.uploader import PartStorage
from tests.gateway.faults import Fuse, Fused
from tests.gateway.s3door import Bucket, DoorBlobs, S3Door, open_door
from tests.support.registry import serving
from tests.support.stack import Stack
from tests.support.world import GATEWAY_KEY, SettableClock, memory_world


@dataclass(repr=False)
class Place:
    """A gateway that listens, the world behind it, and the handles to make that world fail."""

    host: str = ""
    clock: SettableClock = field(default_factory=SettableClock)
    fuse: Fuse = field(default_factory=Fuse)
    door: S3Door = field(default_factory=S3Door)
    bucket: Bucket = field(default_factory=Bucket)
    _world: World | None = None

    def __repr__(self) -> str:
        return f"<registry at {self.host}>"

    @property
    def world(self) -> World:
        assert self._world is not None
        return self._world

    def renew(self, mode: Mode = Mode.OPEN) -> None:
        """An empty world in memory behind the same gateway, and everything mended."""
        self.clock, self.fuse = SettableClock(), Fuse()
        self.door.mend()
        blobs = MemoryBlobs(self.clock)
        self.bucket.blobs = blobs
        self.put(memory_world(mode, clock=self.clock, blobs=DoorBlobs(blobs, self.door)))

    def put(self, world: World) -> None:
        """Another world, its stores behind the fuse."""
        metadata: Any = Fused(world.metadata, self.fuse)
        blobs: Any = Fused(world.blobs, self.fuse)
        self._world = replace(world, metadata=metadata, blobs=blobs)


@contextmanager
def served(place: Place, gateway_key: bytes | None = GATEWAY_KEY) -> Iterator[Place]:
    """Put a gateway in front of a place; its tries on S3 follow one another without a pause."""
    app = register_all(RegistryApp("roadstead"), lambda: place.world)
    storage = PartStorage(timeout_s=10, pauses_s=(0.0, 0.0, 0.0))
    with serving(Gateway(LambdaFront(app), ResumableHashing(), gateway_key, storage)) as place.host:
        yield place


@contextmanager
def memory_place(
    mode: Mode = Mode.OPEN, gateway_key: bytes | None = GATEWAY_KEY
) -> Iterator[Place]:
    """A registry in memory; its presigned URLs lead to a loopback server."""
    bucket = Bucket()
    with open_door(bucket) as door:
        place = Place(door=door, bucket=bucket)
        place.renew(mode)
        with served(place, gateway_key):
            yield place


@contextmanager
def stack_place(stack: Stack) -> Iterator[Place]:
    """A registry on the embedded servers."""
    place = Place(clock=SettableClock(int(time.time())))
    changes = {"metadata": stack.metadata(), "blobs": stack.blobs(), "clock": place.clock}
    place.put(memory_world(**changes))
    with served(place):
        yield place
