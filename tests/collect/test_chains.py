"""v1 images that nothing needs: a chain goes in one pass, and what stays keeps its ancestors."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.domain.names import RepositoryName
from chalicelib.domain.records import IndexImage
from chalicelib.service import images
from chalicelib.service.collect import collect
from chalicelib.service.sweep import DAY_S
from tests.collect.places import Place
from tests.contracts.values import image as v1_image

TEAM, LISTED = "crew", RepositoryName("crew/app")
DEPTH = 127
CHAIN = tuple(f"{number:064x}" for number in range(DEPTH))
BRANCH = tuple(f"{number:064x}" for number in range(1000, 1003))


def fill(place: Place, *chains: tuple[str, ...]) -> None:
    """Images that stand one on another, roots first; the team lives on."""
    place.make_team(TEAM)
    place.push(LISTED.path, "latest", b"a layer")
    store: Any = place.run.store
    known = set[str]()
    for chain in chains:
        for number, image_id in enumerate(chain, 1):
            if image_id not in known:
                known.add(image_id)
                store.put_image(TEAM, v1_image(image_id, ancestry=tuple(reversed(chain[:number]))))


def left(place: Place, *chains: tuple[str, ...]) -> set[str]:
    store: Any = place.run.store
    return {each for chain in chains for each in store.find_images(TEAM, chain)}


def passing(place: Place, wait_s: int) -> None:
    """A pass; it has begun, as each has, when the one before it ended."""
    assert collect(place.run)
    place.clock.at_s += wait_s


def test_a_chain_goes_in_one_pass_when_its_grace_is_over(place: Place) -> None:
    fill(place, CHAIN)
    passing(place, DAY_S - 1)
    passing(place, 1)
    passing(place, 0)
    assert left(place, CHAIN) == set(CHAIN)
    passing(place, 0)
    assert left(place, CHAIN) == set()
    gone = [each.thing.text for each in place.gone if each.thing.text in CHAIN]
    assert gone == list(reversed(CHAIN)), "an image went before one that is built on it"


def test_of_a_tree_the_branches_go_first_and_the_stem_in_the_next_pass(place: Place) -> None:
    other = CHAIN[:5] + BRANCH
    fill(place, CHAIN[:9], other)
    passing(place, DAY_S)
    passing(place, 0)
    passing(place, 0)
    assert left(place, CHAIN[:9], other) == set(CHAIN[:5])
    passing(place, 0)
    assert left(place, CHAIN[:9], other) == set()


def test_who_reads_an_image_keeps_all_its_ancestors_for_another_day(place: Place) -> None:
    fill(place, CHAIN[:9])
    passing(place, DAY_S)
    passing(place, 0)
    assert images.find(place.world, TEAM, CHAIN[4]) is not None
    passing(place, DAY_S - 1)
    assert left(place, CHAIN[:9]) == set(CHAIN[:5])
    passing(place, 1)
    passing(place, 0)
    assert left(place, CHAIN[:9]) == set(CHAIN[:5])
    passing(place, 0)
    assert left(place, CHAIN[:9]) == set()


# Whichever a scan of the table comes upon first: what stays, or what goes and leads to it.
@pytest.mark.parametrize("chain", [CHAIN[:9], CHAIN[8::-1]], ids=["stem first", "last first"])
@pytest.mark.parametrize("at", range(9))
def test_what_is_listed_at_last_keeps_its_ancestors_and_nothing_above_it(
    place: Place, at: int, chain: tuple[str, ...]
) -> None:
    fill(place, chain)
    passing(place, DAY_S)
    passing(place, 0)
    store: Any = place.run.store
    store.put_index_images(TEAM, LISTED, [IndexImage(chain[at])])
    for _ in range(3):
        passing(place, DAY_S)
    assert left(place, chain) == set(chain[: at + 1])


def test_a_dry_run_names_the_whole_chain_and_takes_none_of_it(place: Place) -> None:
    fill(place, CHAIN[:9])
    passing(place, DAY_S)
    place.run.is_dry = True
    passing(place, 0)
    assert [each.thing.text for each in place.gone if each.thing.text in CHAIN] == list(
        reversed(CHAIN[:9])
    )
    assert left(place, CHAIN[:9]) == set(CHAIN[:9])
