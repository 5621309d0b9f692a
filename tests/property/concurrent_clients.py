"""Several clients of one repository at once, and the history of what they asked and were told."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from chalicelib.service.world import World
from tests.conformance.bodies import CONFIG, LAYER, OCI, image
from tests.conformance.cases import of
from tests.property.linearizability import Operation
from tests.property.repository_model import DELETE, PUSH, READ, Asked
from tests.support.world import Registry

# Nobody is kept waiting for ever by one that hangs.
PATIENCE_S = 120

IMAGES = {of(raw): raw for raw in (image(annotations={"n": str(n)}) for n in range(3))}
DIGESTS = tuple(IMAGES)

Plan = Sequence[Asked]


def take_a_moment(*_: object) -> None:
    """So that others come between two steps of a request more often than they would."""
    time.sleep(random.uniform(0, 0.004))


class Unhurried:
    """A store whose every verb takes a moment.

    In memory a request would else be over before another thread has its turn.
    """

    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, verb: str) -> Any:
        at_once = getattr(self._store, verb)

        def after_a_moment(*args: Any, **named: Any) -> Any:
            take_a_moment()
            return at_once(*args, **named)

        return after_a_moment


@dataclass
class Clients:
    """Send plans to one repository through the very app, each from a thread of its own."""

    world: World
    repository: str
    registry: Registry = field(init=False)

    def __post_init__(self) -> None:
        self.registry = Registry(self.world)
        for blob in (CONFIG, LAYER):
            url = f"/v2/{self.repository}/blobs/uploads/?digest={of(blob)}"
            assert self.registry.send("POST", url, blob).status == 201

    def set_rules(self, body: bytes) -> None:
        """The rules of its tags; there is a repository only once something has been pushed."""
        self.send(Asked(PUSH, 201, DIGESTS[0]))
        self.send(Asked(DELETE, 202, DIGESTS[0]))
        answer = self.registry.send("PUT", f"/v2/{self.repository}/_roadstead/tags/rules", body)
        assert answer.status == 200, answer

    def send(self, wanted: Asked) -> Asked:
        """What is wanted, with the answer that it got."""
        method = {PUSH: "PUT", DELETE: "DELETE", READ: "GET"}[wanted.verb]
        reference = wanted.digest or wanted.tags[0]
        query = ""
        if wanted.verb == PUSH and len(wanted.tags) == 1:
            reference = wanted.tags[0]
        elif wanted.verb == PUSH:
            query = "?" + "&".join(f"tag={tag}" for tag in wanted.tags)
        body = IMAGES[wanted.digest] if wanted.verb == PUSH and wanted.digest else b""
        url = f"/v2/{self.repository}/manifests/{reference}{query}"
        answer = self.registry.send(method, url, body, {"Content-Type": OCI})
        check_answer(wanted, answer.status)
        found = answer.header("Docker-Content-Digest") if wanted.verb == READ else None
        if found is not None:
            assert answer.body == IMAGES[found], "the bytes of another manifest"
        return Asked(wanted.verb, answer.status, wanted.digest, wanted.tags, found)

    def run(self, plans: Sequence[Plan]) -> list[Operation[Asked]]:
        """All plans at once; a moment is a number that no other call and no other answer has."""
        moments, start = itertools.count(), threading.Barrier(len(plans))

        def follow(plan: Plan) -> list[Operation[Asked]]:
            start.wait(PATIENCE_S)
            history = []
            for wanted in plan:
                called_at = next(moments)
                answered = self.send(wanted)
                answered_at = next(moments)
                known = None if answered.status == 503 else answered_at
                history.append(Operation(answered, called_at, known))
            return history

        with ThreadPoolExecutor(len(plans)) as threads:
            running = [threads.submit(follow, plan) for plan in plans]
            return [one for each in running for one in each.result(PATIENCE_S)]


def check_answer(wanted: Asked, status: int) -> None:
    """A 503 says that others were in the way; no other answer is a surprise."""
    usual = {PUSH: (201, 409), DELETE: (202, 404), READ: (200, 404)}[wanted.verb]
    assert status in (*usual, 503), (wanted, status)


def plans(
    seed: object, clients: int, length: int, make: Callable[[random.Random], Asked]
) -> list[Plan]:
    """The same for the same seed; what comes between what is up to the threads."""
    chosen = random.Random(repr(seed))
    return [[make(chosen) for _ in range(length)] for _ in range(clients)]


def shown(history: Iterable[Operation[Asked]]) -> str:
    """A history as text, in the order of the calls, digests by their numbers."""
    lines = []
    for one in sorted(history, key=lambda one: one.called_at):
        what, end = one.what, "?" if one.answered_at is None else one.answered_at
        digest = f"#{DIGESTS.index(what.digest)}" if what.digest else ""
        found = f" {DIGESTS.index(what.found)}" if what.found else ""
        subject = f"{what.verb} {digest} {','.join(what.tags)}"
        lines.append(f"{one.called_at:4} to {end!s:>4}  {subject:24} {what.status}{found}")
    return "\n".join(lines)
