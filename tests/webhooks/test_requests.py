"""What requests leave behind for webhooks: one event each, with what happened or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.adapters.memory import MemoryMetadata
from chalicelib.domain.access import Mode
from chalicelib.domain.names import RepositoryName, TagName
from chalicelib.domain.records import IndexImage
from chalicelib.domain.retention import RetentionRule
from chalicelib.domain.webhooks import Event, EventKind
from chalicelib.service.collect import collect
from chalicelib.service.sweep import Run as Collection
from chalicelib.service.world import World
from tests.conformance.bodies import LAYER, OCI, OTHER, image, pushed
from tests.conformance.cases import Step, get, login, of, put
from tests.conformance.runner import PlainPasswords, Run
from tests.contracts.values import image as v1_image
from tests.gateway.faults import Fault, Fuse, Fused
from tests.logs.heard import heard
from tests.support.world import Registry, SettableClock, memory_world

APP = "crew/app"
NAME = RepositoryName(APP)
V2 = f"/v2/{APP}/manifests"
HOOKS = "/v2/_roadstead/teams/crew/webhooks"
URL = "https://hooks.example.com/in"
IMAGE_ID = "a" * 64
PUT_OCI = {"Content-Type": OCI}


class Place:
    """Alice's team with an image; ``hooked`` by a webhook of the repository or of the team."""

    def __init__(self, hooked: str = "repository") -> None:
        self.clock, self.fuse = SettableClock(), Fuse()
        self.store = MemoryMetadata(self.clock)
        fused: Any = Fused(self.store, self.fuse)
        self.world: World = memory_world(
            Mode.ACCOUNTS,
            clock=self.clock,
            passwords=PlainPasswords(),
            metadata=fused,
            accounts=fused,
            search=fused,
            webhooks=self.store,
        )
        self.registry = Registry(self.world)
        self.registry.add_user("alice", "alice-password", administrator=True)
        self.send("POST", "/v2/_roadstead/teams", b'{"name": "crew"}', 201)
        self.play(pushed(APP, "latest"))
        asked = {"url": URL} | ({"repository": APP} if hooked == "repository" else {})
        if hooked:
            self.send("POST", HOOKS, json.dumps(asked).encode(), 201)

    def play(self, *steps: Step | tuple[Step, ...]) -> None:
        run = Run(self.world, self.registry.send)
        for step in login("alice:alice-password", *steps):
            run.step(step)

    def send(self, method: str, url: str, body: bytes = b"", status: int = 0, **h: str) -> Any:
        headers = {name.replace("_", "-"): value for name, value in h.items()}
        answer = self.registry.send(method, url, body, headers, login=("alice", "alice-password"))
        assert not status or answer.status == status, answer.body
        return answer

    def events(self, path: str = APP) -> list[Event]:
        return list(self.store.list_events("crew", path, 100))


def push(place: Place, raw: bytes | None = None) -> Any:
    raw = raw or image(OCI, LAYER, OTHER)
    return place.send("PUT", f"{V2}/v2", raw, Content_Type=OCI)


def push_by_digest(place: Place) -> Any:
    raw = image(OCI, annotations={"a": "b"})
    return place.send("PUT", f"{V2}/{of(raw)}?tag=one&tag=two", raw, Content_Type=OCI)


def put_v1_tag(place: Place) -> Any:
    return place.send("PUT", f"/v1/repositories/{APP}/tags/old", json.dumps(IMAGE_ID).encode())


