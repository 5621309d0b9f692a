"""Servers on free loopback ports, each on a thread of this process."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from roadstead.awslimits.exchange import Address
from roadstead.failure import Failure
from roadstead.gateway.serve import listen, make_server

LOOPBACK = "127.0.0.1"
START_S = 20.0


@contextmanager
def serving(app: Any, name: str) -> Iterator[Address]:
    """Serve an ASGI application for as long as the block runs. Raises: Failure."""
    listener = listen(LOOPBACK, 0)
    port = listener.getsockname()[1]
    server = make_server(app, host=LOOPBACK, port=port, grace_s=2)
    thread = threading.Thread(
        target=server.run, kwargs={"sockets": [listener]}, name=name, daemon=True
    )
    thread.start()
    try:
        deadline_s = time.monotonic() + START_S
        while not server.started:
            if not thread.is_alive() or time.monotonic() > deadline_s:
                raise Failure(f"{name} did not start.")
            time.sleep(0.01)
        yield Address(LOOPBACK, port)
    finally:
        server.should_exit = True
        thread.join(START_S)
        listener.close()
