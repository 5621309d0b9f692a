"""CloudFront: one distribution with its behaviours, origins and functions, nothing cached.

viewer -> viewer-request function -> origin -> Lambda@Edge, where there is one -> viewer-response
function (below 400) -> viewer.
Bodies pass both ways as they come. Spec: docs/aws-at-home.md lists each rule with its source.
"""

from __future__ import annotations

import asyncio
import logging
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from roadstead.awslimits import lambdaedge, oac
from roadstead.awslimits.asgi import (
    HOP_BY_HOP,
    has_body,
    head_bytes,
    send_stream,
    send_whole,
    target_of,
)
from roadstead.awslimits.edgeevents import (
    Generated,
    Pairs,
    Refused,
    Viewed,
    answer_document,
    event_of,
    read_answer,
    read_result,
    split_query,
)
from roadstead.awslimits.exchange import Address, Exchange, OriginError, RawHeaders, connect
from roadstead.awslimits.functions import FunctionFault, NodeFunctions
from roadstead.awslimits.limits import EdgeLimits, OacSwitches
from roadstead.gateway.intake import ClientGoneError, Intake, Receive, Send

log = logging.getLogger("roadstead.awslimits")
_HOP_BY_HOP = frozenset(name.decode() for name in HOP_BY_HOP)
Sign = Callable[[str, str, Mapping[str, str]], dict[str, str]]


@dataclass(frozen=True)
class Origin:
    """Where requests go: ``path`` comes before the URI (OriginPath), ``headers`` are the
    distribution's own; a viewer's of the same names are overwritten. ``sign`` is OAC's.
    """

    address: Address
    path: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    sign: Sign | None = None


@dataclass(frozen=True)
class Behaviour:
    """What holds for the paths of a pattern (`*` is anything); the first that fits is taken.

    ``on_origin_answer`` is Lambda@Edge's, the others are CloudFront Functions.
    """

    pattern: str
    origin: str
    on_request: str | None = None
    on_answer: str | None = None
    on_origin_answer: str | None = None

    def fits(self, uri: str) -> bool:
        """Spec: path pattern; `?` is no sign here, and case counts."""
        parts = (re.escape(each) for each in self.pattern.split("*"))
        return re.fullmatch(".*".join(parts), uri, re.DOTALL) is not None


def bucket_origin(
    door: Address,
    bucket: str,
    credentials: tuple[str, str],
    region: str,
    switches: OacSwitches | None = None,
) -> Origin:
    """An S3 origin with origin access control."""
    chosen = switches or OacSwitches()

    def sign(method: str, url: str, headers: Mapping[str, str]) -> dict[str, str]:
        return oac.signed(method, url, headers, credentials, region, chosen)

    return Origin(door, f"/{bucket}", sign=sign)


