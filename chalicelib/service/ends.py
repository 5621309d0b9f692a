"""The ends of repositories and tags, and the pulls that a team may have in a day."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.domain.access import Mode
from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.expiry import DAY_S, End, is_near, named_life_s, written
from chalicelib.domain.names import RepositoryName, TagName
from chalicelib.domain.records import Repository
from chalicelib.domain.teams import Team, day_of
from chalicelib.ports import Missing, PullSurvey, Refused
from chalicelib.service.hub import replace_record
from chalicelib.service.world import World
from chalicelib.trace import note


def expires_by_name(world: World, team: Team | None) -> bool:
    """Whether tags like `:2h` end by their name here. Costs: 0."""
    if world.mode is Mode.OPEN:
        return world.expires_tags_by_name
    return team is not None and team.expires_tags_by_name


def end_by_name(world: World, tag: TagName, team: Team | None, now_s: int) -> End | None:
    """When a tag that is set now ends by its name; None where it does not. Costs: 0."""
    life_s = named_life_s(tag) if expires_by_name(world, team) else None
    return None if life_s is None else End(now_s + life_s)


def ending(survey: PullSurvey, now_s: int) -> tuple[str, ...]:
    """A sentence for each end that is near: of the tag, of its repository, of the team."""
    tag, repository, team = survey.tag, survey.repository, survey.team
    ends = (
        ("tag", tag.updated_at_s, tag.expires_at_s) if tag else None,
        ("repository", repository.created_at_s, repository.expires_at_s) if repository else None,
        ("team", team.created_at_s, team.expires_at_s) if team else None,
    )
    return tuple(
        f"this {what} expires at {written(end_s)}"
        for what, begun_s, end_s in (each for each in ends if each)
        if end_s is not None and is_near(begun_s, end_s, now_s)
    )


def count_pull(world: World, team: Team | None) -> None:
    """One of the pulls that the team may have today.

    Raises: RegistryError(TOO_MANY_PULLS), with when the next day begins. Costs: 0; 1 conditional
    write for a team with such a quota.
    """
    if team is None or team.quota.pulls_a_day is None:
        return
    now_s = world.clock.now_s()
    try:
        world.accounts.count_pull(team.name, day_of(now_s), limit=team.quota.pulls_a_day)
    except Refused as refusal:
        note(quota=refusal.quota)
        headers = {"Retry-After": str(DAY_S - now_s % DAY_S)}
        detail = {"limit": team.quota.pulls_a_day}
        raise RegistryError(ErrorCode.TOO_MANY_PULLS, detail=detail, headers=headers) from None


def set_repository_end(world: World, name: RepositoryName, end_s: int | None) -> Repository:
    """Give a repository another end, or none.

    Raises: RegistryError(NAME_UNKNOWN, UNAVAILABLE). Costs: 1 batch read, 1 transaction.
    """
    before = world.metadata.find_repository(world.team_of(name), name)
    if before is None:
        raise RegistryError(ErrorCode.NAME_UNKNOWN, detail={"name": name.shown})
    after = replace(before, expires_at_s=end_s)
    if after != before:
        replace_record(world, before, after)
    return after


def set_tag_end(world: World, name: RepositoryName, tag: TagName, end_s: int | None) -> None:
    """Give a tag another end, or none. Raises: RegistryError(MANIFEST_UNKNOWN).

    Costs: 1 transaction.
    """
    try:
        world.accounts.set_tag_expiry(world.team_of(name), name, tag, end_s)
    except Missing:
        raise RegistryError(ErrorCode.MANIFEST_UNKNOWN, detail={"reference": str(tag)}) from None


def tag_end(world: World, name: RepositoryName, tag: TagName) -> int | None:
    """When a tag ends. Raises: RegistryError(MANIFEST_UNKNOWN). Costs: 1 batch read."""
    found = world.metadata.find_tag(world.team_of(name), name, tag)
    if found is None:
        raise RegistryError(ErrorCode.MANIFEST_UNKNOWN, detail={"reference": str(tag)})
    return found.expires_at_s
