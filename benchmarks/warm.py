"""CPU of a warm request for the hottest operations, and what each asks of DynamoDB and S3.

    python -m benchmarks.warm [--rounds N]

The very app that Lambda calls, in this process, on real local servers in processes of their own:
the CPU is the app's alone. Requests are events made beforehand; one round is each request once.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from chalicelib.adapters.clock import SystemClock
from chalicelib.adapters.dynamo import DynamoMetadata
from chalicelib.adapters.s3 import S3Blobs
from chalicelib.domain.access import Mode
from chalicelib.service import accounts
from chalicelib.web.edge import RegistryApp
from roadstead.gateway.events import HttpRequest, LambdaFront
from tests.conformance.bodies import CONFIG, LAYER, OCI, image
from tests.conformance.cases import of
from tests.package.conftest import make_stores
from tests.support.stack import Stack, running_stack
from tests.support.world import app_of, basic, memory_world

WARM_ROUNDS = 20
R = "bench/warm"
RAW = image()
IMAGE_ID = "a" * 64
V1_JSON = json.dumps({"id": IMAGE_ID}).encode()
CHECKSUM = "sha256:" + hashlib.sha256(V1_JSON + b"\n" + LAYER).hexdigest()
ALICE = {"authorization": basic("alice", "alice-secret")}

# Name, method, URL, body, headers, status. "{fresh}" is 1 KB that nobody has seen, by its digest.
Row = tuple[str, str, str, bytes | None, dict[str, str], int]
HOTTEST: tuple[Row, ...] = (
    ("v2 base", "GET", "/v2/", b"", {}, 200),
    ("manifest HEAD by tag", "HEAD", f"/v2/{R}/manifests/1.0", b"", {}, 200),
    ("manifest GET by digest", "GET", f"/v2/{R}/manifests/{of(RAW)}", b"", {}, 200),
    ("blob GET", "GET", f"/v2/{R}/blobs/{of(LAYER)}", b"", {}, 307),
    ("blob HEAD, unknown", "HEAD", f"/v2/{R}/blobs/sha256:{'0' * 64}", b"", {}, 404),
    ("start an upload", "POST", f"/v2/{R}/blobs/uploads/", b"", {}, 202),
    ("blob of 1 KB in one POST", "POST", f"/v2/{R}/blobs/uploads/?digest={{fresh}}", None, {}, 201),
    ("manifest PUT by tag", "PUT", f"/v2/{R}/manifests/1.0", RAW, {"content-type": OCI}, 201),
    ("tags page", "GET", f"/v2/{R}/tags/list?n=100", b"", {}, 200),
    ("v1 layer GET", "GET", f"/v1/images/{IMAGE_ID}/layer", b"", {}, 302),
)
# With accounts: a login that was checked within the last minute; checking it anew is argon2, 20 ms.
WITH_LOGIN: tuple[Row, ...] = (
    ("manifest GET by tag, known login", "GET", f"/v2/{R}/manifests/1.0", b"", ALICE, 200),
)
PUSH: tuple[Row, ...] = (
    ("", "POST", f"/v2/{R}/blobs/uploads/?digest={of(CONFIG)}", CONFIG, {}, 201),
    ("", "POST", f"/v2/{R}/blobs/uploads/?digest={of(LAYER)}", LAYER, {}, 201),
    ("", "PUT", f"/v2/{R}/manifests/1.0", RAW, {"content-type": OCI}, 201),
)
PUSH_V1: tuple[Row, ...] = (
    ("", "PUT", f"/v1/images/{IMAGE_ID}/json", V1_JSON, {}, 200),
    ("", "PUT", f"/v1/images/{IMAGE_ID}/layer", LAYER, {}, 200),
    (
        "",
        "PUT",
        f"/v1/images/{IMAGE_ID}/checksum",
        b"",
        {"x-docker-checksum-payload": CHECKSUM},
        200,
    ),
)


@dataclass
class Measured:
    """Milliseconds of each call of one operation, and its calls of the back end by name."""

    cpu_ms: list[float] = field(default_factory=list)
    wall_ms: list[float] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)


class Timed:
    """Stands between events and the app: the app's time, without that of making events."""

    def __init__(self, app: RegistryApp) -> None:
        self.routes, self._app = app.routes, app
        self.cpu_ms = self.wall_ms = 0.0

    def __call__(self, event: dict[str, Any], context: object) -> Any:
        cpu, wall = time.process_time(), time.perf_counter()
        try:
            return self._app(event, context)
        finally:
            self.cpu_ms = (time.process_time() - cpu) * 1000
            self.wall_ms = (time.perf_counter() - wall) * 1000


