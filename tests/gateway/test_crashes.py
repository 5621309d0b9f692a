"""A fault between any two calls of a push: what is visible stays whole, and the push can be done.

Each test counts the calls of a push that goes well, then repeats it once for each of them, in an
empty registry, with the fault at that call.
"""

from __future__ import annotations

import json

import pytest

from chalicelib.domain import limits
from tests.gateway.client import (
    assert_pulled,
    close,
    code_of,
    digest_of,
    payload,
    pull,
    start,
)
from tests.gateway.faults import Fault
from tests.gateway.places import Place
from tests.gateway.pushes import (
    PART,
    InlinePush,
    MixedPatches,
    Push,
    StreamedPatch,
    StreamedPost,
    StreamedPut,
    V1Push,
)
from tests.gateway.wire import Answer, send

KINDS = [InlinePush, StreamedPatch, StreamedPut, StreamedPost, V1Push]


def do(push: Push, first: int = 0) -> tuple[int, Answer | None]:
    """Do the steps from this one on; the answer is the step that was refused, and how."""
    steps = push.steps()
    for number, step in enumerate(steps[first:], first):
        answer = step()
        # Docker takes a 409 for the json as `this image is there already`.
        if answer.status == 409 and isinstance(push, V1Push):
            continue
        if answer.status >= 400:
            return number, answer
    return len(steps), None


def calls_of(place: Place, kind: type[Push], repository: str) -> int:
    """How many calls a push makes that goes well."""
    place.renew()
    push = kind(place, repository)
    assert do(push)[1] is None
    count = len(place.fuse.calls)
    push.check(whole=True)
    return count


def assert_refused(push: Push, answer: Answer | None, statuses: set[int]) -> None:
    assert answer is not None
    assert answer.status in statuses, answer
    document = json.loads(answer.body)
    if isinstance(push, V1Push):
        assert isinstance(document["error"], str)
    else:
        assert document["errors"][0]["code"]


def broken(place: Place, kind: type[Push], repository: str, at: int, fault: Fault) -> Push:
    """An empty registry that fails at this call."""
    place.renew()
    place.fuse.at, place.fuse.fault = at, fault
    return kind(place, repository)


@pytest.mark.parametrize("kind", [*KINDS, MixedPatches])
def test_a_store_that_refuses_any_one_call_is_a_503_and_the_same_request_works_next(
    memory_server: Place, repository: str, kind: type[Push]
) -> None:
    for at in range(1, calls_of(memory_server, kind, repository) + 1):
        push = broken(memory_server, kind, repository, at, Fault.REFUSED)
        stopped, answer = do(push)
        where = f"call {at}: {push.place.fuse.blown}, step {stopped}"
        if answer is not None:
            assert_refused(push, answer, {503})
            push.check()
            stopped, answer = do(push, stopped)
        assert answer is None, f"{where}; then step {stopped}: {answer}"
        push.check(whole=True)


@pytest.mark.parametrize("kind", KINDS)
def test_a_store_whose_answer_is_lost_is_a_503_and_the_push_works_next(
    memory_server: Place, repository: str, kind: type[Push]
) -> None:
    for at in range(1, calls_of(memory_server, kind, repository) + 1):
        push = broken(memory_server, kind, repository, at, Fault.UNHEARD)
        _, answer = do(push)
        if answer is not None:
            assert_refused(push, answer, {503})
        push.check()
        again = kind(memory_server, repository)
        stopped, answer = do(again)
        assert answer is None, f"call {at}: {push.place.fuse.blown}; step {stopped}: {answer}"
        again.check(whole=True)


@pytest.mark.parametrize("kind", KINDS)
def test_a_process_that_dies_at_any_call_leaves_what_is_whole_and_the_push_works_next(
    memory_server: Place, repository: str, kind: type[Push]
) -> None:
    for at in range(1, calls_of(memory_server, kind, repository) + 1):
        push = broken(memory_server, kind, repository, at, Fault.DEAD)
        stopped, answer = do(push)
        where = f"call {at}: {push.place.fuse.blown}"
        assert_refused(push, answer, {500})
        memory_server.fuse.mend()
        push.check()
        # The same request, when the claim has run out: it works, or says that it cannot any more.
        memory_server.clock.at_s += limits.CLAIM_TTL_S
        again = push.steps()[stopped]()
        assert again.status < 300 or again.status in (400, 404, 409, 416), (where, again)
        push.check()
        push = kind(memory_server, repository)
        stopped, answer = do(push)
        assert answer is None, f"{where}; then step {stopped}: {answer}"
        push.check(whole=True)


def test_a_close_repeated_with_other_bytes_does_not_get_those_of_the_first(
    memory: Place, repository: str
) -> None:
    # The first close joins the parts and then cannot link the blob; its bytes are in S3 for good.
    begun, first, other = payload(PART), payload(1000), payload(1000, 1)
    location = start(memory, repository)
    assert send(memory.host, "PATCH", location, begun).status == 202
    memory.fuse.at_name = "put_blob"
    assert close(memory, location, digest_of(begun + first), first).status == 503
    memory.fuse.mend()
    answer = close(memory, location, digest_of(begun + other), other)
    assert (answer.status, code_of(answer)) == (400, "DIGEST_INVALID")
    assert pull(memory, repository, digest_of(begun + other)) is None
    assert close(memory, location, digest_of(begun + first), first).status == 201
    assert_pulled(memory, repository, begun + first)
