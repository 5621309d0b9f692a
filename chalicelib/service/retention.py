"""What a repository's owner lets the collector take away, and what that would be now."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.domain.marking import Going
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.retention import RetentionRule
from chalicelib.service.hub import replace_record
from chalicelib.service.tags import existing
from chalicelib.service.world import World


def set_rules(world: World, name: RepositoryName, rules: tuple[RetentionRule, ...]) -> None:
    """Put these rules in the place of those that the repository has.

    Raises: RegistryError(NAME_UNKNOWN, UNAVAILABLE). Costs: 1 read, 1 transaction.
    """
    before = existing(world, name)
    replace_record(world, before, replace(before, retention=rules))


def preview(world: World, name: RepositoryName) -> tuple[Going, ...]:
    """The tags and manifests that the rules would take now.

    Raises: RegistryError(NAME_UNKNOWN). Costs: 1 read; those of ``sweep.previewed``.
    """
    # Imported where it is asked for: a pull's cold start does not wait for the collector.
    from chalicelib.service.sweep import previewed  # noqa: PLC0415

    existing(world, name)
    return previewed(world, world.team_of(name), name)
