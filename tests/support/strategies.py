"""Hypothesis strategies for what the grammars of ``chalicelib/domain`` describe."""

from __future__ import annotations

import string

from hypothesis import strategies as st

from chalicelib.domain.digest import HEX_CHARS
from chalicelib.domain.names import MAX_NAME_CHARS

WORDS = string.ascii_lowercase + string.digits
HEX = "0123456789abcdef"

# Words that stand in our own paths: the names most likely to be taken for something else.
PATH_WORDS = ("blobs", "manifests", "uploads", "tags", "list", "v1", "v2", "images", "library")

_word = st.text(WORDS, min_size=1, max_size=6)
_separator = st.one_of(st.sampled_from([".", "_", "__"]), st.text("-", min_size=1, max_size=3))


@st.composite
def components(draw: st.DrawFn, *, path_words: bool = True) -> str:
    """One component of a repository's name, path words among them unless told otherwise."""
    if path_words and draw(st.booleans()):
        return draw(st.sampled_from(PATH_WORDS))
    text = draw(_word)
    for _ in range(draw(st.integers(0, 3))):
        text += draw(_separator) + draw(_word)
    return text


def repositories(most: int = 6) -> st.SearchStrategy[str]:
    """Names of one to ``most`` components."""
    names = st.lists(components(), min_size=1, max_size=most).map("/".join)
    return names.filter(lambda name: len(name) <= MAX_NAME_CHARS)


def tags() -> st.SearchStrategy[str]:
    first, rest = string.ascii_letters + string.digits + "_", "._-"
    return st.builds(
        str.__add__,
        st.sampled_from(first),
        st.one_of(st.text(first + rest, max_size=127), st.sampled_from(["ist", "-", "."])),
    )


def digests() -> st.SearchStrategy[str]:
    return st.sampled_from(sorted(HEX_CHARS)).flatmap(
        lambda algorithm: st.text(
            HEX, min_size=HEX_CHARS[algorithm], max_size=HEX_CHARS[algorithm]
        ).map(lambda encoded: f"{algorithm}:{encoded}")
    )


def image_ids() -> st.SearchStrategy[str]:
    return st.sampled_from([16, 64]).flatmap(lambda n: st.text(HEX, min_size=n, max_size=n))


def upload_ids() -> st.SearchStrategy[str]:
    return st.text(HEX, min_size=32, max_size=32)
