"""Start servers that cannot outlive us, and stop only what we started.

Three nets, because a parent that is killed with -9 runs no code:
1. On Linux the kernel signals the server when the thread that started it ends (PR_SET_PDEATHSIG).
   That is the *thread*, so servers are started by one thread that lives as long as the process.
2. run/processes.json records each server; the next start on the folder stops what is left over.
   A process is ours only if its pid, its start time and its command line all agree.
3. stop(), by pid, through handles that we hold.
"""

import contextlib
import errno
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from roadstead.embedded.errors import EmbeddedStackError
from roadstead.embedded.folder import read_json, write_json

_STOP_TIMEOUT_S: Final = 15.0
_LOG_LIMIT_BYTES: Final = 10 * 1024 * 1024
_NO_SPACE: Final = (os.strerror(errno.ENOSPC).lower(), "sqlite_full", "disk is full")

# argv: signal, parent's pid, command. It becomes the command, so the pid stays the same.
_LAUNCHER: Final = """\
import ctypes, os, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, int(sys.argv[1]), 0, 0, 0)
if os.getppid() == int(sys.argv[2]):
    os.execvp(sys.argv[3], sys.argv[3:])
"""


class Answer(Enum):
    """What a server that is coming up says to a first question."""

    NONE = "none yet"
    FAILING = "an error of its own (5xx)"
    READY = "the right one"


@dataclass(frozen=True)
class ServerCommand:
    """How to start one server."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path
    log: Path


class Server:
    """One running server, started by us."""

    def __init__(self, command: ServerCommand, *, stop_signal: signal.Signals) -> None:
        """Start it.

        Raises: EmbeddedStackError if the program cannot be started.
        """
        self.name = command.name
        self.log = command.log
        self._stop_signal = stop_signal
        _limit_log(command.log)
        try:
            with command.log.open("ab") as log:
                # What earlier runs said must not be taken for what this one says.
                self._log_start = log.tell()
                self._process = _starter.call(lambda: _spawn(command, stop_signal, log.fileno()))
        except OSError as error:
            raise EmbeddedStackError(
                f"{command.name} cannot be started: {error}. Is the disk full, or the program gone?"
            ) from error
        self.record = ProcessRecord(
            command.name, self._process.pid, _started_at(self._process.pid) or "", command.argv
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def is_running(self) -> bool:
        return self._process.poll() is None

    def end(self) -> str:
        """Say how it ended, in words for a sentence."""
        code = self._process.poll()
        if code is None:
            return "answers with errors only"
        if code < 0:
            return f"was killed by signal {-code}"
        return f"ended with status {code}"

    def last_words(self, lines: int = 8) -> str:
        """Return the last lines of its log."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(self._log_start, self.log.stat().st_size - 16384))
                text = file.read().decode(errors="replace")
        except OSError as error:
            return f"(the log {self.log} cannot be read: {error})"
        # A Java stack trace would push out the line that says what is wrong.
        said = [line for line in text.splitlines() if line.strip() and line[:4] != "\tat "]
        return "\n".join(line[:400] for line in said[-lines:])

    def ran_out_of_space(self) -> bool:
        words = self.last_words(40).lower()
        return any(sign in words for sign in _NO_SPACE)

    def ask_to_stop(self) -> None:
        if self.is_running():
            self._process.send_signal(self._stop_signal)

    def wait_stopped(self, timeout_s: float = _STOP_TIMEOUT_S) -> None:
        """Wait for its end; one that does not listen is killed."""
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@dataclass(frozen=True)
class ProcessRecord:
    name: str
    pid: int
    started_at: str
    argv: tuple[str, ...]

    def is_alive(self) -> bool:
        """Tell whether this very process still runs: a pid alone may be somebody else's by now."""
        if not self.started_at or _started_at(self.pid) != self.started_at:
            return False
        return _command_line(self.pid)[-len(self.argv) :] == self.argv


def remember(path: Path, records: Sequence[ProcessRecord]) -> None:
    write_json(path, {"processes": [asdict(record) for record in records]})


def stop_left_over(path: Path, log: Callable[[str], None]) -> None:
    """Stop the servers that an earlier, killed run recorded in this file and left behind.

    Raises: EmbeddedStackError if one does not go.
    """
    for entry in read_json(path).get("processes", []):
        with contextlib.suppress(TypeError, KeyError, ValueError, ProcessLookupError):
            record = ProcessRecord(
                str(entry["name"]),
                int(entry["pid"]),
                str(entry["started_at"]),
                tuple(entry["argv"]),
            )
            if record.is_alive():
                log(f"Stopping {record.name} (pid {record.pid}), left over from an earlier run.")
                _stop_record(record)
    path.unlink(missing_ok=True)


def _stop_record(record: ProcessRecord) -> None:
    for stop_signal, timeout_s in ((signal.SIGTERM, _STOP_TIMEOUT_S), (signal.SIGKILL, 5.0)):
        os.kill(record.pid, stop_signal)
        deadline_s = time.monotonic() + timeout_s
        while time.monotonic() < deadline_s:
            # Not `is_alive`: a process that is ending loses its command line before its files.
            if _started_at(record.pid) != record.started_at:
                return
            time.sleep(0.05)
    raise EmbeddedStackError(
        f"{record.name} (pid {record.pid}) is left over from an earlier run and does not stop. "
        "Stop it yourself, then try again."
    )


class _Starter:
    """One thread that starts all servers: they are signalled when the thread that did ends."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pid = 0
        self._calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()

    def call(self, make: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
        answer: queue.SimpleQueue[subprocess.Popen[bytes] | OSError] = queue.SimpleQueue()

        def run() -> None:
            try:
                answer.put(make())
            except OSError as error:
                answer.put(error)

        with self._lock:
            if self._pid != os.getpid():  # first use, or first use after a fork
                self._pid = os.getpid()
                self._calls = queue.SimpleQueue()
                threading.Thread(target=self._serve, name="roadstead-starter", daemon=True).start()
        self._calls.put(run)
        result = answer.get()
        if isinstance(result, OSError):
            raise result
        return result

    def _serve(self) -> None:
        calls = self._calls
        while True:
            calls.get()()


_starter = _Starter()


def _spawn(
    command: ServerCommand, death_signal: signal.Signals, log_descriptor: int
) -> subprocess.Popen[bytes]:
    launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER]
    return subprocess.Popen(
        [*launcher, str(int(death_signal)), str(os.getpid()), *command.argv],
        cwd=command.folder,
        env=dict(command.environment),
        stdin=subprocess.DEVNULL,
        stdout=log_descriptor,
        stderr=subprocess.STDOUT,
        # Ctrl-C in the terminal is for us: we stop the servers in order.
        start_new_session=True,
    )


def _limit_log(path: Path) -> None:
    if path.exists() and path.stat().st_size > _LOG_LIMIT_BYTES:
        path.replace(path.with_suffix(".old.log"))


def _started_at(pid: int) -> str | None:
    """Tell a process apart from a later one with the same pid; None when there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
        state, *rest = text.rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return None if state == "Z" else f"{boot}/{rest[18]}"
    except OSError:
        return None if Path("/proc/self/stat").exists() else _ask_ps(pid, "lstart=")


def _command_line(pid: int) -> tuple[str, ...]:
    try:
        return tuple(Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")[:-1])
    except OSError:
        return tuple((_ask_ps(pid, "command=") or "").split())


def _ask_ps(pid: int, field: str) -> str | None:
    """The way without /proc (macOS)."""
    found = subprocess.run(
        ["ps", "-o", field, "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return found.stdout.strip() or None
