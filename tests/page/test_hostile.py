"""Whatever is pushed is text: it changes no page's structure, hides nothing and has an end.

Hostile text is pushed in every field that takes any, and each page is held against the same page
with harmless text: the elements and their attributes must be the same ones.
"""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from chalicelib.domain.digest import digest_of
from chalicelib.domain.image import ImageState, StoredLayer, V1Image
from chalicelib.domain.image_facts import MAX_ENTRIES, read_facts
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.records import IndexImage, Repository
from chalicelib.domain.shown import MAX_SHOWN_CHARS, shown, shown_size
from chalicelib.domain.webhooks import (
    Answer,
    Delivery,
    Event,
    EventKind,
    Lane,
    Outcome,
    Webhook,
)
from chalicelib.page.account import HOME, local
from chalicelib.service.world import World
from chalicelib.web.endpoints import PAGE
from tests.conformance.bodies import LAYER, OCI, OCI_INDEX, descriptor, image, push
from tests.conformance.cases import blob, of, post
from tests.page.fixture import Browser, accounts_world, given
from tests.support.examples import times

HOOK_ID = "a" * 16
R = "alice/app"
REPO = f"/ui/r/{R}"
OLD = "/ui/r/alice/old"
IMAGE_ID = "c" * 64
PLAIN = "harmless"

TRICKS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg onload=alert(1)>",
    "</textarea></title></style><iframe>",
    "<!--",
    "]]>",
    "javascript:alert(1)",
    "{{ 7*7 }}{% raw %}",
    "&lt;b&gt;&#60;",
    "\u202ecod.exe\u2066\u2069",
    "\u200bzero\u200d\ufeff\u00ad",
    "\x00\x1b[31m\x7f\x85\u2028\u2029",
    "a\u0301\u0301\u0301\u0301\u0301\u0301\u0301",
    "\u05d0\u05d1 \u0627\u0644",
    "\U000e0041\ufff9\U0010ffff",
    "\u3164\u115f\u2800\u034f",
)
texts = st.one_of(
    st.sampled_from(TRICKS),
    st.text(max_size=40),
    st.lists(st.sampled_from(TRICKS), max_size=4).map("".join),
)


