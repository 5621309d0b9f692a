"""Pages of a listing: how many entries, and after which one.

Spec: OCI Distribution 1.1, "Listing Tags"; ``n`` and ``last`` are the wire's names for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from chalicelib.domain import limits
from chalicelib.domain.errors import ErrorCode, RegistryError

T = TypeVar("T")


@dataclass(frozen=True)
class Page:
    """At most ``limit`` entries that sort after ``after`` (bytewise); "" begins at the start."""

    limit: int
    after: str = ""


@dataclass(frozen=True)
class Listing(Generic[T]):
    """One page of entries; ``more`` says that at least one follows."""

    entries: Sequence[T]
    more: bool


def parse_page(n: str | None, last: str | None) -> Page:
    """Read ``n`` and ``last``; a huge ``n`` is cut down, ``n=0`` asks for nothing.

    Raises: RegistryError(PAGINATION_NUMBER_INVALID): not a whole number, or negative.
    """
    if n is None or n == "":
        return Page(limits.MAX_PAGE_ENTRIES, last or "")
    if not (n.isascii() and n.isdigit()):
        raise RegistryError(
            ErrorCode.PAGINATION_NUMBER_INVALID,
            "n must be a whole number from 0",
            detail={"n": n[:50]},
        )
    # Twenty digits are more than any listing; int() of a million digits would take seconds.
    wanted = int(n) if len(n) < 20 else limits.MAX_PAGE_ENTRIES
    return Page(min(wanted, limits.MAX_PAGE_ENTRIES), last or "")
