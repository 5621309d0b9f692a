"""Deletions of repositories that are cut off, call by call, on the embedded DynamoDB."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import pytest

from chalicelib.adapters.dynamo import DynamoMetadata
from chalicelib.domain.paging import Page
from chalicelib.domain.records import GrantRecord, IndexImage, Repository
from chalicelib.ports import Conflict, PushSurvey
from tests.contracts.values import APP, V1, blob, change, manifest, repository, tag
from tests.support.stack import Stack

A = "a" * 64


@pytest.fixture(scope="module")
def store(stack: Stack) -> DynamoMetadata:
    return stack.metadata()


class CutOffError(Exception):
    """The process is gone."""


def _filled(store: DynamoMetadata, team: str) -> Repository:
    record = repository(life=secrets.token_hex(8))
    store.put_repository(team, record)
    for first in (0, 30):
        tags = [tag(f"t{number}") for number in range(first, first + 30)]
        store.put_manifest(team, record, manifest(), tags, change())
    store.put_blob(team, APP, blob())
    store.give_edge_word(team, APP, f"word of {record.life}")
    store.put_index_images(team, APP, [IndexImage(A)])
    store.put_grant(team, GrantRecord(APP, f"u-{team}", "read"))
    return record


def _pushed(store: DynamoMetadata, team: str) -> None:
    assert store.survey_push(team, APP, [V1], [blob().digest], [manifest().digest]) == PushSurvey(
        None, {}, {}, frozenset()
    )


def _registered(store: DynamoMetadata, team: str) -> None:
    store.put_repository(team, repository(life="next"))


def _deleted_again(store: DynamoMetadata, team: str) -> None:
    assert store.finish_deletion(team, APP)
    assert not store.finish_deletion(team, APP)


# Deleting what `_filled` holds: mark, query, three transactions of contents, the end.
CALLS = 6


@pytest.mark.parametrize("call", range(1, CALLS))
@pytest.mark.parametrize("then", [_pushed, _registered, _deleted_again])
def test_a_deletion_that_was_cut_off_is_ended_before_anything_begins_anew(
    stack: Stack,
    store: DynamoMetadata,
    team: str,
    call: int,
    then: Callable[[DynamoMetadata, str], None],
) -> None:
    record, calls = _filled(store, team), 0

    def cut(operation: str) -> None:
        nonlocal calls
        calls += 1
        if calls == call + 1:
            raise CutOffError

    with pytest.raises(CutOffError):
        stack.metadata(on_request=cut).delete_repository(team, record)
    assert store.find_repository(team, APP) is None
    assert store.find_standing(team, APP, None).repository is None
    assert list(store.list_repositories(team, Page(9)).entries) == []
    assert list(store.find_repositories([(team, APP)])) == []
    with pytest.raises(Conflict):
        store.put_grant(team, GrantRecord(APP, f"v-{team}", "read"))
    with pytest.raises(Conflict):
        store.put_manifest(team, repository(), manifest(), [tag()], change())
    with pytest.raises(Conflict):
        store.adopt_blobs(team, APP, f"word of {record.life}", [blob(b"taken")])
    has_tags = bool(store.list_tags(team, APP, Page(99)).entries)
    has_manifest = store.find_manifest(team, APP, manifest().digest) is not None
    has_blob = store.find_link(team, APP, blob().digest) is not None
    assert has_tags <= has_manifest <= has_blob
    then(store, team)
    assert list(store.list_tags(team, APP, Page(99)).entries) == []
    assert store.find_manifest(team, APP, manifest().digest) is None
    assert store.find_link(team, APP, blob().digest) is None
    assert store.find_link(team, APP, blob(b"taken").digest) is None
    assert store.find_edge_word(team, APP) is None
    assert list(store.list_granted(f"u-{team}")) == []
    assert list(store.list_holders(team, A)) == []
    found = store.find_repository(team, APP)
    assert (found.life if found else None) == ("next" if then is _registered else None)


def test_deleting_takes_as_many_calls_as_are_cut_off_above(
    stack: Stack, store: DynamoMetadata, team: str
) -> None:
    record, calls = _filled(store, team), list[str]()
    stack.metadata(on_request=calls.append).delete_repository(team, record)
    assert calls == ["UpdateItem", "Query", *["TransactWriteItems"] * (CALLS - 2)]


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_whoever_deletes_slowly_takes_nothing_of_the_next_life(
    stack: Stack, store: DynamoMetadata, team: str, number: int
) -> None:
    record, calls = _filled(store, team), 0

    def come_between(operation: str) -> None:
        nonlocal calls
        calls += operation == "TransactWriteItems"
        if operation == "TransactWriteItems" and calls == number:
            assert store.finish_deletion(team, APP)
            _filled(store, team)

    stack.metadata(on_request=come_between).delete_repository(team, record)
    found = store.find_repository(team, APP)
    assert found is not None
    assert found.life != record.life
    assert len(store.list_tags(team, APP, Page(99)).entries) == 60
    assert store.find_manifest(team, APP, manifest().digest) is not None
    assert len(store.list_grants(team, APP)) == 1
    assert store.find_edge_word(team, APP) == f"word of {found.life}"
