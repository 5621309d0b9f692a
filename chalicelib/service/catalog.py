"""Which repositories somebody sees in the catalog."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from chalicelib.domain.access import OPEN_TEAM, Action, Actor, Mode
from chalicelib.domain.names import LIBRARY, RepositoryName
from chalicelib.domain.paging import Listing, Page
from chalicelib.service.world import World


def repositories(world: World, actor: Actor, page: Page) -> Listing[RepositoryName]:
    """A page, bytewise by full path: in an open registry all; with accounts the namespace of
    one's own, those of one's teams, for administrators the library, and what one was granted.

    Costs: 1 query; with accounts 1 query more of the grants, 1 of the teams and 1 for each of them,
    for administrators another.
    """
    # Names are listed by their full path and shown without `library/`; a client that makes its
    # own `last` of what it saw has only the short one.
    if page.after and "/" not in page.after:
        page = replace(page, after=f"{LIBRARY}/{page.after}")
    if world.mode is Mode.OPEN:
        return world.metadata.list_repositories(OPEN_TEAM, page)
    if not actor.name:
        return Listing([], more=False)
    teams = [actor.name, *([LIBRARY] if actor.is_administrator else [])]
    memberships = world.accounts.list_memberships(actor.name)
    teams += [each.team.name for each in memberships if each.team]
    found = {grant.name for grant in world.accounts.list_granted(actor.name)}
    more = False
    for team in teams:
        listing = world.metadata.list_repositories(team, page)
        found.update(listing.entries)
        more = more or listing.more
    after = sorted(name for name in found if name.path > page.after)
    return Listing(after[: page.limit], more=more or len(after) > page.limit)


def readable(actor: Actor, names: Sequence[RepositoryName]) -> Sequence[RepositoryName]:
    """Those of a page that an API token's scopes let it read. Costs: 0."""
    return [name for name in names if actor.may_at_most(Action.PULL, name)]
