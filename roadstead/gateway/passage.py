"""The line of a request whose bytes go past the app: a stream in, or a download that comes through.

What goes by way of the app has the app's line, and none of ours. The app's calls that a stream
makes on the way (claim, parts, advance, the closing PUT) have lines of their own; they count the
push, a stream's line counts the bytes that came through this process, and nothing is counted twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import unquote

from chalicelib.adapters.clock import SystemClock, ticking_ms
from chalicelib.domain.errors import RegistryError
from chalicelib.domain.names import parse_repository_name
from chalicelib.web import logs
from chalicelib.web.endpoints import Match, match
from chalicelib.web.lines import METHODS, Line
from roadstead.gateway.events import HttpRequest
from roadstead.gateway.intake import Intake

# What nginx writes of a client that hung up: no status was sent.
CLIENT_GONE = 499


@dataclass
class Passage:
    """One request on its way through a gateway; ``went_past``: the app has not seen all of it."""

    request: HttpRequest
    began_ms: float
    intake: Intake
    went_past: bool = False
    found: Match = field(init=False)

    def __post_init__(self) -> None:
        self.found = match(self.request.method, unquote(self.request.raw_path))

    @property
    def endpoint(self) -> str | None:
        return self.found.endpoint.name if self.found.endpoint else None

    def write(self, status: int, bytes_out: int = 0) -> None:
        """Write the line, where there is one."""
        if (self.went_past or status == CLIENT_GONE) and logs.wants_requests():
            now_ms, took_ms = SystemClock().now_ms(), ticking_ms() - self.began_ms
            logs.write(stream_line(self, status, bytes_out, at_ms=now_ms, duration_ms=took_ms))


def stream_line(
    passage: Passage, status: int, bytes_out: int, *, at_ms: int, duration_ms: float
) -> Line:
    """The line as a value; like a request's, it says nothing that the client made up."""
    line: Line = {
        "kind": "stream",
        "endpoint": passage.endpoint or "none",
        "method": passage.request.method if passage.request.method in METHODS else "OTHER",
        "status": status,
        "repository": _repository(passage.found),
        "duration_ms": round(duration_ms, 1),
        "bytes_in": passage.intake.seen_bytes,
        "bytes_out": bytes_out,
        "at_ms": at_ms,
    }
    return {name: value for name, value in line.items() if value or name == "duration_ms"}


def _repository(found: Match) -> str | None:
    try:
        return parse_repository_name(found.params["repository"]).shown
    except (KeyError, RegistryError):
        return None
