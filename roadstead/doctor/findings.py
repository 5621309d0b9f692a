"""What a check has found, and how it is shown."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from roadstead.doctor.patient import Patient

MAX_SEEN_CHARS = 200


class Verdict(Enum):
    """``NOT_LOOKED_AT`` is no good news: the reason is part of the finding."""

    OK = "ok"
    WRONG = "WRONG"
    NOT_LOOKED_AT = "not looked at"


@dataclass(frozen=True)
class Finding:
    """One check's result; for a wrong one what was seen, what should be, and what to do."""

    check: str
    title: str
    verdict: Verdict
    saw: str = ""
    should: str = ""
    do: str = ""
    proves: str = ""


class Wrong(Exception):
    """A check has seen something else than it should have."""

    def __init__(self, saw: str, should: str) -> None:
        self.saw, self.should = saw, should
        super().__init__(saw)


class NotLookedAt(Exception):
    """A check could not be made; the text says why."""


@dataclass(frozen=True)
class Check:
    """One row of the table. ``look`` returns what it saw, or raises Wrong or NotLookedAt.

    ``do`` is what helps when it is wrong. ``proves`` names the open question of the AWS notes that
    only a real deployment answers.
    """

    name: str
    title: str
    look: Callable[[Patient], str]
    do: str
    proves: str = ""


def expect(is_so: bool, saw: str, should: str) -> None:
    """Raises: Wrong."""
    if not is_so:
        raise Wrong(cut(saw), should)


def cut(text: str) -> str:
    """A text for a terminal: one line, nothing that moves the cursor, not too long."""
    flat = "".join(sign if sign.isprintable() else "?" for sign in text)
    return textwrap.shorten(flat, MAX_SEEN_CHARS, placeholder=" ...") if len(flat) > 1 else flat


def rendered(findings: Iterable[Finding]) -> str:
    """One line a check; a wrong one has two more."""
    lines = []
    for found in findings:
        mark = f" [{found.proves}]" if found.proves else ""
        lines.append(f"{found.verdict.value:14} {found.title}{mark}: {found.saw}")
        if found.verdict is Verdict.WRONG:
            lines += [f"{'':14}   should be: {found.should}", f"{'':14}   do: {found.do}"]
    return "\n".join(lines)


def as_json(url: str, findings: Sequence[Finding]) -> str:
    """The same for machines: ``{"url", "ok", "findings": [{...}]}``."""
    rows = [{**asdict(found), "verdict": found.verdict.value} for found in findings]
    document = {"url": url, "ok": not any_wrong(findings), "findings": rows}
    return json.dumps(document, indent=2)


def any_wrong(findings: Iterable[Finding]) -> bool:
    return any(found.verdict is Verdict.WRONG for found in findings)
