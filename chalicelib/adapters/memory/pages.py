"""A page of what lies in a dictionary."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from chalicelib.domain.paging import Listing, Page

T = TypeVar("T")


def cut(entries: Iterable[T], page: Page, key: Callable[[T], str]) -> Listing[T]:
    """The page, sorted by key."""
    # Code points sort as their UTF-8 bytes do, so that comparing str is comparing bytewise.
    after = sorted((entry for entry in entries if key(entry) > page.after), key=key)
    return Listing(after[: page.limit], more=len(after) > page.limit)
