"""Refusals as sentences for the person at the terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping

from roadstead.failure import Failure
from roadstead.uploader import ApiAnswer

# An answer to HEAD has no body, and what stands in front of a registry has its own.
_WITHOUT_BODY = {
    403: ": this login may not do that",
    413: ": the request was too large for what stands in front of the registry",
    429: ": too many requests; try again later",
}


class TransferError(Failure):
    """What went wrong, and what to do about it."""


class RegistryRefused(TransferError):
    """A registry's answer other than the one that was needed."""

    def __init__(self, what: str, host: str, status: int, body: bytes) -> None:
        self.status = status
        self.codes = codes_of(body)
        super().__init__(f"{what}: {host} answered {status}{said(status, body)}")


class TokensAway(TransferError):
    """The token service is busy or away and may be asked again; ``status`` 0: it said nothing."""

    def __init__(self, sentence: str, status: int = 0, headers: Mapping[str, str] | None = None):
        super().__init__(sentence)
        self.status, self.headers = status, headers or {}


def is_passing(status: int) -> bool:
    """Whether an answer may be another one in a moment."""
    return status >= 500 or status == 429


def codes_of(body: bytes) -> tuple[str, ...]:
    """The codes of a v2 error body; none of any other body."""
    return tuple(str(entry.get("code", "")) for entry in _entries(body))


def said(status: int, body: bytes) -> str:
    """What the body adds to the status, on one line."""
    entries = _entries(body)
    if entries:
        return ": " + "; ".join(
            f"{printable(e.get('message', ''))} ({printable(e.get('code', ''))})" for e in entries
        )
    return _WITHOUT_BODY.get(status, "")


def printable(text: object) -> str:
    """What another host says, as a terminal may show it: no control characters.

    >>> printable("a\x1b[2Jb")
    'a [2Jb'
    """
    return "".join(letter if letter.isprintable() else " " for letter in str(text))


def _entries(body: bytes) -> list[dict[str, object]]:
    try:
        found = json.loads(body)
    except ValueError:
        return []
    errors = found.get("errors") if isinstance(found, dict) else None
    return [entry for entry in errors or [] if isinstance(entry, dict)]


def refused_answer(what: str, host: str, answer: ApiAnswer) -> RegistryRefused:
    """The refusal of a step of the uploader's API."""
    return RegistryRefused(what, host, answer.status, answer.body)
