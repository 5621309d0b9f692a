"""What DynamoDB says becomes what the port says; scripted, for no engine says it on demand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from chalicelib.adapters.aws import open_session
from chalicelib.adapters.dynamo import DynamoMetadata
from chalicelib.adapters.dynamo.table import (
    ATTEMPTS,
    BATCH_READ_TRIES,
    CONFLICT_TRIES,
    FIRST_PAUSE_S,
)
from chalicelib.domain.paging import Page
from chalicelib.domain.upload import UploadSession
from chalicelib.ports import Conflict, MetadataStore, PortError, Unavailable
from tests.adapters.scripted import Say, cancelled, dynamo_error, scripted
from tests.contracts.values import APP, NOW_S, V1, change, manifest, repository, session, tag

CONTENDED = cancelled("None", "TransactionConflict", "None")


@dataclass
class Talk:
    """A store before a scripted server, and what it did."""

    store: DynamoMetadata
    bodies: list[bytes]
    pauses: list[float] = field(default_factory=list)


@contextmanager
def talk(*answers: Say, read_timeout_s: float = 5) -> Iterator[Talk]:
    pauses: list[float] = []
    with scripted(answers) as server:
        store = DynamoMetadata(
            "table",
            "us-east-1",
            server.url,
            session=open_session("key", "secret"),
            sleep=pauses.append,
            read_timeout_s=read_timeout_s,
        )
        yield Talk(store, server.bodies, pauses)


def push(store: MetadataStore) -> None:
    store.put_manifest("team", repository(), manifest(), [tag()], change())


def save(store: MetadataStore) -> None:
    store.save_upload(session("team"), "mine")


def claim(store: MetadataStore) -> UploadSession:
    return store.claim_upload("team", "u", "mine", now_s=NOW_S, expires_at_s=NOW_S + 60)


def find(store: MetadataStore) -> object:
    return store.find_tag("team", APP, V1)


def test_a_push_that_meets_another_is_tried_again_after_growing_pauses() -> None:
    with talk(*[CONTENDED] * 3, Say()) as here:
        push(here.store)
    assert len(here.bodies) == 4
    assert len(here.pauses) == 3
    for number, pause_s in enumerate(here.pauses):
        assert 0 <= pause_s <= FIRST_PAUSE_S * 2 ** (number + 1)


@pytest.mark.parametrize(
    "answer",
    [CONTENDED, dynamo_error("TransactionConflictException")],
    ids=["in a transaction", "in a single write"],
)
def test_a_write_that_always_meets_another_gives_up(answer: Say) -> None:
    with talk(answer) as here, pytest.raises(Unavailable):
        save(here.store)
    assert len(here.bodies) == CONFLICT_TRIES
    assert len(here.pauses) == CONFLICT_TRIES - 1


@pytest.mark.parametrize(
    "codes",
    [
        ("None", "ConditionalCheckFailed"),
        ("TransactionConflict", "ConditionalCheckFailed"),
        ("ConditionalCheckFailed", "ThrottlingError"),
    ],
    ids=" and ".join,
)
def test_a_condition_that_does_not_hold_cancels_for_good(codes: Sequence[str]) -> None:
    with talk(cancelled(*codes)) as here, pytest.raises(Conflict):
        here.store.put_tag("team", repository(), tag(image_id="a" * 64), change())
    assert len(here.bodies) == 1


def test_a_failed_condition_of_a_single_write_is_a_conflict() -> None:
    with talk(dynamo_error("ConditionalCheckFailedException")) as here, pytest.raises(Conflict):
        save(here.store)
    assert len(here.bodies) == 1


@pytest.mark.parametrize(
    "answer",
    [
        dynamo_error("ProvisionedThroughputExceededException"),
        dynamo_error("ThrottlingException"),
        dynamo_error("RequestLimitExceeded"),
        dynamo_error("InternalServerError", 500),
        Say(503, b"<html>no JSON at all</html>"),
    ],
    ids=["throughput", "throttling", "request limit", "500", "503"],
)
def test_a_busy_store_is_unavailable_after_one_more_try(answer: Say) -> None:
    with talk(answer) as here, pytest.raises(Unavailable):
        push(here.store)
    assert len(here.bodies) == ATTEMPTS


@pytest.mark.parametrize("verb", [save, claim, find], ids=["put", "update", "get"])
def test_every_kind_of_call_is_translated(verb: Callable[[MetadataStore], object]) -> None:
    with talk(Say(503, b"<html>no JSON at all</html>")) as here, pytest.raises(Unavailable):
        verb(here.store)
    with talk(dynamo_error("AccessDeniedException")) as here, pytest.raises(PortError) as raised:
        verb(here.store)
    assert type(raised.value) is PortError


def test_a_throttled_transaction_is_unavailable() -> None:
    with talk(cancelled("ThrottlingError", "None")) as here, pytest.raises(Unavailable):
        push(here.store)


@pytest.mark.parametrize(
    "code", ["AccessDeniedException", "ResourceNotFoundException", "ValidationException"]
)
def test_what_no_later_try_can_mend_is_said_plainly(code: str) -> None:
    with talk(dynamo_error(code)) as here, pytest.raises(PortError) as raised:
        push(here.store)
    assert type(raised.value) is PortError
    assert len(here.bodies) == 1


def test_an_item_that_is_too_large_for_a_transaction_is_said_plainly() -> None:
    with talk(cancelled("ValidationError", "None")) as here, pytest.raises(PortError) as raised:
        push(here.store)
    assert type(raised.value) is PortError


def test_a_store_that_says_nothing_is_unavailable_in_time() -> None:
    with talk(Say(silent=True), read_timeout_s=0.5) as here:
        for verb in (push, save, claim):
            with pytest.raises(Unavailable):
                verb(here.store)
    assert len(here.bodies) == 3 * ATTEMPTS


def test_a_push_whose_answer_was_lost_is_repeated_under_the_same_token() -> None:
    with talk(Say(silent=True), Say(), read_timeout_s=0.5) as here:
        push(here.store)
    first, second = (json.loads(body)["ClientRequestToken"] for body in here.bodies)
    assert first == second


def test_keys_that_a_batch_left_unread_are_read_again() -> None:
    key = {"PK": {"S": "TEAM#team"}, "SK": {"S": "repo#acme/app"}}
    row = {**key, "kind": {"S": "repository"}, "created_at_s": {"N": "5"}}
    first = {"Responses": {"table": []}, "UnprocessedKeys": {"table": {"Keys": [key]}}}
    second = {"Responses": {"table": [{**row, "is_public": {"BOOL": True}}]}}
    with talk(*(Say(body=json.dumps(each).encode()) for each in (first, second))) as here:
        survey = here.store.survey_push("team", APP, [], [], [])
    assert survey.repository == repository(created_at_s=5, is_public=True)
    assert json.loads(here.bodies[1])["RequestItems"]["table"]["Keys"] == [key]
    assert len(here.pauses) == 1


def test_keys_that_are_never_read_are_unavailable() -> None:
    key = {"PK": {"S": "TEAM#team"}, "SK": {"S": "repo#acme/app"}}
    never = {"Responses": {}, "UnprocessedKeys": {"table": {"Keys": [key]}}}
    with talk(Say(body=json.dumps(never).encode())) as here, pytest.raises(Unavailable):
        here.store.survey_push("team", APP, [], [], [])
    assert len(here.bodies) == BATCH_READ_TRIES


def test_a_page_that_dynamodb_cut_short_is_read_on() -> None:
    # A query ends at 1 MB, whatever its limit, and what has ended is left out of a page.
    key = {"PK": {"S": "TEAM#team"}, "SK": {"S": "repo#acme/app"}}
    row = {**key, "kind": {"S": "repository"}, "created_at_s": {"N": "5"}}
    cut = {"Items": [{**row, "is_public": {"BOOL": True}}], "LastEvaluatedKey": key}
    first = Say(body=json.dumps({**cut, "ScannedCount": 1}).encode())
    with talk(first, Say(body=b'{"Items": []}')) as here:
        page = here.store.list_repositories("open", Page(100))
    assert list(page.entries) == [APP]
    assert not page.more
    assert len(here.bodies) == 2


def test_every_read_is_strong() -> None:
    with talk(Say(body=b'{"Items": [], "Responses": {}}')) as here:
        here.store.find_tag("team", APP, V1)
        here.store.list_index_images("team", APP)
        here.store.survey_push("team", APP, [], [], [])
    reads = [json.loads(body) for body in here.bodies]
    assert len(reads) >= 3
    for read in reads:
        batched = read.get("RequestItems")
        assert (batched["table"] if batched else read)["ConsistentRead"] is True
