"""The edge's functions under node, and under njs where it is installed."""

from collections.abc import Iterator

import pytest

from tests.clients.commands import find, not_run
from tests.edge.engines import Edge, Njs, Node


@pytest.fixture(scope="module", params=["node", "njs"])
def edge(request: pytest.FixtureRequest) -> Iterator[Edge]:
    if find(request.param) is None:
        not_run(f"not installed: {request.param}")
    engine = Node() if request.param == "node" else Njs()
    yield Edge(engine)
    engine.close()
