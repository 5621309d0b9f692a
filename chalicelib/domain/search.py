"""Search: which words a repository is found by, and which entries a query means.

A query is cut into words as names are; an entry is meant when each of them begins a word of the
entry's name or description. Substrings in the middle of a word are not found: that would take a
scan of everything, or an index of every substring.
Spec: Docker Hub API v1, search (the original server matched SQL's LIKE %q%).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chalicelib.domain.names import LIBRARY, RepositoryName

MAX_WORDS = 40
MAX_WORD_CHARS = 32
MAX_DESCRIPTION_CHARS = 500
DEFAULT_RESULTS = 25
MAX_RESULTS = 100
MAX_PAGES = 100
# What a search reads at the most; a query that means more is answered with this many.
MAX_MATCHES = 10_000

_WORD = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True, order=True)
class Found:
    """A repository as search shows it."""

    name: RepositoryName
    description: str = ""


@dataclass(frozen=True)
class Results:
    """A page of what was found; ``total`` counts all of it."""

    entries: Sequence[Found]
    total: int
    page: int
    page_size: int

    @property
    def pages(self) -> int:
        return -(-self.total // self.page_size)


def words_of(text: str) -> list[str]:
    """The words of a text in order, each once, lower-case, cut to 32 characters."""
    return list(dict.fromkeys(word[:MAX_WORD_CHARS] for word in _WORD.findall(text.lower())))


def index_words(entry: Found) -> tuple[str, ...]:
    """What a repository is found by: the words of its name first, then of its description."""
    words = words_of(entry.name.path) + words_of(entry.description)
    return tuple(dict.fromkeys(words))[:MAX_WORDS]


def query_words(query: str) -> list[str]:
    """The words of a query; ``library/`` counts as nothing, because all official names have it."""
    return words_of(query.strip().lower().removeprefix(f"{LIBRARY}/"))[:10]


def leading_word(words: Sequence[str]) -> str:
    """The word to look up: the longest, which the fewest entries have; "" lists everything."""
    return max(words, key=len, default="")


def select(entries: Iterable[Found], words: Sequence[str], query: str) -> list[Found]:
    """The entries that a query means, each once, those of exactly that name first."""
    meant = {entry.name: entry for entry in entries if _matches(entry, words)}
    wanted = query.strip().lower()
    return sorted(
        meant.values(),
        key=lambda entry: (wanted not in (entry.name.path, entry.name.shown), entry.name.path),
    )


def _matches(entry: Found, words: Sequence[str]) -> bool:
    known = index_words(entry)
    return all(any(candidate.startswith(word) for candidate in known) for word in words)


def parse_number(text: str | None, default: int, most: int) -> int:
    """A number from 1 to ``most``; what is no number counts as the default, as Quay has it."""
    if text is None or not (text.isascii() and text.isdigit() and len(text) < 10):
        return default
    return max(1, min(int(text), most))
