"""Streams share a few threads, and none may wait for another that waits for it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import IO, Any

from chalicelib.adapters.hashing import ResumableHashing
from roadstead.gateway.checked import Plan, stream_checked
from roadstead.gateway.events import HttpRequest, HttpResponse
from roadstead.gateway.intake import Intake, Message
from roadstead.gateway.shared import Streaming
from roadstead.uploader import PartStorage

MIB = 1 << 20
SIZE_BYTES = 10 * MIB
PIECE = bytes(MIB)
PUSH = {"repository": "acme/app", "upload_id": "0"}
PUSHES = 3
DEADLINE_S = 10


class App:
    """A registry that says yes."""

    def call(self, request: HttpRequest) -> HttpResponse:
        if request.method == "PUT":
            return HttpResponse(201, [])
        return HttpResponse(200, [], json.dumps({"url": "", "headers": {}}).encode())


@dataclass
class Meeting(PartStorage):
    """S3, which reads when it has been asked by as many pushes as are to be under way."""

    pushes: threading.Barrier
    taken_bytes: list[int] = field(default_factory=list)

    def put_whole(
        self, url: str, headers: Any, size_bytes: int, opened: Callable[[], IO[bytes]]
    ) -> None:
        body, seen = opened(), 0
        self.pushes.wait(DEADLINE_S)
        while data := body.read(MIB):
            seen += len(data)
        self.taken_bytes.append(seen)


def intake() -> Intake:
    """A client that sends its body as fast as it may."""
    left = SIZE_BYTES // MIB

    async def receive() -> Message:
        nonlocal left
        left -= 1
        return {"type": "http.request", "body": PIECE, "more_body": left > 0}

    return Intake(receive)


def test_pushes_that_s3_checks_do_not_wait_for_one_anothers_threads() -> None:
    """asyncio's own threads are few: where one of these pushes waited for them, its bytes held
    the threads that feed the others, and those the threads that it waited for."""
    storage = Meeting(threading.Barrier(PUSHES))
    plan = Plan(SIZE_BYTES, "sha256:00", True)
    request = HttpRequest("PUT", "/v2/acme/app/blobs/uploads/0", "digest=sha256:00", [])

    async def push_all() -> list[HttpResponse | None]:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        shared = Streaming(App(), storage, ResumableHashing(), ThreadPoolExecutor(PUSHES), None)
        pushes = [stream_checked(shared, request, PUSH, intake(), b"", plan) for _ in range(PUSHES)]
        return await asyncio.gather(*pushes)

    assert [answer.status for answer in asyncio.run(push_all()) if answer] == [201] * PUSHES
    assert storage.taken_bytes == [SIZE_BYTES] * PUSHES
