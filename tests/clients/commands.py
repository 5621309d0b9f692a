"""Run other programs cleanly: a private folder, a clean environment, nothing left behind.

Every process is ended by the pid that started it, every mount below a folder is undone before
the folder goes.  A client that cannot run here is reported by `not_run`, never as passed.
"""

import contextlib
import importlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import pytest

# Where .ci/goclients.sh puts what it builds; Debian keeps daemons in sbin, which a user's PATH may
# lack.
BUILT = str(Path(__file__).resolve().parents[2] / ".clients" / "bin")
SEARCH_PATH = os.pathsep.join([BUILT, os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


def not_run(reason: str) -> NoReturn:
    """Report this test as one that was not run, and why."""
    pytest.skip(f"NOT RUN: {reason}")


def find(tool: str) -> str | None:
    return shutil.which(tool, path=SEARCH_PATH)


def need(*tools: str, root: bool = False) -> None:
    """End the test as not run unless all these programs (and root, if asked) are here."""
    missing = [tool for tool in tools if find(tool) is None]
    if missing:
        not_run(f"not installed: {', '.join(missing)} (.ci/clients.sh installs them)")
    if root and os.geteuid() != 0:
        not_run(f"{tools[0]} needs root here")


def library(module: str, package: str) -> Any:
    """A client that is a Python library, or the end of the test as not run."""
    try:
        return importlib.import_module(module)
    except ImportError as fault:
        not_run(f"not installed: {package} ({fault})")


class CommandError(AssertionError):
    """A client said no; the message holds all it said."""


def clean_environment(home: Path, **more: str) -> dict[str, str]:
    """Environment of a client that knows nothing of the user, the machine's proxies or logins."""
    scratch = home / "tmp"
    scratch.mkdir(parents=True, exist_ok=True)
    return {
        "PATH": SEARCH_PATH,
        "HOME": str(home),
        "TMPDIR": str(scratch),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_RUNTIME_DIR": str(scratch),
        "LANG": "C.UTF-8",
        "NO_PROXY": "*",
        **more,
    }


def run(
    command: Sequence[str | Path],
    env: Mapping[str, str],
    timeout: float = 120,
    cwd: Path | None = None,
) -> str:
    """Standard output of a command that must succeed; a timeout ends its whole process group."""
    words = [str(word) for word in command]
    process = subprocess.Popen(
        words,
        env=dict(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=timeout)
    except BaseException as fault:  # also pytest-timeout's: the group must not outlive the test
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        if isinstance(fault, subprocess.TimeoutExpired):
            raise CommandError(f"{words} took over {timeout} s\n{_said(out, err)}") from None
        raise
    if process.returncode != 0:
        raise CommandError(f"{words} ended with {process.returncode}\n{_said(out, err)}")
    return out.decode("utf-8", "replace")


def _said(out: bytes, err: bytes) -> str:
    return (out[-4000:] + err[-4000:]).decode("utf-8", "replace")


@contextlib.contextmanager
def workspace() -> Iterator[Path]:
    """Private folder with a short name: a unix socket's path may have 107 bytes only."""
    folder = Path(tempfile.mkdtemp(prefix="rs-")).resolve()
    try:
        yield folder
    finally:
        unmount_below(folder)
        shutil.rmtree(folder)


def unmount_below(folder: Path) -> None:
    """Undo the mounts that a container tool left under `folder`, the deepest first."""
    mounts = Path("/proc/self/mountinfo")
    if not mounts.exists():
        return
    points = [line.split(" ")[4] for line in mounts.read_text().splitlines()]
    points = [point.encode().decode("unicode_escape") for point in points]
    for point in sorted(points, key=len, reverse=True):
        if Path(point).is_relative_to(folder):
            subprocess.run(["umount", "--lazy", point], check=True, env={"PATH": SEARCH_PATH})


def wipe(folder: Path) -> None:
    """Empty a folder as a client's store is emptied before a pull."""
    unmount_below(folder)
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)


@dataclass
class Service:
    """A daemon of ours: started with its own log, ended by its pid."""

    command: Sequence[str | Path]
    env: Mapping[str, str]
    log: Path
    process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)

    def start(self, ready: Callable[[], bool], timeout: float = 30) -> None:
        """Raises: CommandError with the end of the log if it ends or is not ready in time."""
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [str(word) for word in self.command],
                env=dict(self.env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + timeout
        while not ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise CommandError(f"{self.command[0]} did not start:\n{self.tail()}")
            time.sleep(0.05)

    def stop(self) -> None:
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def tail(self, size: int = 2000) -> str:
        return self.log.read_bytes()[-size:].decode("utf-8", "replace")


@contextlib.contextmanager
def serving(service: Service, ready: Callable[[], bool], timeout: float = 30) -> Iterator[Service]:
    service.start(ready, timeout)
    try:
        yield service
    finally:
        service.stop()
