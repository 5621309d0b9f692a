"""What a page costs: calls to the back end, bytes, and nothing at all to whoever pulls."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from chalicelib.adapters.memory.blobs import MemoryBlobs
from chalicelib.adapters.memory.metadata import MemoryMetadata
from chalicelib.domain.digest import digest_of
from chalicelib.domain.image import ImageState, StoredLayer, V1Image
from chalicelib.domain.names import RepositoryName, TagName
from chalicelib.domain.records import Change, GrantRecord, IndexImage, Repository, Tag
from chalicelib.domain.webhooks import EventKind, Webhook
from chalicelib.web.endpoints import PAGE
from tests.conformance.bodies import (
    CONFIG,
    LAYER,
    OCI,
    OCI_INDEX,
    descriptor,
    image,
    index,
    push,
    pushed,
)
from tests.conformance.cases import of, post
from tests.conformance.cases_page import IMAGE_ID, V1_JSON
from tests.conformance.test_budgets import Counting
from tests.page.fixture import Browser, accounts_world, given
from tests.support.world import SettableClock

R = "alice/app"
HOOK_ID = "a" * 16
REPO = f"/ui/r/{R}"
SIGNED = image(OCI, subject=descriptor(image(), OCI), artifactType="application/spdx+json")
MOST_CALLS = 3
# Requests to DynamoDB of a verb, with accounts, where it is not one: see the budgets of the
# adapters in `tests/adapters/test_dynamo.py`.
COSTS = {
    **dict.fromkeys(("presign_get", "presign_part", "presign_put"), 0),
    **dict.fromkeys(("list_tags_whole", "list_repositories", "list_history", "list_referrers"), 2),
    **dict.fromkeys(("list_members", "list_memberships", "glance"), 2),
}
PAGES = {
    "page.home": ("/ui", "/ui?q=app", "/ui?in=shared", "/ui?in=shared&q=app", "/ui?in=public&q=a"),
    "page.sign_in.get": ("/ui/sign-in",),
    "page.tokens.get": ("/ui/tokens",),
    "page.password.get": ("/ui/password",),
    "page.repository": (REPO, f"{REPO}?after=2"),
    "page.tag": (f"{REPO}/-/tags/1", f"{REPO}/-/tags/all"),
    "page.manifest": (f"{REPO}/-/manifests/{of(SIGNED)}",),
    "page.config": (f"{REPO}/-/configs/{of(CONFIG)}",),
    "page.history": (f"{REPO}/-/history/1",),
    "page.referrers": (f"{REPO}/-/referrers/{of(image())}",),
    "page.images": ("/ui/r/alice/old/-/images", f"{REPO}/-/images"),
    "page.image": (f"/ui/r/alice/old/-/images/{IMAGE_ID}",),
    "page.delete.get": (f"{REPO}/-/delete/1",),
    "page.access.get": (f"{REPO}/-/access",),
    "page.teams.get": ("/ui/teams",),
    "page.team.get": ("/ui/teams/crew",),
    "page.team.repositories": ("/ui/teams/crew/repositories",),
    "page.members.get": ("/ui/teams/crew/members",),
    "page.usage": ("/ui/usage", "/ui/usage?team=crew"),
    "page.expiry.get": (f"{REPO}/-/expiry",),
    "page.tag_expiry.get": (f"{REPO}/-/expiry/1",),
    "page.rules.get": (f"{REPO}/-/rules",),
    "page.going": (f"{REPO}/-/going",),
    "page.remove.get": (f"{REPO}/-/remove",),
    "page.team_tokens.get": ("/ui/teams/crew/tokens",),
    "page.webhooks.get": ("/ui/teams/crew/webhooks", "/ui/teams/alice/webhooks"),
    "page.webhook.get": (
        f"/ui/teams/crew/webhooks/{HOOK_ID}",
        f"/ui/teams/alice/webhooks/{HOOK_ID}",
    ),
    "page.repository_webhooks": (f"{REPO}/-/webhooks",),
    "page.asset": ("/ui/assets/none",),
}


class Counted:
    """A registry with accounts whose ports are counted."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        clock, self.store = SettableClock(), MemoryMetadata()
        counted = Counting(self.store, self.calls)
        self.world = accounts_world(
            clock=clock,
            metadata=counted,
            accounts=counted,
            search=counted,
            webhooks=counted,
            blobs=Counting(MemoryBlobs(clock), self.calls),
        )

    def asked(self) -> int:
        return sum(COSTS.get(verb, 1) * count for verb, count in self.calls.items())


