"""uvicorn around the gateway: one process, HTTP/1.1, loopback unless told otherwise."""

from __future__ import annotations

import socket
from typing import Any

import uvicorn

GRACE_S = 10


def make_server(
    app: Any, *, host: str, port: int, grace_s: int = GRACE_S, believes_proxies: bool = True
) -> uvicorn.Server:
    """A server that has not begun; ``server.run(sockets=[...])`` serves until told to exit.

    ``believes_proxies``: X-Forwarded-For of who comes from this machine is where it came from.

    Requests that are under way then have ``grace_s`` to end.

    httptools answers a TLS hello on this plain port with a status line, which containerd needs
    for its way back from https to http.
    """
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http="httptools",
        loop="auto",
        lifespan="on",
        access_log=False,
        # What uvicorn says goes the way of all other messages: to the root logger, as JSON.
        log_config=None,
        log_level="warning",
        server_header=False,
        proxy_headers=believes_proxies,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=grace_s,
    )
    return uvicorn.Server(config)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises: OSError when the port is taken."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    listener.listen(1024)
    return listener
