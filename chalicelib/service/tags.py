"""Tags listed, their rules and their history; and what refers to a manifest."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.domain.digest import Digest
from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.names import RepositoryName, TagName
from chalicelib.domain.paging import Listing, Page
from chalicelib.domain.records import Repository, StoredManifest, Tag, TagEvent
from chalicelib.domain.tag_rules import TagRule
from chalicelib.service.hub import replace_record
from chalicelib.service.world import World


def tags(world: World, name: RepositoryName, page: Page) -> Listing[Tag]:
    """A page of tags.

    Raises: RegistryError(NAME_UNKNOWN) for a repository that does not exist.
    Costs: 1 query; 1 read more when it found nothing.
    """
    listing = world.metadata.list_tags(world.team_of(name), name, page)
    if not listing.entries:
        existing(world, name)
    return listing


def existing(world: World, name: RepositoryName) -> Repository:
    """The repository's record. Raises: RegistryError(NAME_UNKNOWN). Costs: 1 read."""
    record = world.metadata.find_repository(world.team_of(name), name)
    if record is None:
        raise RegistryError(ErrorCode.NAME_UNKNOWN, detail={"name": name.shown})
    return record


def history(world: World, name: RepositoryName, tag: TagName, page: Page) -> Listing[TagEvent]:
    """What a tag was pointed to, the newest first; also of a tag that is deleted.

    Raises: RegistryError(MANIFEST_UNKNOWN) for a tag that never was.
    Costs: 1 query.
    """
    listing = world.metadata.list_history(world.team_of(name), name, tag, page)
    if not listing.entries and not page.after and page.limit:
        raise RegistryError(ErrorCode.MANIFEST_UNKNOWN, detail={"reference": str(tag)})
    return listing


def set_rules(world: World, name: RepositoryName, rules: tuple[TagRule, ...]) -> None:
    """Put these rules in the place of those that the repository has.

    Raises: RegistryError(NAME_UNKNOWN, UNAVAILABLE). Costs: 1 read, 1 transaction.
    """
    before = existing(world, name)
    replace_record(world, before, replace(before, tag_rules=rules))


def referrers(
    world: World, name: RepositoryName, subject: Digest, page: Page, artifact_type: str | None
) -> Listing[StoredManifest]:
    """The manifests that name this subject, of one artifact type if it is given.

    Empty for a subject that nobody knows: the specification wants no 404 here. Costs: 1 query.
    """
    team = world.team_of(name)
    return world.metadata.list_referrers(team, name, subject, page, artifact_type)
