"""`roadstead gateway`: the gateway alone, on a table and a bucket that are elsewhere."""

from __future__ import annotations

import sys

from chalicelib.adapters.hashing import ResumableHashing
from chalicelib.api.blueprints import register_all
from chalicelib.bootstrap import build
from chalicelib.config import SettingError, read_log_settings, read_settings
from chalicelib.web.edge import RegistryApp
from chalicelib.web.lines import Metrics
from chalicelib.web.logs import configure
from roadstead.failure import Failure
from roadstead.gateway.asgi import Gateway
from roadstead.gateway.downloads import Downloads
from roadstead.gateway.events import LambdaFront
from roadstead.gateway.serve import listen, make_server


class GatewayError(Failure):
    """A sentence that says why the gateway cannot start."""


def run(host: str, port: int, grace_s: int, downloads: Downloads = Downloads.REDIRECT) -> None:
    """Serve until SIGTERM or Ctrl-C; what is under way then has ``grace_s`` to end.

    The settings are those of the functions (chalicelib/config.py). Log lines go to stderr.
    Raises: GatewayError.
    """
    try:
        world, told = build(read_settings()), read_log_settings()
    except SettingError as error:
        raise GatewayError(f"{error}.") from error
    try:
        listener = listen(host, port)
    except (OSError, OverflowError) as error:
        raise GatewayError(f"Port {port} of {host} cannot be had ({error}).") from error
    configure(sys.stderr)
    made = RegistryApp("roadstead", told.stage, Metrics(told.metrics))
    front = LambdaFront(register_all(made, lambda: world))
    gateway = Gateway(front, ResumableHashing(), world.gateway_key, downloads=downloads)
    server = make_server(gateway, host=host, port=port, grace_s=grace_s)
    print(f"ready http://{host}:{listener.getsockname()[1]}", flush=True)
    server.run(sockets=[listener])
