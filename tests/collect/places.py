"""Registries with accounts whose collector passes by: in memory, and on real servers."""

from __future__ import annotations

import hashlib
import json
import secrets
from typing import Any

from chalicelib.adapters.dynamo import DynamoMetadata
from chalicelib.adapters.s3 import S3Blobs
from chalicelib.domain.access import Mode
from chalicelib.service.collect import collect
from chalicelib.service.ended import left_of
from chalicelib.service.sweep import Removed, Run
from chalicelib.service.world import World
from chalicelib.web.endpoints import url_for
from tests.conformance.bodies import CONFIG, OCI, image
from tests.conformance.cases import of
from tests.conformance.runner import PlainPasswords
from tests.package.conftest import make_stores
from tests.support.stack import Stack
from tests.support.world import Registry, SettableClock, memory_world

PASSWORD = "a-long-password"
IMAGE_ID, PARENT_ID = "a" * 64, "b" * 64
HOUR_S = 3600
PASSES = 60


class Place:
    """A registry with accounts, and passes of the collector over its stores."""

    def __init__(self, world: World, clock: SettableClock) -> None:
        self.world, self.clock, self.registry = world, clock, Registry(world)
        self.gone: list[Removed] = []
        store: Any = world.metadata
        blobs: Any = world.blobs
        self.run = Run(world, store, blobs, report=self.gone.append)
        for name in ("olga", "wim"):
            self.registry.add_user(name, PASSWORD)

    def ask(self, method: str, url: str, body: object = b"", *, who: str = "olga") -> Any:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = self.registry.send(method, url, data, {"Content-Type": OCI}, login=(who, PASSWORD))
        assert answer.status < 400, (method, url, answer.status, answer.body)
        return answer

    def status(self, url: str) -> int:
        return self.registry.send("GET", url, login=("olga", PASSWORD)).status

    def make_team(self, name: str, **asked: object) -> None:
        self.ask("POST", url_for("v2.teams.post"), {"name": name, **asked})
        invited = self.ask("POST", url_for("v2.team.invite", team=name), {"role": "writer"})
        code = {"code": json.loads(invited.body)["code"]}
        self.ask("POST", url_for("v2.team.join", team=name), code, who="wim")
        self.ask("POST", url_for("v2.team.invite", team=name), {"role": "reader"})
        machine = {"label": "ci", "scopes": [f"repository:{name}/*:pull"]}
        self.ask("POST", url_for("v2.team.tokens.post", team=name), machine)

    def push(self, name: str, tag: str, layer: bytes) -> None:
        for blob in (CONFIG, layer):
            self.ask("POST", f"/v2/{name}/blobs/uploads/?digest={of(blob)}", blob)
        self.ask("PUT", f"/v2/{name}/manifests/{tag}", image(OCI, layer))

    def push_v1(self, name: str, tag: str) -> None:
        raw = json.dumps({"id": IMAGE_ID}).encode()
        checksum = hashlib.sha256(raw + b"\nv1's").hexdigest()
        login = ("olga", PASSWORD)
        given = self.registry.send(
            "PUT",
            f"/v1/repositories/{name}/",
            json.dumps([{"id": IMAGE_ID}]).encode(),
            {"X-Docker-Token": "true"},
            login=login,
        )
        token = {"Authorization": f"Token {given.header('X-Docker-Token')}"}
        summed = {"X-Docker-Checksum-Payload": f"sha256:{checksum}"}
        for method, url, body, more in (
            ("PUT", f"/v1/images/{IMAGE_ID}/json", raw, {}),
            ("PUT", f"/v1/images/{IMAGE_ID}/layer", b"v1's", {}),
            ("PUT", f"/v1/images/{IMAGE_ID}/checksum", b"", summed),
            ("PUT", f"/v1/repositories/{name}/tags/{tag}", f'"{IMAGE_ID}"'.encode(), {}),
        ):
            answer = self.registry.send(method, url, body, {**token, **more})
            assert answer.status == 200, (url, answer.status, answer.body)

    def size_bytes(self) -> int:
        store: Any = self.world.metadata
        counted: int = store.find_usage("crew", 0).size_bytes
        return counted

    def left(self, team: str) -> list[str]:
        return list(left_of(self.run, team))

    def passes(self) -> None:
        """As many as it takes by the graces that an operator has, an hour from one to the next."""
        for _ in range(PASSES):
            self.clock.at_s += HOUR_S
            assert collect(self.run)


def in_memory(_: Stack, clock: SettableClock) -> World:
    return memory_world(Mode.ACCOUNTS, passwords=PlainPasswords(), clock=clock)


def on_servers(stack: Stack, clock: SettableClock) -> World:
    name = f"roadstead-{secrets.token_hex(6)}"
    make_stores(stack, name)
    url, s3 = stack.endpoints.dynamodb_url, stack.endpoints.s3_url
    store = DynamoMetadata(name, stack.region, url, session=stack.session, clock=clock)
    blobs = S3Blobs(name, stack.region, s3, clock=clock, session=stack.session)
    ports = dict.fromkeys(("metadata", "search", "accounts"), store)
    return memory_world(
        Mode.ACCOUNTS, passwords=PlainPasswords(), clock=clock, blobs=blobs, **ports
    )
