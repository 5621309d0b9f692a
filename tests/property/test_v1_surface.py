"""Whatever is sent to v1, it answers in its own words: no 5xx, and no body in another shape."""

from __future__ import annotations

import copy
import hashlib
import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.adapters.memory.blobs import MemoryBlobs
from chalicelib.adapters.memory.metadata import MemoryMetadata
from chalicelib.api.blueprints import register_all
from chalicelib.domain.access import Mode
from chalicelib.domain.accounts import SignUp
from chalicelib.service.world import World
from chalicelib.web.edge import RegistryApp
from chalicelib.web.endpoints import V1
from roadstead.gateway.events import HttpRequest, HttpResponse, LambdaFront
from tests.conformance.runner import PlainPasswords
from tests.property.v1_requests import REQUESTS, Sent, encoded, filled
from tests.property.v1_values import IDS, LAYERS, PASSWORD, USERS, Open
from tests.support.examples import times
from tests.support.world import Registry, SettableClock, basic, memory_world

STORIES, LENGTH = 700, 15
WANTED = 10_000  # in each of the two modes

# The one error that is a string: `docker login` of old compares it.
EXISTS = b'"Username or email already exists"'
FOREIGN = (b'"Code"', b'"Message"', b'"message":', b"Traceback", b"chalicelib", b"memory://")
BEGUN = ("alice/app", "alice/pub", "bob/app", "busybox")


def check(sent: Sent, answer: HttpResponse) -> None:
    """What holds for every answer of v1."""
    assert 200 <= answer.status < 500, (answer.status, answer.body)
    assert answer.header("X-Docker-Registry-Version")
    if (
        sent.method == "HEAD"
        or answer.status in (204, 302, 304)
        or (answer.status == 416 and not answer.body)
    ):
        assert answer.body == b""
    elif (answer.status, answer.body) == (400, EXISTS):
        assert (sent.method, sent.path.rstrip("/")) == ("POST", "/v1/users")
    elif answer.status >= 400:
        check_error(answer)
    else:
        assert answer.header("Content-Type") == "application/json"


def check_error(answer: HttpResponse) -> None:
    """The flat shape, and nothing of what lies behind."""
    assert answer.header("Content-Type") == "application/json"
    document = json.loads(answer.body)
    assert document.keys() == {"error"}
    assert isinstance(document["error"], str)
    assert document["error"]
    assert not any(word in answer.body for word in FOREIGN)
    if answer.status == 401:
        assert "Token" in (answer.header("WWW-Authenticate") or "")


@dataclass
class Story:
    """Requests to one world, with what is remembered of their answers."""

    registry: Registry
    seen: Counter[tuple[str | None, int]] = field(default_factory=Counter)
    known: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    put: dict[tuple[str, str], bytes] = field(default_factory=dict)

    def tell(self, sent: Sent) -> HttpResponse:
        clock: Any = self.registry.world.clock
        clock.at_s += sent.after_s
        body = encoded(filled(sent.body, lambda what: self.fill(what, sent)))
        headers = {"Host": "registry.test", **filled(sent.headers, lambda w: self.fill(w, sent))}
        pairs = [(name.lower(), value) for name, value in headers.items()]
        request = HttpRequest(sent.method, sent.path, sent.query, pairs, body)
        answer = self.registry.front.call(request)
        self.seen[sent.endpoint, answer.status] += 1
        check(sent, answer)
        self.remember(sent, body, answer)
        return answer

    def fill(self, what: Open, sent: Sent) -> str:
        if what.what == "id":
            return sent.image_id or ""
        if what.what == "checksum":
            parts = (self.put.get((sent.image_id or "", part), b"") for part in ("json", "layer"))
            return "sha256:" + hashlib.sha256(b"\n".join(parts)).hexdigest()
        choices = self.known[what.what]
        # The newest are the likeliest to fit what has just been put.
        chosen = choices[-1 - what.which % len(choices)] if choices else ""
        return f"{what.before}{chosen}{what.after}"

    def remember(self, sent: Sent, body: bytes, answer: HttpResponse) -> None:
        token = answer.header("X-Docker-Token")
        if token is not None:
            self.known["token"].append(token)
        if answer.status != 200 or sent.image_id is None:
            return
        kind = sent.path.rstrip("/").rpartition("/")[2]
        if sent.method == "PUT" and kind in ("json", "layer"):
            self.put[sent.image_id, kind] = body
        if sent.method == "POST" and kind == "claim":
            claimed = json.loads(answer.body)
            self.known["upload"].append(claimed["upload_id"])
            self.known["claim"].append(claimed["claim"])


