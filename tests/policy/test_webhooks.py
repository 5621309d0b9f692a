"""The deliverer may do what it does, and nothing else: as IAM would see what went over the wire."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

from chalicelib.adapters.dynamo import DynamoMetadata
from chalicelib.api.deliverer import deliver
from tests.package.conftest import make_stores
from tests.support.aws_recorder import recording
from tests.support.stack import Stack
from tests.webhooks.scene import TEAM, Reaper, Scene

POLICY = Path(__file__).parents[2] / ".chalice" / "policy-webhooks.json"
# What Lambda does in the function's name, and the queue, which `tests/adapters/test_queue.py` has.
UNRECORDED = ("logs:", "sqs:")


def statements() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(POLICY.read_text())["Statement"]
    return found


def test_no_call_without_a_permission_and_no_permission_without_a_call(stack: Stack) -> None:
    name = f"roadstead-{secrets.token_hex(6)}"
    make_stores(stack, name)
    endpoints = stack.endpoints
    region, session = stack.region, stack.session
    scene = Scene(store=DynamoMetadata(name, region, endpoints.dynamodb_url, session=session))
    scene.add_hook("all")
    for repository in ("acme/app", "acme/app2", "acme/app"):
        scene.happens(repository)
    answers = [200, 500, 200, 410]
    scene.receivers.mood = lambda url: answers.pop(0) if answers else 200
    scene.meter(Reaper())
    with recording(endpoints.dynamodb_url, endpoints.s3_url) as record:
        scene.store = DynamoMetadata(name, region, record.dynamodb_url, session=session)
        while scene.queue.messages:
            sent = scene.queue.messages.pop(0)
            scene.clock.at_s = max(scene.clock.at_s, sent.due_s)
            event = {"Records": [{"messageId": "m", "body": sent.wake.text()}]}
            answer = deliver(scene.work(Reaper()), event, lambda: 180_000)
            assert answer == {"batchItemFailures": []}
    assert answers == []
    hook = scene.store.find_hook(TEAM, "all")
    assert hook is not None
    assert hook.is_paused
    allowed = {action for each in statements() for action in each["Action"]}
    assert {a for a in allowed if not a.startswith(UNRECORDED)} == record.actions()
    assert record.unknown == set()


def test_what_lambda_does_for_it_it_may_do_with_its_own_queue_and_log() -> None:
    found = {
        action: each["Resource"]
        for each in statements()
        for action in each["Action"]
        if action.startswith(UNRECORDED)
    }
    queue, lines = "arn:aws:sqs:*:*:roadstead-*-webhooks", "arn:aws:logs:*:*:log-group:/roadstead/*"
    assert found == {
        "sqs:SendMessage": queue,
        "sqs:ReceiveMessage": queue,
        "sqs:DeleteMessage": queue,
        "sqs:GetQueueAttributes": queue,
        "logs:CreateLogStream": f"{lines}/webhooks",
        "logs:PutLogEvents": f"{lines}/webhooks",
    }