class CloudFront:
    """An ASGI application that is one distribution."""

    def __init__(
        self,
        functions: NodeFunctions,
        behaviours: Sequence[Behaviour],
        origins: Mapping[str, Origin],
        limits: EdgeLimits | None = None,
    ) -> None:
        self._functions = functions
        self._behaviours = behaviours
        self._origins = origins
        self._limits = limits or EdgeLimits()

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        named = dict(scope["headers"])
        intake = Intake(receive, waits=b"expect" in named)
        viewer = _Viewer(scope, intake, send)
        exchange: Exchange | None = None
        try:
            if self._is_too_long(scope):
                await viewer.say(413, "the request or its URL is too long")
                return
            exchange = await self._serve(viewer)
        except FunctionFault as fault:
            log.warning("an edge function failed: %s", fault)
            await viewer.say(503, "the edge function failed", "FunctionExecutionError")
        except Refused as refused:
            log.warning("an edge function was refused: %s", refused)
            await viewer.say(
                502, "the edge function returned what is not valid", "LambdaValidation"
            )
        except OriginError as error:
            log.warning("an origin failed: %s", error)
            await viewer.say(502, "the origin did not answer")
        except TimeoutError:
            await viewer.say(504, "the origin did not answer in time")
        except ClientGoneError:
            return
        finally:
            if exchange is not None:
                await exchange.close()

    def _is_too_long(self, scope: dict[str, Any]) -> bool:
        limits = self._limits
        return len(target_of(scope)) > limits.url_bytes or head_bytes(scope) > limits.head_bytes

    async def _serve(self, viewer: _Viewer) -> Exchange | None:
        """Answer; the exchange with the origin, which is still to be closed, if there was one.

        Raises: FunctionFault, Refused, OriginError, TimeoutError, ClientGoneError.
        """
        behaviour = next(each for each in self._behaviours if each.fits(viewer.seen.uri))
        request, chosen = viewer.seen, behaviour.origin
        if behaviour.on_request is not None:
            event = event_of("viewer-request", viewer.seen, viewer.ip, None)
            outcome = await self._functions.run(behaviour.on_request, event)
            made = read_result(viewer.seen, outcome.result)
            if isinstance(made, Generated):
                await viewer.generated(made)
                return None
            request, chosen = made, outcome.origin or chosen
        origin = self._origins.get(chosen)
        if origin is None:
            raise Refused(f"there is no origin {chosen}")
        exchange = await connect(origin.address)
        try:
            await self._ask(exchange, origin, request, viewer)
            await self._answer(exchange, behaviour, request, viewer, chosen)
        except BaseException:
            await exchange.close()
            raise
        return exchange

    async def _ask(
        self, exchange: Exchange, origin: Origin, request: Viewed, viewer: _Viewer
    ) -> None:
        query = f"?{request.query_string}" if request.query else ""
        target = f"{origin.path}{request.uri}{query}"
        headers = forwarded(request.headers, viewer.ip, origin)
        if origin.sign is not None:
            one = {name: value for name, value in headers if name != "host"}
            url = f"http://{origin.address.netloc}{target}"
            headers = [
                ("host", origin.address.netloc),
                *origin.sign(request.method, url, one).items(),
            ]
        raw = [(n.encode("latin-1"), v.encode("latin-1")) for n, v in headers]
        raw.append((b"connection", b"close"))
        body = viewer.intake if viewer.brings else None
        sending = exchange.send(request.method, target.encode("latin-1"), raw, body)
        # The time counts from the body's end: a slow upload is no slow origin.
        await _within(sending, viewer, self._limits.origin_timeout_s)

    async def _answer(
        self,
        exchange: Exchange,
        behaviour: Behaviour,
        request: Viewed,
        viewer: _Viewer,
        chosen: str,
    ) -> None:
        headers: Pairs = [
            (name.decode("latin-1").lower(), value.decode("latin-1"))
            for name, value in exchange.headers
            # The server that we are ourselves dates each answer.
            if name.lower() not in (*HOP_BY_HOP, b"date")
        ]
        status, body = exchange.status, None
        if behaviour.on_origin_answer is not None:
            sent = lambdaedge.Sent(
                request, viewer.ip, chosen, self._origins[chosen].sign is not None
            )
            event = lambdaedge.event_of(sent, status, _reason(status), headers)
            outcome = await self._functions.run(behaviour.on_origin_answer, event)
            status, headers, body = lambdaedge.read_answer(
                headers, outcome.result, self._limits.lambda_answer_bytes
            )
        if behaviour.on_answer is not None and exchange.status < 400:
            document = answer_document(status, _reason(status), headers)
            # AWS does not say whether this is the viewer's request or the function's.
            event = event_of("viewer-response", request, viewer.ip, document)
            outcome = await self._functions.run(behaviour.on_answer, event)
            status, headers = read_answer(headers, outcome.result)
        cache = "Error from cloudfront" if exchange.status >= 400 else "Miss from cloudfront"
        pairs = [*headers, *marks(cache)]
        if body is None:
            await viewer.streamed(status, pairs, exchange)
        else:
            await viewer.whole(status, pairs, body)


