"""`roadstead collect`: the collector by hand, in a local registry or in one on AWS."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter

from chalicelib.api.collecting import sentence
from chalicelib.bootstrap import build, collector
from chalicelib.config import SettingError, read_collector_settings
from chalicelib.domain.errors import RegistryError
from chalicelib.domain.names import parse_repository_name
from chalicelib.ports import Conflict, PortError
from chalicelib.service.collect import collect
from chalicelib.service.ended import left_of
from chalicelib.service.sweep import AT_REST, Graces, Removed, Run, sweep_repository
from chalicelib.service.world import World
from roadstead import admin
from roadstead.failure import Failure

# More runs than a pass ever takes where no run has an end of its own.
MAX_RUNS = 100
# A registry at rest is empty of what nothing needs after so many passes that found nothing: what
# one pass suspects the next one takes, an object is taken when two have seen it, and v1 images go
# one after another from the end of their chain.
QUIET_PASSES, MAX_PASSES = 3, 1000


def run(asked: argparse.Namespace) -> int:
    """Do a pass. Raises: Failure."""
    _check(asked)
    left: list[str] = []
    counted: Counter[str] = Counter()

    def note(removed: Removed) -> None:
        counted[removed.thing.kind.value] += 1
        print(_line(removed) if asked.json else sentence(removed), flush=True)

    graces = AT_REST if asked.at_rest else Graces(unneeded_s=asked.grace_hours * 3600)

    def use(world: World) -> None:
        work = collector(world, graces=graces, report=note, is_dry=asked.dry_run)
        if asked.prove:
            left.extend(left_of(work, asked.team))
        elif asked.at_rest:
            _empty(work, asked, counted)
        else:
            _collect(work, asked)

    try:
        if asked.aws:
            use(build(read_collector_settings()))
        else:
            admin.with_world(asked.data, use, None)
    except SettingError as error:
        raise Failure(f"{error}.") from error
    except RegistryError as error:
        raise Failure(f"{error.message}.") from error
    except Conflict as error:
        raise Failure("Another run of the collector is under way; come again later.") from error
    except PortError as error:
        raise Failure(f"The stores cannot be reached: {error}") from error
    if asked.prove:
        return _proved(asked.team, left)
    if not asked.json:
        _sum_up(counted, is_dry=asked.dry_run)
    return 0


def _check(asked: argparse.Namespace) -> None:
    if asked.grace_hours < 1:
        raise Failure("--grace-hours must be 1 or more.")
    if asked.prove and not asked.team:
        raise Failure("--prove needs --team: whose emptiness is to be proved?")
    if asked.at_rest and (asked.aws or asked.repository or asked.dry_run):
        raise Failure("--at-rest is for the whole of a local registry, or of a team in it.")


def _sum_up(counted: Counter[str], *, is_dry: bool) -> None:
    told = ", ".join(f"{count} x {kind}" for kind, count in sorted(counted.items()))
    verb = "Would go" if is_dry else "Gone"
    print(f"{verb}: {told or 'nothing'}.", file=sys.stderr)


def _proved(team: str, left: list[str]) -> int:
    for line in left:
        print(line)
    told = f"{len(left)} things are left" if left else "Nothing is left"
    print(f"{told} of {team} in the table and the bucket.", file=sys.stderr)
    return 1 if left else 0


def _collect(work: Run, asked: argparse.Namespace) -> None:
    if asked.repository:
        name = parse_repository_name(asked.repository)
        sweep_repository(work, work.world.team_of(name), name)
        return
    for _ in range(MAX_RUNS):
        if collect(work, asked.team):
            return


def _empty(work: Run, asked: argparse.Namespace, counted: Counter[str]) -> None:
    """Passes until they take nothing any more."""
    quiet = 0
    for _ in range(MAX_PASSES):
        before = counted.total()
        _collect(work, asked)
        quiet = quiet + 1 if counted.total() == before else 0
        if quiet == QUIET_PASSES:
            return


def _line(removed: Removed) -> str:
    thing = removed.thing
    document = {
        "team": removed.team,
        "repository": removed.name.path if removed.name else None,
        "kind": thing.kind.value,
        "name": thing.text,
        "why": thing.why,
        "size_bytes": thing.size_bytes,
    }
    return json.dumps(document)
