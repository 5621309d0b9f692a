"""No call without a permission, and no permission without a call, as IAM would see them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from tests.policy.conftest import Played
from tests.support.aws_recorder import Need, dynamodb_needs, s3_needs

POLICY = Path(__file__).parents[2] / ".chalice" / "policy-api.json"
# Lambda itself writes the logs, in the function's name; nothing of it passes the recorder. Nor does
# a call of another function: `tests/adapters/test_functions.py` has it.
UNRECORDED = ("logs:", "lambda:")


def permissions() -> Iterator[tuple[str, str]]:
    """Each pair of action and resource that the policy allows."""
    for statement in json.loads(POLICY.read_text())["Statement"]:
        for action in statement["Action"]:
            if not action.startswith(UNRECORDED):
                yield action, statement["Resource"]


def allows(permission: tuple[str, str], need: Need) -> bool:
    action, resource = permission
    return action == need.action and fnmatchcase(need.resource, resource)


def test_the_cases_hold_on_real_servers_as_in_memory(everything: Played) -> None:
    assert everything.failed == {}


def test_every_request_was_understood(everything: Played) -> None:
    assert everything.record.unknown == set()
    assert len(everything.record.needs) > 500


def test_no_call_without_a_permission(everything: Played) -> None:
    allowed = list(permissions())
    missing = {
        need.action: (need.resource, request)
        for need, request in everything.record.needs.items()
        if not any(allows(permission, need) for permission in allowed)
    }
    assert missing == {}


def test_no_permission_without_a_call(everything: Played) -> None:
    needs = list(everything.record.needs)
    idle = [each for each in permissions() if not any(allows(each, need) for need in needs)]
    assert idle == []


def test_nothing_was_deleted_from_s3(everything: Played) -> None:
    deleted = {action for action in everything.record.actions() if action.startswith("s3:Delete")}
    assert deleted == set()


# --- the recorder itself ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "body", "actions"),
    [
        ("GetItem", {"TableName": "t"}, ["GetItem"]),
        ("BatchGetItem", {"RequestItems": {"t": {}}}, ["BatchGetItem"]),
        (
            "TransactWriteItems",
            {
                "TransactItems": [
                    {"Put": {"TableName": "t"}},
                    {"Update": {"TableName": "t"}},
                    {"Delete": {"TableName": "t"}},
                    {"ConditionCheck": {"TableName": "t"}},
                ]
            },
            ["PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem"],
        ),
    ],
)
def test_what_a_call_of_dynamodb_needs(
    operation: str, body: dict[str, Any], actions: list[str]
) -> None:
    found = list(dynamodb_needs(operation, body))
    assert found == [(f"dynamodb:{action}", "t") for action in actions]


@pytest.mark.parametrize(
    ("method", "target", "status", "needs"),
    [
        ("GET", "/b/k", 200, [("s3:GetObject", "b/k")]),
        ("HEAD", "/b/k%20x?X-Amz-Date=1", 404, [("s3:GetObject", "b/k x"), ("s3:ListBucket", "b")]),
        ("PUT", "/b/k?partNumber=1&uploadId=u", 200, [("s3:PutObject", "b/k")]),
        ("POST", "/b/k?uploads", 200, [("s3:PutObject", "b/k")]),
        ("POST", "/b/k?uploadId=u", 200, [("s3:PutObject", "b/k")]),
        ("DELETE", "/b/k?uploadId=u", 204, [("s3:AbortMultipartUpload", "b/k")]),
        ("DELETE", "/b/k", 204, [("s3:DeleteObject", "b/k")]),
        ("DELETE", "/b/k?versionId=v", 204, [("s3:DeleteObjectVersion", "b/k")]),
        ("POST", "/b/?delete", 200, [("s3:DeleteObject", "b")]),
    ],
)
def test_what_a_call_of_s3_needs(
    method: str, target: str, status: int, needs: list[tuple[str, str]]
) -> None:
    found = list(s3_needs(method, target, {}, status))
    assert found == [(action, f"arn:aws:s3:::{resource}") for action, resource in needs]


def test_a_copy_needs_its_source_too() -> None:
    found = list(s3_needs("PUT", "/b/k", {"x-amz-copy-source": "b/from"}, 200))
    assert ("s3:GetObject", "arn:aws:s3:::b/from") in found


@pytest.mark.parametrize(("method", "target"), [("PATCH", "/b/k"), ("PUT", "/b/k?acl")])
def test_what_is_not_known_is_not_passed_over(method: str, target: str) -> None:
    with pytest.raises(KeyError):
        list(s3_needs(method, target, {}, 200))
