"""The one place that writes log lines, and the settings of what is written.

Everything that is logged in the process goes out as JSON, one object a line: the requests' lines,
our own messages, and what libraries say.
"""

from __future__ import annotations

import logging
from typing import TextIO

from chalicelib.web.lines import Line, message_line, rendered

ROOT = logging.getLogger("roadstead")
REQUESTS = logging.getLogger("roadstead.requests")
_LINE = "roadstead_line"


class JsonLines(logging.Formatter):
    """Each record as one JSON object; a record that carries a line is that line."""

    def format(self, record: logging.LogRecord) -> str:
        line: Line | None = getattr(record, _LINE, None)
        return rendered(message_line(record) if line is None else line)


def configure(stream: TextIO, *, requests: bool = True) -> None:
    """Write to ``stream`` from now on; without ``requests`` only what is worth a warning.

    CloudWatch takes lines on a function's stdout as they are, metrics included.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    # Where others listen to requests, this stream still gets only what it was to get.
    handler.setLevel(logging.INFO if requests else logging.WARNING)
    ROOT.handlers[:] = [handler]
    ROOT.setLevel(logging.INFO if requests else logging.WARNING)
    ROOT.propagate = False
    root = logging.getLogger()
    # Below a warning botocore and urllib3 quote whole requests, signatures and all.
    root.setLevel(logging.WARNING)
    if not root.handlers:
        root.addHandler(handler)
    # Lambda's own handler is kept for what libraries say: it frames the lines.
    for each in root.handlers:
        each.setFormatter(JsonLines())


def wants_requests() -> bool:
    """Whether a request's line would be written: if not, none need be made."""
    return REQUESTS.isEnabledFor(logging.INFO)


def write(line: Line) -> None:
    """Write a line that has been made."""
    REQUESTS.info("request", extra={_LINE: line})
