"""Somebody comes between any two calls: of a pass of the collector, or of a client.

A blob and a v1 image lose what needed them, and some passes go by: so many that each step of the
way out is about to be done once. Then a client does something while the collector waits at one of
its calls, or several passes go by while a client does.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from chalicelib.domain.digest import digest_of
from chalicelib.service import manifests, uploads
from chalicelib.service.collect import collect
from chalicelib.service.sweep import DAY_S
from tests.collect.clients import ACTOR, LAYERS, REPOSITORIES, TAGS, Client
from tests.collect.interleavings import Story
from tests.conformance.bodies import CONFIG, OCI, image

NAME, TAG, LAYER = REPOSITORIES[0], TAGS[0], LAYERS[0]
RAW = image(OCI, LAYER)
STAGES = range(7)
HELD, DELETED, ALONE = "repository", "repository deleted", "blobs alone"


class Chosen(random.Random):
    """Always the first; what a client sends is sent in this way."""

    def __init__(self, how: int) -> None:
        super().__init__(0)
        self.how = how

    def choice(self, seq: Any) -> Any:
        return seq[0]

    def randrange(self, start: int, stop: int | None = None, step: int = 1) -> int:
        return self.how if stop is None else stop - 1

    def random(self) -> float:
        return 0.99


def remembering(client: Client) -> None:
    """A push by somebody who looks at nothing, and sends what then is said to be missing."""

    def push() -> object:
        return manifests.push(client.world, ACTOR, NAME, TAG, RAW, OCI)

    if not client._asked(push):
        for part in (CONFIG, LAYER):
            client._again(
                lambda part=part: uploads.put_whole(client.world, NAME, digest_of(part), part)
            )
        client._again(push)
    client.pushed[NAME, digest_of(RAW)] = RAW


def sending(client: Client) -> None:
    client._push(NAME, RAW, OCI, (CONFIG, LAYER))


def v1(client: Client) -> None:
    client.push_v1()


def v1_of_v2(client: Client) -> None:
    sending(client)
    client.read_v1()


# What a client does, and how it sends its blobs: see `Client._send_blob`.
ACTS: dict[str, tuple[Callable[[Client], None], int]] = {
    "remembers": (remembering, 0),
    "sends whole": (sending, 0),
    "mounts": (sending, 1),
    "mounts from anywhere": (sending, 2),
    "sends in parts": (sending, 3),
    "looks": (sending, 4),
    "pushes through v1": (v1, 0),
    "pulls through v1": (v1_of_v2, 2),
}


class Hooked(Story):
    """A story in which somebody comes in before a certain call, once."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.calls, self.at = 0, 0
        self.comes: Callable[[], None] = lambda: None
        self.schedule.step = self._hear  # type: ignore[method-assign]

    def _hear(self, what: str) -> None:
        self.calls += 1
        if self.calls == self.at:
            self.comes()

    def before(self, call: int, comes: Callable[[], None]) -> None:
        self.calls, self.at, self.comes = 0, call, comes


def ripe(stage: int, how: int, state: str) -> tuple[Hooked, Client]:
    """A registry in which so many passes have gone by since the last need."""
    story = Hooked(0)
    client = Client(story.world, Chosen(how), pushed=story.pushed)
    story.blobs.put("open/sha256/00/00/word", b"of no row")
    if state != ALONE:
        Client(story.world, Chosen(0)).push_v1()
        for part in (CONFIG, LAYER):
            uploads.put_whole(story.world, NAME, digest_of(part), part)
        manifests.push(story.world, ACTOR, NAME, TAG, RAW, OCI)
        manifests.delete(story.world, ACTOR, NAME, digest_of(RAW))
        if state == DELETED:
            client.delete_repository()
    else:
        for part in (CONFIG, LAYER):
            uploads.put_whole(story.world, NAME, digest_of(part), part)
    for _ in range(stage):
        story.passing()
        story.clock.at_s += DAY_S + 10
    return story, client


@pytest.mark.parametrize("state", [HELD, DELETED, ALONE])
@pytest.mark.parametrize("act", ACTS)
def test_a_client_between_two_calls_of_the_collector_loses_nothing(act: str, state: str) -> None:
    do, how = ACTS[act]
    for stage in STAGES:
        at = 0
        while True:
            at += 1
            story, client = ripe(stage, how, state)
            story.before(at, partial(do, client))
            story.passing()
            if story.calls < at:
                break
            check(story, f"stage {stage}, call {at}")


@pytest.mark.parametrize("state", [HELD, DELETED, ALONE])
@pytest.mark.parametrize("act", ACTS)
def test_passes_between_two_calls_of_a_client_lose_nothing(act: str, state: str) -> None:
    do, how = ACTS[act]
    for stage in STAGES:
        at = 0
        while True:
            at += 1
            story, client = ripe(stage, how, state)
            story.before(at, partial(several, story))
            do(client)
            if story.calls < at:
                break
            check(story, f"stage {stage}, call {at}")


def several(story: Hooked) -> None:
    """Passes within the time that a request may take."""
    for _ in range(3):
        assert collect(story.run)
        story.clock.at_s += 3700


def check(story: Hooked, where: str) -> None:
    story.at = 0
    try:
        story.check_whole()
        for name, digest in story.pushed:
            assert story.store.find_manifest("open", name, digest), "it was pushed and is gone"
        story.clock.at_s += DAY_S + 10
        story.passing()
        story.passing()
        story.check_whole()
    except AssertionError as error:
        raise AssertionError(f"{where}: {error}") from error
