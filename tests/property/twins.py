"""Two registries that are told the same story, each on a store of its own; every answer compared.

They have the same time and the same words, and names that no other story has.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from chalicelib.adapters.memory.blobs import MemoryBlobs
from chalicelib.adapters.memory.metadata import MemoryMetadata
from chalicelib.api.blueprints import register_all
from chalicelib.domain.access import Mode
from chalicelib.service.world import World
from chalicelib.web.edge import RegistryApp
from roadstead.gateway.events import HttpRequest, HttpResponse, LambdaFront
from tests.conformance.runner import PlainPasswords
from tests.conformance.v1 import ASKING
from tests.property.oci_acts import Act
from tests.property.oci_values import (
    ACTORS,
    APP,
    FOREIGN,
    PEOPLE,
    PUBLIC,
    PUSHED_OLD_IMAGES,
    REPOSITORIES,
    TAGS,
    TOKENS,
    WARES,
)
from tests.property.onlooker import Onlooker
from tests.support.world import SettableClock, basic, memory_world

PASSWORD = "a-long-password"
MAX_PAGES = 40

# An entry's place in the pages of each listing.
_ENTRIES = ("tags", "repositories", "events", "manifests")


class CountedWords:
    """Words that are the same in each run; they sort in no order, as real ones."""

    def __init__(self) -> None:
        self.count = 0

    def fresh(self) -> str:
        self.count += 1
        return hashlib.sha256(b"word %d" % self.count).hexdigest()[:32]


class MovingClock:
    """The clock of a store that outlives its stories: it tells the time of the one being told."""

    of_story: SettableClock

    def now_s(self) -> int:
        return self.of_story.now_s()

    def now_ms(self) -> int:
        return self.of_story.now_ms()


@dataclass
class Twin:
    """A registry whose world is another one in each story.

    One application for all stories, because it takes longer to make than a story to tell.
    """

    store: Any
    moving: MovingClock | None = None
    world: World = field(init=False)
    front: LambdaFront = field(init=False)

    def __post_init__(self) -> None:
        self.front = LambdaFront(register_all(RegistryApp("roadstead"), lambda: self.world))

    def begin(self) -> None:
        clock = SettableClock()
        if self.moving is not None:
            self.moving.of_story = clock
        self.world = memory_world(
            Mode.ACCOUNTS,
            clock=clock,
            words=CountedWords(),
            passwords=PlainPasswords(),
            blobs=MemoryBlobs(clock),
            **dict.fromkeys(
                ("metadata", "accounts", "search"), self.store or MemoryMetadata(clock)
            ),
        )


@dataclass(frozen=True)
class Told:
    """An answer in the form in which the two must be the same; what a redirect leads to included.

    ``location`` is where it really leads.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    led_to: object = None
    location: str = field(default="", compare=False)

    @property
    def text(self) -> str:
        """All that it tells."""
        data = getattr(self.led_to, "body", b"")
        return f"{self.headers}\n{(self.body + data).decode('latin-1')}"

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name), None)


def told(twin: Twin, method: str, answer: HttpResponse) -> Told:
    """The mac of a presigned URL is left out: each blob store signs with a key of its own."""
    location, led_to = answer.header("Location") or "", None
    if location.startswith("memory:"):
        blobs: Any = twin.world.blobs
        led_to = blobs.fetch(location, method)
    pairs = sorted((name, re.sub(r"&mac=\w+", "", value)) for name, value in answer.headers)
    body = json_in_one_order(answer.body) if answer.status == 409 else answer.body
    return Told(answer.status, tuple(pairs), body, led_to, location)


def json_in_one_order(body: bytes) -> bytes:
    """A refusal with the lists of its details sorted: ``Held`` promises no order of them."""

    def ordered(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: ordered(inner) for key, inner in value.items()}
        return sorted(map(ordered, value), key=str) if isinstance(value, list) else value

    return json.dumps(ordered(json.loads(body))).encode() if body else body


