"""Whole registries with AWS's limits, on the embedded servers and on free ports."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from chalicelib.domain.access import Mode
from roadstead import local
from roadstead.awslimits.exchange import Address
from roadstead.awslimits.functions import NodeFunctions
from roadstead.awslimits.home import EdgeKeys, Home, Plan, at_home, functions_for
from roadstead.awslimits.servers import serving
from tests.clients.commands import find, not_run
from tests.support.stack import Stack
from tests.support.world import GATEWAY_KEY, SIGNING_KEY

KEYS = EdgeKeys("0d" * 32, b"e" * 32)


def need_node() -> None:
    if find("node") is None:
        not_run("not installed: node (apt-get install nodejs)")


@dataclass(frozen=True)
class Place:
    """Where the distribution listens, and what is behind it."""

    edge: Address
    home: Home
    functions: NodeFunctions

    @property
    def host(self) -> str:
        return self.edge.netloc


@contextmanager
def aws_place(
    stack: Stack, plan: Plan | None = None, choices: local.Choices | None = None
) -> Iterator[Place]:
    """A registry in the stack's servers, in the table and the bucket of `roadstead up`."""
    need_node()
    made, chosen = plan or Plan(), choices or local.Choices(Mode.OPEN)
    with (
        functions_for(chosen, KEYS, made) as functions,
        at_home(
            stack.endpoints,
            chosen,
            (SIGNING_KEY, GATEWAY_KEY),
            functions,
            KEYS,
            "",
            made,
        ) as home,
        serving(home.distribution, "CloudFront") as edge,
    ):
        yield Place(edge, home, functions)
