"""The DynamoDB adapter keeps the contract of teams and ends, within its budget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.adapters.dynamo import DynamoMetadata
from chalicelib.domain.teams import Member, Quota, Role
from chalicelib.team_ports import TeamStore
from tests.contracts.team_contract import TeamContract
from tests.contracts.team_values import END_S, app, owner, record, repository
from tests.contracts.values import NOW_S, V1, blob, change, manifest, tag
from tests.support.stack import Stack
from tests.support.world import SettableClock


@pytest.fixture(scope="module")
def calls() -> list[str]:
    """The operations of the HTTP requests that the store has sent."""
    return []


@pytest.fixture(scope="module")
def shared_clock() -> SettableClock:
    return SettableClock(NOW_S)


@pytest.fixture
def clock(shared_clock: SettableClock) -> SettableClock:
    shared_clock.at_s = NOW_S
    return shared_clock


@pytest.fixture(scope="module")
def store(stack: Stack, shared_clock: SettableClock, calls: list[str]) -> DynamoMetadata:
    """One for all tests: building a client takes longer than most of them."""
    return stack.metadata(on_request=calls.append, clock=shared_clock)


@pytest.mark.usefixtures("clock")
class TestDynamoTeams(TeamContract):
    """The contract, on the store of this module."""


BATCH, TRANSACTION = "BatchGetItem", "TransactWriteItems"
Verb = Callable[[Any, str], object]


def _invited(store: Any, team: str) -> None:
    store.invite_member(record(team), "code", Role.READER, expires_at_s=END_S)


BUDGETS: dict[str, tuple[Verb, list[str]]] = {
    "create_team": (
        lambda s, t: s.create_team(record(f"{t}-n"), owner(t)),
        ["Query", TRANSACTION],
    ),
    "find_membership": (lambda s, t: s.find_membership(t, "wim"), [BATCH]),
    "find_lives": (lambda s, t: s.find_lives(t, "wim"), [BATCH, "Query"]),
    "change_team": (
        lambda s, t: s.change_team(record(t), record(t, quota=Quota(5))),
        ["UpdateItem"],
    ),
    "invite_member": (_invited, [TRANSACTION]),
    "join_team": (
        lambda s, t: s.join_team(Member(t, f"new-{t}", Role.READER, NOW_S), "given"),
        [BATCH, TRANSACTION],
    ),
    "change_member": (
        lambda s, t: s.change_member(Member(t, f"wim-{t}", Role.WRITER, NOW_S), None),
        [BATCH, TRANSACTION],
    ),
    "list_members": (lambda s, t: s.list_members(t), ["GetItem", "Query"]),
    "list_memberships": (lambda s, t: s.list_memberships(f"wim-{t}"), ["Query", BATCH]),
    "list_memberships, none": (lambda s, t: s.list_memberships(f"no-{t}"), ["Query"]),
    "count_repositories": (lambda s, t: s.count_repositories(t, 10), ["Query"]),
    "find_usage": (lambda s, t: s.find_usage(t, 1), [BATCH]),
    "count_pull": (lambda s, t: s.count_pull(t, 1, limit=5), ["UpdateItem"]),
    "set_tag_expiry": (lambda s, t: s.set_tag_expiry(t, app(t), V1, END_S), [TRANSACTION]),
    "find_standing, of a member": (
        lambda s, t: s.find_standing(t, app(t), f"wim-{t}"),
        [BATCH],
    ),
    "put_blob, with a quota": (
        lambda s, t: (
            s.change_team(record(t), record(t, quota=Quota(500)))
            or s.put_blob(t, app(t), blob(b"new"))
        ),
        ["UpdateItem", BATCH, BATCH, TRANSACTION],
    ),
    "put_repository, with a quota": (
        lambda s, t: (
            s.change_team(record(t), record(t, quota=Quota(repositories=5)))
            or s.put_repository(t, repository(t, "new"))
        ),
        ["UpdateItem", "GetItem", "Query", TRANSACTION],
    ),
}


def _prepare(store: Any, team: str) -> None:
    store.create_team(record(team), owner(team))
    store.invite_member(record(team), "given", Role.WRITER, expires_at_s=END_S)
    store.join_team(Member(team, f"wim-{team}", Role.READER, NOW_S), "given")
    store.invite_member(record(team), "given", Role.WRITER, expires_at_s=END_S)
    store.put_repository(team, repository(team))
    store.put_manifest(team, repository(team), manifest(), [tag("v1")], change())


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("name", BUDGETS)
def test_a_verb_costs_what_its_port_says(
    store: DynamoMetadata, calls: list[str], team: str, name: str
) -> None:
    verb, expected = BUDGETS[name]
    _prepare(store, team)
    calls.clear()
    verb(store, team)
    assert calls == expected


def test_every_verb_of_the_port_has_a_budget() -> None:
    verbs = {name for name in vars(TeamStore) if not name.startswith("_")}
    assert verbs <= {name.split(",")[0] for name in BUDGETS}


def test_no_record_carries_the_column_by_which_dynamodb_deletes(
    stack: Stack, store: DynamoMetadata, clock: SettableClock, team: str
) -> None:
    _prepare(store, team)
    store.change_team(record(team), record(team, expires_at_s=END_S))
    store.change_repository(team, repository(team), replace(repository(team), expires_at_s=END_S))
    client = stack.session.create_client(
        "dynamodb", region_name=stack.region, endpoint_url=stack.endpoints.dynamodb_url
    )
    for sort_key in ("#", f"repo#{team}/app"):
        key = {"PK": {"S": f"TEAM#{team}"}, "SK": {"S": sort_key}}
        item = client.get_item(TableName=store._table.name, Key=key)["Item"]
        assert item["ends_at_s"] == {"N": str(END_S)}
        assert "expires_at_s" not in item
    client.close()
