"""A team that has ended, to its last row; and what is left of one.

Every step holds only while the team's record has the same life: the next team of that name loses
nothing to a run that comes late.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

from chalicelib.domain.facts import Fact, FactKind
from chalicelib.domain.marking import Going, Kind
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.paging import Page
from chalicelib.ports import Conflict
from chalicelib.service.sweep import Run

OBJECTS_AT_ONCE = 1000
HANGING = (FactKind.HOLDER, FactKind.HANGING)
WHY = "its team has expired"


def end_repository(run: Run, team: str, life: str, name: RepositoryName) -> None:
    """Costs: see ``CollectStore.end_repository``."""
    if _done(run, lambda: run.store.end_repository(team, life, name)):
        run.note(team, name, Going(Kind.REPOSITORY, name.path, WHY))


def end_team(run: Run, team: str, life: str) -> None:
    """Costs: see ``CollectStore.end_team``."""
    if _done(run, lambda: run.store.end_team(team, life)):
        run.note(team, None, Going(Kind.TEAM, team, "it has expired"))


def end_hanging(run: Run, facts: Iterable[Fact], ended: Mapping[str, str]) -> None:
    """Rows of ended teams that no repository takes along. Costs: 1 transaction for each 99."""
    rows: dict[str, list[str]] = {}
    for fact in facts:
        if fact.kind in HANGING and fact.row and fact.team in ended:
            rows.setdefault(fact.team, []).append(fact.row)
    for team, wanted in rows.items():
        if _done(run, partial(run.store.end_rows, team, ended[team], wanted)):
            for row in wanted:
                run.note(team, None, Going(Kind.HANGING, " ".join(row.split()), WHY))


def _done(run: Run, step: Callable[[], None]) -> bool:
    """False where somebody else has ended it, and perhaps begun anew."""
    try:
        if not run.is_dry:
            step()
    except Conflict:
        return False
    return True


def left_of(run: Run, team: str) -> Iterator[str]:
    """Every row, object and multipart upload that is a team's. Costs: a scan and two listings."""
    for row in run.store.rows_of(team):
        yield f"row {row}"
    prefix, after = f"{team}/", ""
    while True:
        listing = run.blobs.list_objects(prefix, Page(OBJECTS_AT_ONCE, after))
        for each in listing.entries:
            yield f"object {each.key}"
        if not listing.more:
            break
        after = listing.entries[-1].key
    for parts in run.blobs.list_parts(prefix):
        yield f"parts {parts.key}"
