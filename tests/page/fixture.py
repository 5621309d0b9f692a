"""A registry in process, and a browser of few words: it keeps its cookie and finds its forms."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import urlencode

from chalicelib.domain.access import Mode
from chalicelib.service.world import World
from roadstead.gateway.events import HttpResponse
from tests.conformance.cases import Step, login
from tests.conformance.runner import PASSWORDS, PlainPasswords, Run
from tests.support.world import Registry, memory_world

_TOKEN = re.compile(r'name="form_token" value="([^"]+)"')


def accounts_world(**changes: Any) -> World:
    """A registry with the accounts of the conformance cases."""
    world = memory_world(Mode.ACCOUNTS, passwords=PlainPasswords(), **changes)
    registry = Registry(world)
    for name, password in PASSWORDS.items():
        registry.add_user(name, password, administrator=name == "root")
    return world


def given(world: World, name: str, *steps: Step | tuple[Step, ...]) -> None:
    """Steps that somebody takes beforehand, each of which must succeed."""
    run = Run(world, Registry(world).send)
    for step in login(name, *steps):
        run.step(step)


@dataclass
class Browser:
    """Who asks; ``cookie`` is what it sends, ``secure`` whether by https."""

    world: World
    cookie: str = ""
    secure: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    token: str = ""

    def _send(self, method: str, url: str, body: bytes, more: Mapping[str, str]) -> HttpResponse:
        headers = {"Accept": "text/html", **self.headers, **more}
        if self.cookie:
            headers["Cookie"] = self.cookie
        if self.secure:
            headers["X-Forwarded-Proto"] = "https"
        answer = Registry(self.world).send(method, url, body, headers)
        given_cookie = answer.header("Set-Cookie")
        if given_cookie is not None:
            self.cookie = given_cookie.partition(";")[0]
        found = _TOKEN.search(answer.body.decode())
        self.token = unescape(found[1]) if found else self.token
        return answer

    def get(self, url: str, **more: str) -> HttpResponse:
        return self._send("GET", url, b"", more)

    def send(self, url: str, fields: Mapping[str, str], **more: str) -> HttpResponse:
        """A form with the token that was last seen, unless ``fields`` has another."""
        body = urlencode({"form_token": self.token, **fields}, errors="surrogatepass").encode()
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._send("POST", url, body, {**kind, **more})

    def sign_in(self, name: str = "alice", password: str | None = None) -> HttpResponse:
        self.get("/ui/sign-in")
        secret = PASSWORDS[name] if password is None else password
        answer = self.send("/ui/sign-in", {"name": name, "password": secret})
        if answer.status == 303:
            self.get("/ui/password")
        return answer
