"""Look at processes and ports from outside, through /proc."""

import json
import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

_LISTEN = "0A"
LOOPBACK_V4 = "0100007F"
LOOPBACK_MAPPED_V6 = "0000000000000000FFFF00000100007F"


def recorded_pids(data_folder: Path) -> dict[str, int]:
    """Read what the stack wrote down about its servers."""
    text = (data_folder / "run" / "processes.json").read_text()
    return {entry["name"]: entry["pid"] for entry in json.loads(text)["processes"]}


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def listening(pid: int) -> list[tuple[str, int]]:
    """List (address in the kernel's hex, port) of the TCP sockets that this process listens on."""
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        target = str(descriptor.readlink()) if descriptor.is_symlink() else ""
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == _LISTEN and fields[9] in inodes:
                address, port = fields[1].split(":")
                found.append((address, int(port, 16)))
    return found


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    """Wait for something that must come; the bound is only there to end a failing test."""
    deadline_s = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline_s, f"never came: {what}"
        time.sleep(0.02)