Act = Callable[[Place], Any]
PUSH, DELETE = EventKind.PUSH, EventKind.DELETE
IMAGE = image()
ACTS: dict[str, tuple[Act, EventKind, dict[str, object]]] = {
    "a push by tag": (
        lambda place: place.send("PUT", f"{V2}/v1", IMAGE, Content_Type=OCI),
        PUSH,
        {"digest": of(IMAGE), "media_type": OCI, "size_bytes": len(IMAGE), "tags": ["v1"]},
    ),
    "a push by digest with tags": (
        push_by_digest,
        PUSH,
        {
            "digest": of(image(OCI, annotations={"a": "b"})),
            "media_type": OCI,
            "size_bytes": len(image(OCI, annotations={"a": "b"})),
            "tags": ["one", "two"],
        },
    ),
    "a v1 tag": (put_v1_tag, PUSH, {"tags": ["old"], "image_id": IMAGE_ID}),
    "a tag deleted": (
        lambda place: place.send("DELETE", f"{V2}/latest"),
        DELETE,
        {"what": "tag", "tags": ["latest"]},
    ),
    "a v1 tag deleted": (
        lambda place: place.send("DELETE", f"/v1/repositories/{APP}/tags/latest"),
        DELETE,
        {"what": "tag", "tags": ["latest"]},
    ),
    "a manifest deleted": (
        lambda place: place.send("DELETE", f"{V2}/{of(IMAGE)}"),
        DELETE,
        {"what": "manifest", "digest": of(IMAGE), "media_type": OCI, "tags": ["latest"]},
    ),
    "all tags deleted": (
        lambda place: place.send("DELETE", f"/v1/repositories/{APP}/tags"),
        DELETE,
        {"what": "repository"},
    ),
    "a repository deleted": (
        lambda place: place.send("DELETE", f"/v1/repositories/{APP}/"),
        DELETE,
        {"what": "repository"},
    ),
}


def prepared(hooked: str) -> Place:
    place = Place(hooked)
    place.store.put_image("crew", v1_image(IMAGE_ID))
    place.store.put_index_images("crew", NAME, [IndexImage(IMAGE_ID)])
    place.fuse.calls.clear()
    return place


@pytest.mark.parametrize("hooked", ["repository", "team"])
@pytest.mark.parametrize("name", ACTS)
def test_what_happens_is_one_event(name: str, hooked: str) -> None:
    act, kind, facts = ACTS[name]
    place = prepared(hooked)
    with heard() as log:
        assert act(place).status < 300
    (event,) = place.events()
    assert (event.kind, event.team, event.repository) == (kind, "crew", APP)
    assert dict(event.facts) == {**facts, "actor": "alice"}
    assert log.requests[-1]["hooked"] is True


@pytest.mark.parametrize("name", ACTS)
def test_an_event_costs_no_call(name: str) -> None:
    act, _, _ = ACTS[name]
    calls = []
    for hooked in ("", "repository", "team"):
        place = prepared(hooked)
        assert act(place).status < 300
        calls.append(place.fuse.calls)
    assert calls[0] == calls[1] == calls[2]


@pytest.mark.parametrize("name", ACTS)
def test_where_nobody_listens_nothing_is_kept_or_said(name: str) -> None:
    act, _, _ = ACTS[name]
    place = prepared("")
    with heard() as log:
        assert act(place).status < 300
    assert place.events() == []
    assert "hooked" not in log.requests[-1]
    assert not [row for row in place.store.rows_of("crew") if "event" in row]


def _state(place: Place) -> Any:
    """What everybody can see of the repository."""
    store = place.store
    tags = [f"{tag.name} {tag.target}" for key, tag in sorted(store._tags.items(), key=str)]
    return tags, sorted(map(str, store._manifests)), sorted(map(str, store._repositories))


@pytest.mark.parametrize("fault", [Fault.REFUSED, Fault.DEAD, Fault.DEAD_AFTER, Fault.UNHEARD])
@pytest.mark.parametrize("name", ACTS)
def test_a_fault_between_any_two_calls_leaves_both_or_neither(name: str, fault: Fault) -> None:
    act, kind, _ = ACTS[name]
    whole = prepared("team")
    before = _state(whole)
    act(whole)
    after, calls = _state(whole), len(whole.fuse.calls)
    assert after != before
    for at in range(1, calls + 1):
        place = prepared("team")
        place.fuse.at, place.fuse.fault = at, fault
        act(place)
        place.fuse.mend()
        happened = _state(place) != before
        assert len(place.events()) == int(happened), f"{name}, call {at} of {calls}"
        if not happened:
            assert act(place).status < 300
            assert [event.kind for event in place.events()] == [kind]


