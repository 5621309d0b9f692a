"""Log lines as values: one JSON object each, nothing in it that a client could have made up.

A request's line names endpoints, codes and names that were parsed; no path, no query, no header
and no body ever reaches it. With metrics it is a document of CloudWatch's embedded metric format
as well. A message's line is what `log.warning` and its like say: cut, and its secrets struck out.

Spec: Amazon CloudWatch User Guide, "Specification: Embedded metric format".
"""

from __future__ import annotations

import json
import logging
import re
import traceback
from collections.abc import Iterator, Mapping
from enum import Enum

from chalicelib.config import SettingError
from chalicelib.domain.errors import RegistryError
from chalicelib.ports import PortError
from chalicelib.trace import Trace

Line = dict[str, object]

NAMESPACE = "Roadstead"
MAX_MESSAGE_CHARS = 2000
MAX_FRAMES = 12
MAX_CAUSES = 4
METHODS = frozenset({"GET", "HEAD", "PUT", "POST", "PATCH", "DELETE"})


class Metrics(Enum):
    """Which dimensions CloudWatch is told to make metrics by; each combination is billed apart.

    With ``TEAM`` the number of metrics grows with that of the teams, and nothing bounds it.
    """

    OFF = "off"
    STAGE = "stage"
    ACTION = "action"
    TEAM = "team"


# Metrics of a stage, and their units. One that is zero is left out of a line: CloudWatch bills a
# metric only for the hours in which something was sent.
UNITS: Mapping[str, str] = {
    "requests": "Count",
    "duration_ms": "Milliseconds",
    "client_errors": "Count",
    "auth_failures": "Count",
    "throttled": "Count",
    "server_errors": "Count",
    "pulls": "Count",
    "pushes": "Count",
    "bytes_in": "Bytes",
    "bytes_out": "Bytes",
    "bytes_pulled": "Bytes",
    "bytes_pushed": "Bytes",
}
BY_ACTION = ("requests", "duration_ms", "server_errors")
BY_TEAM = ("requests", "pulls", "pushes", "bytes_pulled", "bytes_pushed")


def request_line(
    trace: Trace, *, at_ms: int, duration_ms: float, cold: bool, stage: str, metrics: Metrics
) -> Line:
    """The line of a request that has been answered; fields that say nothing are left out."""
    measured: dict[str, float] = {
        "requests": 1,
        "duration_ms": round(duration_ms, 1),
        **{name: getattr(trace, name) for name in _COUNTED},
        **error_class(trace),
    }
    line: Line = {
        "kind": "request",
        "stage": stage,
        "endpoint": trace.endpoint or "none",
        "family": trace.family,
        "action": trace.action,
        "method": trace.method if trace.method in METHODS else "OTHER",
        "status": trace.status,
        "error": trace.error,
        "request_id": _word(trace.request_id),
        "team": trace.team,
        "repository": trace.repository,
        "actor": trace.actor,
        "token_id": trace.token_id,
        "hooked": trace.hooked or None,
        "digest": trace.digest,
        "quota": trace.quota,
        "cold": cold or None,
        "calls": dict(trace.calls),
    }
    told = {name: value for name, value in measured.items() if value or name == "duration_ms"}
    line = {name: value for name, value in line.items() if value not in (None, "", {})} | told
    return with_metrics(line, metrics, at_ms)


def with_metrics(line: Line, metrics: Metrics, at_ms: int) -> Line:
    """The line with its time, and with what makes CloudWatch count it."""
    directives = list(_directives(line, metrics))
    if not directives:
        return {**line, "at_ms": at_ms}
    return {**line, "_aws": {"Timestamp": at_ms, "CloudWatchMetrics": directives}}


_COUNTED = ("pulls", "pushes", "bytes_in", "bytes_out", "bytes_pulled", "bytes_pushed")


def error_class(trace: Trace) -> dict[str, int]:
    """Whose fault the answer is. A 401 to somebody who sent no login yet is no failed login;
    TOOMANYREQUESTS is what follows too many of those.
    """
    status = trace.status
    return {
        "client_errors": int(400 <= status < 500),
        "auth_failures": int(bool(trace.wrong_login) or trace.error == "TOOMANYREQUESTS"),
        "throttled": int(trace.error == "THROTTLED"),
        "server_errors": int(status >= 500),
    }


def _directives(line: Mapping[str, object], metrics: Metrics) -> Iterator[dict[str, object]]:
    if metrics is Metrics.OFF:
        return
    yield _directive([["stage"]], [name for name in UNITS if name in line])
    if metrics is Metrics.ACTION:
        yield _directive([["stage", "action"]], [name for name in BY_ACTION if name in line])
    elif metrics is Metrics.TEAM and line.get("team"):
        yield _directive([["stage", "team"]], [name for name in BY_TEAM if name in line])


def _directive(dimensions: list[list[str]], names: list[str]) -> dict[str, object]:
    told = [{"Name": name, "Unit": UNITS[name]} for name in names]
    return {"Namespace": NAMESPACE, "Dimensions": dimensions, "Metrics": told}


# --- messages -----------------------------------------------------------------------------------

# What is a secret by its looks. A second fence: no message of ours is meant to hold any of it.
_SECRETS = re.compile(
    r"""(?ix)
    (?P<kept> (?:X-Amz-(?:Signature|Credential|Security-Token)|_up|password|signature
               |refresh_token|access_token|client_secret)"?\s*[=:]\s*"?
            | \b(?:Basic|Bearer)\s+ | \brst_ | \beyJ )
    [^\s&"',;]+
    """
)


def struck(text: str) -> str:
    """A text without what looks like a secret, cut to what a line has room for."""
    # A bound before the search as well: a megabyte is not searched for two thousand characters.
    return _SECRETS.sub(r"\g<kept>***", text[: 2 * MAX_MESSAGE_CHARS])[:MAX_MESSAGE_CHARS]


def message_line(record: logging.LogRecord) -> Line:
    """The line of what was logged by words: level, logger, sentence, and where it came from."""
    try:
        sentence = record.getMessage()
    except Exception:
        sentence = str(record.msg)
    line: Line = {
        "kind": "message",
        "level": record.levelname,
        "logger": record.name,
        "message": struck(sentence),
        "at_ms": int(record.created * 1000),
    }
    if record.exc_info and record.exc_info[1] is not None:
        line["exceptions"] = [exception_line(each) for each in _causes(record.exc_info[1])]
    return line


def exception_line(error: BaseException) -> Line:
    """An exception's type and its way here. Its text only if it is ours: others quote their input,
    and what they quote may be a password or a URL that is its own permission."""
    frames = traceback.extract_tb(error.__traceback__)[-MAX_FRAMES:]
    line: Line = {
        "type": type(error).__name__,
        "at": [f"{_tail(f.filename)}:{f.lineno} {f.name}" for f in frames],
    }
    if isinstance(error, PortError | RegistryError | SettingError):
        line["message"] = struck(str(error))
    return line


def _causes(error: BaseException) -> Iterator[BaseException]:
    current: BaseException | None = error
    for _ in range(MAX_CAUSES):
        if current is None:
            return
        yield current
        current = current.__cause__ or (
            None if current.__suppress_context__ else current.__context__
        )


def _tail(path: str) -> str:
    return "/".join(path.replace("\\", "/").rsplit("/", 3)[-3:])


def _word(text: str) -> str:
    return "".join(sign for sign in text[:64] if sign.isascii() and (sign.isalnum() or sign == "-"))


def rendered(line: Mapping[str, object]) -> str:
    """One line of ASCII: whatever stands in it, no newline and no control character is raw."""
    return json.dumps(line, separators=(",", ":"), default=str)
