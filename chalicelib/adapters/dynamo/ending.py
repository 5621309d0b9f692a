"""Teams that have ended, removed to the last row.

A team's record goes last, and every step holds only while it is there and has ended: whoever
begins anew under the name has another one, and loses nothing to a run that comes late.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pynamodb.expressions.condition import Condition

from chalicelib.adapters.dynamo import keys
from chalicelib.adapters.dynamo.collect_models import read
from chalicelib.adapters.dynamo.deletion import (
    EVERYTHING,
    THINGS_AT_ONCE,
    Deletion,
    delete_thing,
    entries_of,
    rank,
)
from chalicelib.adapters.dynamo.models import PARTITION_KEY, SORT_KEY, RepositoryRow, Row
from chalicelib.adapters.dynamo.table import TRANSACTION_ITEMS, Transaction
from chalicelib.adapters.dynamo.team_models import MemberRow, PastOwnerRow, TeamRow
from chalicelib.adapters.dynamo.usage import KEPT_S
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.teams import Role
from chalicelib.domain.usage import day_of, end_of
from chalicelib.ports import Conflict

OWNER = Role.OWNER.value
# What was counted is wanted after a team's end, and expires by itself; a run is the collector's.
_KEPT = frozenset({"USE", "SEEN", "COLLECT"})


class Ending(Deletion):
    def end_repository(self, team: str, life: str, name: RepositoryName) -> None:
        record = self._table.get(RepositoryRow, keys.repository(team, name))
        rows = self._table.gather(Row, keys.contents(team, name), EVERYTHING)
        rows.sort(key=rank)
        for at in range(0, len(rows), THINGS_AT_ONCE):
            writes = self._held(team, life)
            for row in rows[at : at + THINGS_AT_ONCE]:
                delete_thing(writes, team, name, row)
            writes.commit()
        if record is not None:
            writes = self._held(team, life)
            for key in (keys.repository(team, name), *entries_of(team, record.value())):
                writes.delete(key)
            writes.commit()

    def end_rows(self, team: str, life: str, rows: Sequence[str]) -> None:
        self._delete_held(team, life, [read(row) for row in rows])

    def end_team(self, team: str, life: str) -> None:
        rows = self._table.gather(Row, keys.catalog(team), EVERYTHING)
        if any(isinstance(row, RepositoryRow) for row in rows):
            raise Conflict(f"{team} has repositories")
        tokens = keys.span_after(keys.API_TOKENS, "")
        rows += self._table.gather(Row, keys.user(team).pk, tokens)
        self._remember_owners(team, life, rows)
        # What stands under the members goes first: once the team's half is gone nobody finds it.
        members = [row.user for row in rows if isinstance(row, MemberRow)]
        places = [keys.memberships(team, user)[1] for user in members]
        places += [keys.Key(row.pk, row.sk) for row in rows if not isinstance(row, TeamRow)]
        self._delete_held(team, life, places)
        writes = self._table.transaction()
        writes.delete(keys.team(team), condition=self._has_ended(life))
        writes.commit()

    def _remember_owners(self, team: str, life: str, rows: Sequence[Row]) -> None:
        """Before anything goes: a run that is repeated no longer finds them all."""
        owners = [row.user for row in rows if isinstance(row, MemberRow) and row.role == OWNER]
        for record in (row for row in rows if isinstance(row, TeamRow)):
            end_s = int(record.ends_at_s or 0)
            until_s = end_of(day_of(end_s)) + KEPT_S
            for at in range(0, len(owners), TRANSACTION_ITEMS - 1):
                writes = self._held(team, life)
                for user in owners[at : at + TRANSACTION_ITEMS - 1]:
                    writes.put(
                        PastOwnerRow.at(
                            keys.past_owner(team, life, user),
                            first_s=record.created_at_s,
                            end_s=end_s,
                            expires_at_s=until_s,
                        )
                    )
                writes.commit()

    def _delete_held(self, team: str, life: str, places: Sequence[keys.Key]) -> None:
        room = TRANSACTION_ITEMS - 1
        for at in range(0, len(places), room):
            writes = self._held(team, life)
            for place in places[at : at + room]:
                writes.delete(place)
            writes.commit()

    def _held(self, team: str, life: str) -> Transaction:
        writes = self._table.transaction()
        writes.check(keys.team(team), self._has_ended(life))
        return writes

    def _has_ended(self, life: str) -> Condition:
        columns = TeamRow
        condition: Condition = columns.life == life
        condition &= columns.ends_at_s <= self._clock.now_s()
        return condition

    def rows_of(self, team: str) -> Iterator[str]:
        start: keys.Key | None = None
        while True:
            items, start = self._table.scan_page(start, None, (PARTITION_KEY, SORT_KEY))
            for item in items:
                key = keys.Key(item[PARTITION_KEY]["S"], item[SORT_KEY]["S"])
                if _names(key, team):
                    yield f"{key.pk} {key.sk}"
            if start is None:
                return


def _names(key: keys.Key, team: str) -> bool:
    kind, *words = key.pk.split("#")
    if kind in _KEPT:
        return False
    path = key.sk.rpartition("#")[2]
    is_its = team in words[:1] or path.startswith(f"{team}/")
    return is_its or key.sk == f"{keys.MEMBERS}{team}"
