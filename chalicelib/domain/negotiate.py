"""Which form of a manifest a client understands, by its Accept headers.

    accept  ::= media-range *( ";" parameter ) *( "," ... )     RFC 9110, 12.5.1

Only a pull by tag is negotiated: who asks for a digest wants those bytes and no others. Clients
that name no manifest type at all (curl, scripts) take what there is, as registries always served
it. Quality values are not weighed: a client that can read the stored form gets it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from chalicelib.domain.media_types import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    MANIFEST_SHAPES,
    OCI_INDEX,
    OCI_MANIFEST,
    Shape,
)

# The same shape in the other family of types.
TWINS = {
    OCI_MANIFEST: DOCKER_MANIFEST,
    DOCKER_MANIFEST: OCI_MANIFEST,
    OCI_INDEX: DOCKER_LIST,
    DOCKER_LIST: OCI_INDEX,
}
_ANY = frozenset({"*/*", "application/*", "application/json"})


@dataclass(frozen=True)
class Accepted:
    """The manifest types that a client named; none means that it takes any."""

    media_types: frozenset[str]

    def takes(self, media_type: str) -> bool:
        return not self.media_types or media_type in self.media_types

    def takes_images(self) -> bool:
        """Whether it understands an image, if not an index of them."""
        return any(MANIFEST_SHAPES[each] is Shape.IMAGE for each in self.media_types)


ANYTHING = Accepted(frozenset())


def parse_accept(values: Iterable[str]) -> Accepted:
    """Read all Accept headers of a request."""
    ranges = {
        part.partition(";")[0].strip().lower() for value in values for part in value.split(",")
    }
    if ranges & _ANY:
        return ANYTHING
    return Accepted(frozenset(ranges & MANIFEST_SHAPES.keys()))
