"""Every cell of the table, run with the real client: it works, or the client says why not."""

from __future__ import annotations

import os

import pytest

from tests.awslimits.places import Place
from tests.awslimits.pushing import PUSHES, Bench, repository_for, words
from tests.awslimits.table import CELLS, SAYS, Client, Ends, Size, Way, is_daily
from tests.clients.commands import not_run
from tests.clients.images import Shelf
from tests.clients.registry import Registry

pytestmark = pytest.mark.clients

WHOLE = os.environ.get("ROADSTEAD_TEST_TABLE") == "whole"
IDS = [f"{client.name}-{size.name.lower()}-{way.name.lower()}" for client, way, size in CELLS]


@pytest.mark.parametrize(("client", "way", "size"), CELLS, ids=IDS)
def test_a_push_ends_as_the_table_says(
    client: Client, way: Way, size: Size, shelf: Shelf, request: pytest.FixtureRequest, bench: Bench
) -> None:
    if not WHOLE and not is_daily(client, way, size):
        not_run("of the cells of 300 MB `make test` runs six; `make clients-table` runs all")
    place: Place | str = request.getfixturevalue(f"by_{way.name.lower()}")
    host = place if isinstance(place, str) else place.host
    registry = Registry(host, f"http://{host}")
    ends = client.ends(way, size)
    image = shelf[size.name.lower()]

    if ends is Ends.WORKS:
        PUSHES[client.name](bench, registry, repository_for(client.name), image)
        return
    with pytest.raises(Exception) as refused:
        PUSHES[client.name](bench, registry, repository_for(client.name), image)
    said = "\n".join(words(refused.value))
    assert any(text in said for text in SAYS[ends]), said
