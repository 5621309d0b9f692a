"""The one module that knows the quirks of Chalice and of API Gateway's events.

| quirk (Chalice 1.34) | what is done about it |
|---|---|
| `*/*` as binary type refuses every request without `Accept` | a default is put into the event |
| repeated headers: only the last one is in `headers` | read from `multiValueHeaders` |
| an exception in `to_dict` escapes `app(event)` | caught around the call; our own 500 |
| HEAD is not implied by GET, ANY is a literal | every method is registered |
| `current_request` is one attribute of the app | kept apart for each thread |
| header values must be strings, bodies with a foreign type must be bytes | one `Response` type |
| path parameters are decoded by API Gateway, not by Chalice | nothing here decodes again |
| `{proxy+}` passes no argument to the view | read from `uri_params` |
| every app adds its name to AWS_EXECUTION_ENV, which becomes a header | a scratch environment |
| Chalice's own 404, 405, 415 have its own shape | no content types, a catch-all route |
"""

from __future__ import annotations

import base64
import logging
import threading
from collections.abc import Mapping
from typing import Any

from chalice.app import Chalice
from chalice.app import Request as ChaliceRequest
from chalice.app import Response as ChaliceResponse

from chalicelib.adapters.clock import SystemClock, ticking_ms
from chalicelib.adapters.words import RandomWords
from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.trace import Trace, begin, end, note
from chalicelib.web import logs
from chalicelib.web.endpoints import Family, family_of_path
from chalicelib.web.front import status_of
from chalicelib.web.lines import Line, Metrics, request_line
from chalicelib.web.messages import Headers, Request, Response
from chalicelib.web.render import render_error

log = logging.getLogger("roadstead")

# Stands among the headers of our own answers between the view and the event, and never leaves.
_MARK = "X-Roadstead-Own"