@dataclass
class Berth:
    """Where the application finds the world of the story that is being told."""

    world: World


@dataclass
class Beginning:
    """A world in which something has happened; every story begins in a copy of it."""

    mode: Mode
    world: World = field(init=False)
    story: Story = field(init=False)
    berth: Berth = field(init=False)

    def __post_init__(self) -> None:
        self.world = memory_world(self.mode, passwords=PlainPasswords(), signup=SignUp.OPEN)
        registry = Registry(self.world)
        # One application for all stories, because it takes longer to make than a story to tell.
        self.berth = Berth(self.world)
        app = register_all(RegistryApp("roadstead"), lambda: self.berth.world)
        registry.front = LambdaFront(app)
        for name in USERS:
            registry.add_user(name, PASSWORD, administrator=name == "root")
        self.story = Story(registry)
        for name in BEGUN:
            self.push(name)
        self.ask("PUT", "alice/pub/properties", "alice", {"access": "public"})
        self.ask("PUT", "alice/app/grants/bob", "alice", {"access": "write"})
        self.ask("DELETE", "alice/app/", "alice")

    def ask(self, method: str, tail: str, who: str, body: object = b"") -> None:
        headers = {"X-Docker-Token": "true", "Authorization": basic(who, PASSWORD)}
        path = f"/v1/repositories/{tail}"
        assert self.story.tell(Sent(method, path, "", body, headers)).status < 300

    def push(self, name: str) -> None:
        """The first image whole, the second without a seal, the third without a layer."""
        owner = name.partition("/")[0] if "/" in name else "root"
        self.ask("PUT", f"{name}/", owner, [{"id": one} for one in IDS])
        token = {"Authorization": Open("token"), "X-Docker-Checksum-Payload": Open("checksum")}
        for number, one in enumerate(IDS[:3]):
            parent = {"parent": IDS[0]} if number else {}
            for part, body in (
                ("json", {"id": one, **parent}),
                ("layer", LAYERS[number]),
                ("checksum", b""),
            )[: 3 - number]:
                path = f"/v1/images/{one}/{part}"
                self.story.tell(Sent("PUT", path, "", body, token, image_id=one))
        path = f"/v1/repositories/{name}/tags/latest"
        assert self.story.tell(Sent("PUT", path, "", IDS[0], token)).status == 200

    def begun(self, signup: SignUp) -> Story:
        """The beginning of a story of its own."""
        clock = SettableClock(self.world.clock.now_s())
        store: Any = copied(self.world.metadata, MemoryMetadata())
        stores = {"metadata": store, "accounts": store, "search": store}
        blobs = copied(self.world.blobs, MemoryBlobs(clock), "_clock")
        changes = {"passwords": PlainPasswords(), "signup": signup, "clock": clock, "blobs": blobs}
        registry = copy.copy(self.story.registry)
        registry.world = self.berth.world = memory_world(self.mode, **stores, **changes)
        known = {key: list(values) for key, values in self.story.known.items()}
        put = dict(self.story.put)
        return Story(registry, self.story.seen, defaultdict(list, known), put)


def copied(source: object, target: Any, *kept: str) -> Any:
    """The target with all that the source holds, but for its lock and what it keeps."""
    for name, value in vars(source).items():
        if name not in ("_lock", *kept):
            setattr(target, name, copy.deepcopy(value))
    return target


@pytest.mark.hypothesis
@pytest.mark.parametrize("mode", Mode)
def test_no_request_makes_v1_fail_or_answer_in_another_shape(mode: Mode) -> None:
    beginning = Beginning(mode)

    @settings(
        max_examples=times(STORIES),
        suppress_health_check=list(HealthCheck),
    )
    @given(st.sampled_from(SignUp), st.lists(REQUESTS, min_size=LENGTH, max_size=LENGTH))
    def tell(signup: SignUp, requests: list[Sent]) -> None:
        story = beginning.begun(signup)
        for sent in requests:
            story.tell(sent)

    tell()

    seen = beginning.story.seen
    assert seen.total() >= WANTED
    well = {name for name, status in seen if name and 200 <= status < 400}
    assert len(well) > len(V1) * 3 // 4, "the requests are no longer good enough to get anywhere"
