"""`python -m tests.conformance.differences`: docs/v1-differences.md from the cases of v1."""

from __future__ import annotations

from pathlib import Path

from tests.conformance.cases import Case
from tests.conformance.cases_v1 import LISTED

PAGE = Path(__file__).resolve().parents[2] / "docs" / "v1-differences.md"

HEAD = """# Where v1 differs on purpose

This page is generated from `tests/conformance/cases_v1*.py` by
`python -m tests.conformance.differences`; edit those.

The tests of the servers and clients of v1 hold {total} cases: docker-registry's (1 to 63), Quay's
(64 to 96), docker's own (97 to 102). Of these, {same} are answered as their test wants it. The
other {other} are in the table; where the old servers disagree, the clients decide.

| case | source | the case | what we do, and why |
|---:|---|---|---|
"""


def numbered() -> list[Case]:
    """The cases of the list, in its order."""
    return sorted((case for case in LISTED if case.number), key=lambda case: case.number or 0)


def render() -> str:
    """The whole page."""
    cases = numbered()
    differing = [case for case in cases if case.differs]
    head = HEAD.format(total=len(cases), same=len(cases) - len(differing), other=len(differing))
    rows = (f"| {case.number} | {case.spec} | {case.name} | {_why(case)} |\n" for case in differing)
    return head + "".join(rows)


def _why(case: Case) -> str:
    return case.differs if case.steps or case.shown_in else f"Not here: {case.differs}"


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
