"""`python -m roadstead.gendocs [--check]`: docs/api.md from the tables of endpoints and errors."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from chalicelib.domain.errors import ErrorCode
from chalicelib.web.endpoints import ENDPOINTS, Endpoint, Family
from chalicelib.web.render import V1_FAMILIES

API_PAGE = Path(__file__).resolve().parent.parent / "docs" / "api.md"

HEAD = """# The HTTP API

This page is generated from `chalicelib/web/endpoints.py` and `chalicelib/domain/errors.py` by
`python -m roadstead.gendocs`; edit those.

`{repository}` stands for a name of any number of components; v1 clients write one or two.
The action is what the endpoint needs: `none` is for everybody, `signed in` for every account,
the others are decided for the repository (see `chalicelib/domain/access.py`).
A registry with `AUTH=off` allows everything to everybody.
A slash at the end of a path does not count.
"""

TITLES = {
    Family.V2: "Registry v2 (OCI Distribution 1.1)",
    Family.UPLOADER: "The uploader",
    Family.V1_REGISTRY: "Registry v1",
    Family.V1_INDEX: "Hub and index v1",
    Family.ROOT: "The root",
    Family.PAGE: "The page",
}


def render() -> str:
    """The whole page."""
    parts = [HEAD]
    for family in Family:
        rows = [endpoint for endpoint in ENDPOINTS if endpoint.family is family]
        parts.append(f"\n## {TITLES[family]}\n\n{_shape(family)}\n\n{_endpoints(rows)}")
    parts.append(f"\n## Errors\n\n{_errors()}")
    return "".join(parts)


def _shape(family: Family) -> str:
    if family is Family.PAGE:
        return "Answers and errors are HTML; docs/page.md says what is on it."
    if family in V1_FAMILIES:
        return 'Errors are `{"error": "message"}`.'
    return 'Errors are `{"errors": [{"code", "message", "detail"}]}`.'


def _endpoints(rows: Iterable[Endpoint]) -> str:
    return _table(
        ("method", "path", "name", "spec", "action", "summary"),
        (
            (
                " ".join(row.methods),
                f"`{row.path}`",
                f"`{row.name}`",
                row.spec,
                row.action.value,
                row.summary,
            )
            for row in rows
        ),
    )


def _errors() -> str:
    return "Rows of the code `V1` are sent as their message alone.\n\n" + _table(
        ("code", "status", "message", "spec"),
        (
            (f"`{row.value.code}`", str(row.status), row.value.message, row.value.spec)
            for row in ErrorCode
        ),
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    cells = ((cell.replace("|", "\\|") for cell in line) for line in lines)
    return "".join(f"| {' | '.join(line)} |\n" for line in cells)


def main(arguments: Sequence[str]) -> int:
    """Write the page; with --check only say whether it is in step. Answers an exit code."""
    page = render()
    if list(arguments) == ["--check"]:
        if API_PAGE.is_file() and API_PAGE.read_text() == page:
            return 0
        print("docs/api.md is out of step with the tables: run `python -m roadstead.gendocs`")
        return 1
    if arguments:
        print("usage: python -m roadstead.gendocs [--check]")
        return 2
    API_PAGE.parent.mkdir(exist_ok=True)
    API_PAGE.write_text(page)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
