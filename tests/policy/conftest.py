"""A wide part of the conformance cases on real servers, every call to them written down."""

from __future__ import annotations

import http.client
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

from chalicelib.adapters.clock import SystemClock
from chalicelib.adapters.dynamo import DynamoMetadata
from chalicelib.adapters.s3 import S3Blobs
from roadstead.gateway.events import HttpResponse
from tests.conformance.cases import Case, Step
from tests.conformance.runner import Run, value_at, world_of
from tests.conformance.test_cases import CASES, played
from tests.package.conftest import make_stores
from tests.support.aws_recorder import Recording, recording
from tests.support.stack import Stack
from tests.support.world import Registry, SettableClock


def chosen() -> Iterator[Case]:
    """So many cases that together they reach every endpoint with every answer that any reaches."""
    reached: set[object] = set()
    for case in CASES:
        reaches = reached_by(case)
        if reaches - reached:
            reached |= reaches
            yield case


def reached_by(case: Case) -> set[object]:
    """Nothing for a case that does not hold: the tests of the cases say so."""
    try:
        return {(step.endpoint, step.status, step.codes) for step in played(case.name)}
    except AssertionError:
        return set()


class OnServers(Run):
    """A case whose presigned URLs lead to a real S3 server, whose clock is not the case's."""

    def at_s3(self, step: Step, url: str, data: bytes, headers: Mapping[str, str]) -> None:
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.netloc, timeout=30)
        target = url.partition(parts.netloc)[2]
        connection.request(step.method, target, data or None, dict(headers))
        answer = connection.getresponse()
        response = HttpResponse(answer.status, answer.getheaders(), answer.read())
        connection.close()
        if not step.wait_s:
            self.check(step, response)
        for key, place in step.save.items():
            self.saved[key] = value_at(response, place)


def play(case: Case, stack: Stack, record: Recording) -> None:
    """The case on a table and a bucket of its own. Raises: AssertionError."""
    name = f"roadstead-{secrets.token_hex(6)}"
    make_stores(stack, name)
    clock = SettableClock()
    store = DynamoMetadata(
        name, stack.region, record.dynamodb_url, session=stack.session, clock=clock
    )
    blobs = S3Blobs(name, stack.region, record.s3_url, clock=SystemClock(), session=stack.session)
    world = world_of(case, metadata=store, accounts=store, search=store, blobs=blobs, clock=clock)
    OnServers(world, Registry(world).send, {"origin": "http://registry.test"}).play(case)


@dataclass(frozen=True)
class Played:
    """What was recorded, and the cases that did not hold on the servers."""

    record: Recording
    failed: dict[str, str]


@pytest.fixture(scope="module")
def everything(stack: Stack) -> Played:
    failed = {}
    endpoints = stack.endpoints
    with recording(endpoints.dynamodb_url, endpoints.s3_url) as record:
        for case in chosen():
            try:
                play(case, stack, record)
            except AssertionError as error:
                failed[case.name] = f"{error} {getattr(error, '__notes__', '')}"
    return Played(record, failed)
