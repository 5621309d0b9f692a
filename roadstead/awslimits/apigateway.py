"""API Gateway (REST, Lambda proxy) and Lambda, with their limits, around the very app.

HTTP -> event -> ``app(event, context)`` -> HTTP. Bodies are buffered and counted, chunked or not.
The stage is the path's first part, as a distribution's OriginPath has it.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import json
import logging
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from roadstead.awslimits.asgi import head_bytes, send_whole
from roadstead.awslimits.limits import ApiLimits, TooLarge
from roadstead.awslimits.responses import Answer, GatewayResponses
from roadstead.gateway.events import HttpRequest, LambdaContext, LambdaFront, make_event
from roadstead.gateway.intake import ClientGoneError, Intake, Receive, Send

log = logging.getLogger("roadstead.awslimits")

STAGE = "/api"
# Names that answers must not have, and get back as x-amzn-Remapped-<name>.
# Spec: API Gateway developer guide, Important notes ("may be remapped"); all of them are here,
# seen or not, but Content-Type and Content-Encoding, without which no proxy answer could work.
REMAPPED = frozenset(
    (
        "age",
        "authorization",
        "connection",
        "content-length",
        "content-md5",
        "date",
        "expect",
        "host",
        "max-forwards",
        "pragma",
        "proxy-authenticate",
        "range",
        "referer",
        "server",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "via",
        "warn",
        "www-authenticate",
    )
)
# Of a body above 10 MB; of an event above 6 MB. Both as seen on AWS: docs/aws-at-home.md.
OVER_BODY = Answer(
    413, [("Content-Type", "text/plain")], b"HTTP content length exceeded 10485760 bytes."
)
OVER_EVENT = Answer(
    413,
    [("Content-Type", "application/json"), ("x-amzn-ErrorType", "BadRequestException")],
    b'{"message": "Request Too Long"}',
)
# Nobody has written down what is said here.
OVER_HEAD = Answer(
    431, [("Content-Type", "application/json")], b'{"message": "Request Header Fields Too Large"}'
)


@dataclass
class Throttle:
    """A token bucket: so many at once, and then so many a second."""

    rate_per_s: float | None
    burst: int
    now: Callable[[], float] = time.monotonic
    _lock: Lock = field(default_factory=Lock)
    _tokens: float = field(init=False)
    _at_s: float = field(init=False)

    def __post_init__(self) -> None:
        self._tokens, self._at_s = float(self.burst), self.now()

    def admits(self) -> bool:
        if self.rate_per_s is None:
            return True
        with self._lock:
            now_s = self.now()
            grown = self._tokens + (now_s - self._at_s) * self.rate_per_s
            self._tokens, self._at_s = min(float(self.burst), grown), now_s
            if self._tokens < 1:
                return False
            self._tokens -= 1
            return True


class ApiGateway:
    """An ASGI application around a Chalice app. ``threads``: function instances at once."""

    def __init__(
        self,
        app: Any,
        responses: GatewayResponses,
        limits: ApiLimits | None = None,
        *,
        scheme: str = "http",
        threads: int = 32,
        throttle: Throttle | None = None,
    ) -> None:
        self._app = app
        self._routes = LambdaFront(app)
        self._responses = responses
        self._limits = limits or ApiLimits()
        self._scheme = scheme
        self._throttle = throttle or Throttle(self._limits.rate_per_s, self._limits.burst)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="lambda")

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        named = dict(scope["headers"])
        intake = Intake(receive, waits=b"expect" in named)
        try:
            answer = await self._answer(scope, named.get(b"content-length", b"0"), intake)
        except ClientGoneError:
            return
        body = answer.body if scope["method"] != "HEAD" else b""
        pairs = [(n.encode("latin-1"), v.encode("latin-1")) for n, v in marked(answer.headers)]
        if scope["method"] == "HEAD":
            await _send_head(send, answer.status, pairs, len(answer.body))
            return
        await send_whole(send, answer.status, pairs, body, intake)

    async def _answer(self, scope: dict[str, Any], declared: bytes, intake: Intake) -> Answer:
        """Raises: ClientGoneError."""
        limits = self._limits
        if head_bytes(scope) > limits.head_bytes:
            return OVER_HEAD
        if not self._throttle.admits():
            return self._responses.answer("THROTTLED")
        if declared.isdigit() and int(declared) > limits.body_bytes:
            return self._too_large()
        body = await intake.up_to(limits.body_bytes)
        if len(body) > limits.body_bytes:
            return self._too_large()
        path = scope["raw_path"].decode("latin-1")
        method = scope["method"]
        found = None
        if path.startswith(f"{STAGE}/"):
            found = self._routes.route(method, path.removeprefix(STAGE))
        if found is None:
            return self._responses.answer("MISSING_AUTHENTICATION_TOKEN")
        request = request_of(scope, bytes(body), self._scheme)
        event = json.dumps(make_event(request, *found))
        if len(event) > limits.event_bytes:
            return OVER_EVENT
        return await self._invoke(event, request.header("accept") is not None)

    def _too_large(self) -> Answer:
        if self._limits.too_large is TooLarge.CONFIGURED:
            return self._responses.answer("REQUEST_TOO_LARGE")
        return OVER_BODY

    async def _invoke(self, event: str, accepts: bool) -> Answer:
        work = functools.partial(self._call, event)
        running = asyncio.get_running_loop().run_in_executor(self._pool, work)
        try:
            # The function goes on, as it does on AWS.
            said = await asyncio.wait_for(asyncio.shield(running), self._limits.timeout_s)
        except TimeoutError:
            return self._responses.answer("INTEGRATION_TIMEOUT")
        if said is None or len(said) > self._limits.answer_bytes:
            return self._responses.answer("INTEGRATION_FAILURE")
        try:
            return read_proxy_answer(json.loads(said), accepts=accepts)
        except (KeyError, ValueError, TypeError, AttributeError):
            log.warning("the function's answer is no proxy answer")
            return self._responses.answer("INTEGRATION_FAILURE")

    def _call(self, event: str) -> bytes | None:
        try:
            return json.dumps(self._app(json.loads(event), LambdaContext())).encode()
        except Exception:
            log.exception("the function raised")
            return None


def request_of(scope: dict[str, Any], body: bytes, scheme: str) -> HttpRequest:
    """The request below its stage, with what API Gateway tells of where it came from.

    Spec: it appends the caller's address to X-Forwarded-For, and writes the scheme and the port.
    """
    headers = [(n.decode("latin-1").lower(), v.decode("latin-1")) for n, v in scope["headers"]]
    caller = (scope.get("client") or ("127.0.0.1", 0))[0]
    earlier = [value for name, value in headers if name == "x-forwarded-for"]
    own = {
        "x-forwarded-for": ", ".join([*earlier, caller]),
        "x-forwarded-proto": scheme,
        "x-forwarded-port": "443" if scheme == "https" else "80",
        "x-amzn-trace-id": f"Root=1-{int(time.time()):x}-{uuid.uuid4().hex[:24]}",
    }
    dropped = (*own, "transfer-encoding", "connection")
    kept = [(name, value) for name, value in headers if name not in dropped]
    return HttpRequest(
        scope["method"],
        scope["raw_path"].decode("latin-1").removeprefix(STAGE),
        scope["query_string"].decode("latin-1"),
        [*kept, *own.items()],
        body,
        caller,
    )


def read_proxy_answer(answer: dict[str, Any], *, accepts: bool) -> Answer:
    """A proxy answer as HTTP. The binary type is ``*/*``: base64 is decoded when the request has
    an Accept, whatever it says, and handed on as text when it has none.

    Raises: KeyError, ValueError, TypeError, AttributeError for what is no proxy answer.
    """
    text = answer.get("body") or ""
    if answer.get("isBase64Encoded") and accepts:
        body = base64.b64decode(text, validate=True)
    else:
        body = text.encode()
    pairs: list[tuple[str, str]] = []
    single, many = answer.get("headers") or {}, answer.get("multiValueHeaders") or {}
    for name, value in {**single, **many}.items():
        pairs += [(name, str(v)) for v in (value if isinstance(value, list) else [value])]
    return Answer(int(answer["statusCode"]), [(remapped(n), v) for n, v in pairs], body)


def remapped(name: str) -> str:
    """The name under which a header of the function reaches the client."""
    return f"x-amzn-Remapped-{name}" if name.lower() in REMAPPED else name


def marked(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """With API Gateway's own marks."""
    ids = [("x-amzn-RequestId", str(uuid.uuid4())), ("x-amz-apigw-id", uuid.uuid4().hex[:15])]
    return [*headers, *ids]


async def _send_head(
    send: Send, status: int, pairs: list[tuple[bytes, bytes]], length: int
) -> None:
    headers = [*pairs, (b"content-length", str(length).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
