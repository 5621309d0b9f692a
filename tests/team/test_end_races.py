"""An end that somebody gives while a push of the same tag is under way."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.adapters.dynamo import DynamoMetadata
from chalicelib.adapters.memory.metadata import MemoryMetadata
from tests.conformance.bodies import CONFIG, LAYER, OCI, image
from tests.conformance.cases import of
from tests.support.stack import Stack
from tests.support.world import Registry, SettableClock, memory_world

NOW_S = 1_800_000_000
EXPIRY = "/v2/acme/app/_roadstead/tags/latest/expiry"
TAG = "/v2/acme/app/manifests/latest"
IMAGE_ID = "a" * 64


class Between:
    """A store in which somebody comes right before a verb, once."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.verb = ""
        self.comes: Callable[[], object] = str

    def __getattr__(self, name: str) -> Any:
        if name == self.verb:
            self.verb = ""
            self.comes()
        return getattr(self._store, name)


class Place:
    def __init__(self, store: Any, clock: SettableClock) -> None:
        self.between, self.clock = Between(store), clock
        ports = {"metadata": self.between, "accounts": store, "search": store}
        self.registry = Registry(memory_world(clock=clock, **ports))
        for part in (CONFIG, LAYER):
            self.ask("POST", f"/v2/acme/app/blobs/uploads/?digest={of(part)}", part)

    def ask(self, method: str, url: str, body: bytes = b"") -> Any:
        answer = self.registry.send(method, url, body, {"Content-Type": OCI})
        assert answer.status < 400, (method, url, answer.status, answer.body)
        return answer

    def push(self) -> None:
        self.ask("PUT", TAG, image())

    def push_v1(self) -> None:
        self.ask("PUT", "/v1/repositories/acme/app/tags/latest", f'"{IMAGE_ID}"'.encode())

    def give_end(self, life_s: int | None) -> None:
        asked = {"expires_at": None} if life_s is None else {"expires_in_s": life_s}
        self.ask("PUT", EXPIRY, json.dumps(asked).encode())

    def end(self) -> object:
        return json.loads(self.ask("GET", EXPIRY).body)["expires_at"]

    def meet(self, verb: str, comes: Callable[[], object]) -> None:
        self.between.verb, self.between.comes = verb, comes


def in_memory(_: Any, clock: SettableClock) -> Any:
    return MemoryMetadata(clock)


def on_dynamo(stack: Stack, clock: SettableClock) -> Any:
    store: DynamoMetadata = stack.metadata(clock=clock, table=f"ends-{secrets.token_hex(4)}")
    return store


@pytest.fixture(params=[in_memory, on_dynamo])
def place(request: pytest.FixtureRequest) -> Place:
    clock = SettableClock(NOW_S)
    make: Callable[[Any, SettableClock], Any] = request.param
    stack = request.getfixturevalue("stack") if make is on_dynamo else None
    return Place(make(stack, clock), clock)


@pytest.mark.parametrize(("before_s", "after_s"), [(60, 7200), (60, None), (None, 60)])
def test_a_push_that_has_looked_already_does_not_take_an_end_back(
    place: Place, before_s: int | None, after_s: int | None
) -> None:
    place.push()
    if before_s is not None:
        place.give_end(before_s)
    place.meet("put_manifest", lambda: place.give_end(after_s))
    place.push()
    assert place.end() == (None if after_s is None else written(after_s))


@pytest.mark.parametrize(("before_s", "after_s"), [(60, 7200), (60, None), (None, 60)])
def test_nor_does_one_through_v1(place: Place, before_s: int | None, after_s: int | None) -> None:
    headers = {"X-Docker-Token": "true"}
    listed = json.dumps([{"id": IMAGE_ID}]).encode()
    place.registry.send("PUT", "/v1/repositories/acme/app/", listed, headers)
    place.ask("PUT", f"/v1/images/{IMAGE_ID}/json", json.dumps({"id": IMAGE_ID}).encode())
    place.push_v1()
    if before_s is not None:
        place.give_end(before_s)
    place.meet("put_tag", lambda: place.give_end(after_s))
    place.push_v1()
    assert place.end() == (None if after_s is None else written(after_s))


def test_a_tag_that_ends_while_it_is_pushed_begins_anew(place: Place) -> None:
    """Its old end would take away what somebody has just pushed."""
    place.push()
    place.give_end(60)

    def wait() -> None:
        place.clock.at_s += 60

    place.meet("put_manifest", wait)
    place.push()
    assert place.end() is None


def test_a_tag_that_is_deleted_while_it_is_pushed_does_not_get_its_end_back(place: Place) -> None:
    place.push()
    place.give_end(60)
    place.meet("put_manifest", lambda: place.ask("DELETE", TAG))
    place.push()
    assert place.end() is None


def written(life_s: int) -> str:
    return {60: "2027-01-15T08:01:00Z", 7200: "2027-01-15T10:00:00Z"}[life_s]
