"""docs/troubleshooting.md is true: what it quotes of ours is ours, and no error is missing."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from chalicelib.domain.errors import ErrorCode

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "troubleshooting.md"
OTHERS = ("Makefile", "infra/edge/explain.js", "infra/edge/upload.js")
# Of what a template says in letters of its own: `{a}: {b}` would be anything.
LEAST_LETTERS = 8

_BLOCK = re.compile(r"^```text\n(.*?)^```", re.MULTILINE | re.DOTALL)
_QUOTED = (
    re.compile(r'"message": "((?:[^"\\]|\\.)*)"'),
    re.compile(r'^\{"error": ?"((?:[^"\\]|\\.)*)"\}'),
    re.compile(r"answered \d+: (.*) \([A-Z_]+\)$"),
    re.compile(r"answered \d+: ([^(]*)$"),
    re.compile(r"(?:denied|toomanyrequests): ([^\"]*)\"?$"),
)
# What AWS and the operating system say.
NOT_OURS = {"Request Too Long", "Request Entity Too Large", "No space left on device"}


@cache
def templates() -> tuple[tuple[re.Pattern[str], int], ...]:
    """Every text in the code, with `.*` where a value goes, and how many letters are its own."""
    found = [_pattern(text) for path in _sources() for text in _texts(path)]
    return tuple(each for each in found if each is not None)


def _joined(text: str) -> str:
    return re.sub(r"' \+\s*'", "", text)


def _sources() -> Iterator[Path]:
    for folder in ("chalicelib", "roadstead"):
        yield from (ROOT / folder).rglob("*.py")


def _texts(path: Path) -> Iterator[list[str | None]]:
    """Each string of a module: its letters, and None for each value in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield [node.value]
        elif isinstance(node, ast.JoinedStr):
            yield [
                str(part.value) if isinstance(part, ast.Constant) else None for part in node.values
            ]


def _pattern(parts: list[str | None]) -> tuple[re.Pattern[str], int] | None:
    letters = sum(len(part) for part in parts if part)
    if letters < LEAST_LETTERS:
        return None
    pattern = "".join(".*" if part is None else re.escape(part) for part in parts)
    return re.compile(pattern), letters


@cache
def _others() -> str:
    return "\n".join(_joined((ROOT / name).read_text()) for name in OTHERS)


def is_ours(sentence: str) -> bool:
    """Whether the code can say it; `...` on the page stands for what was left out."""
    least = len(sentence) / 3
    if any(n >= least and each.fullmatch(sentence) for each, n in templates()):
        return True
    # The edge's functions and the Makefile join their sentences at other places.
    parts = [part.strip() for part in re.split(r"\.\.\.|: use a client", sentence)]
    said = [text for path in _sources() for text in _texts(path)]
    whole = "\n".join("".join(part or "" for part in text) for text in said) + _others()
    return all(part in whole for part in parts if len(part) >= LEAST_LETTERS)


def quoted() -> list[str]:
    """The registry's and the command's own sentences in the blocks of the page."""
    found: list[str] = []
    for block in _BLOCK.findall(PAGE.read_text()):
        for line in block.splitlines():
            ours = [m[1] for pattern in _QUOTED for m in pattern.finditer(line)]
            if line.startswith(("roadstead: ", "make: ")) and not ours:
                ours = [line.removeprefix("roadstead: ").removeprefix("make: ")]
            found += [text for text in ours if text not in NOT_OURS]
    return list(dict.fromkeys(found))


def test_the_page_quotes_many_sentences() -> None:
    assert len(quoted()) > 25


@pytest.mark.parametrize("sentence", quoted())
def test_what_the_page_quotes_of_ours_is_ours(sentence: str) -> None:
    assert is_ours(sentence), sentence


def test_a_sentence_that_nobody_says_is_found() -> None:
    assert not is_ours("this team may have some repositories, or not")
    assert not is_ours("manifest unknown to the registry of ours")


def rows() -> dict[str, tuple[str, str]]:
    """The table at the end: sentence -> code and status, and what to do."""
    table = PAGE.read_text().partition("## All errors")[2]
    cells = [line.strip("| ").split(" | ", 2) for line in table.splitlines() if line[:2] == "| "]
    return {cell[1].strip("`"): (cell[0], cell[2]) for cell in cells if len(cell) == 3}


@pytest.mark.parametrize("code", list(ErrorCode), ids=lambda code: code.name)
def test_every_error_is_on_the_page_with_what_to_do(code: ErrorCode) -> None:
    row = rows()[code.value.message]
    assert row[0] == f"{code.value.code} {code.status}"
    assert len(row[1]) > LEAST_LETTERS


def test_no_error_is_on_the_page_that_there_is_none_of() -> None:
    known = {code.value.message for code in ErrorCode}
    assert set(rows()) - known - {"sentence", "---"} == set()