class Skeleton(HTMLParser):
    """The elements of a page with the names of their attributes, and what it shows as text."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[tuple[str, tuple[str, ...]]] = []
        self.addresses: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.parts.append((tag, tuple(name for name, _ in attrs)))
        self.addresses += [str(v) for name, v in attrs if name in ("href", "src", "action")]

    def handle_endtag(self, tag: str) -> None:
        self.parts.append((f"/{tag}", ()))


@dataclass
class Trap:
    """A registry into which one text was pushed in every field, and who looks at it."""

    text: str
    world: World = field(default_factory=accounts_world)
    pages: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # JSON can escape the half of a character; the fields of a manifest may hold none.
        clean = self.text.encode("utf-8", "replace").decode()
        config = self.config()
        raw = self.manifest(config, clean)
        many = self.index(raw, clean)
        signed = image(OCI, subject=descriptor(raw, OCI), annotations={clean or "a": clean})
        given(
            self.world,
            "alice",
            post("/v2/_roadstead/teams", {"name": "crew"}, status=201),
            blob(R, config),
            blob(R, LAYER),
            blob(R, b'{"architecture": "amd64", "os": "linux"}'),
            push(R, "1", raw),
            push(R, "all", many, OCI_INDEX),
            push(R, of(signed), signed),
        )
        self.describe(clean)
        self.put_image()
        self.put_webhook(f"x{self.text}")
        self.pages = {
            "page.home": "/ui",
            "page.sign_in.get": "/ui/sign-in",
            "page.tokens.get": "/ui/tokens",
            "page.password.get": "/ui/password",
            "page.repository": REPO,
            "page.tag": f"{REPO}/-/tags/1",
            "page.manifest": f"{REPO}/-/manifests/{of(many)}",
            "page.config": f"{REPO}/-/configs/{of(config)}",
            "page.history": f"{REPO}/-/history/1",
            "page.referrers": f"{REPO}/-/referrers/{of(raw)}",
            "page.images": f"{OLD}/-/images",
            "page.image": f"{OLD}/-/images/{IMAGE_ID}",
            "page.delete.get": f"{REPO}/-/delete/1",
            "page.access.get": f"{REPO}/-/access",
            "page.expiry.get": f"{REPO}/-/expiry",
            "page.tag_expiry.get": f"{REPO}/-/expiry/1",
            "page.teams.get": "/ui/teams",
            "page.team.get": "/ui/teams/crew",
            "page.team.repositories": "/ui/teams/crew/repositories",
            "page.members.get": "/ui/teams/crew/members",
            "page.team_tokens.get": "/ui/teams/crew/tokens",
            "page.webhooks.get": "/ui/teams/crew/webhooks",
            "page.webhook.get": f"/ui/teams/crew/webhooks/{HOOK_ID}",
            "page.repository_webhooks": f"{REPO}/-/webhooks",
            "page.rules.get": f"{REPO}/-/rules",
            "page.going": f"{REPO}/-/going",
            "page.remove.get": f"{REPO}/-/remove",
            "page.usage": "/ui/usage",
        }

    def config(self) -> bytes:
        text = f"x{self.text}"
        document = {
            "created": text,
            "author": text,
            "os": text,
            "architecture": text,
            "variant": text,
            "docker_version": text,
            "comment": text,
            "config": {
                "Env": [text],
                "Entrypoint": [text],
                "Cmd": text,
                "WorkingDir": text,
                "User": text,
                "StopSignal": text,
                "ExposedPorts": {text: {}},
                "Volumes": {text: text},
                "Labels": {text: text},
            },
            "history": [{"created": text, "created_by": text, "empty_layer": True}],
        }
        return json.dumps(document).encode()

    def manifest(self, config: bytes, text: str) -> bytes:
        document = json.loads(image())
        document["config"] = descriptor(config, "application/vnd.oci.image.config.v1+json")
        document["annotations"] = {f"x{text}": text}
        document["layers"][0] |= {"annotations": {text: text}, "urls": []}
        return json.dumps(document).encode()

    def index(self, raw: bytes, text: str) -> bytes:
        platform = {"os": f"x{text}", "architecture": f"x{text}", "variant": f"x{text}"}
        child = descriptor(raw, OCI, platform=platform, artifactType=f"x{text}")
        document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [child]}
        return json.dumps({**document, "annotations": {f"x{text}": text}}).encode()

    def describe(self, text: str) -> None:
        store: Any = self.world.metadata
        before = store.find_repository("alice", RepositoryName(R))
        store.change_repository("alice", before, replace(before, description=f"x{text}"))

    def put_image(self) -> None:
        store: Any = self.world.metadata
        name = RepositoryName("alice/old")
        document = json.loads(self.config())
        document.pop("history")
        document |= {"id": IMAGE_ID, "container_config": {"Cmd": [f"x{self.text}"]}}
        raw = json.dumps(document).encode()
        described = V1Image(IMAGE_ID, raw, (IMAGE_ID, "d" * 64), ImageState.DESCRIBED)
        layer = StoredLayer(digest_of(LAYER), len(LAYER), "key")
        whole = replace(described, state=ImageState.UPLOADED, layer=layer, payload_checksum="x")
        store.put_repository("alice", Repository(name, 0))
        store.put_image("alice", described)
        store.put_layer("alice", whole)
        store.seal_image("alice", whole)
        store.put_index_images("alice", name, [IndexImage(IMAGE_ID)])

    def put_webhook(self, text: str) -> None:
        """A webhook with a text in every field, and receivers that have answered with it."""
        store: Any = self.world.metadata
        team = store._teams["crew"]
        lane = Lane("crew", HOOK_ID, "")
        hook = Webhook("crew", HOOK_ID, text, frozenset(EventKind), b"k" * 32, 0, text, label=text)
        store.put_hook(replace(hook, life=team.life), most=2)
        for number, outcome in enumerate(Outcome):
            event_id, order = f"{number}{text}", f"{number}.{text}"
            event = Event(event_id, EventKind.PUSH, "crew", "", 0, order, {"tags": [text]})
            store.put_delivery(Delivery(HOOK_ID, event))
            store.claim_lane(lane, "c", now_s=0, until_s=9)
            answer = Answer(0, 418, text, 1, text)
            after = Delivery(HOOK_ID, event, 1, 7, outcome, answer)
            store.settle_delivery(lane, "c", after, keep_until_s=9)

    def seen(self) -> dict[str, str]:
        """Every page as text, by endpoint."""
        browser = Browser(self.world)
        browser.sign_in()
        found: dict[str, str] = {}
        for name, url in self.pages.items():
            answer = browser.get(url)
            assert answer.status == 200, (name, answer.body)
            found[name] = answer.body.decode()
        return found


HARMLESS = {name: Skeleton(page).parts for name, page in Trap(PLAIN).seen().items()}


def is_clean(text: str) -> bool:
    """Whether nothing in a page is hidden, or turns its neighbours around."""
    hidden = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
    return all(c == "\n" or unicodedata.category(c) not in hidden for c in text)


def test_every_page_is_looked_at() -> None:
    assert set(HARMLESS) | {"page.asset"} == {e.name for e in PAGE if "GET" in e.methods}


@settings(max_examples=times(40))
@for_all(texts)
def test_hostile_text_changes_no_pages_structure(text: str) -> None:
    for name, page in Trap(text).seen().items():
        skeleton = Skeleton(page)
        assert skeleton.parts == HARMLESS[name], name
        assert is_clean(page), name
        assert all(re.match(r"/(?!/)|#main$", address) for address in skeleton.addresses), name


@settings(max_examples=times(60))
@for_all(texts, st.sampled_from(["q", "in", "after"]))
def test_hostile_questions_are_text_as_well(text: str, name: str) -> None:
    browser = Browser(accounts_world())
    query = urlencode({name: text}, errors="replace")
    for path in ("/ui", "/ui/sign-in", "/", "/ui/r/alice/app", "/ui/nothing"):
        page = browser.get(f"{path}?{query}").body.decode()
        assert is_clean(page)
        tags = {tag for tag, _ in Skeleton(page).parts}
        assert not tags & {"script", "img", "svg", "iframe", "style", "b"}


@pytest.mark.parametrize("text", TRICKS)
def test_hostile_forms_come_back_as_text(text: str) -> None:
    browser = Browser(accounts_world())
    fields = {"label": text, "names": text, "actions": text, "days": text, "next": text}
    browser.sign_in()
    plain = Skeleton(browser.send("/ui/tokens", {**dict.fromkeys(fields, "x")}).body.decode())
    page = browser.send("/ui/tokens", fields).body.decode()
    assert Skeleton(page).parts == plain.parts
    refused = browser.send("/ui/sign-in", {"name": text, "password": "x", "next": text})
    assert is_clean(refused.body.decode())


@pytest.mark.parametrize("text", TRICKS)
def test_a_hostile_host_is_text(text: str) -> None:
    world = accounts_world()
    browser = Browser(world)
    host = text.encode("ascii", "ignore").decode().translate({0: None, 27: None, 127: None})
    page = browser.get("/ui", Host=host).body.decode()
    assert not {tag for tag, _ in Skeleton(page).parts} & {"script", "img", "svg", "iframe"}


def test_a_label_of_a_megabyte_is_cut_and_says_so() -> None:
    world = accounts_world()
    labels = {"a long one": "<" * 1_100_000, **{f"label {n:05}": "x" for n in range(500)}}
    config = json.dumps({"config": {"Labels": labels}}).encode()
    given(world, "alice", blob(R, config))
    browser = Browser(world)
    browser.sign_in()
    # Above a megabyte none of it is read.
    too_large = browser.get(f"{REPO}/-/configs/{of(config)}").body.decode()
    assert "too many to be shown" in too_large
    labels["a long one"] = "<" * 900_000
    config = json.dumps({"config": {"Labels": labels}}).encode()
    given(world, "alice", blob(R, config))
    page = browser.get(f"{REPO}/-/configs/{of(config)}").body.decode()
    assert "&lt;… (900000 characters)" in page
    assert f"… and {501 - MAX_ENTRIES} more, of 501 in all." in page
    assert len(page) < 40_000
    last = browser.get(f"{REPO}/-/configs/{of(config)}?start=500").body.decode()
    assert ("label 00499" in last, "More of it" in last) == (True, False)
    assert f'href="{REPO}/-/configs/{of(config)}?start=100"' in page


def test_two_thousand_layers_come_in_pages() -> None:
    world = accounts_world()
    document = json.loads(image())
    document["layers"] *= 2000
    raw = json.dumps(document).encode()
    config = b'{"architecture": "amd64", "os": "linux"}'
    given(world, "alice", blob(R, config), blob(R, LAYER), push(R, "1", raw))
    browser = Browser(world)
    browser.sign_in()
    page = browser.get(f"{REPO}/-/tags/1").body.decode()
    assert "in 2000 layers" in page
    assert page.count('<th scope="row">') == MAX_ENTRIES
    assert f'href="{REPO}/-/manifests/{of(raw)}?start=100"' in page
    for start, rows in (("1950", 50), ("2000", 0), ("-1", 100), ("9" * 30, 100), ("x", 100)):
        page = browser.get(f"{REPO}/-/manifests/{of(raw)}?start={start}").body.decode()
        assert page.count('<th scope="row">') == rows, start


# --- text by itself -------------------------------------------------------------------------------

SHOWN = {
    "plain": "plain",
    "": "",
    "two\nlines\tand a tab": "two lines and a tab",
    "\u202eexe.png": "⟨U+202E⟩exe.png",
    "a\u200bb": "a⟨U+200B⟩b",
    "\x00": "⟨U+0000⟩",
    "\ud800": "⟨U+D800⟩",
    "שלום": "שלום",
    "e\u0301": "e\u0301",
    "x\u2003y": "x⟨U+2003⟩y",
    "\ufe0f": "⟨U+FE0F⟩",
}


@pytest.mark.parametrize(("text", "expected"), SHOWN.items(), ids=repr)
def test_what_has_no_sign_is_shown_by_its_number(text: str, expected: str) -> None:
    assert shown(text) == expected


@for_all(st.text(), st.integers(0, 50))
def test_shown_text_is_clean_and_bounded(text: str, limit: int) -> None:
    result = shown(text, limit)
    assert is_clean(result)
    assert len(result) <= limit * 10 + 40
    assert shown(text[:limit], limit) in result


def test_an_endless_text_has_an_end() -> None:
    assert shown("x" * 10**6) == "x" * MAX_SHOWN_CHARS + "… (1000000 characters)"


SIZES = {0: "0 B", 999: "999 B", 1000: "1.0 kB", 12_345_678: "12.3 MB", 999_960_000: "1.0 GB"}


@pytest.mark.parametrize(("size", "expected"), {**SIZES, 10**18: "1000.0 PB"}.items())
def test_sizes_are_in_steps_of_a_thousand(size: int, expected: str) -> None:
    assert shown_size(size) == expected


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
KEYS = ["config", "history", "Labels", "Env", "Cmd", "created", "container_config", "created_by"]


@for_all(
    st.dictionaries(
        st.sampled_from(KEYS), json_values | st.dictionaries(st.sampled_from(KEYS), json_values)
    )
)
def test_any_json_has_facts(document: dict[str, Any]) -> None:
    facts = read_facts(json.dumps(document).encode())
    assert facts is not None
    rows = (*facts.labels.rows, *facts.environment.rows, *facts.history.rows, *facts.facts)
    assert all(isinstance(text, str) for row in rows for text in row)


@pytest.mark.parametrize("raw", [b"", b"[]", b"null", b"\xff", b"[" * 100_000, b"{", b'"x"'])
def test_what_is_no_object_has_no_facts(raw: bytes) -> None:
    assert read_facts(raw) is None


@pytest.mark.parametrize(
    "where", ["//x", "/\\x", "https://x", "x", "", "/a\nb", "/a b", "/\t/x", "/é", "/" + "a" * 2000]
)
def test_a_sign_in_leads_to_this_host_only(where: str) -> None:
    assert local(where) == HOME


def test_a_sign_in_leads_back() -> None:
    assert local("/ui/r/alice/app/-/tags/1?x=%22") == "/ui/r/alice/app/-/tags/1?x=%22"
