"""Stand-ins around applications of the tests' own, and whole registries with AWS's limits."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from roadstead.awslimits.home import Plan
from tests.awslimits.places import Place, aws_place
from tests.support.stack import Stack


@pytest.fixture(scope="module")
def bare(stack: Stack) -> Iterator[Place]:
    """Nothing but Lambda and S3."""
    with aws_place(stack) as place:
        yield place


@pytest.fixture(scope="module")
def beside(stack: Stack) -> Iterator[Place]:
    """The same with a gateway."""
    with aws_place(stack, Plan(gateway=True)) as place:
        yield place
