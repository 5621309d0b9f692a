"""What ends ahead, where a team has much: a report looks at so much, and says where it stopped."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.domain.access import Mode
from chalicelib.service import ends_ahead
from chalicelib.service.world import World
from tests.conformance.bodies import CONFIG, LAYER, image
from tests.conformance.cases import of
from tests.conformance.runner import PlainPasswords
from tests.conformance.test_budgets import Counting
from tests.support.world import Registry, SettableClock, memory_world

PASSWORD, DAY_S = "a-long-password", 24 * 3600


@pytest.fixture
def registry() -> Registry:
    world = memory_world(Mode.ACCOUNTS, passwords=PlainPasswords(), clock=SettableClock())
    registry = Registry(world)
    registry.add_user("alice", PASSWORD)
    return registry


def push(registry: Registry, name: str, *tags: str) -> None:
    """An image under tags that end in an hour."""
    for body in (CONFIG, LAYER):
        url = f"/v2/{name}/blobs/uploads/?digest={of(body)}"
        assert registry.send("POST", url, body, login=("alice", PASSWORD)).status == 201
    for tag in tags:
        url = f"/v2/{name}/manifests/{tag}?expires=1h"
        assert registry.send("PUT", url, image(), login=("alice", PASSWORD)).status == 201


def end(registry: Registry, name: str, life_s: int) -> None:
    body = json.dumps({"expires_in_s": life_s}).encode()
    url = f"/v2/{name}/_roadstead/expiry"
    assert registry.send("PUT", url, body, login=("alice", PASSWORD)).status == 200


def names(found: ends_ahead.Coming) -> list[str]:
    return [each.name for each in found.ends]


def test_all_is_looked_at_where_there_is_little(registry: Registry) -> None:
    for number in range(ends_ahead.MAX_LISTED):
        push(registry, f"alice/r{number:03}", "t")
    found = ends_ahead.coming(registry.world, "alice", DAY_S)
    assert (len(found.ends), found.more) == (ends_ahead.MAX_LISTED, False)


def test_of_many_repositories_each_end_is_seen_but_not_every_tag(registry: Registry) -> None:
    for number in range(ends_ahead.MAX_LISTED + 1):
        push(registry, f"alice/r{number:03}", "t")
        end(registry, f"alice/r{number:03}", 2 * 3600)
    found = ends_ahead.coming(registry.world, "alice", DAY_S)
    assert sum(each.what == "repository" for each in found.ends) == ends_ahead.MAX_LISTED + 1
    assert sum(each.what == "tag" for each in found.ends) == ends_ahead.MAX_LISTED
    assert found.more


def test_of_many_ends_the_next_are_shown(registry: Registry) -> None:
    push(registry, "alice/many", *(f"t{number:03}" for number in range(ends_ahead.MAX_SHOWN)))
    end(registry, "alice/many", 60)
    found = ends_ahead.coming(registry.world, "alice", DAY_S)
    assert names(found)[0] == "alice/many"
    assert (len(found.ends), found.more) == (ends_ahead.MAX_SHOWN, True)


def test_a_look_ahead_asks_once_for_each_thing_and_for_each_list_of_tags(
    registry: Registry,
) -> None:
    """One verb is one or two requests: the contracts of the adapters count those."""
    push(registry, "alice/a", "t")
    push(registry, "alice/b", "t")
    calls: Counter[str] = Counter()
    world = registry.world
    counted: Any = Counting(world.metadata, calls)
    ends_ahead.coming(
        replace(world, metadata=counted, accounts=counted, search=counted), "alice", DAY_S
    )
    assert calls == {
        "find_membership": 1,
        "list_repositories": 1,
        "find_repositories": 1,
        "list_tags": 2,
    }


def test_a_report_that_is_asked_for_no_ends_looks_for_none(registry: Registry) -> None:
    calls: Counter[str] = Counter()
    counted: Any = Counting(registry.world.metadata, calls)
    world = replace(registry.world, metadata=counted, accounts=counted, search=counted)
    answer = Registry(world).send("GET", "/v2/_roadstead/usage", login=("alice", PASSWORD))
    assert answer.status == 200
    assert not set(calls) & {
        "find_membership",
        "list_repositories",
        "find_repositories",
        "list_tags",
    }


def test_warnings_beside_csv_fit_into_a_head(registry: Registry) -> None:
    """API Gateway lets an answer's head have 10,240 bytes."""
    name = "alice/" + "n" * 249
    push(registry, name, *(f"{number:02}".ljust(128, "t") for number in range(12)))
    url = "/v2/_roadstead/usage?format=csv&ends=1"
    answer = registry.send("GET", url, login=("alice", PASSWORD))
    (warning,) = [value for key, value in answer.headers if key.lower() == "warning"]
    assert warning.count("299 - ") == 11
    assert "perhaps more expires" in warning
    assert sum(len(key) + len(value) + 4 for key, value in answer.headers) < 10_240


def test_what_is_of_no_team_has_no_end(registry: Registry) -> None:
    world: World = registry.world
    nothing: Any = ends_ahead.Coming()
    assert ends_ahead.coming(world, "", DAY_S) == nothing
    assert ends_ahead.coming(world, "nobody", DAY_S) == nothing
