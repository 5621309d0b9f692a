"""A Lambda execution environment on this machine: AWS's own runtime interface client runs an
unpacked package, and asks a runtime API that is served here on loopback.

Spec: AWS Lambda runtime API 2018-06-01 (next, response, error, init/error).
The function's process sees the package, the runtime client and the standard library; nothing of
the virtual environment that the tests run in, and nothing of the machine's credentials.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import queue
import shutil
import subprocess
import sys
import threading
import time
import uuid
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.clients.commands import not_run

RUNTIME_CLIENT = ("awslambdaric", "simplejson", "snapshot-restore-py")
VERSION = "/2018-06-01/runtime"
# -I and -S: no site-packages and no PYTHON* variables, so that what is missing is missed. -B: what
# is unpacked cannot be written to on Lambda.
_MAIN = (
    "import sys; sys.path[:0] = sys.argv[1:3]; del sys.argv[1:3]; "
    "import runpy; runpy.run_module('awslambdaric', run_name='__main__')"
)
ANSWER_S = 60


class FunctionError(AssertionError):
    """The function raised, at its start or at an event; what it said."""


@dataclass
class Moments:
    """Seconds since the process was started."""

    began: float = 0.0
    first_next: float | None = None


class _Api(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.events: queue.Queue[tuple[str, bytes] | None] = queue.Queue()
        self.answers: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self.moments = Moments()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one packet: two would wait for each other
    server: _Api

    def do_GET(self) -> None:
        moments = self.server.moments
        if moments.first_next is None:
            moments.first_next = time.perf_counter() - moments.began
        found = self.server.events.get()
        if found is None:
            self.close_connection = True
            return
        request_id, body = found
        deadline_ms = int((time.time() + 29) * 1000)
        self._answer(
            200,
            body,
            {
                "Content-Type": "application/json",
                "Lambda-Runtime-Aws-Request-Id": request_id,
                "Lambda-Runtime-Deadline-Ms": str(deadline_ms),
                "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-central-1:123456789012:"
                "function:roadstead-test:live",
                "Lambda-Runtime-Trace-Id": "Root=1-5e66d96f-7491f09xmpl79d18acf3d050;Sampled=0",
            },
        )

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.answers.put((self.path.rpartition("/")[2], body))
        self._answer(202, b"", {})

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):  # the function has been killed
            super().handle()


@dataclass
class Function:
    """A function that waits for events; one at a time, as in Lambda."""

    api: _Api
    process: subprocess.Popen[bytes]
    log: Path
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, event: Mapping[str, Any], context: object = None) -> dict[str, Any]:
        """What the function answers. Raises: FunctionError."""
        body = json.dumps(event).encode()
        with self.lock:
            self.api.events.put((str(uuid.uuid4()), body))
            kind, answer = self._next_answer()
        if kind != "response":
            raise FunctionError(f"{kind}: {answer.decode()}\n{self.said()}")
        found: dict[str, Any] = json.loads(answer)
        return found

    def _next_answer(self) -> tuple[str, bytes]:
        deadline = time.monotonic() + ANSWER_S
        while True:
            try:
                return self.api.answers.get(timeout=0.2)
            except queue.Empty:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise FunctionError(f"the function gave no answer\n{self.said()}") from None

    def said(self) -> str:
        """The end of its log."""
        return self.log.read_text("utf-8", "replace")[-4000:]


def unpack(package: Path, folder: Path) -> Path:
    """A package as it lies in /var/task."""
    with zipfile.ZipFile(package) as archive:
        archive.extractall(folder)
    return folder


def runtime_client(folder: Path) -> Path:
    """AWS's runtime client in a folder of its own, copied from the tests' environment."""
    for project in RUNTIME_CLIENT:
        try:
            files = importlib.metadata.files(project) or []
        except importlib.metadata.PackageNotFoundError:
            not_run(f"not installed: {project} (requirements-dev.txt)")
        for file in files:
            if file.suffix in (".py", ".so") and ".." not in file.parts:
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file.locate(), folder / file)
    return folder


@contextlib.contextmanager
def running(
    task: Path, client: Path, environ: Mapping[str, str], log: Path, handler: str = "app.app"
) -> Iterator[Function]:
    """A function for as long as the block runs."""
    api = _Api()
    thread = threading.Thread(target=api.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    host = f"127.0.0.1:{api.server_address[1]}"
    with log.open("wb") as stream:
        api.moments.began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-B", "-c", _MAIN, str(task), str(client), handler],
            cwd=task,
            env={**lambda_environment(host, task, handler), **environ},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Function(api, process, log)
    finally:
        process.kill()
        process.wait()
        api.events.put(None)
        api.shutdown()
        api.server_close()
        thread.join()


def lambda_environment(host: str, task: Path, handler: str) -> dict[str, str]:
    """What Lambda sets for every function, as far as anything reads it."""
    return {
        "AWS_LAMBDA_RUNTIME_API": host,
        "LAMBDA_TASK_ROOT": str(task),
        "_HANDLER": handler,
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.12",
        "AWS_LAMBDA_FUNCTION_NAME": "roadstead-test",
        "AWS_LAMBDA_FUNCTION_VERSION": "1",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/roadstead/test/api",
        "AWS_LAMBDA_LOG_STREAM_NAME": "2026/11/24/[1]0123456789abcdef",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
