"""Races played step by step on DynamoDB Local: somebody comes between two calls of a request.

Each of them has gone wrong before.
"""

from __future__ import annotations

import json
import secrets
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.adapters.memory import MemoryBlobs
from chalicelib.domain.access import Mode
from chalicelib.domain.names import TagName
from chalicelib.ports import Held
from tests.conformance.bodies import CONFIG, LAYER, OCI, image
from tests.conformance.cases import of
from tests.conformance.runner import PlainPasswords
from tests.contracts.values import APP, change, manifest, repository, tag
from tests.support.stack import Stack
from tests.support.world import Registry, SettableClock, memory_world

ONE, TWO = image(annotations={"n": "1"}), image(annotations={"n": "2"})
PASSWORD = "a-long-password"


class Interloper:
    """Does something just before a certain call of somebody else goes out, once."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.plans: dict[tuple[str, int], Callable[[], object]] = {}

    def __call__(self, operation: str) -> None:
        self.calls[operation] += 1
        self.plans.pop((operation, self.calls[operation]), lambda: None)()

    def before(self, operation: str, number: int, act: Callable[[], object]) -> None:
        """Before the so manieth such call from now on."""
        self.plans[operation, self.calls[operation] + number] = act


class Two:
    """Two registries on one table: one whose calls are interrupted, and the other's."""

    def __init__(self, stack: Stack, mode: Mode) -> None:
        self.interloper, blobs = Interloper(), MemoryBlobs(SettableClock())

        def registry(store: Any) -> Registry:
            stores = dict.fromkeys(("metadata", "accounts", "search"), store)
            return Registry(memory_world(mode, blobs=blobs, passwords=PlainPasswords(), **stores))

        self.other = registry(stack.metadata())
        self.slow = registry(stack.metadata(on_request=self.interloper))

    def push(self, by: Registry, name: str, tag_name: str, raw: bytes) -> Any:
        url = f"/v2/{name}/manifests/{tag_name}"
        return by.send("PUT", url, raw, {"Content-Type": OCI})

    def begin(self, name: str) -> None:
        for blob in (CONFIG, LAYER):
            self.other.send("POST", f"/v2/{name}/blobs/uploads/?digest={of(blob)}", blob)
        assert self.push(self.other, name, "old", ONE).status == 201


@pytest.fixture
def two(stack: Stack) -> Two:
    return Two(stack, Mode.OPEN)


def test_a_deletion_that_is_refused_after_all_has_taken_no_tag(stack: Stack, team: str) -> None:
    child, parent, interloper = manifest(b"child"), manifest(b"parent"), Interloper()
    store, slow = stack.metadata(), stack.metadata(on_request=interloper)
    store.put_manifest(team, repository(), child, [tag("v1")], change())

    def name_it() -> None:
        children = [child.digest]
        store.put_manifest(team, repository(), parent, [], change(), children=children)

    # The first transaction deletes the tag, the second the manifest.
    interloper.before("TransactWriteItems", 2, name_it)
    try:
        slow.delete_manifest(team, APP, child.digest, change())
    except Held:
        assert store.find_tag(team, APP, TagName("v1")) is not None
    else:
        assert store.find_manifest(team, APP, child.digest) is None


def test_a_push_whose_rival_goes_away_again_is_taken(two: Two, team: str) -> None:
    name = f"{team}/app"
    two.begin(name)
    rules = json.dumps({"rules": [{"pattern": "v*", "immutable": True}]}).encode()
    two.other.send("PUT", f"/v2/{name}/_roadstead/tags/rules", rules)
    two.interloper.before("TransactWriteItems", 1, lambda: two.push(two.other, name, "v1", ONE))
    two.interloper.before(
        "BatchGetItem", 2, lambda: two.other.send("DELETE", f"/v2/{name}/manifests/v1")
    )
    answer = two.push(two.slow, name, "v1", TWO)
    assert answer.status == 201


def test_a_push_while_its_repository_is_deleted_is_lost_or_leaves_it_whole(
    two: Two, team: str
) -> None:
    name = f"{team}/app"
    two.begin(name)
    two.interloper.before("TransactWriteItems", 1, lambda: two.push(two.other, name, "new", TWO))
    two.slow.send("DELETE", f"/v1/repositories/{name}/")

    def status(url: str) -> int:
        return two.other.send("GET", f"/v2/{name}/{url}").status

    is_there = status("manifests/new") == 200
    assert (status("_roadstead/tags/rules") == 200) == is_there
    assert (name.encode() in two.other.send("GET", "/v2/_catalog?n=1000").body) == is_there


def test_a_grant_that_comes_while_its_repository_is_deleted_does_not_outlive_it(
    stack: Stack,
) -> None:
    two, word = Two(stack, Mode.ACCOUNTS), secrets.token_hex(4)
    owner, friend = f"owner{word}", f"friend{word}"
    for who in (owner, friend):
        two.other.add_user(who, PASSWORD)
    url, login = f"/v1/repositories/{owner}/app", (owner, PASSWORD)
    two.other.send("PUT", f"{url}/", b"[]", login=login)
    body = b'{"access": "read"}'
    two.interloper.before(
        "TransactWriteItems",
        1,
        lambda: two.other.send("PUT", f"{url}/grants/{friend}", body, login=login),
    )
    two.slow.send("DELETE", f"{url}/", login=login)
    assert two.other.send("PUT", f"{url}/", b"[]", login=login).status == 200
    assert two.other.send("GET", f"{url}/images", login=(friend, PASSWORD)).status == 403
