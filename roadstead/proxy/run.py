"""`roadstead proxy`: serve on loopback until told to stop."""

from __future__ import annotations

import signal
import threading
from contextlib import suppress

import uvicorn

from chalicelib.adapters.hashing import ResumableHashing
from roadstead.client.errors import TransferError
from roadstead.client.http import RegistryClient
from roadstead.client.names import Host, parse_host
from roadstead.gateway.asgi import Gateway
from roadstead.gateway.serve import listen, make_server
from roadstead.proxy.front import SEND_TIMEOUT_S, RemoteFront
from roadstead.uploader import PartStorage

# Never another: whoever can reach the proxy can use the registry through this machine.
LOOPBACK = "127.0.0.1"


def make_proxy(host: Host) -> Gateway:
    """The gateway before a remote registry. It has no key: nobody takes its word for a hash."""
    storage = PartStorage(send_timeout_s=SEND_TIMEOUT_S)
    return Gateway(RemoteFront(host), ResumableHashing(), None, storage)


def run_proxy(to: str, port: int, *, insecure: bool) -> None:
    """Serve until Ctrl-C or SIGTERM; what is under way is given ten seconds.

    Raises: TransferError: the registry cannot be reached, or the port cannot be had.
    """
    host = parse_host(to, insecure=insecure)
    RegistryClient(host).ping()
    try:
        listener = listen(LOOPBACK, port)
    except (OSError, OverflowError) as error:
        raise TransferError(
            f"Port {port} cannot be had ({error}). Stop what listens there, or choose --port"
        ) from error
    try:
        server = make_server(make_proxy(host), host=LOOPBACK, port=listener.getsockname()[1])
        announcer = threading.Thread(
            target=_announce, args=(server, listener.getsockname()[1], host), daemon=True
        )
        announcer.start()
        # uvicorn ends what is under way, and then raises the signal again: SIGTERM as Ctrl-C.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with suppress(KeyboardInterrupt):
            server.run(sockets=[listener])
        print("stopped", flush=True)
    finally:
        listener.close()


def _announce(server: uvicorn.Server, port: int, host: Host) -> None:
    started = threading.Event()
    while not server.started and not server.should_exit:
        started.wait(0.02)
    if server.started:
        here = f"{LOOPBACK}:{port}"
        print(f"  push:  docker push {here}/team/image:tag", flush=True)
        print(f"  pull:  docker pull {here}/team/image:tag", flush=True)
        print(f"ready http://{here} for {host.url}", flush=True)
