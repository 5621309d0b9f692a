"""The API function may do what the adapters call, and nothing else; it deletes no object.

Held twice: here against the source, and in `test_recorded.py` against what went over the wire.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from roadstead.package.template import build_template

ROOT = Path(__file__).parents[2]
ADAPTERS = ROOT / "chalicelib" / "adapters"

# What a call of the adapters needs. A transaction needs the actions of the writes within it.
NEEDS = {
    "get_item": {"dynamodb:GetItem"},
    "batch_get_item": {"dynamodb:BatchGetItem"},
    "query": {"dynamodb:Query"},
    "dispatch": {"dynamodb:PutItem"},  # PutItem, whose old row comes back when it is refused
    "update_item": {"dynamodb:UpdateItem"},
    "delete_item": {"dynamodb:DeleteItem"},
    "transact_write_items": {
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "dynamodb:DeleteItem",
        "dynamodb:ConditionCheckItem",
    },
    # Whoever may not list a bucket is told 403 in place of 404, and a 404 is an answer to us.
    "GetObject": {"s3:GetObject", "s3:ListBucket"},
    "PutObject": {"s3:PutObject"},
    "HeadObject": {"s3:GetObject", "s3:ListBucket"},
    "get_object": {"s3:GetObject"},
    "head_object": {"s3:GetObject"},
    "copy_object": {"s3:GetObject", "s3:PutObject"},
    "create_multipart_upload": {"s3:PutObject"},
    "upload_part": {"s3:PutObject"},
    "upload_part_copy": {"s3:GetObject", "s3:PutObject"},
    "complete_multipart_upload": {"s3:PutObject"},
    "abort_multipart_upload": {"s3:AbortMultipartUpload"},
    "Invoke": {"lambda:InvokeFunction"},
}
# What only the collector calls; the meter scans as well.
COLLECTOR_NEEDS = {
    "scan": {"dynamodb:Scan"},
    "list_objects_v2": {"s3:ListBucket"},
    "list_multipart_uploads": {"s3:ListBucketMultipartUploads"},
    "delete_object": {"s3:DeleteObject"},
}
# What the meter calls and the API never does.
NEEDS_OF_METER = {"scan": {"dynamodb:Scan"}}
# What only the deliverer and the meter call: the queue of webhooks.
QUEUE_NEEDS = {"SendMessageBatch": {"sqs:SendMessage"}}
# Not calls to AWS, or only made where a registry is set up on a person's machine.
LOCAL = {
    "add_meta_table",
    "get_operation_kwargs",
    "close",
    "create_bucket",
    "create_table",
    "describe_time_to_live",
    "get_waiter",
    "update_time_to_live",
}


def calls() -> set[str]:
    found: set[str] = set()
    for path in ADAPTERS.rglob("*.py"):
        if path.name == "poster.py":
            # It speaks to strangers, and not to AWS.
            continue
        text = path.read_text()
        found |= set(re.findall(r"(?:connection|_client|client)\.(\w+)\(", text))
        found |= set(re.findall(r'_(?:send|call)\("(\w+)"', text))
    return found


def allowed(name: str = "policy-api.json") -> set[str]:
    policy = json.loads((ROOT / ".chalice" / name).read_text())
    actions = {action for statement in policy["Statement"] for action in statement["Action"]}
    return {action for action in actions if not action.startswith("logs:")}


def test_every_call_of_the_adapters_is_known_here() -> None:
    assert calls() - LOCAL == {*NEEDS, *NEEDS_OF_METER, *COLLECTOR_NEEDS, *QUEUE_NEEDS}


def test_the_policy_allows_what_the_calls_need_and_no_more() -> None:
    assert allowed() == set().union(*NEEDS.values())


def test_the_collector_may_do_what_it_calls_besides() -> None:
    own = set().union(*COLLECTOR_NEEDS.values())
    of_the_api = {action for action in allowed() if not action.startswith("lambda:")}
    assert allowed("policy-collector.json") == of_the_api | own


# --- every function ---------------------------------------------------------------------------

POLICIES = sorted((ROOT / ".chalice").glob("policy-*.json"))
# The function whose work it is to delete.
MAY_DELETE = frozenset({"policy-collector.json"})


def statements(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text())["Statement"]
    return found


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.name)
def test_no_function_but_the_collector_may_delete_objects(path: Path) -> None:
    deletes = {
        action
        for statement in statements(path)
        for action in statement["Action"]
        if action.startswith("s3:Delete")
    }
    assert not deletes or path.name in MAY_DELETE


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.name)
def test_a_policy_names_each_action_and_resource(path: Path) -> None:
    for statement in statements(path):
        assert statement["Effect"] == "Allow"
        assert "*" not in "".join(statement["Action"])
        resource = statement["Resource"]
        assert "roadstead" in (resource if isinstance(resource, str) else " ".join(resource))


def test_each_function_has_a_role_of_its_own_from_a_file_of_its_own() -> None:
    resources = build_template(ROOT / "infra" / "app.json")["Resources"]
    functions = {
        name: each["Properties"]["Role"]["Fn::GetAtt"][0]
        for name, each in resources.items()
        if each["Type"] == "AWS::Serverless::Function"
    }
    assert len(set(functions.values())) == len(functions) == len(POLICIES)
    for role in functions.values():
        assert resources[role]["Type"] == "AWS::IAM::Role"
