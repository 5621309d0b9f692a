"""What the pages tell people to type exists: commands, their flags, make's targets, other pages."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from roadstead.cli import parser

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])

_FENCE = re.compile(r"^```[a-z]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")
_ROADSTEAD = re.compile(r"(?:\.venv/bin/)?roadstead\s+([a-z].*)")
_MAKE = re.compile(r"make ([a-z-]+)")
_LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#]*)(#[^)]*)?\)")


def commands_of(page: Path) -> Iterator[str]:
    """What follows `roadstead` wherever a page shows it as something to type."""
    text = page.read_text()
    lines = [line for block in _FENCE.findall(text) for line in block.splitlines()]
    lines += [line.strip() for line in text.splitlines() if line.startswith("    ")]
    lines += _INLINE.findall(_FENCE.sub("", text))
    for line in lines:
        found = _ROADSTEAD.match(line.strip().removeprefix("$ "))
        if found:
            yield found[1].partition(" #")[0]


def words_of(text: str) -> list[str]:
    try:
        return shlex.split(text, comments=True)
    except ValueError:
        return text.split()


def problem_of(command: str) -> str | None:
    """Why a command cannot be typed: its subcommands and its flags are looked up, no values."""
    found: argparse.ArgumentParser = parser()
    words = [word for part in words_of(command) for word in [part.partition("=")[0]]]
    flags: dict[str, argparse.Action] = {}
    for word in words:
        if word in ("|", ">", "<", "&&", "2>&1", ";"):
            break
        flags |= found._option_string_actions
        below = [each for each in found._actions if isinstance(each, argparse._SubParsersAction)]
        if word.startswith("--"):
            if word not in flags:
                return f"{word} is no flag of it"
        elif below and re.fullmatch(r"[a-z]+", word):
            if word not in below[0].choices:
                return f"{word} is no command"
            found = below[0].choices[word]
        elif below and re.fullmatch(r"[a-z]+(\|[a-z]+)+", word):
            unknown = set(word.split("|")) - set(below[0].choices)
            return f"{sorted(unknown)} are no commands" if unknown else None
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_flags_in_a_page_exist(page: Path) -> None:
    wrong = [(each, why) for each in commands_of(page) if (why := problem_of(each))]
    assert wrong == []


def test_a_command_that_does_not_exist_is_found() -> None:
    assert problem_of("deploy --stage dev --dry-run") is None
    assert problem_of("deploy --stage dev --dry") == "--dry is no flag of it"
    assert problem_of("team create HOST/TEAM --user anna") is None
    assert problem_of("team rename HOST/TEAM") == "rename is no command"
    assert problem_of("fly") == "fly is no command"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_targets_of_make_in_a_page_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    shown = [line for block in _FENCE.findall(page.read_text()) for line in block.splitlines()]
    shown += _INLINE.findall(page.read_text())
    asked = {found[1] for line in shown if (found := _MAKE.match(line.removeprefix("$ ")))}
    assert asked - targets == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_that_a_page_leads_to_exist_with_their_headings(page: Path) -> None:
    wrong = []
    for path, heading in _LINK.findall(page.read_text()):
        target = (page.parent / path) if path else page
        if not target.exists():
            wrong.append(path)
        elif heading and target.suffix == ".md" and heading[1:] not in anchors_of(target):
            wrong.append(f"{path}{heading}")
    assert wrong == []


def anchors_of(page: Path) -> set[str]:
    """The headings of a page as GitHub makes addresses of them."""
    text = _FENCE.sub("", page.read_text())
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_index_has_every_page() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    names = {page.name for page in PAGES if page.parent.name == "docs"} - {"README.md"}
    assert {name for name in names if f"({name})" not in index} == set()
