"""What a command says when it cannot do what it was asked."""

from __future__ import annotations


class Failure(Exception):
    """``str()`` is a sentence for the person at the terminal: what is wrong and what to do."""