def test_a_push_that_meets_another_event_looks_again() -> None:
    place = Place()
    real = place.store.put_manifest
    meddled: list[int] = []

    def meddle(*given: Any, **named: Any) -> None:
        if not meddled:
            meddled.append(1)
            assert push(place, image(OCI, annotations={"x": "y"})).status == 201
        real(*given, **named)

    place.store.put_manifest = meddle  # type: ignore[method-assign]
    place.play(put(f"{V2}/v9", image(), headers=PUT_OCI))
    orders = [event.order for event in place.events()]
    assert [event.facts["tags"] for event in place.events()] == [["v2"], ["v9"]]
    assert orders == sorted(set(orders))


def test_a_push_over_a_tag_that_has_ended_is_told_after_its_end() -> None:
    place = Place()
    end = json.dumps({"expires_in_s": 60}).encode()
    assert place.send("PUT", f"/v2/{APP}/_roadstead/tags/latest/expiry", end).status == 200
    place.clock.at_s += 60
    place.play(pushed(APP, "latest"))
    assert [event.kind.value for event in place.events()] == ["expiry", "push"]


def test_a_refused_push_is_no_event() -> None:
    place = Place()
    rules = json.dumps({"rules": [{"pattern": "*", "immutable": True}]}).encode()
    place.send("PUT", f"/v2/{APP}/_roadstead/tags/rules", rules)
    other = image(OCI, annotations={"a": "b"})
    assert place.send("PUT", f"{V2}/latest", other, Content_Type=OCI).status in (409, 201)
    events = [event for event in place.events() if event.facts.get("tags") == ["latest"]]
    tag = place.store.find_tag("crew", NAME, TagName("latest"))
    assert tag is not None
    assert len(events) == int(tag.target == of(other))
    assert place.send("PUT", f"{V2}/v3", b"{}", Content_Type=OCI).status == 400
    assert not [event for event in place.events() if event.facts.get("tags") == ["v3"]]


def test_a_paused_webhook_still_has_its_events_kept() -> None:
    place = Place()
    (hook,) = place.store.list_hooks("crew")
    place.send("PUT", f"{HOOKS}/{hook.hook_id}", b'{"paused": true}', 200)
    place.play(pushed(APP, "v7"))
    assert len(place.events()) == 1
    assert not replace(hook, is_paused=True).wants(place.events()[0])


def test_a_webhook_that_is_paused_still_wants_what_happened_before() -> None:
    place = Place()
    (hook,) = place.store.list_hooks("crew")
    place.play(pushed(APP, "v7"))
    place.clock.at_s += 1
    for _ in range(2):
        place.send("PUT", f"{HOOKS}/{hook.hook_id}", b'{"paused": true}', 200)
        place.clock.at_s += 1
        place.play(pushed(APP, "v8"))
    (hook,) = place.store.list_hooks("crew")
    assert [hook.wants(event) for event in place.events()] == [True, False, False]


# --- lines ------------------------------------------------------------------------------------


def test_a_pull_says_its_digest_where_somebody_listens() -> None:
    for hooked, digest in (("", None), ("repository", of(image())), ("team", of(image()))):
        place = Place(hooked)
        with heard() as log:
            place.play(get(f"{V2}/latest"))
        assert log.requests[-1].get("digest") == digest
        assert log.requests[-1].get("hooked") == (True if hooked else None)