async def _within(sending: Any, viewer: _Viewer, timeout_s: float) -> None:
    """Wait for an answer's head; TimeoutError when the body is out and nothing comes."""
    task = asyncio.ensure_future(sending)
    try:
        while not task.done():
            body_is_out = viewer.intake.ended or not viewer.brings
            done, _ = await asyncio.wait([task], timeout=timeout_s if body_is_out else 1.0)
            if not done and body_is_out:
                raise TimeoutError
        task.result()
    finally:
        task.cancel()


@dataclass(frozen=True)
class _Viewer:
    """Who asked, what, and the way back."""

    scope: dict[str, Any]
    intake: Intake
    send: Send

    @property
    def seen(self) -> Viewed:
        pairs = [
            (name.decode("latin-1").lower(), value.decode("latin-1"))
            for name, value in self.scope["headers"]
        ]
        query = split_query(self.scope["query_string"].decode("latin-1"))
        return Viewed(self.scope["method"], self.scope["raw_path"].decode("latin-1"), query, pairs)

    @property
    def ip(self) -> str:
        return str((self.scope.get("client") or ("127.0.0.1", 0))[0])

    @property
    def brings(self) -> bool:
        return has_body(self.scope)

    @property
    def unread(self) -> Intake | None:
        return self.intake if self.brings else None

    async def generated(self, made: Generated) -> None:
        headers = [*made.headers, *marks("FunctionGeneratedResponse from cloudfront")]
        # A HEAD is answered without the body that the function made.
        body = b"" if self.scope["method"] == "HEAD" else made.body
        await send_whole(self.send, made.status, _raw(headers), body, self.unread)

    async def say(self, status: int, message: str, kind: str = "") -> None:
        """CloudFront's own answer: HTML."""
        more = [("x-amzn-errortype", kind)] if kind else []
        headers = [("content-type", "text/html"), *more, *marks("Error from cloudfront")]
        text = (
            f"<HTML><BODY><H1>{status} ERROR</H1>\n{message}. (CloudFront, at home)</BODY></HTML>"
        )
        body = b"" if self.scope["method"] == "HEAD" else text.encode()
        await send_whole(self.send, status, _raw(headers), body, self.unread)

    async def whole(self, status: int, headers: Pairs, body: bytes) -> None:
        """A body that Lambda@Edge put in the place of the origin's."""
        kept = [(n, v) for n, v in headers if n not in ("content-length", "transfer-encoding")]
        data = b"" if self.scope["method"] == "HEAD" else body
        await send_whole(self.send, status, _raw(kept), data, self.unread)

    async def streamed(self, status: int, headers: Pairs, exchange: Exchange) -> None:
        await send_stream(self.send, status, _raw(headers), exchange.body(), self.unread)


def forwarded(headers: Pairs, ip: str, origin: Origin) -> Pairs:
    """What reaches an origin: all of the viewer's but Host, with CloudFront's own.

    Spec: request and response behaviour for custom origins: Expect is removed, the viewer's
    address is appended to X-Forwarded-For.
    """
    own = {name.lower(): value for name, value in origin.headers.items()}
    dropped = {*_HOP_BY_HOP, "expect", "host", "via", "x-forwarded-for", "x-amz-cf-id", *own}
    kept = [(name, value) for name, value in headers if name not in dropped]
    via = [value for name, value in headers if name == "via"]
    came = [value for name, value in headers if name == "x-forwarded-for"]
    return [
        ("host", origin.address.netloc),
        *kept,
        ("via", ", ".join([*via, "1.1 d111111abcdef8.cloudfront.net (CloudFront)"])),
        ("x-forwarded-for", ", ".join([*came, ip])),
        ("x-amz-cf-id", uuid.uuid4().hex),
        *own.items(),
    ]


def marks(cache: str) -> Pairs:
    """What CloudFront adds to every answer."""
    return [
        ("x-cache", cache),
        ("via", "1.1 d111111abcdef8.cloudfront.net (CloudFront)"),
        ("x-amz-cf-pop", "HOME50-P1"),
        ("x-amz-cf-id", uuid.uuid4().hex),
    ]


def _raw(pairs: Pairs) -> RawHeaders:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs]


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
