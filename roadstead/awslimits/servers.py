"""Servers on free loopback ports: several on one event loop, all of it on a thread or in front.

One loop, because bodies pass from server to server: on threads of their own they would wait for
Python's lock at every piece.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn

from roadstead.awslimits.exchange import Address
from roadstead.failure import Failure
from roadstead.gateway.intake import Receive, Send
from roadstead.gateway.serve import listen, make_server

LOOPBACK = "127.0.0.1"
START_S = 20.0
GRACE_S = 2


@dataclass(frozen=True)
class Bound:
    """An application and the port that it will listen on."""

    app: Any
    listener: socket.socket

    @property
    def address(self) -> Address:
        return Address(*self.listener.getsockname()[:2])


def bind(app: Any) -> Bound:
    """Take a free port for an application. Raises: OSError."""
    return Bound(app, listen(LOOPBACK, 0))


class _Inner(uvicorn.Server):
    """A server that leaves signals to the one in front."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


class WithServers:
    """An ASGI application with others behind it, which start before it and end after it."""

    def __init__(self, app: Any, behind: Sequence[Bound]) -> None:
        self._app = app
        self._behind = behind

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return
        await receive()
        servers = [_inner(each) for each in self._behind]
        tasks = [
            asyncio.ensure_future(server.serve(sockets=[each.listener]))
            for server, each in zip(servers, self._behind, strict=True)
        ]
        try:
            while not all(server.started for server in servers):
                if any(task.done() for task in tasks):
                    await send({"type": "lifespan.startup.failed", "message": "a server ended"})
                    return
                await asyncio.sleep(0.01)
            await send({"type": "lifespan.startup.complete"})
            await receive()
        finally:
            for server in servers:
                server.should_exit = True
            await asyncio.gather(*tasks, return_exceptions=True)
        await send({"type": "lifespan.shutdown.complete"})


def _inner(bound: Bound) -> uvicorn.Server:
    return _Inner(_server(bound).config)


def _server(bound: Bound) -> uvicorn.Server:
    # Whose word counts for an address is the application's business: each hop appends its own.
    return make_server(
        bound.app,
        host=bound.address.host,
        port=bound.address.port,
        grace_s=GRACE_S,
        believes_proxies=False,
    )


@contextmanager
def serving(app: Any, name: str) -> Iterator[Address]:
    """Serve from a thread for as long as the block runs. Raises: Failure."""
    bound = bind(app)
    server = _server(bound)
    thread = threading.Thread(
        target=server.run, kwargs={"sockets": [bound.listener]}, name=name, daemon=True
    )
    thread.start()
    try:
        deadline_s = time.monotonic() + START_S
        while not server.started:
            if not thread.is_alive() or time.monotonic() > deadline_s:
                raise Failure(f"{name} did not start.")
            time.sleep(0.01)
        yield bound.address
    finally:
        server.should_exit = True
        thread.join(START_S)
        bound.listener.close()
