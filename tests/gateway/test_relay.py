"""What the relay leaves behind for the next download on the same connection to S3."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from roadstead.gateway.downloads import ATTEMPTS, Relay, Sent
from roadstead.gateway.events import HttpRequest, HttpResponse
from tests.support.onewire import HANG_UP, Said, Server, one_wire

BODY = b"0123456789"
WANTED = {"GET": (Sent(200, len(BODY)), BODY), "HEAD": (Sent(200, 0), b"")}
METHODS = list(WANTED)
Then = Callable[[], Awaitable[None]]


@pytest.fixture
def store() -> Iterator[Server]:
    with one_wire(Said(200, BODY)) as server:
        yield server


@pytest.fixture
def relay() -> Iterator[Relay]:
    with ThreadPoolExecutor(4) as pool:
        relay = Relay(pool)
        yield relay
        relay.close()


async def fetch(
    relay: Relay, store: Server, method: str, then: Then | None = None
) -> tuple[Sent, bytes]:
    """One download; ``then`` runs while the client is being told that this was all."""
    body = b""

    async def send(message: dict[str, Any]) -> None:
        nonlocal body
        body += message.get("body", b"")
        is_last = message["type"] == "http.response.body" and not message.get("more_body")
        if is_last and then is not None:
            await then()

    request = HttpRequest(method, "/v2/acme/app/blobs/sha256:00", "", [])
    redirect = HttpResponse(307, [("Location", f"http://{store.host}/key?X-Amz-Signature=s")])
    return await relay.send(request, redirect, send), body


@pytest.mark.parametrize("second", METHODS)
@pytest.mark.parametrize("first", METHODS)
def test_a_client_may_ask_again_before_its_last_answer_is_put_away(
    relay: Relay, store: Server, first: str, second: str
) -> None:
    """A client has a HEAD's answer when it has the headers, and asks for the next blob at once."""
    seen: list[tuple[Sent, bytes]] = []

    async def again() -> None:
        seen.append(await fetch(relay, store, second))

    seen.insert(0, asyncio.run(fetch(relay, store, first, again)))
    assert seen == [WANTED[first], WANTED[second]]
    assert len(store.connections) == 2
    assert len(set(store.connections)) == 1, "a connection that was whole was not used again"


@pytest.mark.parametrize("method", METHODS)
def test_a_connection_that_s3_has_hung_up_is_no_refusal(
    relay: Relay, store: Server, method: str
) -> None:
    assert asyncio.run(fetch(relay, store, "GET")) == WANTED["GET"]
    store.script.append(Said(HANG_UP))
    assert asyncio.run(fetch(relay, store, method)) == WANTED[method]
    assert len(store.connections) == 3


def test_an_s3_that_only_hangs_up_is_asked_as_often_as_we_say(relay: Relay, store: Server) -> None:
    store.always = Said(HANG_UP)
    sent, _ = asyncio.run(fetch(relay, store, "GET"))
    assert sent.status == 503
    assert len(store.connections) == ATTEMPTS