@pytest.mark.parametrize(
    ("quota", "act"),
    [
        ("pulls_a_day", lambda place: place.send("GET", f"{V2}/latest")),
        (
            "repositories",
            lambda place: place.send("PUT", "/v1/repositories/crew/new/", b"[]"),
        ),
        (
            "size_bytes",
            lambda place: place.send(
                "POST", f"/v2/{APP}/blobs/uploads/?digest={of(b'new')}", b"new"
            ),
        ),
    ],
)
def test_a_refusal_by_a_quota_says_which(quota: str, act: Act) -> None:
    place = Place()
    limits = json.dumps({"quota": {quota: 0}}).encode()
    place.send("PUT", "/v2/_roadstead/teams/crew", limits, 200)
    with heard() as log:
        assert act(place).status in (403, 429)
    assert log.requests[-1]["quota"] == quota
    assert log.requests[-1]["team"] == "crew"


# --- the collector ----------------------------------------------------------------------------


def collected(place: Place) -> None:
    collect(Collection(place.world, place.store, place.world.blobs))  # type: ignore[arg-type]


@pytest.mark.parametrize("hooked", ["repository", "team"])
def test_a_tag_that_expires_is_told_once_by_whoever_is_first(hooked: str) -> None:
    place = Place(hooked)
    url = f"/v2/{APP}/_roadstead/tags/latest/expiry"
    place.send("PUT", url, b'{"expires_in_s": 60}', 200)
    place.clock.at_s += 61
    collected(place)
    collected(place)
    (event,) = place.events()
    assert (event.kind, event.facts["what"]) == (EventKind.EXPIRY, "tag")
    assert event.facts["tags"] == ["latest"]
    assert event.facts["digest"] == of(image())


@pytest.mark.parametrize("hooked", ["", "repository", "team"])
@pytest.mark.parametrize("first", ["the collector", "a push"])
def test_a_repository_that_expires_is_told_before_it_goes(hooked: str, first: str) -> None:
    place = Place(hooked)
    url = f"/v2/{APP}/_roadstead/expiry"
    place.send("PUT", url, b'{"expires_in_s": 60}', 200)
    place.clock.at_s += 61
    if first == "a push":
        place.play(pushed(APP, "latest"))
    else:
        collected(place)
    told = [(e.kind, e.facts["what"]) for e in place.events() if e.kind is EventKind.EXPIRY]
    assert told == ([(EventKind.EXPIRY, "repository")] if hooked else [])
    pushes = [event for event in place.events() if event.kind is PUSH]
    # The webhook of the repository was of the life that has ended.
    assert len(pushes) == int(hooked == "team" and first == "a push")


def test_what_rules_of_retention_take_is_told_with_its_reason() -> None:
    place = Place()
    place.play(pushed(APP, "old-1"))
    record = place.store.find_repository("crew", NAME)
    assert record is not None
    rule = RetentionRule("old-*", older_than_days=1)
    place.store.change_repository("crew", record, replace(record, retention=(rule,)))
    place.clock.at_s += 3 * 24 * 3600
    collected(place)
    event = place.events()[-1]
    assert (event.kind, event.facts["what"]) == (DELETE, "collected")
    assert event.facts["tags"] == ["old-1"]
    assert event.facts["reason"]


def test_neither_the_url_nor_the_secret_reaches_a_log() -> None:
    place = Place("")
    url = "https://hooks.example.com/T0PSECRET?key=T0PSECRET"
    bad = "https://user:T0PSECRET@hooks.example.com/"
    with heard() as log:
        made = place.send("POST", HOOKS, json.dumps({"url": url}).encode(), 201)
        hook = json.loads(made.body)
        place.send("POST", f"{HOOKS}/{hook['id']}/ping", b"", 202)
        place.send("PUT", f"{HOOKS}/{hook['id']}", json.dumps({"url": bad}).encode(), 400)
        place.send("GET", f"{HOOKS}/{hook['id']}", b"", 200)
    assert "T0PSECRET" not in log.text
    assert hook["secret"].removeprefix("whsec_") not in log.text
    (kept,) = place.store.list_hooks("crew")
    assert "T0PSECRET" not in repr(kept)
    assert "secret=" not in repr(kept)
