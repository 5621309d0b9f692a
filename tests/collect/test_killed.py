"""A run of the collector that dies at any of its calls: nothing is lost, and the next goes on."""

from __future__ import annotations

import contextlib
import json

import pytest

from chalicelib.adapters.memory import MemoryBlobs, MemoryMetadata
from chalicelib.domain.access import ANONYMOUS, Mode
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.retention import RetentionRule
from chalicelib.ports import Conflict, Unavailable
from chalicelib.service import hub, retention
from chalicelib.service.collect import collect
from chalicelib.service.sweep import DAY_S, Run
from tests.collect.audit import Leftovers, missing
from tests.conformance.bodies import CONFIG, DOCKER, LAYER, OCI, OCI_INDEX, OTHER, image, index
from tests.conformance.cases import of
from tests.gateway.faults import Died, Fault, Fuse, Fused
from tests.support.world import Registry, SettableClock, memory_world

APP, OLD = "team/app", "team/old"
PASSES = 12


class Place:
    """A registry with something of everything that the collector takes away, ripe to go."""

    def __init__(self) -> None:
        self.clock, self.fuse = SettableClock(), Fuse()
        self.store, self.blobs = MemoryMetadata(self.clock), MemoryBlobs(self.clock)
        self.registry = Registry(self._world(Fuse()))
        self.fill()
        self.age()

    def _world(self, fuse: Fuse):  # type: ignore[no-untyped-def]
        fused = Fused(self.store, fuse)
        ports = dict.fromkeys(("metadata", "search", "accounts"), fused)
        return memory_world(Mode.OPEN, clock=self.clock, blobs=Fused(self.blobs, fuse), **ports)

    def collect(self) -> bool:
        world = self._world(self.fuse)
        return collect(Run(world, world.metadata, world.blobs))

    def send(self, method: str, url: str, body: bytes = b"", kind: str = OCI) -> int:
        return self.registry.send(method, url, body, {"Content-Type": kind}).status

    def fill(self) -> None:
        for name in (APP, OLD):
            for blob in (CONFIG, LAYER, OTHER, b"of no manifest"):
                assert (
                    self.send("POST", f"/v2/{name}/blobs/uploads/?digest={of(blob)}", blob) == 201
                )
            for tag, raw in (("kept", image()), ("gone", image(OCI, OTHER))):
                assert self.send("PUT", f"/v2/{name}/manifests/{tag}", raw) == 201
            url = f"/v2/{name}/manifests/list"
            assert self.send("PUT", url, index(OCI_INDEX, (image(), OCI)), OCI_INDEX) == 201
        # Shown in another form and through v1, and then deleted.
        headers = {"Accept": DOCKER}
        assert self.registry.send("GET", f"/v2/{APP}/manifests/gone", b"", headers).status == 200
        assert self.send("GET", f"/v1/repositories/{APP}/tags/gone") == 200
        assert self.send("DELETE", f"/v2/{APP}/manifests/{of(image(OCI, OTHER))}") == 202
        image_id = "a" * 64
        raw = json.dumps({"id": image_id}).encode()
        assert self.send("PUT", f"/v1/images/{image_id}/json", raw) == 200
        assert self.send("PUT", f"/v1/images/{image_id}/layer", b"v1's") == 200
        assert self.send("POST", f"/v2/{APP}/blobs/uploads/") == 202
        assert self.send("DELETE", f"/v1/repositories/{OLD}/") == 200
        self.blobs.put("open/sha256/00/00/word", b"of no row")
        self.blobs.create_multipart("open/objects/nobody")
        rules = (RetentionRule("list", None, 1), RetentionRule(None, None, 1))
        retention.set_rules(self.registry.world, RepositoryName(APP), rules)

    def age(self) -> None:
        self.clock.at_s += 2 * DAY_S
        for _ in range(2):
            while not self.collect():
                continue
            self.clock.at_s += DAY_S + 10

    def check_whole(self) -> None:
        assert missing(self.store, self.blobs) == []
        assert self.send("GET", f"/v2/{APP}/manifests/kept") == 200
        assert self.send("GET", f"/v1/repositories/{APP}/tags/kept") == 200

    def finish(self) -> None:
        for _ in range(PASSES):
            self.clock.at_s += DAY_S + 10
            while not self.collect():
                continue
            self.check_whole()
        assert Leftovers(self.store, self.blobs).all() == []


def test_alone_it_takes_everything_that_nothing_needs() -> None:
    place = Place()
    place.finish()
    assert place.send("GET", f"/v2/{APP}/manifests/list") == 404


@pytest.mark.parametrize("fault", [Fault.DEAD, Fault.DEAD_AFTER, Fault.REFUSED, Fault.UNHEARD])
def test_killed_at_any_call_it_has_lost_nothing_and_the_next_run_goes_on(fault: Fault) -> None:
    at, calls = 0, 1
    while at < calls:
        at += 1
        place = Place()
        place.fuse = Fuse(at=at, fault=fault)
        with contextlib.suppress(Died, Unavailable):
            place.collect()
        calls = max(calls, len(place.fuse.calls)) if at > 1 else _calls()
        place.fuse = Fuse()
        place.check_whole()
        place.clock.at_s += 3600
        place.finish()


def _calls() -> int:
    """How many calls a run makes that goes well."""
    place = Place()
    place.fuse = Fuse()
    place.collect()
    assert len(place.fuse.calls) > 20
    return len(place.fuse.calls)


def test_a_run_that_has_no_time_goes_on_where_it_was() -> None:
    place, runs = Place(), 0
    world = place.registry.world
    calls = iter(range(1_000_000))
    while True:
        runs += 1
        # Each run has time for one step: a page of the table, or of the bucket.
        first = next(calls)
        is_over = lambda first=first: next(calls) > first + 1  # noqa: E731
        if collect(Run(world, place.store, place.blobs, is_over=is_over)):
            break
        assert runs < 100
    assert runs > 2
    place.finish()


def test_a_second_run_at_the_same_time_is_told_so() -> None:
    place = Place()
    now_s = place.clock.now_s()
    place.store.take_run("*", "somebody", now_s=now_s, until_s=now_s + 60)
    with pytest.raises(Conflict):
        place.collect()
    place.clock.at_s += 60
    place.collect()


def test_a_dry_run_says_what_would_go_and_changes_nothing() -> None:
    place, said = Place(), []
    place.finish()
    place.send("DELETE", f"/v2/{APP}/manifests/kept")
    hub.delete(place.registry.world, ANONYMOUS, RepositoryName(APP))
    for _ in range(2):
        place.clock.at_s += 2 * DAY_S
        before = repr((vars(place.store), vars(place.blobs)))
        said.clear()
        world = place.registry.world
        run = Run(world, place.store, place.blobs, is_dry=True, report=said.append)
        assert collect(run)
        assert repr((vars(place.store), vars(place.blobs))) == before
        place.collect()
    assert {each.thing.kind.value for each in said} >= {"blob of the team"}
    assert all(each.thing.why for each in said)
