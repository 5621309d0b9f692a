"""`python -m tests.awslimits.clientsdoc [--check]`: docs/clients.md from the table."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.awslimits.table import CLIENTS, ENDS, Client, Dialect, Ends, Size, Way

PAGE = Path(__file__).resolve().parents[2] / "docs" / "clients.md"

HEAD = """# Which client pushes what

This page is generated from `tests/awslimits/table.py` by `python -m tests.awslimits.clientsdoc`;
edit that. `tests/awslimits/test_clients.py` runs every cell with the real client against
`roadstead up --aws-limits`: images of one layer of this size are pushed and read back byte for
byte (up to 8 MB also by the client itself), or its output is searched for the sentence. AWS itself
was never asked
(`docs/aws-at-home.md`).

Pulls have no such limits: every client here follows the redirect to S3.

Small means what fits into a Lambda event: a layer of up to {inline}.

"""
MARKS = {Ends.WORKS: "yes", Ends.OURS: "no: told what to do"}

FOOT = """
*No: told what to do*: the client shows our sentence, which names the ways: {ways}.
Who says how large a layer is gets it before the bytes are sent. Who does not say it has sent up to
10 MB by then: API Gateway refuses, and the distribution's Lambda@Edge function puts that into
words (ADR 36). docker, podman and buildah then end at once.

After `roadstead deploy --no-explain` these clients show AWS's own words instead,
`HTTP content length exceeded 10485760 bytes.` or `Request Too Long`; the ways out are the same.

`make test` runs all cells up to 8 MB and six of 300 MB; `make clients-table` runs all.
"""
WAYS = (
    "`roadstead proxy` on the user's machine, `roadstead push`, or a gateway that the operator runs"
)


def render() -> str:
    """The whole page."""
    parts = [HEAD.format(inline="4.5 MB")]
    for way in Way:
        parts.append(f"## Through {way.value}\n\n")
        parts.append(_table(way))
    parts.append(FOOT.format(ways=WAYS))
    return "".join(parts)


def _table(way: Way) -> str:
    head = ["client", "tried", "sends a layer as", *(size.value for size in Size)]
    rows = [head, ["---"] * len(head), *_rows(way)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows) + "\n"


def _rows(way: Way) -> Iterator[Sequence[str]]:
    for client in CLIENTS:
        marks = [MARKS[client.ends(way, size)] for size in Size]
        yield [_name(client), client.tried, client.dialect.value, *marks]


def _name(client: Client) -> str:
    also = f" (also, by its source: {client.also})" if client.also else ""
    return f"{client.name}{also}"


def main(arguments: Sequence[str]) -> int:
    """Write the page; with --check only say whether it is in step. Answers an exit code."""
    assert set(ENDS) == set(Dialect)
    page = render()
    if list(arguments) == ["--check"]:
        if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == page:
            return 0
        print("docs/clients.md is out of step: run `python -m tests.awslimits.clientsdoc`")
        return 1
    PAGE.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