class Place:
    """A registry of one mode on the local servers, whose calls are heard."""

    def __init__(self, stack: Stack, mode: Mode) -> None:
        name = f"warm-{mode.value}"
        make_stores(stack, name)
        self.heard: list[str] = []
        endpoints = stack.endpoints
        store = DynamoMetadata(
            name,
            stack.region,
            endpoints.dynamodb_url,
            session=stack.session,
            on_request=self.hear("DynamoDB"),
        )
        blobs = S3Blobs(
            name,
            stack.region,
            endpoints.s3_url,
            clock=SystemClock(),
            session=stack.session,
            on_request=self.hear("S3"),
        )
        self.world = memory_world(
            mode, metadata=store, accounts=store, search=store, blobs=blobs, clock=SystemClock()
        )
        self.timed = Timed(app_of(self.world))
        self._front = LambdaFront(self.timed)

    def hear(self, service: str) -> Callable[[str], None]:
        return lambda operation: self.heard.append(f"{service} {operation}")

    def send(self, row: Row, headers: dict[str, str] | None = None) -> None:
        _, method, url, body, own, status = row
        if body is None:
            body = os.urandom(1024)
            url = url.replace("{fresh}", of(body))
        parts = urlsplit(url)
        pairs = [("host", "registry.test"), *{**own, **(headers or {})}.items()]
        self.heard.clear()
        answer = self._front.call(HttpRequest(method, parts.path, parts.query, pairs, body))
        assert answer.status == status, (row[0], answer.status, answer.body)

    def measure(self, row: Row, measured: Measured) -> None:
        self.send(row)
        measured.cpu_ms.append(self.timed.cpu_ms)
        measured.wall_ms.append(self.timed.wall_ms)
        measured.calls.update(self.heard)


def filled(stack: Stack) -> tuple[Place, Place]:
    """An open registry and one with accounts, with the same image in each."""
    opened, guarded = Place(stack, Mode.OPEN), Place(stack, Mode.ACCOUNTS)
    for row in (*PUSH, *PUSH_V1):
        opened.send(row)
    accounts.create(guarded.world, "alice", "alice-secret", administrator=True)
    for row in PUSH:
        guarded.send(row, ALICE)
    return opened, guarded


def report(measured: dict[str, Measured], rounds: int) -> Iterator[str]:
    yield f"{'operation':32}{'CPU p50 ms':>11}{'p95':>8}{'wall p50':>10}   back-end calls"
    for name, each in measured.items():
        p95 = statistics.quantiles(each.cpu_ms, n=20)[-1]
        calls = ", ".join(
            f"{operation} x {count / rounds:g}" if count != rounds else operation
            for operation, count in sorted(each.calls.items())
        )
        yield (
            f"{name:32}{statistics.median(each.cpu_ms):11.2f}{p95:8.2f}"
            f"{statistics.median(each.wall_ms):10.2f}   {calls or 'none'}"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description="CPU and back-end calls of warm requests")
    parser.add_argument("--rounds", type=int, default=200)
    asked = parser.parse_args()
    measured: dict[str, Measured] = defaultdict(Measured)
    with (
        tempfile.TemporaryDirectory(prefix="roadstead-warm-") as name,
        running_stack(Path(name)) as stack,
    ):
        opened, guarded = filled(stack)
        work = [(opened, row) for row in HOTTEST] + [(guarded, row) for row in WITH_LOGIN]
        for number in range(WARM_ROUNDS + asked.rounds):
            for place, row in work:
                place.measure(row, measured[row[0]] if number >= WARM_ROUNDS else Measured())
    print("\n".join(report(measured, asked.rounds)))
    print(f"rounds: {asked.rounds}, load average now: {os.getloadavg()[0]:.1f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