@pytest.fixture(scope="module")
def counted() -> Counted:
    made = Counted()
    given(
        made.world,
        "alice",
        post("/v2/_roadstead/teams", {"name": "crew"}, status=201),
        pushed(R, "1", "2"),
        push(R, of(SIGNED), SIGNED),
        push(R, "all", index(OCI_INDEX, (image(), OCI)), OCI_INDEX),
    )
    name = RepositoryName("alice/old")
    made.store.put_repository("alice", Repository(name, 0))
    put_image(made.store)
    made.store.put_index_images("alice", name, [IndexImage(IMAGE_ID)])
    for repository in (RepositoryName(R), name):
        for user, access in (("bob", "read"), ("a.b", "write")):
            made.store.put_grant("alice", GrantRecord(repository, user, access))
    crew = made.store._teams["crew"]
    kinds, url = frozenset({EventKind.PUSH}), "https://hooks.example.com/"
    hook = Webhook("crew", HOOK_ID, url, kinds, b"k" * 32, 0, "alice", life=crew.life)
    made.store.put_hook(hook, most=1)
    app = made.store.find_repository("alice", RepositoryName(R))
    assert app is not None
    own = replace(hook, team="alice", repository=app.name.path, life=app.life)
    made.store.put_hook(own, most=1)
    return made


def put_image(store: MemoryMetadata) -> None:
    """A whole v1 image of alice's team."""
    described = V1Image(IMAGE_ID, V1_JSON, (IMAGE_ID,), ImageState.DESCRIBED)
    layer = StoredLayer(digest_of(LAYER), len(LAYER), "key")
    whole = replace(described, state=ImageState.UPLOADED, layer=layer, payload_checksum="x")
    store.put_image("alice", described)
    store.put_layer("alice", whole)
    store.seal_image("alice", whole)


def test_every_page_has_a_budget() -> None:
    assert set(PAGES) == {endpoint.name for endpoint in PAGE if "GET" in endpoint.methods}


@pytest.mark.parametrize("who", ["alice", "bob", "a.b", "root", ""])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_costs_at_most_three_calls(counted: Counted, name: str, who: str) -> None:
    browser = Browser(counted.world)
    if who:
        browser.sign_in(who)
    for url in PAGES[name]:
        counted.calls.clear()
        answer = browser.get(url)
        assert answer.status == 200 or who != "alice" or name == "page.asset", url
        assert counted.asked() <= MOST_CALLS, (url, dict(counted.calls))


def test_a_session_is_asked_for_once_in_thirty_seconds(counted: Counted) -> None:
    browser = Browser(counted.world)
    browser.sign_in()
    counted.world.logins.forget()
    counted.calls.clear()
    for _ in range(3):
        browser.get("/ui/password")
    assert dict(counted.calls) == {"find_user": 1}


def test_ten_thousand_tags_come_in_pages() -> None:
    made = Counted()
    name = RepositoryName(R)
    repository = Repository(name, 0)
    made.store.put_repository("alice", repository)
    for number in range(10_000):
        tag = Tag(TagName(f"t{number:05}"), 0, image_id=IMAGE_ID)
        made.store.put_tag("alice", repository, tag, Change(number, "w"))
    browser = Browser(made.world)
    browser.sign_in()
    made.calls.clear()
    answer = browser.get(f"{REPO}?after=t04999")
    text = answer.body.decode()
    assert [f">t{n:05}<" in text for n in (4999, 5000, 5024, 5025)] == [False, True, True, False]
    assert f'rel="next" href="{REPO}?after=t05024"' in text
    assert len(answer.body) < 40_000
    assert made.asked() <= MOST_CALLS


PULLS = """
import sys
from tests.support.world import Registry, memory_world
registry = Registry(memory_world())
for url in ("/v2/", "/v2/a/b/manifests/1", "/v1/_ping", "/", "/v2/_catalog"):
    registry.send("GET", url)
print(sorted({name.partition(".")[0] for name in sys.modules} & {"jinja2", "markupsafe"}))
print("chalicelib.page.answers" in sys.modules)
registry.send("GET", "/", b"", {"Accept": "text/html"})
print("jinja2" in sys.modules)
"""


def test_nothing_is_imported_for_the_page_when_a_client_pulls() -> None:
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", PULLS]
    ended = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines() == ["[]", "False", "True"]
