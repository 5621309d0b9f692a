"""A few hundred stories in each run of the tests; ten thousand with `python -m`."""

from __future__ import annotations

import pytest

from tests.collect.interleavings import tell_all


@pytest.mark.parametrize("first", [0, 100, 380])
def test_among_clients_nothing_needed_is_lost_and_nothing_else_is_left(first: int) -> None:
    seen = tell_all(80, first)
    for kind in ("blob", "blob of the team", "object", "manifest", "v1 image"):
        assert seen[kind], f"the stories no longer get as far as a {kind} that goes"
