"""HTTP requests as API Gateway REST proxy events, and the answers back as HTTP.

What is modelled: the choice of the route (static before ``{x}`` before ``{x+}``), path variables
decoded once, both header maps, base64 by binary media type, Content-Length from the body, also
for HEAD. AWS's limits and header renaming are not: they are `--aws-limits`.
"""

from __future__ import annotations

import base64
import logging
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote

from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.web.endpoints import family_of_path
from chalicelib.web.render import render_error

log = logging.getLogger("roadstead.gateway")

LambdaApp = Callable[[dict[str, Any], object], dict[str, Any]]
Pairs = Sequence[tuple[str, str]]

MAX_EVENT_BODY_BYTES = 10 * 1024 * 1024


@dataclass(frozen=True)
class HttpRequest:
    """A request as it came: ``raw_path`` and ``query`` still encoded, header names lower-case."""

    method: str
    raw_path: str
    query: str
    headers: Pairs
    body: bytes = b""
    source_ip: str = "127.0.0.1"

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)


@dataclass(frozen=True)
class HttpResponse:
    """An answer; Content-Length is among its headers where HTTP wants one."""

    status: int
    headers: Pairs
    body: bytes = b""

    def header(self, name: str) -> str | None:
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)


class Front(Protocol):
    """What answers requests whose bodies are whole: the app here, or a registry elsewhere."""

    def call(self, request: HttpRequest) -> HttpResponse:
        """Answer; never raises. Called from many threads."""


class LambdaContext:
    """What Lambda passes beside the event; the app only reads the request id."""

    function_name = "api"
    memory_limit_in_mb = 1024

    def __init__(self) -> None:
        self.aws_request_id = str(uuid.uuid4())

    def get_remaining_time_in_millis(self) -> int:
        return 29_000


def _specificity(resource: str) -> list[tuple[int, str]]:
    def rank(segment: str) -> int:
        return 2 if segment.endswith("+}") else 1 if segment.startswith("{") else 0

    return [(rank(segment), segment) for segment in resource.split("/")]


def _resource_pattern(resource: str) -> re.Pattern[str]:
    text = ""
    for segment in resource.strip("/").split("/"):
        if segment.endswith("+}"):
            text += f"/(?P<{segment[1:-2]}>.+)"
        elif segment.startswith("{"):
            text += f"/(?P<{segment[1:-1]}>[^/]+)"
        elif segment:
            text += "/" + re.escape(segment)
    return re.compile(f"{text or '/'}/?")


class LambdaFront:
    """Calls a Chalice app as API Gateway would; safe to be used from many threads."""

    def __init__(self, app: Any) -> None:
        self._app: LambdaApp = app
        self._routes = [
            (_resource_pattern(resource), resource, frozenset(methods))
            for resource, methods in sorted(
                app.routes.items(), key=lambda item: _specificity(item[0])
            )
        ]

    def call(self, request: HttpRequest) -> HttpResponse:
        """Answer one request whose body is whole; never raises."""
        if len(request.body) > MAX_EVENT_BODY_BYTES:
            return refusal(request, ErrorCode.SIZE_EXCEEDED, "request body is larger than 10 MB")
        found = self.route(request.method, request.raw_path)
        return self._invoke(request, *found) if found else refusal(request, ErrorCode.NOT_FOUND)

    def route(self, method: str, raw_path: str) -> tuple[str, dict[str, str]] | None:
        """The resource that API Gateway would choose, and its path's variables."""
        for pattern, resource, methods in self._routes:
            found = pattern.fullmatch(raw_path)
            if found and method in methods:
                return resource, {k: unquote(v) for k, v in found.groupdict().items()}
        return None

    def _invoke(
        self, request: HttpRequest, resource: str, variables: dict[str, str]
    ) -> HttpResponse:
        event = make_event(request, resource, variables)
        try:
            answer = self._app(event, LambdaContext())
        except Exception:
            log.exception("the app raised; a function would have answered 502")
            return refusal(request, ErrorCode.UNKNOWN, status=502)
        return read_answer(answer, request.method)


def make_event(request: HttpRequest, resource: str, variables: dict[str, str]) -> dict[str, Any]:
    """The proxy event; all bodies are base64, because the app's binary type is ``*/*``."""
    many: dict[str, list[str]] = {}
    for name, value in request.headers:
        many.setdefault(name, []).append(value)
    query: dict[str, list[str]] = {}
    for name, value in parse_qsl(request.query, keep_blank_values=True):
        query.setdefault(name, []).append(value)
    path = unquote(request.raw_path)
    return {
        "resource": resource,
        "path": path,
        "httpMethod": request.method,
        "headers": {name: values[-1] for name, values in many.items()},
        "multiValueHeaders": many,
        "queryStringParameters": {n: v[-1] for n, v in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": variables or None,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": resource,
            "httpMethod": request.method,
            "path": path,
            "stage": "api",
            "requestId": str(uuid.uuid4()),
            "identity": {"sourceIp": request.source_ip},
            "domainName": request.header("host") or "",
        },
        "body": base64.b64encode(request.body).decode() if request.body else None,
        "isBase64Encoded": bool(request.body),
    }


def read_answer(answer: dict[str, Any], method: str) -> HttpResponse:
    """A proxy answer as HTTP: the length is the body's, and HEAD keeps it without the body."""
    body = answer.get("body") or ""
    data = base64.b64decode(body) if answer.get("isBase64Encoded") else _encoded(body)
    pairs: list[tuple[str, str]] = []
    for name, value in {
        **(answer.get("headers") or {}),
        **(answer.get("multiValueHeaders") or {}),
    }.items():
        pairs += [(name, str(v)) for v in (value if isinstance(value, list) else [value])]
    status = int(answer["statusCode"])
    if status not in (204, 304):
        pairs.append(("Content-Length", str(len(data))))
    return HttpResponse(status, pairs, b"" if method == "HEAD" else data)


def _encoded(body: str | bytes) -> bytes:
    return body.encode() if isinstance(body, str) else body


def refusal(
    request: HttpRequest,
    code: ErrorCode,
    message: str | None = None,
    *,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    """An error that the gateway itself has to give, in the shape that the path's clients read."""
    error = RegistryError(code, message, status=status, headers=headers)
    rendered = render_error(family_of_path(unquote(request.raw_path)), error)
    pairs = [*rendered.headers.items(), ("Content-Length", str(len(rendered.body)))]
    return HttpResponse(rendered.status, pairs, b"" if request.method == "HEAD" else rendered.body)
