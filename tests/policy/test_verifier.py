"""The verifier's role: all that a run calls, refused and paused ones included, and no more."""

from __future__ import annotations

import json
import secrets
from dataclasses import replace
from pathlib import Path

import pytest

from chalicelib.adapters.clock import SystemClock
from chalicelib.adapters.dynamo import DynamoMetadata
from chalicelib.adapters.s3 import S3Blobs
from chalicelib.domain.access import OPEN_TEAM
from chalicelib.domain.digest import digest_of
from chalicelib.domain.limits import MIB
from chalicelib.domain.names import RepositoryName
from chalicelib.service import remote, uploads, verify
from chalicelib.service.verify import Outcome
from chalicelib.service.world import World
from tests.package.conftest import make_stores
from tests.policy.test_recorded import allows
from tests.support.aws_recorder import Need, Recording, recording
from tests.support.stack import Stack
from tests.support.world import Asked, memory_world

POLICY = Path(__file__).parents[2] / ".chalice" / "policy-verifier.json"
APP = RepositoryName("acme/app")
DATA = secrets.token_bytes(17 * MIB)


def closed_upload(world: World, digest_data: bytes) -> str:
    session = uploads.start(world, APP, "sha256")
    held = remote.claim(world, APP, session.upload_id, None, None).session
    part = world.blobs.put_part(held.object_key, held.multipart_id or "", 1, DATA)
    report = remote.Report(len(DATA), (part,), None, None, "")
    remote.advance(world, APP, session.upload_id, held.claim or "", report)
    uploads.close(world, APP, session.upload_id, digest_of(digest_data), b"", None)
    return session.upload_id


@pytest.fixture(scope="module")
def recorded(stack: Stack) -> Recording:
    """Runs of every outcome; what goes before them is called past the recorder."""
    name = f"roadstead-{secrets.token_hex(6)}"
    make_stores(stack, name)
    clock = SystemClock()

    def world_at(dynamodb_url: str, s3_url: str) -> World:
        return memory_world(
            metadata=DynamoMetadata(name, stack.region, dynamodb_url, session=stack.session),
            blobs=S3Blobs(name, stack.region, s3_url, clock=clock, session=stack.session),
            clock=clock,
            verifier=Asked(),
            inline_proof_bytes=MIB,
        )

    endpoints = stack.endpoints
    before = world_at(endpoints.dynamodb_url, endpoints.s3_url)
    first, second = closed_upload(before, b"other"), closed_upload(before, DATA)
    with recording(endpoints.dynamodb_url, endpoints.s3_url) as record:
        world = world_at(record.dynamodb_url, record.s3_url)

        def run(upload_id: str, left_s: float = 900.0) -> Outcome:
            return verify.run(world, OPEN_TEAM, upload_id, time_left_s=lambda: left_s)

        assert run(second, 0.0) is Outcome.PAUSED
        outcomes = [run(first), run(second), run(second)]
        assert outcomes == [Outcome.REFUSED, Outcome.LINKED, Outcome.GONE]
    return replace(record)


def permissions() -> list[tuple[str, str]]:
    return [
        (action, statement["Resource"])
        for statement in json.loads(POLICY.read_text())["Statement"]
        for action in statement["Action"]
        if not action.startswith("logs:")
    ]


def test_no_call_without_a_permission(recorded: Recording) -> None:
    def is_allowed(need: Need) -> bool:
        return any(allows(permission, need) for permission in permissions())

    assert recorded.unknown == set()
    assert [need for need in recorded.needs if not is_allowed(need)] == []


def test_no_permission_without_a_call(recorded: Recording) -> None:
    needs = list(recorded.needs)
    assert [each for each in permissions() if not any(allows(each, need) for need in needs)] == []
