"""The Hub's repositories: shown, hidden, deleted, found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from chalicelib.domain import search
from chalicelib.domain.access import NOTHING, READ, ROLES, Action, Actor, Decision, Mode, decide
from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.records import Repository
from chalicelib.domain.search import Found, Results
from chalicelib.domain.webhooks import EventKind
from chalicelib.ports import Conflict
from chalicelib.service.happenings import happening
from chalicelib.service.races import repeated
from chalicelib.service.world import World

PUBLIC = "public"
PRIVATE = "private"


def properties(world: World, name: RepositoryName) -> Repository:
    """The record; of a repository that does not exist, the record that it would begin with.

    Costs: 1 read.
    """
    found = world.metadata.find_repository(world.team_of(name), name)
    return found or new_repository(world, name)


def new_repository(world: World, name: RepositoryName) -> Repository:
    """A repository as it begins. Costs: 0."""
    return Repository(
        name, world.clock.now_s(), is_public=world.public_by_default, life=world.words.fresh()
    )


def entered(world: World, name: RepositoryName, known: Repository | None) -> Repository:
    """The record, made with its search entries the first time in a repository's life.

    Costs: 0; the first time 1 transaction.
    """
    if known is not None:
        return known
    begun = new_repository(world, name)
    world.metadata.put_repository(world.team_of(name), begun)
    return begun


def change_properties(world: World, name: RepositoryName, asked: dict[str, object]) -> None:
    """Show a repository to the public or hide it, or describe it; other words are ignored.

    Raises: RegistryError(V1_DATA_INVALID, V1_REPOSITORY_UNKNOWN).
    Costs: 1 read, 1 transaction.
    """
    access, description = asked.get("access"), asked.get("description")
    if access is None and description is None:
        raise RegistryError(ErrorCode.V1_DATA_INVALID)
    team = world.team_of(name)
    before = world.metadata.find_repository(team, name)
    if before is None:
        raise RegistryError(ErrorCode.V1_REPOSITORY_UNKNOWN)
    after = before
    if access in (PUBLIC, PRIVATE):
        after = replace(after, is_public=access == PUBLIC)
    if isinstance(description, str):
        after = replace(after, description=description[: search.MAX_DESCRIPTION_CHARS])
    replace_record(world, before, after)


def replace_record(world: World, before: Repository, after: Repository) -> None:
    """Put a record in the place of one that is still as it was.

    Raises: RegistryError(UNAVAILABLE). Costs: 1 transaction.
    """
    try:
        world.search.change_repository(world.team_of(before.name), before, after)
    except Conflict:
        raise RegistryError(
            ErrorCode.UNAVAILABLE, "the repository was changed at the same time; try again"
        ) from None


def delete(world: World, actor: Actor, name: RepositoryName) -> None:
    """Delete a repository with all its tags, manifests and lists; images stay the team's.

    Raises: RegistryError(V1_REPOSITORY_UNKNOWN, TAG_PROTECTED).
    Costs: 1 read, and those of ``SearchStore.delete_repository``.
    """
    repeated(lambda: _delete(world, actor, name))


def _delete(world: World, actor: Actor, name: RepositoryName) -> None:
    team = world.team_of(name)
    repository = world.metadata.find_repository(team, name)
    if repository is None:
        if world.search.finish_deletion(team, name):
            return
        raise RegistryError(ErrorCode.V1_REPOSITORY_UNKNOWN)
    if any(rule.protected for rule in repository.tag_rules):
        raise RegistryError(
            ErrorCode.TAG_PROTECTED,
            "rules of this repository protect tags from deletion; take the rules away first",
        )
    change = happening(world, actor, repository, EventKind.DELETE, what="repository")
    world.search.delete_repository(team, repository, change.event)


def find(world: World, actor: Actor, query: str, n: str | None, page: str | None) -> Results:
    """Search names and descriptions, in what this actor may see.

    Costs: 1 query for each scope (and each MB), 1 batch read for each fifty records; with an
    account 1 query of its grants and 1 of its teams, and 1 batch read for each hundred of them.
    """
    words = search.query_words(query)
    size = search.parse_number(n, search.DEFAULT_RESULTS, search.MAX_RESULTS)
    number = search.parse_number(page, 1, search.MAX_PAGES)
    prefix = search.leading_word(words)
    entries: list[Found] = []
    roles = _roles(world, actor)
    for scope in _scopes(world, actor, roles):
        entries += world.search.find_entries(scope, prefix, search.MAX_MATCHES - len(entries))
    granted = _granted(world, actor)
    entries += _entries(world, granted)
    meant = _still_seen(world, actor, granted, roles, search.select(entries, words, query))
    return Results(meant[(number - 1) * size : number * size], len(meant), number, size)


def _scopes(world: World, actor: Actor, teams: Iterable[str]) -> list[str]:
    if world.mode is Mode.OPEN:
        return ["team/open", "public"]
    own = [f"team/{actor.name}"] if actor.name else []
    return ["public", *own, *(f"team/{team}" for team in teams)]


def _roles(world: World, actor: Actor) -> dict[str, frozenset[Action]]:
    """What somebody may do in the repositories of their teams."""
    if world.mode is Mode.OPEN or not actor.name or actor.token_id or actor.grants is not None:
        return {}
    found = world.accounts.list_memberships(actor.name)
    return {each.team.name: ROLES[each.role.value] for each in found if each.team and each.role}


def _granted(world: World, actor: Actor) -> frozenset[RepositoryName]:
    if world.mode is Mode.OPEN or not actor.name:
        return frozenset()
    return frozenset(grant.name for grant in world.accounts.list_granted(actor.name))


def _entries(world: World, granted: frozenset[RepositoryName]) -> list[Found]:
    """What somebody was granted, with its descriptions: no scope of theirs has entries for it."""
    if not granted:
        return []
    wanted = [(world.team_of(name), name) for name in granted]
    return [
        Found(found.name, found.description) for found in world.search.find_repositories(wanted)
    ]


def _still_seen(
    world: World,
    actor: Actor,
    granted: frozenset[RepositoryName],
    roles: dict[str, frozenset[Action]],
    shown: list[Found],
) -> list[Found]:
    """The entries whose repositories exist and may be read now; entries can lag behind."""
    wanted = [(world.team_of(entry.name), entry.name) for entry in shown]
    records = {record.name: record for record in world.search.find_repositories(wanted)}

    def seen(record: Repository | None) -> bool:
        if record is None:
            return False
        read = READ if record.name in granted else NOTHING
        read |= roles.get(record.name.namespace, NOTHING)
        public = record.is_public
        decision = decide(
            world.mode, actor, Action.PULL, record.name, is_public=public, granted=read
        )
        return decision is Decision.ALLOW

    return [
        Found(entry.name, records[entry.name].description)
        for entry in shown
        if seen(records.get(entry.name))
    ]
