"""Patterns in which ``*`` stands for any characters, or none; everything else is itself."""

from __future__ import annotations


def fits(pattern: str, text: str) -> bool:
    """Whether the pattern is the whole text.

    Without backtracking: many stars in a pattern must not cost more than its length.
    """
    first, *middle = pattern.split("*")
    if not middle:
        return pattern == text
    last = middle.pop()
    if len(text) < len(first) + len(last) or not text.startswith(first):
        return False
    if not text.endswith(last):
        return False
    at, end = len(first), len(text) - len(last)
    for piece in middle:
        found = text.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True
