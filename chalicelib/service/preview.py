"""What the collector would remove of a repository, as far as a page can say it.

The collector reads every manifest; a page has three calls. So what a manifest names is taken from
the lines that tie manifests to each other, and blobs are told of only when the collector itself
has found that nothing needs them: those that a page says will go are suspected already.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from chalicelib.domain.digest import Digest, parse_digest
from chalicelib.domain.marking import Contents, Going, Kind, Needs, mark
from chalicelib.domain.records import Repository
from chalicelib.service.world import World

# What goes of a repository by itself; lines and views go with these.
SHOWN = (Kind.TAG, Kind.MANIFEST)


@dataclass(frozen=True)
class Suspect:
    """A blob that nothing has needed since then: it goes when that was a grace period ago."""

    digest: Digest
    size_bytes: int
    since_s: int


@dataclass(frozen=True)
class Preview:
    """``is_whole`` says that the repository was read to its end; without it nothing is told."""

    things: tuple[Going, ...] = ()
    suspects: tuple[Suspect, ...] = ()
    is_whole: bool = True


def going_of(world: World, record: Repository) -> Preview:
    """Tags and manifests that would go now, and blobs that are suspected.

    Costs: 2 queries.
    """
    team = world.team_of(record.name)
    contents, is_whole = world.metadata.glance(team, record.name)
    if not is_whole:
        return Preview(is_whole=False)
    contents = replace(contents, repository=record)
    marked = mark(contents, _needs(contents), {}, now_s=world.clock.now_s(), grace_s=0)
    suspects = [
        Suspect(link.digest, link.size_bytes, link.suspected_at_s)
        for link in contents.links
        if link.suspected_at_s is not None
    ]
    suspects.sort(key=lambda each: (each.since_s, str(each.digest)))
    things = tuple(thing for thing in marked.going if thing.kind in SHOWN)
    return Preview(things, tuple(suspects))


def _needs(contents: Contents) -> Mapping[Digest, Needs]:
    """What each manifest names of the others, by the lines of the children."""
    children: dict[Digest, set[Digest]] = {entry.digest: set() for entry in contents.manifests}
    for line in contents.parents:
        child = parse_digest(re.split("[ #]", line.text)[-2])
        if line.digest in children:
            children[line.digest].add(child)
    return {digest: Needs(children=frozenset(named)) for digest, named in children.items()}
