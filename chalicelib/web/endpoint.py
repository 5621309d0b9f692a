"""What an endpoint is: one row of the table, and the pattern that its path makes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum

from chalicelib.domain.access import Action


class Family(Enum):
    """An API family: one blueprint, one shape of errors."""

    V1_REGISTRY = "v1 registry"
    V1_INDEX = "v1 index"
    V2 = "v2"
    UPLOADER = "uploader"
    ROOT = "root"
    PAGE = "page"


class Carries(Enum):
    """What a request body may be; a gateway streams layers instead of passing them through."""

    DOCUMENT = "a document"
    BLOB = "the bytes of a blob"
    V1_LAYER = "the bytes of a v1 layer"


@dataclass(frozen=True)
class Endpoint:
    """One row. ``path`` has no slash at its end; requests may have one."""

    name: str
    methods: tuple[str, ...]
    path: str
    spec: str
    action: Action
    family: Family
    summary: str
    carries: Carries = Carries.DOCUMENT
    pattern: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pattern", _pattern(self.path))


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", path)
    text = "".join(
        re.escape(part)
        if index % 2 == 0
        else (f"(?P<{part}>.+)" if part == "repository" else f"(?P<{part}>[^/]+)")
        for index, part in enumerate(parts)
    )
    return re.compile(text, re.DOTALL)