class LineIdentity:
    """By what a line is known: a word of this process's own, and a number that grows by one.

    Whoever counts lines sees by it which they have counted. The word is made with the first line
    and not before: processes that start from one snapshot must not share it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._word, self._number = "", 0

    def next(self) -> Line:
        with self._lock:
            self._word = self._word or RandomWords().fresh()
            self._number += 1
            return {"process": self._word, "number": self._number}


class RegistryApp(Chalice):
    """Chalice, safe to be called from many threads, and never answering in a shape of its own."""

    def __init__(self, app_name: str, stage: str = "local", metrics: Metrics = Metrics.OFF) -> None:
        self._threads = threading.local()
        self._stage, self._metrics, self._cold = stage, metrics, True
        self._identity = LineIdentity()
        super().__init__(app_name=app_name, configure_logs=False, env={})
        self.api.binary_types = ["*/*"]

    @property
    def current_request(self) -> ChaliceRequest | None:
        return getattr(self._threads, "request", None)

    @current_request.setter
    def current_request(self, request: ChaliceRequest | None) -> None:
        self._threads.request = request

    def __call__(self, event: dict[str, Any], context: object) -> Any:
        if "requestContext" not in event:
            return super().__call__(event, context)
        if not logs.wants_requests():
            return self._answer(event, context)
        began_ms, (cold, self._cold) = ticking_ms(), (self._cold, False)
        trace = _trace_of(event)
        token = begin(trace)
        try:
            answer = self._answer(event, context)
        finally:
            end(token)
        trace.status = status_of(answer["statusCode"], answer["headers"])
        trace.bytes_out = _bytes_out(trace.method, answer)
        line = request_line(
            trace,
            at_ms=SystemClock().now_ms(),
            duration_ms=ticking_ms() - began_ms,
            cold=cold,
            stage=self._stage,
            metrics=self._metrics,
        )
        logs.write({**line, **self._identity.next()})
        return answer

    def _answer(self, event: dict[str, Any], context: object) -> dict[str, Any]:
        try:
            answer: dict[str, Any] | None = super().__call__(_with_accept(event), context)
        except Exception:
            log.exception("an answer could not be rendered")
            answer = None
        if answer is None or not _is_ours(answer):
            path = str(event.get("path") or "")
            error = RegistryError(_code_of(answer))
            note(error=error.code.name)
            return to_lambda(render_error(family_of_path(path), error))
        return answer


def _trace_of(event: Mapping[str, Any]) -> Trace:
    # Nothing in an event is sure to be what it should: what is odd is left out, and answered 4xx.
    context = event.get("requestContext")
    request_id = context.get("requestId") if isinstance(context, dict) else ""
    return Trace(method=str(event.get("httpMethod")), request_id=str(request_id or ""))


def _bytes_out(method: str, answer: Mapping[str, Any]) -> int:
    body = answer["body"]
    if method == "HEAD":
        return 0
    return len(body) * 3 // 4 - body[-2:].count("=") if answer.get("isBase64Encoded") else len(body)


def _with_accept(event: dict[str, Any]) -> dict[str, Any]:
    headers = event.get("headers") or {}
    if any(name.lower() == "accept" for name in headers):
        return event
    # The multi-value map stays as it was: there a handler still sees that none was sent.
    return {**event, "headers": {**headers, "accept": "*/*"}}


def _is_ours(answer: dict[str, Any]) -> bool:
    """Take our mark off an answer; what has none was made by Chalice itself."""
    return answer["headers"].pop(_MARK, None) is not None


def _code_of(answer: Mapping[str, Any] | None) -> ErrorCode:
    status = answer["statusCode"] if answer else 500
    return {
        400: ErrorCode.BAD_REQUEST,
        403: ErrorCode.NOT_FOUND,
        404: ErrorCode.NOT_FOUND,
        405: ErrorCode.UNSUPPORTED,
        415: ErrorCode.BAD_REQUEST,
    }.get(status, ErrorCode.UNKNOWN)


def read_request(request: ChaliceRequest) -> Request:
    """The current event as our own value; ``uri_params`` become ``params`` as they are."""
    event = request.to_original_event()
    pairs = [
        (name, value)
        for name, values in (event.get("multiValueHeaders") or {}).items()
        for value in values
    ] or list((event.get("headers") or {}).items())
    context = event.get("requestContext") or {}
    query = event.get("multiValueQueryStringParameters") or {}
    body = _bytes(request.raw_body)
    note(bytes_in=len(body))
    return Request(
        method=request.method,
        path=_path(event, request.uri_params or {}),
        params=dict(request.uri_params or {}),
        query={name: values[-1] for name, values in query.items() if values},
        repeated={name: tuple(values) for name, values in query.items()},
        headers=Headers(pairs),
        body=body,
        source_ip=str((context.get("identity") or {}).get("sourceIp") or ""),
        request_id=str(context.get("requestId") or ""),
    )


def _path(event: Mapping[str, Any], uri_params: Mapping[str, str]) -> str:
    # Below a greedy route the decoded variable counts: whether `path` itself is decoded differs
    # between API Gateway's stages, custom domains and its documentation.
    resource = str(event["requestContext"]["resourcePath"])
    if "{proxy+}" in resource:
        return resource.replace("{proxy+}", uri_params.get("proxy", ""))
    return str(event.get("path") or "")


def _bytes(body: bytes | str | None) -> bytes:
    return body.encode() if isinstance(body, str) else body or b""


def to_chalice(response: Response) -> ChaliceResponse:
    """Our answer for Chalice, which wants bytes and strings."""
    return ChaliceResponse(
        body=response.body,
        headers={**response.headers, _MARK: "1"},
        status_code=response.status,
    )


def to_lambda(response: Response) -> dict[str, Any]:
    """Our answer as API Gateway takes it, without Chalice in between."""
    return {
        "statusCode": response.status,
        "headers": dict(response.headers),
        "multiValueHeaders": {},
        "body": base64.b64encode(response.body).decode(),
        "isBase64Encoded": True,
    }


__all__ = ["Family", "RegistryApp", "read_request", "to_chalice", "to_lambda"]
