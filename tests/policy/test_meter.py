"""The meter may do what it does, and nothing else: as IAM would see what went over the wire."""

from __future__ import annotations

import json
import random
import secrets
from pathlib import Path
from typing import Any

from chalicelib.adapters.dynamo import DynamoMetadata
from chalicelib.adapters.memory.metadata import MemoryMetadata
from chalicelib.adapters.memory.usage import MemoryUsage
from chalicelib.api.meter import run_meter
from tests.package.conftest import make_stores
from tests.support.aws_recorder import recording
from tests.support.stack import Stack
from tests.support.world import SettableClock
from tests.usage.delivery import deliveries
from tests.usage.scripted import played

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
    allowed = {action for each in statements() for action in each["Action"]}
    assert {a for a in allowed if not a.startswith(BY_LAMBDA)} == record.actions()
    assert record.unknown == set()


def test_what_lambda_does_for_the_meter_it_may_do_with_its_own_queue_and_log() -> None:
    by_lambda = {
        action: each["Resource"]
        for each in statements()
        for action in each["Action"]
        if action.startswith(BY_LAMBDA)
    }
    queue, lines = "arn:aws:sqs:*:*:roadstead-*", "arn:aws:logs:*:*:log-group:/roadstead/*/meter"
    assert by_lambda == {
        "sqs:SendMessage": queue,
        "sqs:ReceiveMessage": queue,
        "sqs:DeleteMessage": queue,
        "sqs:GetQueueAttributes": queue,
        "logs:CreateLogStream": lines,
        "logs:PutLogEvents": lines,
    }
