"""Every case, in process and over a socket; and the cases together reach all there is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from chalicelib.adapters.hashing import ResumableHashing
from chalicelib.api.blueprints import register_all
from chalicelib.domain.errors import ErrorCode
from chalicelib.service.world import World
from chalicelib.web.edge import RegistryApp
from roadstead.gateway.asgi import Gateway
from roadstead.gateway.events import LambdaFront
from roadstead.uploader import PartStorage
from tests.conformance.cases import Case
from tests.conformance.cases_v1 import CASES as V1_CASES
from tests.conformance.cases_v2 import CASES as V2_CASES
from tests.conformance.runner import Seen, in_process, over_socket, world_of
from tests.support.registry import serving
from tests.support.world import GATEWAY_KEY

CASES = (*V2_CASES, *V1_CASES)

# What v2 answers only when something behind it fails or the gateway in front refuses:
# `tests/web/` and `tests/adapters/test_throttling.py` provoke those.
NOT_BY_A_CASE = {
    ErrorCode.THROTTLED,
    ErrorCode.TOOMANYREQUESTS,
    ErrorCode.UNAVAILABLE,
    ErrorCode.UNKNOWN,
}


@cache
def played(name: str) -> tuple[Seen, ...]:
    """What the case of this name reaches, played once in a run of the tests."""
    (case,) = (case for case in CASES if case.name == name)
    return tuple(in_process(case).play(case))


def seen() -> tuple[Seen, ...]:
    """What all cases reach."""
    return tuple(step for case in CASES for step in played(case.name))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_in_process(case: Case) -> None:
    played(case.name)


class Berth(PartStorage):
    """Where one gateway finds the world of the case that is being played, and puts its parts."""

    world: World
    host: str

    def put(self, url: str, data: bytes | bytearray) -> str:
        blobs: Any = self.world.blobs
        return str(blobs.fetch(url, "PUT", bytes(data)).headers["ETag"])

    def get(self, url: str) -> bytes:
        blobs: Any = self.world.blobs
        return bytes(blobs.fetch(url).body)


@pytest.fixture(scope="module")
def berth() -> Iterator[Berth]:
    place = Berth()
    app = register_all(RegistryApp("roadstead"), lambda: place.world)
    with serving(Gateway(LambdaFront(app), ResumableHashing(), GATEWAY_KEY, place)) as host:
        place.host = host
        yield place


@pytest.mark.parametrize("case", CASES, ids=str)
def test_over_a_socket(case: Case, berth: Berth) -> None:
    berth.world = world_of(case)
    over_socket(berth.world, berth.host).play(case)


def test_no_two_cases_say_the_same() -> None:
    names = Counter(case.name for case in CASES)
    assert [name for name, count in names.items() if count > 1] == []


def test_every_error_that_v2_can_answer_is_reached_by_a_case() -> None:
    reached = {code for step in seen() for code in step.codes}
    wanted = {code for code in ErrorCode if code.value.code != "V1"} - NOT_BY_A_CASE
    assert wanted - reached == set()
    assert NOT_BY_A_CASE & reached == set(), "a case reaches it: take it off the list"
