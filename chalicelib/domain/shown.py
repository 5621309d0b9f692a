"""Text that somebody else has written, made fit to be looked at: nothing hidden, nothing endless.

What has no sign of its own (controls, bidirectional overrides, zero-width characters, blanks that
are letters, halves of characters) is shown by its number, so that a name cannot look like another.
Letters of every script stay as they are. Spec: Unicode Standard, general categories; UTS 39.
"""

from __future__ import annotations

import unicodedata

MAX_SHOWN_CHARS = 2000

# Controls, formats (all of bidi, zero-width), surrogates, private, unassigned, line separators.
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Of other categories, and blank all the same: fillers, the empty Braille cell, joiners.
_BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
# Marks above this many in a row are no writing but a tower over the neighbouring lines.
_MAX_MARKS = 4


def shown(text: str, limit: int = MAX_SHOWN_CHARS) -> str:
    """The text, cut with a word on how long it was; line breaks and tabs become spaces."""
    cut = text[:limit]
    if not (cut.isascii() and cut.isprintable()):
        cut = _visible(cut)
    return cut if len(text) <= limit else f"{cut}… ({len(text)} characters)"


def _visible(text: str) -> str:
    parts: list[str] = []
    marks = 0
    for character in text:
        category = unicodedata.category(character)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if character in "\n\t\r":
            parts.append(" ")
        elif _is_hidden(character, category) or marks > _MAX_MARKS:
            parts.append(f"⟨U+{ord(character):04X}⟩")
        else:
            parts.append(character)
    return "".join(parts)


def _is_hidden(character: str, category: str) -> bool:
    code = ord(character)
    is_selector = 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF
    # A blank that is not the space: it could be mistaken for one, or for nothing.
    is_odd_space = category == "Zs" and character not in (" ", "\u00a0", "\u3000")
    return category in _HIDDEN_CATEGORIES or character in _BLANKS or is_selector or is_odd_space


def shown_size(size_bytes: int) -> str:
    """A number of bytes as people read it: `12.3 MB`, in steps of a thousand."""
    if size_bytes < 1000:
        return f"{size_bytes} B"
    value = float(size_bytes)
    for unit in ("kB", "MB", "GB", "TB"):
        value /= 1000
        if value < 999.95:
            return f"{value:.1f} {unit}"
    return f"{value / 1000:.1f} PB"
