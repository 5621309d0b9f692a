"""One app called from many threads at once: Chalice itself keeps the request in one attribute."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from tests.conformance.bodies import LAYER
from tests.conformance.cases import of
from tests.support.world import Registry, app_of, memory_world
from tests.web.events import Event, body_of, v2_event

THREADS = 16
ROUNDS = 15


def test_each_thread_gets_the_answer_to_its_own_request() -> None:
    registry = Registry(memory_world())
    barrier = Barrier(THREADS)

    def ask(number: int) -> list[tuple[str, str]]:
        barrier.wait()
        got = []
        for turn in range(ROUNDS):
            name = f"team{number}/app{turn}"
            answer = registry.send("GET", f"/v2/{name}/tags/list")
            got.append((name, json.loads(answer.body)["errors"][0]["detail"]["name"]))
        return got

    with ThreadPoolExecutor(THREADS) as pool:
        answers = [pair for pairs in pool.map(ask, range(THREADS)) for pair in pairs]
    assert len(answers) == THREADS * ROUNDS
    assert [pair for pair in answers if pair[0] != pair[1]] == []


class Meeting(dict[str, Any]):
    """An event at which two calls of the app wait for each other, each with its request made."""

    def __init__(self, event: Event, barrier: Barrier) -> None:
        super().__init__(event)
        self._barrier = barrier
        self._asked = 0

    def get(self, key: str, default: Any = None) -> Any:
        # Chalice asks for the context once to make the request, and again to handle it.
        if key == "requestContext":
            self._asked += 1
            if self._asked == 2:
                self._barrier.wait(timeout=30)
        return super().get(key, default)


def test_two_calls_that_overlap_do_not_mix_up_their_requests() -> None:
    app, barrier = app_of(memory_world()), Barrier(2)
    names = ["acme/one", "acme/two"]

    def ask(name: str) -> str:
        event = Meeting(v2_event("GET", f"{name}/tags/list"), barrier)
        answer = app(event, None)
        return str(json.loads(body_of(answer))["errors"][0]["detail"]["name"])

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(ask, names)) == names


def test_each_thread_stores_its_own_body() -> None:
    registry = Registry(memory_world())
    barrier = Barrier(THREADS)

    def push(number: int) -> list[int]:
        barrier.wait()
        statuses = []
        for turn in range(ROUNDS):
            data = LAYER + f" {number} {turn}".encode()
            url = f"/v2/acme/app/blobs/uploads/?digest={of(data)}"
            statuses.append(registry.send("POST", url, data).status)
        return statuses

    with ThreadPoolExecutor(THREADS) as pool:
        statuses = {status for got in pool.map(push, range(THREADS)) for status in got}
    assert statuses == {201}


def test_of_many_requests_that_continue_one_upload_each_byte_counts_once() -> None:
    registry = Registry(memory_world())
    started = registry.send("POST", "/v2/acme/app/blobs/uploads/")
    location = started.header("Location") or ""
    barrier = Barrier(THREADS)

    def patch(_: int) -> int:
        barrier.wait()
        return registry.send("PATCH", location, b"x", {"Content-Range": "0-0"}).status

    with ThreadPoolExecutor(THREADS) as pool:
        statuses = sorted(pool.map(patch, range(THREADS)))
    assert statuses == [202] + [416] * (THREADS - 1)
    assert registry.send("PUT", f"{location}?digest={of(b'x')}").status == 201
