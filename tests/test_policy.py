"""The API function may do what the adapters call, and nothing else; it deletes no object."""

from __future__ import annotations

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
ADAPTERS = ROOT / "chalicelib" / "adapters"

# What a call of the adapters needs. A transaction needs the actions of the writes within it.
NEEDS = {
    "get_item": {"dynamodb:GetItem"},
    "batch_get_item": {"dynamodb:BatchGetItem"},
    "query": {"dynamodb:Query"},
    "dispatch": {"dynamodb:PutItem"},  # PutItem, whose old row comes back when it is refused
    "update_item": {"dynamodb:UpdateItem"},
    "delete_item": {"dynamodb:DeleteItem"},
    "transact_write_items": {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"},
    # Whoever may not list a bucket is told 403 in place of 404, and a 404 is an answer to us.
    "GetObject": {"s3:GetObject", "s3:ListBucket"},
    "PutObject": {"s3:PutObject"},
    "get_object": {"s3:GetObject"},
    "head_object": {"s3:GetObject"},
    "copy_object": {"s3:GetObject", "s3:PutObject"},
    "create_multipart_upload": {"s3:PutObject"},
    "upload_part": {"s3:PutObject"},
    "upload_part_copy": {"s3:GetObject", "s3:PutObject"},
    "complete_multipart_upload": {"s3:PutObject"},
    "abort_multipart_upload": {"s3:AbortMultipartUpload"},
}
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
        text = path.read_text()
        found |= set(re.findall(r"(?:connection|_client|client)\.(\w+)\(", text))
        found |= set(re.findall(r'_send\("(\w+)"', text))
    return found


def allowed() -> set[str]:
    policy = json.loads((ROOT / ".chalice" / "policy-api.json").read_text())
    actions = {action for statement in policy["Statement"] for action in statement["Action"]}
    return {action for action in actions if not action.startswith("logs:")}


def test_every_call_of_the_adapters_is_known_here() -> None:
    assert calls() - LOCAL == set(NEEDS)


def test_the_policy_allows_what_the_calls_need_and_no_more() -> None:
    assert allowed() == set().union(*NEEDS.values())


def test_no_function_but_the_collector_may_delete_objects() -> None:
    assert "s3:DeleteObject" not in allowed()


def test_every_resource_is_named() -> None:
    policy = json.loads((ROOT / ".chalice" / "policy-api.json").read_text())
    assert all("roadstead-" in str(statement["Resource"]) for statement in policy["Statement"])
