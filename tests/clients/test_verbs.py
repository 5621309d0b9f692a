"""The table of what each client does is whole, and names tests that are there."""

import ast
from functools import cache
from pathlib import Path

import pytest

from .verbs import TABLE, VERBS, Cannot

HERE = Path(__file__).parent
CLIENTS = ("crane", "oras", "regctl", "skopeo", "podman", "ctr", "python-dxf", "oras-py")


@cache
def functions_of(module: str) -> frozenset[str]:
    tree = ast.parse((HERE / f"{module}.py").read_text())
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def test_every_client_has_a_row() -> None:
    assert tuple(TABLE) == CLIENTS


@pytest.mark.parametrize("client", CLIENTS)
def test_every_verb_of_a_client_has_a_test_or_a_reason(client: str) -> None:
    row = TABLE[client]
    assert tuple(row) == VERBS
    for verb, cell in row.items():
        if isinstance(cell, Cannot):
            assert cell.why, verb
        else:
            module, _, name = cell.partition("::")
            assert name in functions_of(module), (verb, cell)
