"""The word under which the edge keeps what it takes for a repository: when it is given up."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.domain import keys
from chalicelib.domain.digest import digest_of
from chalicelib.domain.names import RepositoryName
from chalicelib.service import edge
from chalicelib.service.collect import collect
from chalicelib.service.ended import OBJECTS_AT_ONCE
from chalicelib.service.sweep import DAY_S, Run
from tests.support.world import EDGE_KEY, EDGE_WORD, SettableClock, memory_world

NAME, TEAM, WORD = RepositoryName("acme/app"), "open", "f" * 32
HOUR_S = 3600


class Place:
    def __init__(self) -> None:
        self.clock = SettableClock()
        self.world = memory_world(clock=self.clock, edge_word=EDGE_WORD, edge_key=EDGE_KEY)
        self.store: Any = self.world.metadata
        self.blobs: Any = self.world.blobs
        self.store.give_edge_word(TEAM, NAME, WORD)

    def came(self, *parts: bytes) -> None:
        """What S3 has taken, and nobody has told of."""
        for part in parts:
            digest = digest_of(part)
            key = keys.edge_key(TEAM, WORD, digest)
            self.blobs.put(key, part, sha256_hex=digest.hex)

    def serves(self, part: bytes) -> bool:
        return edge.find_blob(self.world, NAME, digest_of(part)) is not None

    def word(self) -> str | None:
        found: str | None = self.store.find_edge_word(TEAM, NAME)
        return found

    def later(self, seconds: int) -> None:
        self.clock.at_s += seconds

    def passing(self) -> None:
        assert collect(Run(self.world, self.store, self.blobs))


@pytest.fixture
def place() -> Place:
    return Place()


def parts(count: int) -> list[bytes]:
    """So many, in the order in which a bucket lists them."""
    made = [f"part {number}".encode() for number in range(count)]
    return sorted(made, key=lambda part: digest_of(part).hex)


def test_old_bytes_that_nobody_has_adopted_take_the_word_along(place: Place) -> None:
    place.came(b"left lying")
    place.later(2 * DAY_S + 10)
    place.passing()
    assert place.word() is None
    assert not place.serves(b"left lying")


def test_bytes_that_came_two_hours_ago_can_still_be_pushed_beside_old_ones_in_use(
    place: Place,
) -> None:
    """A push of large layers takes hours; the repository is years old."""
    place.came(b"in use")
    assert place.serves(b"in use")
    place.later(300 * DAY_S)
    place.came(b"of this push")
    place.later(2 * HOUR_S)
    place.passing()
    assert place.serves(b"of this push")


def test_not_while_something_comes_in_that_is_far_down_in_the_list(place: Place) -> None:
    *old, last = parts(OBJECTS_AT_ONCE + 1)
    place.came(*old)
    assert all(place.serves(part) for part in old[1:])
    place.later(3 * DAY_S)
    place.came(last)
    place.later(60)
    place.passing()
    assert place.serves(last)


def test_what_lies_unused_far_down_in_the_list_is_found(place: Place) -> None:
    *used, lying = parts(OBJECTS_AT_ONCE + 1)
    place.came(*used, lying)
    assert all(place.serves(part) for part in used)
    place.later(3 * DAY_S)
    place.passing()
    assert place.word() is None
