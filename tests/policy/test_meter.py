"""The meter may do what it does, and nothing else: as IAM would see what went over the wire."""

from __future__ import annotations

import json
import random
import secrets
from dataclasses import replace
from pathlib import Path
from typing import Any

from chalicelib.adapters.dynamo import DynamoMetadata
from chalicelib.adapters.memory.metadata import MemoryMetadata
from chalicelib.adapters.memory.usage import MemoryUsage
from chalicelib.api.meter import run_meter
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.webhooks import EventKind
from chalicelib.service.wakes import Listeners
from tests.contracts.values import NOW_S, repository
from tests.package.conftest import make_stores
from tests.support.aws_recorder import recording
from tests.support.stack import Stack
from tests.support.world import SettableClock
from tests.usage.delivery import deliveries, packed
from tests.usage.scripted import played
from tests.webhooks.scene import TEAM, Scene

POLICY = Path(__file__).parents[2] / ".chalice" / "policy-meter.json"
# What Lambda does in the function's name: nothing of it passes the recorder.
BY_LAMBDA = ("logs:", "sqs:")


def statements() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(POLICY.read_text())["Statement"]
    return found


def test_no_call_without_a_permission_and_no_permission_without_a_call(stack: Stack) -> None:
    name = f"roadstead-{secrets.token_hex(6)}"
    make_stores(stack, name)
    endpoints = stack.endpoints
    store = MemoryMetadata()
    script = played(store, MemoryUsage(store))
    with recording(endpoints.dynamodb_url, endpoints.s3_url) as record:
        counts = DynamoMetadata(name, stack.region, record.dynamodb_url, session=stack.session)
        for event in deliveries(script.lines, random.Random(8)):
            run_meter(counts, SettableClock(), event)
        run_meter(counts, SettableClock(), {"source": "aws.events"})
        tell_webhooks(stack, name, record.dynamodb_url)
    allowed = {action for each in statements() for action in each["Action"]}
    assert {a for a in allowed if not a.startswith(BY_LAMBDA)} == record.actions()
    assert record.unknown == set()


def tell_webhooks(stack: Stack, table: str, url: str) -> None:
    """Lines of those who are listened to, an end, and a webhook of what is not there any more."""
    clock = SettableClock(NOW_S)
    store = stack.metadata(clock=clock, table=table)
    scene = Scene(store=store, clock=clock)
    scene.add_hook("all")
    scene.add_hook("orphan", "acme/app2")
    going = store.find_repository(TEAM, RepositoryName("acme/app2"))
    assert going is not None
    store.delete_repository(TEAM, going)
    ending = replace(repository(), name=RepositoryName("acme/app3"), expires_at_s=NOW_S + 5)
    store.put_repository(TEAM, ending)
    clock.at_s += 10
    scene.happens("acme/app")
    scene.pull("acme/app", f"sha256:{'a' * 64}")
    refused = scene.lines[-1] | {"number": 99, "status": 429, "quota": "pulls", "error": "x"}
    counts = DynamoMetadata(table, stack.region, url, session=stack.session, clock=clock)
    listeners = Listeners(counts, scene.queue)
    event = packed([json.dumps(line) for line in [*scene.lines, refused]])
    run_meter(counts, clock, event, listeners)
    run_meter(counts, clock, {"source": "aws.events"}, listeners)
    kinds = {
        event.kind
        for place in ("acme/app", "acme/app3", "")
        for event in store.list_events(TEAM, place, 9)
    }
    assert kinds == {EventKind.PUSH, EventKind.FIRST_PULL, EventKind.QUOTA, EventKind.EXPIRY}
    assert store.find_hook(TEAM, "orphan") is None
    assert scene.queue.messages


def test_what_lambda_does_for_the_meter_it_may_do_with_its_own_queue_and_log() -> None:
    by_lambda = {
        (action, each["Resource"])
        for each in statements()
        for action in each["Action"]
        if action.startswith(BY_LAMBDA)
    }
    queue, lines = "arn:aws:sqs:*:*:roadstead-*", "arn:aws:logs:*:*:log-group:/roadstead/*/meter"
    assert by_lambda == {
        ("sqs:SendMessage", queue),
        ("sqs:ReceiveMessage", queue),
        ("sqs:DeleteMessage", queue),
        ("sqs:GetQueueAttributes", queue),
        # To wake the deliverer.
        ("sqs:SendMessage", f"{queue}-webhooks"),
        ("logs:CreateLogStream", lines),
        ("logs:PutLogEvents", lines),
    }
