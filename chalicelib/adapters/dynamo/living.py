"""What has ended is not there: the records that say so come along with every read.

A repository's record and its team's are two keys more in a batch; nothing is asked twice, and no
answer is older than the records it was held against. An open registry has no team with a record.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from pynamodb.expressions.condition import Condition

from chalicelib.adapters.dynamo import keys
from chalicelib.adapters.dynamo.models import RepositoryRow, Row
from chalicelib.adapters.dynamo.table import Table
from chalicelib.adapters.dynamo.team_models import TeamRow
from chalicelib.domain.access import OPEN_TEAM
from chalicelib.domain.expiry import EXPIRED_TEAM, is_over
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.paging import Page
from chalicelib.domain.records import Repository
from chalicelib.domain.teams import Team
from chalicelib.ports import Clock, Refused

R = TypeVar("R", bound=Row)

# How many rows are read at once to fill a page in which some have ended.
FILLING_ROWS = 1000


@dataclass(frozen=True)
class Look:
    """Rows that were read together, at this second."""

    rows: tuple[Row, ...]
    now_s: int

    def first(self, model: type[R]) -> R | None:
        return next((row for row in self.rows if isinstance(row, model)), None)

    @property
    def team_is_over(self) -> bool:
        row = self.first(TeamRow)
        return row is not None and is_over(row.ends_at_s, self.now_s)

    @property
    def record_is_over(self) -> bool:
        """Whether the repository has ended by itself, or is being deleted."""
        row = self.first(RepositoryRow)
        return row is not None and has_ended(row, self.now_s)

    @property
    def is_hidden(self) -> bool:
        """Whether nothing of the repository is to be told: it has ended by its team or by itself.

        What is being deleted goes bit by bit, its tags first.
        """
        row = self.first(RepositoryRow)
        return self.team_is_over or (row is not None and is_over(row.ends_at_s, self.now_s))

    @property
    def repository(self) -> Repository | None:
        row = self.first(RepositoryRow)
        if row is None or self.team_is_over or self.record_is_over:
            return None
        team = self.first(TeamRow)
        return (
            replace(row.value(), team_hooks=int(team.hooks))
            if team and team.hooks
            else (row.value())
        )

    @property
    def team(self) -> Team | None:
        row = self.first(TeamRow)
        return row.value() if row and not self.team_is_over else None


class Living:
    _table: Table
    _clock: Clock
    # In ``deletion.py``.
    finish_deletion: Callable[[str, RepositoryName], bool]
    # In ``webhooks.py``.
    _tell_end: Callable[[str, RepositoryName, Look], None]
    _tell_tags: Callable[[str, RepositoryName, Look], None]

    def _look(self, team: str, name: RepositoryName, *wanted: keys.Key) -> Look:
        """These rows with the records of the repository and its team. Costs: 1 batch read."""
        places = [*wanted, keys.repository(team, name), *team_places(team)]
        rows = self._table.batch_get(places)
        return Look(tuple(rows), self._clock.now_s())

    def _find(self, model: type[R], team: str, name: RepositoryName, wanted: keys.Key) -> R | None:
        """A row, unless its repository or its team has ended. Costs: 1 batch read."""
        look = self._look(team, name, wanted)
        return None if look.is_hidden else look.first(model)

    def _is_hidden(self, team: str, name: RepositoryName) -> bool:
        return self._look(team, name).is_hidden

    def _is_team_over(self, team: str) -> bool:
        """Costs: 1 read; 0 in an open registry."""
        places = team_places(team)
        row = self._table.get(TeamRow, places[0]) if places else None
        return row is not None and is_over(row.ends_at_s, self._clock.now_s())

    def _enter_room(self, team: str, name: RepositoryName, *wanted: keys.Key) -> Look:
        """As ``_look``, for something new: a repository that has expired goes first.

        Raises: Refused: the team has expired.
        """
        look = self._look(team, name, *wanted)
        if look.team_is_over:
            raise Refused(EXPIRED_TEAM)
        if look.record_is_over:
            self._tell_end(team, name, look)
            self.finish_deletion(team, name)
            look = self._look(team, name, *wanted)
        return look

    def _page(
        self, model: type[R], pk: str, span: tuple[str, str], page: Page, lives: Callable[[R], bool]
    ) -> tuple[list[R], bool]:
        """A page of what has not ended, and whether more follows. Costs: as ``list_tags``."""
        rows, more = self._table.query(model, pk, span, limit=page.limit + 1)
        kept = [row for row in rows if lives(row)]
        while more and len(kept) <= page.limit:
            rest = (f"{rows[-1].sk}\x00", span[1])
            rows, more = self._table.query(model, pk, rest, limit=FILLING_ROWS)
            kept += [row for row in rows if lives(row)]
        return kept[: page.limit], len(kept) > page.limit


def has_ended(row: RepositoryRow, now_s: int) -> bool:
    return bool(row.going) or is_over(row.ends_at_s, now_s)


def team_places(team: str) -> list[keys.Key]:
    """Where the record of a team lies, if it can have one."""
    return [] if team == OPEN_TEAM else [keys.team(team)]


def not_over(column: object, now_s: int) -> Condition:
    """That an end has not come."""
    condition: Condition = column.does_not_exist() | (column > now_s)  # type: ignore[attr-defined, operator]
    return condition
