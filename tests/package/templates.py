"""The templates as they are built, and what the tests of all of them share."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from roadstead.package import function, template

INFRA = function.PROJECT / "infra"
Document = dict[str, Any]


@cache
def _packaged() -> str:
    return json.dumps(template.build_template(INFRA / "app.json"))


def app_template() -> Document:
    """The finished template of the application; a new one each time."""
    document: Document = json.loads(_packaged())
    return document


def plain_template(name: str) -> Document:
    """One of infra's that is deployed as it stands: data, end."""
    document: Document = json.loads((INFRA / f"{name}.json").read_text())
    return document


def resources(document: Document, kind: str) -> dict[str, Document]:
    found = document["Resources"].items()
    return {name: each.get("Properties", {}) for name, each in found if each["Type"] == kind}


def walk(node: Any) -> Iterator[Any]:
    yield node
    for child in (
        node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    ):
        yield from walk(child)


def lint(*paths: Path) -> str:
    program = Path(sys.executable).with_name("cfn-lint")
    done = subprocess.run([program, *paths], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr
