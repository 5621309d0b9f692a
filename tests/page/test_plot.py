"""Plots and gauges as numbers: nothing leaves the drawing, and nothing is not something."""

from __future__ import annotations

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from chalicelib.domain.image import ImageState, V1Image
from chalicelib.domain.plot import HEIGHT, WIDTH, days_until, plotted
from chalicelib.page.images import tree
from chalicelib.page.teams import Gauge, asked_end

DAYS = days_until("20261203", 30)


def test_days_are_told_back_over_the_ends_of_months() -> None:
    assert DAYS[0] == "20261104"
    assert DAYS[-4:] == ["20261130", "20261201", "20261202", "20261203"]
    assert days_until("20280301", 2) == ["20280229", "20280301"]
    assert len(set(DAYS)) == 30


@for_all(st.dictionaries(st.sampled_from(DAYS), st.integers(-5, 2**53)))
def test_no_bar_leaves_the_drawing(values: dict[str, int]) -> None:
    plot = plotted(DAYS, values)
    assert [bar.day for bar in plot.bars] == DAYS
    assert plot.total == sum(max(0, value) for value in values.values())
    for bar in plot.bars:
        assert 0 <= bar.x <= bar.x + bar.width <= WIDTH
        assert 0 <= bar.y <= HEIGHT
        assert bar.y + bar.height == pytest.approx(HEIGHT)
        assert (bar.height > 0) is (bar.value > 0), "what is not nothing is seen"
    highest = [bar for bar in plot.bars if bar.value == plot.top > 0]
    assert all(bar.height == HEIGHT for bar in highest)


def test_a_plot_of_nothing_has_no_bars() -> None:
    plot = plotted(DAYS, {})
    assert (plot.top, plot.total) == (0, 0)
    assert {bar.height for bar in plot.bars} == {0}


GAUGES = {(0, None): 0, (5, None): 0, (0, 10): 0, (9, 10): 90, (10, 10): 100, (99, 10): 100}


@pytest.mark.parametrize(("filled", "percent"), {**GAUGES, (0, 0): 100}.items())
def test_a_gauge_is_full_at_its_limit(filled: tuple[int, int | None], percent: int) -> None:
    assert Gauge("x", *filled).percent == percent


ENDS = {"": {"expires_at": None}, "7": {"expires_in_s": 604_800}, "x": {"expires_in_s": "x"}}


@pytest.mark.parametrize(("days", "asked"), {**ENDS, "٣": {"expires_in_s": "٣"}}.items())
def test_a_form_says_an_end_in_the_apis_words(days: str, asked: dict[str, object]) -> None:
    assert asked_end({"days": days}) == asked


# --- the tree of v1 images ------------------------------------------------------------------------


def image(*ancestry: str) -> V1Image:
    return V1Image(ancestry[0], b"{}", ancestry, ImageState.SEALED)


def outline(nodes: list[object]) -> list[object]:
    return [[node.image_id, outline(node.children)] for node in nodes]  # type: ignore[attr-defined]


def test_images_stand_below_their_parents_in_whatever_order_they_come() -> None:
    images = [image("a"), image("b", "a"), image("c", "b", "a"), image("d", "a"), image("x")]
    for turned in (images, images[::-1], images[2:] + images[:2]):
        found = sorted(outline(list(tree(turned))), key=str)
        below = found[0]
        assert [each[0] for each in found] == ["a", "x"]  # type: ignore[index]
        assert sorted(below[1], key=str) == [["b", [["c", []]]], ["d", []]]  # type: ignore[index]


def test_an_ancestor_of_another_page_is_in_the_tree_by_its_name() -> None:
    (root,) = tree([image("c", "b", "a")])
    assert outline([root]) == [["a", [["b", [["c", []]]]]]]
    assert root.image is None
    assert root.children[0].children[0].image is not None


def test_a_thousand_ancestors_are_no_recursion() -> None:
    ids = [f"{n:064x}" for n in range(1024)]
    (root,) = tree([image(*ids)])
    assert root.image_id == ids[-1]
