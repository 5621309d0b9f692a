"""Names: repositories, namespaces, tags, references, and the path by which a client spells them.

    name       ::= component ( "/" component )*            (at most 255 characters)
    component  ::= [a-z0-9]+ ( ( "." | "_" | "__" | "-"+ ) [a-z0-9]+ )*
    tag        ::= [a-zA-Z0-9_] [a-zA-Z0-9._-]{0,127}

Spec: OCI Distribution 1.1, "Pulling manifests"; Docker Registry v1, tag rule (ASCII, full match).

A name of one component belongs to the namespace ``library``: ``busybox`` and ``library/busybox``
are the same repository in both protocols, because v1 clients mix the two spellings in one push
(index calls and tag PUTs use the short one, tag GETs the long one).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from chalicelib.domain.digest import Digest, parse_digest
from chalicelib.domain.errors import ErrorCode, RegistryError

LIBRARY = "library"
MAX_NAME_CHARS = 255

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*", re.ASCII)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", re.ASCII)


@dataclass(frozen=True, order=True)
class RepositoryName:
    """A repository's one true name: always with its namespace, ``library/busybox``."""

    path: str

    @property
    def namespace(self) -> str:
        """The first component: who owns the repository."""
        return self.path.split("/", 1)[0]

    @property
    def shown(self) -> str:
        """The name as people write it: without ``library/``."""
        short = self.path.removeprefix(f"{LIBRARY}/")
        return self.path if "/" in short else short

    def __str__(self) -> str:
        return self.path


@dataclass(frozen=True, order=True)
class TagName:
    """A tag that obeys the grammar."""

    value: str

    def __str__(self) -> str:
        return self.value


Reference = TagName | Digest


def parse_repository_name(text: str) -> RepositoryName:
    """Read a name as either protocol spells it; one component means ``library``.

    Raises: RegistryError(NAME_INVALID).
    """
    if len(text) > MAX_NAME_CHARS or not _NAME.fullmatch(text):
        raise RegistryError(
            ErrorCode.NAME_INVALID,
            "invalid repository name: lower-case letters, digits and single . _ - between them, "
            f"components parted by /, at most {MAX_NAME_CHARS} characters",
            detail={"name": text[:300]},
        )
    return RepositoryName(text if "/" in text else f"{LIBRARY}/{text}")


def parse_tag(text: str) -> TagName:
    """Read a tag.

    Raises: RegistryError(TAG_INVALID).
    """
    if not _TAG.fullmatch(text):
        raise RegistryError(ErrorCode.TAG_INVALID, detail={"tag": text[:300]})
    return TagName(text)


def parse_reference(text: str) -> Reference:
    """Read the last path element of a manifest URL: with a colon a digest, otherwise a tag.

    Raises: RegistryError(DIGEST_INVALID or TAG_INVALID).
    """
    return parse_digest(text) if ":" in text else parse_tag(text)
