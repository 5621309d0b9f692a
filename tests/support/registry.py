"""A whole registry on a free loopback port: gateway, app, embedded S3 and DynamoDB."""

from __future__ import annotations

import contextlib
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalicelib.domain.access import Mode
from chalicelib.service.world import World
from roadstead import local, up
from roadstead.embedded.stack import EmbeddedStack
from roadstead.gateway.asgi import Gateway
from roadstead.gateway.serve import listen, make_server


@dataclass(frozen=True)
class RunningRegistry:
    """Where it listens, and the world behind it."""

    host: str
    world: World

    @property
    def url(self) -> str:
        return f"http://{self.host}"


@contextlib.contextmanager
def serving(gateway: Gateway) -> Iterator[str]:
    """Serve a gateway from a thread of this process; yields ``127.0.0.1:port``."""
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    server = make_server(gateway, host="127.0.0.1", port=port)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + 20
        while not server.started and thread.is_alive() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert server.started, "the gateway did not start"
        yield f"127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=20)
        listener.close()


@contextlib.contextmanager
def running_registry(mode: Mode = Mode.OPEN, **choices: Any) -> Iterator[RunningRegistry]:
    """An embedded registry for as long as the block runs; ``choices`` as ``local.Choices``."""
    with tempfile.TemporaryDirectory(prefix="roadstead-") as folder:
        data = Path(folder)
        stack = EmbeddedStack(data, log=lambda line: None, durable=False)
        endpoints = stack.start()
        try:
            made = local.Choices(mode, **choices)
            world = local.open_world(endpoints, made, local.registry_keys(data, mode))
            with serving(up.make_gateway(world, made.downloads)) as host:
                yield RunningRegistry(host, world)
        finally:
            stack.stop()
