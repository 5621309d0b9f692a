"""What all streams of a gateway share, and the way to the API in a client's name."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from chalicelib.domain import limits
from chalicelib.ports import Hashing
from roadstead.gateway.events import Front, HttpRequest
from roadstead.uploader import ApiAnswer, PartStorage
from roadstead.uploader.planned import PARTS_UP_TO_BYTES

# What of a client's request says who it is, and that it came through the edge.
CALLERS_OWN = frozenset(
    (
        "authorization",
        "cookie",
        "host",
        "user-agent",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-roadstead-edge",
    )
)
T = TypeVar("T")


@dataclass(frozen=True)
class Bounds:
    """What a gateway without a key leaves to S3, and what it refuses; see `checked`."""

    whole_above_bytes: int = PARTS_UP_TO_BYTES
    read_back_bytes: int = limits.MAX_PROOF_READ_BYTES


@dataclass(frozen=True)
class Streaming:
    """What streams share in one gateway. ``key`` is the operator's; without it nothing is proved
    by us, and the registry reads the bytes itself.
    """

    front: Front
    storage: PartStorage
    hashing: Hashing
    pool: Executor
    key: bytes | None
    bounds: Bounds = Bounds()

    async def run(self, function: Callable[..., T], *args: object) -> T:
        """Call something that blocks, on a thread of the gateway's own pool.

        Whoever is cancelled waits for its end as well: nobody can call a thread off, and what it
        still does must not come after what is done to make good.
        """
        loop = asyncio.get_running_loop()
        calling = loop.run_in_executor(self.pool, functools.partial(function, *args))
        try:
            return await asyncio.shield(calling)
        except asyncio.CancelledError:
            await asyncio.wait([calling])
            raise


@dataclass(frozen=True)
class CallerApi:
    """The API with the permissions of the client whose request we are serving."""

    front: Front
    request: HttpRequest

    def post(self, path: str, document: Mapping[str, object]) -> ApiAnswer:
        kept = [(name, value) for name, value in self.request.headers if name in CALLERS_OWN]
        request = HttpRequest(
            "POST",
            path,
            "",
            [*kept, ("content-type", "application/json"), ("accept", "application/json")],
            json.dumps(document).encode(),
            self.request.source_ip,
        )
        answer = self.front.call(request)
        return ApiAnswer(answer.status, answer.headers, answer.body)


def without_body(request: HttpRequest, **changes: Any) -> HttpRequest:
    """The client's request as it goes to the app once its bytes are in S3."""
    dropped = ("content-length", "content-range", "transfer-encoding", "expect", "content-type")
    headers = [(name, value) for name, value in request.headers if name not in dropped]
    return replace(request, headers=headers, body=b"", **changes)


def length_of(request: HttpRequest) -> int | None:
    """The declared length of the body; None when it is not declared."""
    text = request.header("content-length")
    return int(text) if text and text.isdigit() else None
