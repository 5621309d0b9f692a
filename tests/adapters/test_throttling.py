"""What DynamoDB and S3 say when they are asked too much, through the app: 429, and when to come."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from typing import Any

import pytest

from chalicelib.adapters.aws import open_session
from chalicelib.adapters.dynamo import DynamoMetadata
from chalicelib.adapters.s3 import S3Blobs
from chalicelib.service.world import World
from tests.adapters.scripted import Say, Scripted, cancelled, dynamo_error, s3_error, scripted
from tests.conformance.cases import of
from tests.support.world import Registry, SettableClock, memory_world

NO_REASON = "None"
THROTTLED: dict[str, Say] = {
    "a partition or a bound": dynamo_error("ProvisionedThroughputExceededException"),
    "the control of rates": dynamo_error("ThrottlingException"),
    "an account's limit": dynamo_error("RequestLimitExceeded"),
    "a part of a transaction": cancelled("ThrottlingError", NO_REASON),
    "a partition within one": cancelled(NO_REASON, "ProvisionedThroughputExceeded"),
    "the same with a 5xx": dynamo_error("ThrottlingException", 503),
}
NOT_THE_LOAD: dict[str, Say] = {
    "broken inside": dynamo_error("InternalServerError", 500),
    "no words at all": Say(503, b"<html>no JSON at all</html>"),
}
S3_THROTTLED: dict[str, Say] = {
    "slow down": s3_error("SlowDown", 503),
    "throttling": s3_error("ThrottlingException", 400),
    "requests": s3_error("RequestLimitExceeded", 503),
    "too many": s3_error("TooManyRequests", 429),
    "a status alone": Say(429, b""),
}

DIGEST = of(b"x")
REQUESTS: tuple[tuple[str, str, str], ...] = (
    ("v2", "GET", "/v2/acme/app/manifests/latest"),
    ("v2", "GET", "/v2/acme/app/tags/list"),
    ("v2", "GET", f"/v2/acme/app/blobs/{DIGEST}"),
    ("v2", "POST", "/v2/acme/app/blobs/uploads/"),
    ("uploader", "POST", f"/v2/acme/app/_roadstead/uploads/{'0' * 32}/claim"),
    ("v1 registry", "GET", f"/v1/images/{'a' * 64}/json"),
    ("v1 index", "GET", "/v1/repositories/acme/app/images"),
)


def on_dynamo(server: Scripted) -> World:
    store = DynamoMetadata(
        "table",
        "us-east-1",
        server.url,
        session=open_session("key", "secret"),
        sleep=lambda _: None,
    )
    return memory_world(metadata=store, accounts=store, search=store)


def on_s3(server: Scripted) -> World:
    session, clock = open_session("key", "secret"), SettableClock()
    return memory_world(
        blobs=S3Blobs("b", "us-east-1", server.url, clock=clock, session=session), clock=clock
    )


def serve(answer: Say) -> AbstractContextManager[Scripted]:
    return scripted([answer])


def check(answer: Any, family: str) -> None:
    assert answer.status == 429, answer.body
    assert int(answer.header("Retry-After")) > 0
    document = json.loads(answer.body)
    if family.startswith("v1"):
        assert list(document) == ["error"]
        assert "password" not in document["error"], "that is the sentence for failed logins"
    else:
        assert document["errors"][0]["code"] == "TOOMANYREQUESTS"


@pytest.mark.parametrize(
    ("family", "method", "url"), REQUESTS, ids=[f"{r[1]} {r[2][:40]}" for r in REQUESTS]
)
@pytest.mark.parametrize("said", THROTTLED.values(), ids=THROTTLED)
def test_a_throttled_table_is_a_429_in_every_shape(
    family: str, method: str, url: str, said: Say
) -> None:
    with serve(said) as server:
        check(Registry(on_dynamo(server)).send(method, url, b"{}"), family)


@pytest.mark.parametrize("said", NOT_THE_LOAD.values(), ids=NOT_THE_LOAD)
def test_a_table_that_is_broken_is_no_429_and_says_when_to_come(said: Say) -> None:
    with serve(said) as server:
        answer = Registry(on_dynamo(server)).send("GET", "/v2/acme/app/tags/list")
    assert answer.status == 503
    assert int(answer.header("Retry-After") or 0) > 0


@pytest.mark.parametrize("said", S3_THROTTLED.values(), ids=S3_THROTTLED)
def test_a_throttled_bucket_is_a_429(said: Say) -> None:
    with serve(said) as server:
        url = f"/v2/acme/app/blobs/uploads/?digest={DIGEST}"
        check(Registry(on_s3(server)).send("POST", url, b"x"), "v2")


@pytest.mark.parametrize("said", S3_THROTTLED.values(), ids=S3_THROTTLED)
def test_a_throttled_bucket_is_a_429_for_a_v1_layer_too(said: Say) -> None:
    image_id = "a" * 64
    with serve(said) as server:
        registry = Registry(on_s3(server))
        registry.send("PUT", f"/v1/images/{image_id}/json", json.dumps({"id": image_id}).encode())
        check(registry.send("PUT", f"/v1/images/{image_id}/layer", b"x"), "v1 registry")
