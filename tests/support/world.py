"""A registry in memory, driven through the very app that Lambda calls."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from chalicelib.adapters.hashing import ResumableHashing
from chalicelib.adapters.memory.blobs import MemoryBlobs
from chalicelib.adapters.memory.metadata import MemoryMetadata
from chalicelib.adapters.memory.usage import MemoryUsage
from chalicelib.adapters.passwords import Argon2Passwords
from chalicelib.adapters.words import RandomWords
from chalicelib.api.blueprints import register_all
from chalicelib.domain.access import Mode
from chalicelib.service import accounts
from chalicelib.service.world import World
from chalicelib.web.edge import RegistryApp
from roadstead.gateway.events import HttpRequest, HttpResponse, LambdaFront

SIGNING_KEY = b"s" * 32
GATEWAY_KEY = b"g" * 32
EDGE_WORD = "ed" * 32
EDGE_KEY = b"e" * 32


@dataclass
class SettableClock:
    """A clock that stands until a test moves it."""

    at_s: int = 1_800_000_000
    readings: int = 0

    def now_s(self) -> int:
        return self.at_s

    def now_ms(self) -> int:
        """Later with every reading, so that what happens in one second keeps its order."""
        self.readings += 1
        return self.at_s * 1000 + self.readings


@dataclass
class Asked:
    """A verifier that only notes what it is asked; the test runs it."""

    uploads: list[tuple[str, str]] = field(default_factory=list)

    def ask(self, team: str, upload_id: str) -> None:
        self.uploads.append((team, upload_id))


def memory_world(mode: Mode = Mode.OPEN, **changes: Any) -> World:
    """A world on the memory adapters; ``changes`` replace single ports."""
    clock = changes.pop("clock", None) or SettableClock()
    store = MemoryMetadata(clock)
    parts: dict[str, Any] = {
        "metadata": store,
        "accounts": store,
        "search": store,
        "usage": MemoryUsage(store),
        "webhooks": changes.get("metadata", store),
        "blobs": MemoryBlobs(clock),
        "clock": clock,
        "hashing": ResumableHashing(),
        "words": RandomWords(),
        "passwords": Argon2Passwords(),
        "mode": mode,
        "signing_key": SIGNING_KEY,
        "gateway_key": GATEWAY_KEY,
    }
    return World(**{**parts, **changes})


def app_of(world: World) -> RegistryApp:
    """The whole application around a world of the test's own."""
    return register_all(RegistryApp("roadstead"), lambda: world)


@dataclass
class Registry:
    """A registry that a test sends requests to, in process."""

    world: World
    front: LambdaFront = field(init=False)

    def __post_init__(self) -> None:
        self.front = LambdaFront(app_of(self.world))

    def send(
        self,
        method: str,
        url: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        *,
        login: tuple[str, str] | None = None,
    ) -> HttpResponse:
        """One request, its path and query encoded as a client would have them."""
        parts = urlsplit(url)
        pairs = [("host", "registry.test"), *((k.lower(), v) for k, v in (headers or {}).items())]
        if login:
            pairs.append(("authorization", basic(*login)))
        return self.front.call(HttpRequest(method, parts.path, parts.query, pairs, body))

    def add_user(self, name: str, password: str, *, administrator: bool = False) -> None:
        accounts.create(self.world, name, password, administrator=administrator)


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def json_of(response: HttpResponse) -> Any:
    return json.loads(response.body)
