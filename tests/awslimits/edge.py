"""Distributions of the tests' own: functions as texts, origins that tell what reached them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from roadstead.awslimits.cloudfront import Behaviour, CloudFront, Origin
from roadstead.awslimits.exchange import Address
from roadstead.awslimits.functions import NodeFunctions
from roadstead.awslimits.limits import EdgeLimits
from tests.awslimits.places import need_node
from tests.awslimits.wire import served

PASS_REQUEST = "function handler(event) { return event.request; }"
PASS_ANSWER = "function handler(event) { return event.response; }"
WORD = {"x-roadstead-edge": "the word"}


@dataclass
class Echo:
    """An origin: it answers as told, and keeps what came."""

    status: int = 200
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b"origin"
    reads: bool = True
    seen: list[dict[str, Any]] = field(default_factory=list)
    first_piece: asyncio.Event = field(default_factory=asyncio.Event)
    broke_off: bool = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        said: dict[str, Any] = {
            "method": scope["method"],
            "target": scope["raw_path"].decode() + "?" + scope["query_string"].decode(),
            "headers": {n.decode(): v.decode() for n, v in scope["headers"]},
            "size": 0,
        }
        self.seen.append(said)
        while self.reads:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.broke_off = True
                return
            said["size"] += len(message.get("body", b""))
            if not message.get("more_body"):
                break
        pairs = [(n.encode(), v.encode()) for n, v in self.headers]
        pairs.append((b"content-length", str(len(self.body)).encode()))
        await send({"type": "http.response.start", "status": self.status, "headers": pairs})
        await send({"type": "http.response.body", "body": self.body})


@dataclass(frozen=True)
class Edge:
    address: Address
    origin: Echo
    other: Echo


@contextmanager
def edge(
    on_request: str | None = None,
    on_answer: str | None = None,
    *,
    origin: Echo | None = None,
    limits: EdgeLimits | None = None,
    settings: Mapping[str, Origin] | None = None,
    on_origin_answer: str | None = None,
) -> Iterator[Edge]:
    """A distribution of one behaviour with the origins ``main`` and ``other``."""
    need_node()
    texts = {"request.js": on_request or PASS_REQUEST, "answer.js": on_answer or PASS_ANSWER}
    main, other = origin or Echo(), Echo(body=b"other")
    functions = NodeFunctions(texts, {"origin.js": on_origin_answer} if on_origin_answer else {})
    try:
        with served(main) as one, served(other) as two:
            origins = {
                "main": Origin(one, "/stage", WORD),
                "other": Origin(two),
                **(settings or {}),
            }
            behaviours = [
                Behaviour(
                    "*",
                    "main",
                    "request.js",
                    "answer.js",
                    "origin.js" if on_origin_answer else None,
                )
            ]
            front = CloudFront(functions, behaviours, origins, limits)
            with served(front) as address:
                yield Edge(address, main, other)
    finally:
        functions.close()


def returning(statements: str) -> str:
    """A viewer-request function that does this and returns the request."""
    return f"function handler(event) {{ const r = event.request; {statements} return r; }}"


def answering(statements: str) -> str:
    """A viewer-response function that does this and returns the answer."""
    return f"function handler(event) {{ const r = event.response; {statements} return r; }}"


def generated(**answer: Any) -> str:
    return f"function handler(event) {{ return {json.dumps(answer)}; }}"


def trying(of: str, cases: Sequence[str]) -> str:
    """A function that does what is at a number: `/case/<number>`; all else passes.

    ``of`` is request or response. A distribution for each case would start node each time.
    """
    bodies = ", ".join(f"function (event, r) {{ {case} }}" for case in cases)
    return (
        f"const CASES = [{bodies}]; function handler(event) {{ const r = event.{of};"
        "const found = /^\\/case\\/([0-9]+)$/.exec(event.request.uri);"
        "const made = found ? CASES[Number(found[1])](event, r) : undefined;"
        "return made === undefined ? r : made; }"
    )
