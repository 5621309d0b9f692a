"""`roadstead up`: a whole registry in the foreground, on loopback, with its data in one folder."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import Any

import uvicorn

from chalicelib.adapters.hashing import ResumableHashing
from chalicelib.api.blueprints import register_all
from chalicelib.domain.access import Mode
from chalicelib.service.world import World
from chalicelib.web.edge import RegistryApp
from roadstead import local
from roadstead.embedded.errors import EmbeddedStackError
from roadstead.embedded.stack import EmbeddedStack, StackEndpoints
from roadstead.gateway.asgi import Gateway
from roadstead.gateway.downloads import Downloads
from roadstead.gateway.events import LambdaFront
from roadstead.gateway.serve import listen, make_server
from roadstead.usage.metering import metering
from roadstead.webhooks.delivering import listeners_of, telling

HOST = "127.0.0.1"
WATCH_S = 1.0


def say(line: str) -> None:
    print(line, flush=True)


def run(data: Path, port: int, choices: local.Choices) -> None:
    """Serve until Ctrl-C.

    Raises: EmbeddedStackError: a sentence that says what is wrong and what to do.
    """
    listener = take_port(port)
    try:
        stack = EmbeddedStack(data, log=say)
        endpoints = stack.start()
        try:
            world = local.open_world(endpoints, choices, local.registry_keys(data, choices.mode))
            local.remember_endpoints(data, endpoints)
            app = make_gateway(world, choices.downloads)
            serve(stack, app, world, listener, data, endpoints, choices)
        finally:
            local.forget_endpoints(data)
            stack.stop()
            say("stopped; the data is kept in " + str(data))
    finally:
        listener.close()


def take_port(port: int) -> socket.socket:
    """The listening socket. Raises: EmbeddedStackError when the port cannot be had."""
    try:
        return listen(HOST, port)
    except (OSError, OverflowError) as error:
        raise EmbeddedStackError(
            f"Port {port} cannot be had ({error}). Stop what listens there, or choose another: "
            "make up PORT=5001"
        ) from error


def make_gateway(world: World, downloads: Downloads = Downloads.REDIRECT) -> Gateway:
    """The gateway around the application that Lambda runs."""
    app = register_all(RegistryApp("roadstead"), lambda: world)
    front, key = LambdaFront(app), world.gateway_key
    return Gateway(front, ResumableHashing(), key, downloads=downloads)


def serve(
    stack: EmbeddedStack,
    app: Any,
    world: World,
    listener: socket.socket,
    data: Path,
    endpoints: StackEndpoints,
    choices: local.Choices,
    *,
    believes_proxies: bool = True,
) -> None:
    """Run an ASGI application until it is told to stop, or until a server behind it dies.

    Beside it what it serves is counted, and webhooks are told.
    """
    with (
        telling(data, world, choices.webhook_networks) as queue,
        metering(data, world.usage, world.clock, listeners_of(world, queue)),
    ):
        _run(stack, app, listener, data, endpoints, choices.mode, believes_proxies)


def _run(
    stack: EmbeddedStack,
    app: Any,
    listener: socket.socket,
    data: Path,
    endpoints: StackEndpoints,
    mode: Mode,
    believes_proxies: bool,
) -> None:
    port = listener.getsockname()[1]
    server = make_server(app, host=HOST, port=port, believes_proxies=believes_proxies)
    done = threading.Event()
    watcher = threading.Thread(
        target=_watch, args=(stack, server, done, port, data, mode, endpoints), daemon=True
    )
    watcher.start()
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:
        pass
    finally:
        done.set()
        watcher.join()
    failure = stack.failed()
    if failure:
        raise EmbeddedStackError(failure)


def _watch(
    stack: EmbeddedStack,
    server: uvicorn.Server,
    done: threading.Event,
    port: int,
    data: Path,
    mode: Mode,
    endpoints: StackEndpoints,
) -> None:
    while not server.started and not done.wait(0.02):
        pass
    if not done.is_set():
        announce(port, data, mode, endpoints)
    while not done.wait(WATCH_S):
        if stack.failed():
            server.should_exit = True
            return


def announce(port: int, data: Path, mode: Mode, endpoints: StackEndpoints) -> None:
    """Say that it serves, and how to use it."""
    host = f"localhost:{port}"
    for warning in endpoints.warnings:
        say(f"warning: {warning}")
    if mode is Mode.ACCOUNTS:
        say(f"  first administrator:  .venv/bin/roadstead admin create NAME --data {data}")
        say(f"  log in:   docker login {host}")
    else:
        say("  open to everybody on this machine: no login")
    say(f"  push:     docker push {host}/team/image:tag")
    say(f"            skopeo copy --dest-tls-verify=false SOURCE docker://{host}/team/image:tag")
    say(f"  pull:     docker pull {host}/team/image:tag")
    say(f"  stop:     Ctrl-C; the data stays in {data}")
    say(f"ready http://{host}")
