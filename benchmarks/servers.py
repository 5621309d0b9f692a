"""The registries under measure, each a process of its own on a free loopback port."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

START_TIMEOUT_S = 90.0
STOP_TIMEOUT_S = 30.0
PEER = "docker-registry"


@dataclass(frozen=True)
class Served:
    """A registry that answers: ``pid`` is the process that takes the requests."""

    name: str
    host: str
    pid: int


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def roadstead(folder: Path) -> Iterator[Served]:
    """`roadstead up` as `make up` runs it: durable, its data below the folder."""
    port = free_port()
    words = ["up", "--port", str(port), "--data", str(folder / "data")]
    with _running("roadstead", [sys.executable, "-m", "roadstead", *words], folder, port) as served:
        yield served


def peer_program() -> str | None:
    """Debian's registry, where it is installed."""
    return shutil.which(PEER, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")


@contextlib.contextmanager
def peer(folder: Path) -> Iterator[Served]:
    """Debian's docker-registry on its filesystem driver, logging errors only."""
    port, config = free_port(), folder / "peer.yml"
    config.write_text(
        "version: 0.1\n"
        "log: {level: error, accesslog: {disabled: true}}\n"
        "storage:\n"
        f"  filesystem: {{rootdirectory: {folder / 'store'}}}\n"
        f"http: {{addr: '127.0.0.1:{port}'}}\n"
    )
    program = peer_program()
    assert program, f"{PEER} is not installed"
    with _running(PEER, [program, "serve", str(config)], folder, port) as served:
        yield served


@contextlib.contextmanager
def _running(name: str, command: Sequence[str], folder: Path, port: int) -> Iterator[Served]:
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    host = f"127.0.0.1:{port}"
    try:
        _wait(process, host, folder / f"{name}.log")
        yield Served(name, host, process.pid)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], host: str, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not _answers(host):
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"did not start:\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.05)


def _answers(host: str) -> bool:
    # Roadstead listens before it serves: until then the request waits in the socket's queue.
    connection = http.client.HTTPConnection(host, timeout=2)
    try:
        connection.request("GET", "/v2/")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
