"""The real edge functions, run by one node process that lives as long as the distribution.

Lambda@Edge's is run there too.
Spec: CloudFront Functions, runtime cloudfront-js-2.0. node knows more of JavaScript than that
runtime does: what runs here is not proved to run there.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import threading
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from roadstead.failure import Failure

RUNNER = Path(__file__).parent / "runner.js"
EDGE = Path(__file__).resolve().parents[2] / "infra" / "edge"
# Lambda@Edge's; all other files of the folder are CloudFront Functions.
EXPLAIN = "explain.js"
PLACEHOLDER = "const SETTINGS = {}; // settings"
_IMPORTS = re.compile(r"^import .*$", re.MULTILINE)


class FunctionFault(Exception):
    """A function raised or took too long; CloudFront answers 503."""


@dataclass(frozen=True)
class Outcome:
    """What a function returned, and the origin it chose, if it chose one."""

    result: Any
    origin: str | None


def find_node() -> str:
    """The node program. Raises: Failure."""
    node = shutil.which("node")
    if node is None:
        raise Failure(
            "node was not found: --aws-limits runs CloudFront's functions with it. "
            "Install Node.js 18 or newer (Debian: apt-get install nodejs)."
        )
    return node


def with_settings(name: str, text: str, settings: Mapping[str, Any], limit_bytes: int) -> str:
    """The text as it is deployed.

    Raises: Failure: no single place for the settings, or more bytes than CloudFront takes.
    """
    if text.count(PLACEHOLDER) != 1:
        raise Failure(f"{name} must hold the line `{PLACEHOLDER}` once.")
    whole = text.replace(PLACEHOLDER, f"const SETTINGS = {json.dumps(settings)};")
    size_bytes = len(whole.encode())
    if size_bytes > limit_bytes:
        raise Failure(
            f"{name} with its settings has {size_bytes} bytes; CloudFront takes {limit_bytes}."
        )
    return whole


def read_functions(folder: Path, settings: Mapping[str, Any], limit_bytes: int) -> dict[str, str]:
    """The texts of all CloudFront Functions in a folder, with their settings. Raises: Failure."""
    files = sorted(file for file in folder.glob("*.js") if file.name != EXPLAIN)
    if not files:
        raise Failure(f"There are no edge functions in {folder}.")
    return {
        file.name: with_settings(file.name, file.read_text(), settings, limit_bytes)
        for file in files
    }


def read_explain(folder: Path, limit_characters: int) -> dict[str, str]:
    """Lambda@Edge's function, which has no settings. Raises: Failure: missing, or too long."""
    path = folder / EXPLAIN
    if not path.is_file():
        raise Failure(f"{path} is not there.")
    text = path.read_text()
    if len(text) > limit_characters:
        raise Failure(f"{path} has {len(text)} characters; {limit_characters} go into a template.")
    return {EXPLAIN: text}


class NodeFunctions:
    """A node process with the functions loaded. Safe to be asked by many tasks at once."""

    def __init__(self, texts: Mapping[str, str], lambdas: Mapping[str, str] | None = None) -> None:
        """``lambdas`` are Lambda@Edge's. Raises: Failure: no node, or one cannot be loaded."""
        self._process = subprocess.Popen(
            [find_node(), str(RUNNER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in: IO[bytes] = self._process.stdin
        self._waiting: deque[Future[dict[str, Any]]] = deque()
        self._lock = threading.Lock()
        self._reader = threading.Thread(
            target=self._read, args=(self._process.stdout,), name="edge", daemon=True
        )
        self._reader.start()
        said = self._ask({"functions": dict(texts), "lambdas": dict(lambdas or {})}).result(
            timeout=20
        )
        if "fault" in said:
            self.close()
            raise Failure(f"An edge function cannot be loaded: {said['fault']}")

    async def run(self, name: str, event: Mapping[str, Any]) -> Outcome:
        """Raises: FunctionFault."""
        said = await asyncio.wrap_future(self._ask({"function": name, "event": event}))
        if "fault" in said:
            raise FunctionFault(said["fault"])
        return Outcome(said.get("result"), said.get("origin"))

    def close(self) -> None:
        """End the process; it ends by itself when its input does."""
        with suppress(OSError):
            self._in.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(5)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _ask(self, question: Mapping[str, Any]) -> Future[dict[str, Any]]:
        line = json.dumps(question).encode() + b"\n"
        future: Future[dict[str, Any]] = Future()
        with self._lock:
            self._waiting.append(future)
            try:
                self._in.write(line)
                self._in.flush()
            except (OSError, ValueError):
                self._waiting.remove(future)
                future.set_result({"fault": "node has ended"})
        return future

    def _read(self, out: IO[bytes]) -> None:
        for line in out:
            self._settle(self._waiting.popleft(), json.loads(line))
        while self._waiting:
            self._settle(self._waiting.popleft(), {"fault": "node has ended"})

    @staticmethod
    def _settle(future: Future[dict[str, Any]], said: dict[str, Any]) -> None:
        if not future.cancelled():
            future.set_result(said)
