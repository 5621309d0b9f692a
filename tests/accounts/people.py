"""A registry with accounts, and what people do in it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from roadstead.gateway.events import HttpRequest, HttpResponse
from tests.support.world import Registry, basic, json_of

PASSWORDS = {"alice": "alice-secret", "bob": "bob-secret", "root": "root-secret"}
ASKING = {"X-Docker-Token": "true"}


@dataclass
class Town:
    """Somebody is a name of ``PASSWORDS``, ``name:password``, or None for the anonymous."""

    registry: Registry

    @property
    def clock(self) -> Any:
        return self.registry.world.clock

    def ask(
        self,
        who: str | None,
        method: str,
        url: str,
        body: object = b"",
        *,
        address: str = "192.0.2.1",
        **headers: str,
    ) -> HttpResponse:
        """One request; the names of further headers are written with underscores."""
        path, _, query = url.partition("?")
        pairs = [("host", headers.pop("host", "registry.test"))]
        pairs += [(name.replace("_", "-"), value) for name, value in headers.items()]
        if who is not None:
            name, _, password = who.partition(":")
            pairs.append(("authorization", basic(name, password or PASSWORDS[name])))
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.registry.front.call(HttpRequest(method, path, query, pairs, data, address))

    def done(self, who: str | None, method: str, url: str, body: object = b"", **more: str) -> Any:
        """The document of an answer that has to be a success."""
        answer = self.ask(who, method, url, body, **more)
        assert 200 <= answer.status < 300, (answer.status, answer.body)
        return json_of(answer) if answer.body else None

    def login(self, who: str, **more: Any) -> int:
        return self.ask(who, "GET", "/v1/users/", **more).status

    def make(self, who: str, repository: str, **properties: str) -> None:
        """A repository, and what is to be said of it."""
        self.done(who, "PUT", f"/v1/repositories/{repository}/", [])
        if properties:
            self.done(who, "PUT", f"/v1/repositories/{repository}/properties", properties)

    def token(self, who: str, repository: str) -> str:
        answer = self.ask(
            who, "GET", f"/v1/repositories/{repository}/images", x_docker_token="true"
        )
        token = answer.header("X-Docker-Token")
        assert token is not None, answer
        return token

    def found(self, who: str | None, query: str) -> list[str]:
        """The names that a search shows to somebody, once its counts are held against them."""
        document = self.done(who, "GET", f"/v1/search?{query}")
        names = [result["name"] for result in document["results"]]
        assert document["num_results"] == len(names)
        return names
