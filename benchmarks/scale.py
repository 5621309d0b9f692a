"""Large repositories beside small ones: tags, pushes, pulls, referrers, in one run.

    python -m benchmarks.scale [--tags N] [--manifests N] [--referrers N] [--rounds N]

Real DynamoDB Local (in memory) and SeaweedFS behind the real gateway, which is a thread of this
process, on a socket: so the requests to the back ends are counted, and with them the rows that
DynamoDB read. One client, one request at a time, the small and the large repository in turn.
Both stand in one table. Exit status 1 when a step asks the back ends more often at one
size, or when a page reads more rows than its entries, the one behind them and two records.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from benchmarks import sides, wire
from benchmarks.filling import OCI_MANIFEST, SELDOM, Filler, tag_names
from benchmarks.sides import LARGE, SIDES, SMALL, Heard, Meter
from chalicelib.adapters.aws import open_session
from chalicelib.adapters.clock import SystemClock
from chalicelib.adapters.dynamo import DynamoMetadata
from chalicelib.domain.digest import Digest, digest_of
from chalicelib.domain.records import StoredManifest, referrer_order
from chalicelib.service.world import World
from roadstead import up
from tests.support.registry import serving
from tests.support.stack import TABLE, Stack, running_stack
from tests.support.world import memory_world

N = 100
ACCEPT = {"Accept": OCI_MANIFEST}
# How many of so many entries lie before a page of n: of one page only, none.
PLACES: dict[str, Callable[[int, int], int]] = {
    "beginning": lambda count, n: 0,
    "middle": lambda count, n: max(count - n, 0) // 2,
    "end": lambda count, n: max(count - n, 0),
}


@dataclass(frozen=True)
class Sizes:
    """What the large repositories hold, and how often each step is done: rounds x requests."""

    tags: int = 100_000
    manifests: int = 10_000
    referrers: int = 10_000
    small_tags: int = N
    small_referrers: int = 10
    rounds: int = 7
    requests: int = 10

    def of(self, what: str, side: str) -> int:
        return int(getattr(self, what if side == LARGE else f"small_{what}"))


# --- what is done -----------------------------------------------------------------------------


@dataclass
class Bench:
    """One registry with small and large repositories, below a name that nobody else uses."""

    client: wire.Client
    host: str
    filler: Filler
    meter: Meter
    sizes: Sizes
    under: str = "scale"
    # Made once: whatever the client does between two requests counts for the second.
    names: dict[str, list[str]] = field(default_factory=dict)
    listed: dict[tuple[str, str | None], list[StoredManifest]] = field(default_factory=dict)
    made: int = 0

    def fill(self) -> Iterator[str]:
        """Make the repositories; says how long each took."""
        for side in SIDES:
            self.names[side] = tag_names(self.sizes.of("tags", side))
            for what, fill in (("tags", self.filler.tagged), ("referrers", self._refer)):
                began_s, count = time.perf_counter(), self.sizes.of(what, side)
                fill(self.path(what, side), count)
                yield f"{count} {what}: {time.perf_counter() - began_s:.1f} s"
        began_s = time.perf_counter()
        self.filler.images(self.path("images", LARGE), self.sizes.manifests)
        took_s = time.perf_counter() - began_s
        yield f"{self.sizes.manifests} manifests with a tag each: {took_s:.1f} s"

    def path(self, what: str, side: str) -> str:
        return f"{self.under}/{what}-{side}"

    def subject(self, side: str) -> Digest:
        return digest_of(f"the subject of {side}".encode())

    def _refer(self, path: str, count: int) -> None:
        side = path.rpartition("-")[2]
        stored = sorted(self.filler.referrers(path, self.subject(side), count), key=_order)
        self.listed[side, None] = stored
        self.listed[side, SELDOM] = [each for each in stored if each.artifact_type == SELDOM]

    def round(self) -> None:
        """Every step, so many times, small and large in turn."""
        self.meter.begin_round()
        few = self.sizes.small_referrers
        steps: list[Callable[[str], None]] = [partial(self.tags, where) for where in PLACES]
        steps += [self.image, partial(self.referrers, "beginning", N, None)]
        steps += [partial(self.referrers, where, few, None) for where in PLACES]
        steps += [partial(self.referrers, "beginning", n, SELDOM) for n in (N, 1)]
        for step in steps:
            for number in range(self.sizes.requests):
                for side in SIDES if number % 2 else SIDES[::-1]:
                    step(side)

    # --- tags ---------------------------------------------------------------------------------

    def tags(self, where: str, side: str) -> None:
        """A page of tags; the small repository has only one."""
        names = self.names[side]
        at = PLACES[where](len(names), N)
        last = {"last": names[at - 1]} if at else {}
        path, wanted = self.path("tags", side), names[at : at + N]
        with self.meter.step(f"tags n={N}, {where}", side, len(wanted)):
            answer = self._get(f"/v2/{path}/tags/list?{urlencode({'n': N, **last})}")
        assert json.loads(answer.body)["tags"] == wanted, (side, where)
        _check_link(answer, more=at + N < len(names))

    # --- images -------------------------------------------------------------------------------

    def image(self, side: str) -> None:
        """A new image in and out; the small repository is there, and empty each time."""
        self.made += 1
        path = self.path("images", side)
        if side == SMALL:
            path += f"-{self.made}"
            self.filler.empty(path)
        tag, blobs = f"new-{self.made}", [os.urandom(2048), os.urandom(2048)]
        with self.meter.step("push image", side):
            raw = self._push(path, tag, side, blobs)
        with self.meter.step("HEAD manifest by tag", side):
            self.client.expect(200, "HEAD", f"/v2/{path}/manifests/{tag}", None, ACCEPT)
        with self.meter.step("pull image", side):
            self._pull(path, tag, side, raw)

    def _push(self, path: str, tag: str, side: str, layers: Sequence[bytes]) -> bytes:
        """As clients of dialect B do: ask for each blob, start an upload, send it whole."""
        kind = "application/vnd.oci.image"
        config = json.dumps({"os": "linux", "architecture": "amd64", "made": self.made}).encode()
        named = []
        for data, media_type in (
            (config, "config.v1+json"),
            *((d, "layer.v1.tar") for d in layers),
        ):
            digest = wire.sha256_of([data])
            self.client.expect(404, "HEAD", f"/v2/{path}/blobs/{digest}")
            self.client.push_whole(path, digest, len(data), [data])
            described = {"mediaType": f"{kind}.{media_type}", "digest": digest, "size": len(data)}
            named.append(described)
        document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST}
        raw = json.dumps({**document, "config": named[0], "layers": named[1:]}).encode()
        with self.meter.step(". PUT manifest by tag", side):
            url = f"/v2/{path}/manifests/{tag}"
            self.client.expect(201, "PUT", url, raw, {"Content-Type": OCI_MANIFEST})
        return raw

    def _pull(self, path: str, tag: str, side: str, raw: bytes) -> None:
        with self.meter.step(". GET manifest by tag", side):
            answer = self.client.expect(200, "GET", f"/v2/{path}/manifests/{tag}", None, ACCEPT)
        assert answer.body == raw
        document = json.loads(raw)
        for blob in (document["config"], *document["layers"]):
            found = wire.pull(self.host, f"/v2/{path}/blobs/{blob['digest']}")
            assert found == (blob["digest"], blob["size"])

    # --- referrers ----------------------------------------------------------------------------

    def referrers(self, where: str, n: int, artifact_type: str | None, side: str) -> None:
        """A page of all, or of one type."""
        every = self.listed[side, artifact_type]
        at = PLACES[where](len(every), n)
        step = f"referrers{' of a type' if artifact_type else ''} n={n}, {where}"
        wanted = every[at : at + n]
        query: dict[str, Any] = {"n": n}
        if at:
            query["last"] = _order(every[at - 1])
        if artifact_type:
            query["artifactType"] = artifact_type
        path = f"/v2/{self.path('referrers', side)}/referrers/{self.subject(side)}"
        with self.meter.step(step, side, len(wanted)):
            answer = self._get(f"{path}?{urlencode(query, quote_via=quote)}")
        shown = [each["digest"] for each in json.loads(answer.body)["manifests"]]
        assert shown == [str(each.digest) for each in wanted], (step, side)
        _check_link(answer, more=at + n < len(every))

    def _get(self, path: str) -> wire.Answer:
        return self.client.expect(200, "GET", path)


def _order(stored: StoredManifest) -> str:
    return referrer_order(stored.digest, stored.artifact_type)


def _check_link(answer: wire.Answer, *, more: bool) -> None:
    assert ("Link" in answer.headers) is more, answer.headers.get("Link")


# --- the run ----------------------------------------------------------------------------------


@contextlib.contextmanager
def bench(stack: Stack, sizes: Sizes, under: str = "scale") -> Iterator[Bench]:
    """A registry on these servers, served on a socket by a thread, its requests counted."""
    heard, endpoints = Heard(), stack.endpoints
    session = open_session(endpoints.s3_access_key, endpoints.s3_secret_key)
    session.register("after-call.dynamodb", heard.answer)
    hear = heard.requests.append
    store = DynamoMetadata(
        TABLE, stack.region, endpoints.dynamodb_url, session=session, on_request=hear
    )
    blobs = stack.blobs(on_request=lambda name: hear(f"S3 {name}"))
    counted = _world(store, blobs)
    with (
        serving(up.make_gateway(counted)) as host,
        contextlib.closing(wire.Client(host)) as client,
    ):
        filler = Filler(_world(stack.metadata(), stack.blobs()))
        yield Bench(client, host, filler, Meter(heard), sizes, under)


def _world(store: DynamoMetadata, blobs: Any) -> World:
    return memory_world(
        metadata=store, accounts=store, search=store, blobs=blobs, clock=SystemClock()
    )


def measure(bench: Bench) -> Meter:
    """A round to warm up, then those that count."""
    bench.round()
    bench.meter = Meter(bench.meter.heard)
    for number in range(bench.sizes.rounds):
        bench.round()
        print(f"round {number + 1} of {bench.sizes.rounds} done", file=sys.stderr, flush=True)
    return bench.meter


def main() -> int:
    parser = argparse.ArgumentParser(description="Large repositories beside small ones")
    for what in ("tags", "manifests", "referrers", "rounds", "requests"):
        parser.add_argument(f"--{what}", type=int, default=getattr(Sizes(), what))
    sizes = Sizes(**vars(parser.parse_args()))
    with (
        tempfile.TemporaryDirectory(prefix="roadstead-scale-") as folder,
        running_stack(Path(folder)) as stack,
        bench(stack, sizes) as made,
    ):
        for line in made.fill():
            print(f"filled, {line}", flush=True)
        load = os.getloadavg()[0]
        meter = measure(made)
    print("\n".join([*sides.table(meter), "", *sides.costs(meter)]))
    print(
        f"rounds: {sizes.rounds} of {sizes.requests} each, "
        f"load average before and after: {load:.1f}, {os.getloadavg()[0]:.1f}"
    )
    faults = list(meter.faults())
    print("\n".join(faults) or "the same requests at both sizes; no page reads more than it shows")
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