@dataclass
class Story:
    """One story, told to both."""

    twins: tuple[Twin, Twin]
    number: int
    prefix: str
    seen: Counter[tuple[str, bool]]
    onlooker: Onlooker = field(default_factory=Onlooker)
    secrets: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(init=False)
    past: list[object] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.names = {who: f"{self.prefix}{self.number:04d}{who}" for who in PEOPLE}
        for twin in self.twins:
            twin.begin()

    # --- one request ------------------------------------------------------------------------------

    def ask(
        self, actor: str, method: str, url: str, body: bytes, headers: Mapping[str, str]
    ) -> Told:
        """Send it to both. Fails unless both give the same answer, fit for whoever asks."""
        path, _, query = url.partition("?")
        pairs = [("host", "registry.test"), *((k.lower(), v) for k, v in headers.items())]
        if "Authorization" not in headers and actor != "anonymous":
            account = TOKENS[actor][0] if actor in TOKENS else actor
            password = self.secrets.get(actor, PASSWORD)
            pairs.append(("authorization", basic(self.names[account], password)))
        # Wrong passwords are counted by address; no story has another's.
        address = f"198.51.{self.number // 250}.{self.number % 250}"
        request = HttpRequest(method, path, query, pairs, body, address)
        first, second = (told(twin, method, twin.front.call(request)) for twin in self.twins)
        assert first == second, f"{actor} {method} {url}: {first} and {second}"
        assert first.status < 500, first
        real = {role: role.format(**self.names) for role in REPOSITORIES}
        self.onlooker.check_seen(actor, first.text, url, body, real)
        return first

    def done(
        self, actor: str, method: str, url: str, body: bytes | object = b"", **headers: str
    ) -> Told:
        """A request of the beginning, which has to succeed."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.ask(actor, method, url.format(**self.names), data, sent)
        assert answer.status < 300, (method, url, answer)
        return answer

    def tell(self, act: Act) -> Told:
        """One act, with the requests that follow it."""
        self.past.append(act)
        for twin in self.twins:
            clock: Any = twin.world.clock
            clock.at_s += act.wait_s
        with self.noted():
            return self._tell(act)

    def _tell(self, act: Act) -> Told:
        url = act.url.format(**self.names)
        answer = self.ask(act.actor, act.method, url, act.body, act.headers)
        allowed = self.onlooker.may(act.actor, act.action, act.repository)
        assert (answer.status not in (401, 403)) == allowed, (act, answer)
        data = act.body
        for method, query, body in act.then:
            if answer.status >= 400:
                break
            where = answer.header("location") or ""
            data += body
            answer = self.ask(act.actor, method, f"{where}?{query}" if query else where, body, {})
        self.seen[act.kind, answer.status < 400] += 1
        if act.effect[:1] == ("mount",):
            self._mounted(act, answer)
        elif act.method in ("PUT", "POST", "DELETE") and answer.status < 400:
            self.onlooker.happened(act.effect, act.repository, data)
        if act.walks and answer.status == 200:
            self.walk(act, answer)
        return answer

    def _mounted(self, act: Act, answer: Told) -> None:
        if answer.status == 201:
            _, digest, source = act.effect
            self.seen["blob.mounted", True] += 1
            self.onlooker.check_mount(act.actor, digest, source, str(act.repository))
        elif answer.status != 202:
            assert answer.status in (401, 403), answer

    def audit(self) -> None:
        """Everything that is there when the story is over, and nothing else, by its owner."""
        for name in REPOSITORIES:
            owner = "one" if name.startswith("{one}") else "two"
            for tail in ("tags/list", "_roadstead/tags/rules"):
                self.look(owner, f"/v2/{name}/{tail}")
        for name in (APP, PUBLIC):
            for tag in TAGS:
                self.look("one", f"/v2/{name}/manifests/{tag}")
                self.look("one", f"/v2/{name}/_roadstead/tags/{tag}/history")
            for one in (*WARES[name].images[:1], *WARES[name].indexes[:1]):
                self.look("one", f"/v2/{name}/referrers/{one.digest}")
        for one in (*WARES[APP].manifests, *WARES[APP].blobs):
            kind = "blobs" if one in WARES[APP].blobs else "manifests"
            self.look("one", f"/v2/{APP}/{kind}/{one.digest}")
        for actor in ACTORS:
            self.look(actor, "/v2/_catalog")

    def look(self, actor: str, url: str) -> None:
        self.past.append(f"at the end, {actor}: GET {url}")
        with self.noted():
            self.ask(actor, "GET", url.format(**self.names), b"", {})

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Whatever fails tells the story so far."""
        try:
            yield
        except AssertionError as error:
            error.add_note("\n".join(f"{n}. {past}" for n, past in enumerate(self.past, 1)))
            raise

    # --- pages ------------------------------------------------------------------------------------

    def walk(self, act: Act, answer: Told) -> None:
        """Read the pages that follow: together they are the listing, each entry once."""
        found, pages = _entries(answer), 1
        while link := answer.header("link"):
            assert pages < MAX_PAGES, "the pages do not end"
            answer = self.ask(act.actor, "GET", link[1 : link.index(">")], b"", {})
            assert answer.status == 200, answer
            found += _entries(answer)
            pages += 1
        self.seen["pages", pages > 1] += 1
        if "n=0" in act.url:
            return
        whole = self.ask(act.actor, "GET", _unpaged(act.url.format(**self.names)), b"", {})
        assert found == _entries(whole), (act, found, whole)

    # --- how a story begins -----------------------------------------------------------------------

    def begin(self) -> None:
        """People, their tokens, content in three repositories, one of them public."""
        for twin in self.twins:
            for who in PEOPLE:
                self._add_user(twin, self.names[who])
        for name, owner in ((APP, "one"), (PUBLIC, "one"), (FOREIGN, "two")):
            self._fill(name, owner)
        self._push_old_images()
        self.done("one", "PUT", f"/v1/repositories/{PUBLIC}/properties", {"access": "public"})
        self.onlooker.show(PUBLIC, to_all=True)
        for user, access in (("writer", "write"), ("reader", "read")):
            url = f"/v1/repositories/{APP}/grants/{{{user}}}"
            self.done("one", "PUT", url, {"access": access})
            self.onlooker.grant(APP, user, access)
        for token, (owner, scope) in TOKENS.items():
            asked = {"label": token, "scopes": [scope.format(**self.names)]}
            made = self.done(owner, "POST", "/v2/_roadstead/tokens", asked)
            self.secrets[token] = json.loads(made.body)["secret"]

    def _add_user(self, twin: Twin, name: str) -> None:
        from chalicelib.service import accounts

        accounts.create(twin.world, name, PASSWORD)

    def _fill(self, name: str, owner: str) -> None:
        """The blobs, and the first image under ``latest``; in one repository some more."""
        made = WARES[name]
        self.onlooker.enter(name)
        for blob in made.blobs:
            self.onlooker.put(name, blob.data)
            url = f"/v2/{name}/blobs/uploads/?digest={blob.digest}"
            self.done(owner, "POST", url, blob.data)
        more = ((made.images[1], "v1", "new"), (made.referrers[0],), (made.referrers[1],))
        for one, *tags in ((made.images[0], "latest"), *(more if name == APP else ())):
            self.onlooker.put(name, one.data)
            url = f"/v2/{name}/manifests/{one.digest}?" + "&".join(f"tag={tag}" for tag in tags)
            self.done(owner, "PUT", url, one.data, Content_Type=one.media_type)

    def _push_old_images(self) -> None:
        self.onlooker.old_images_came()
        listed: Sequence[object] = [{"id": image.id} for image in PUSHED_OLD_IMAGES]
        begun = self.done("one", "PUT", f"/v1/repositories/{APP}/", listed, **ASKING)
        token = {"Authorization": begun.header("x-docker-token") or ""}
        for image in PUSHED_OLD_IMAGES:
            self.done("one", "PUT", f"{image.url}/json", image.raw, **token)
            self.done("one", "PUT", f"{image.url}/layer", image.layer, **token)
            checksum = {"X-Docker-Checksum-Payload": image.checksum}
            self.done("one", "PUT", f"{image.url}/checksum", b"", **token, **checksum)


def _entries(answer: Told) -> list[Any]:
    document = json.loads(answer.body)
    return next(document[key] for key in _ENTRIES if key in document)  # type: ignore[no-any-return]


def _unpaged(url: str) -> str:
    path, _, query = url.partition("?")
    kept = [pair for pair in query.split("&") if pair and not pair.startswith("n=")]
    return f"{path}?{'&'.join(kept)}" if kept else path
