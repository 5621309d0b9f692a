"""What a process would have written to its log while a block runs."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from chalicelib.web import logs


class Heard:
    """Lines as they were written, and as the objects that they are."""

    def __init__(self, stream: io.StringIO) -> None:
        self._stream = stream

    @property
    def text(self) -> str:
        return self._stream.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Raises: ValueError when something is not one JSON object a line."""
        found = [json.loads(line) for line in self.text.splitlines()]
        assert all(isinstance(line, dict) for line in found), found
        return found

    @property
    def requests(self) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["kind"] == "request"]

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["kind"] == "message"]


@contextmanager
def heard(*, requests: bool = True) -> Iterator[Heard]:
    """All of this process's logging, as `configure` sets it up; put back afterwards."""
    root, ours = logging.getLogger(), logs.ROOT
    kept = (list(root.handlers), root.level, list(ours.handlers), ours.level, ours.propagate)
    stream = io.StringIO()
    root.handlers[:] = []
    root.setLevel(logging.DEBUG)
    try:
        logs.configure(stream, requests=requests)
        yield Heard(stream)
    finally:
        root.handlers[:], ours.handlers[:] = kept[0], kept[2]
        root.setLevel(kept[1])
        ours.setLevel(kept[3])
        ours.propagate = kept[4]
