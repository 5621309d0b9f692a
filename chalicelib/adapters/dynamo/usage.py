"""Counts in DynamoDB: rows that are added to, and which log lines they are of.

A row is written by every meter that has lines of its repository and day, so that there are eight
of them: a process always writes to the same one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.expressions.update import Action

from chalicelib.adapters.dynamo import keys, team_models
from chalicelib.adapters.dynamo.living import has_ended
from chalicelib.adapters.dynamo.models import (
    EXPIRY,
    BlobRow,
    LinkRow,
    ManifestEntryRow,
    RepositoryRow,
    Row,
)
from chalicelib.adapters.dynamo.table import Table
from chalicelib.domain.expiry import is_over
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.paging import Listing, Page
from chalicelib.domain.usage import ALL, Account, Counts, Seen, Used, end_of
from chalicelib.ports import Clock, Conflict
from chalicelib.usage_ports import Held, Place, Span

KEPT_S = 400 * 24 * 3600
MONTH_S = 31 * 24 * 3600
SHARDS = 8
_STORAGE = "storage"


class SeenRow(Row, discriminator="seen"):
    spans = UnicodeAttribute()
    expires_at_s = NumberAttribute(attr_name=EXPIRY)


class TeamRow(Row, discriminator="counted team"):
    expires_at_s = NumberAttribute(attr_name=EXPIRY)


class UsageRow(Row, discriminator="usage"):
    """A column for each of ``domain.usage.ALL``; ``hour`` is the last that storage was added of."""

    hour = NumberAttribute(null=True)
    expires_at_s = NumberAttribute(attr_name=EXPIRY)
    requests = NumberAttribute(null=True)
    refused = NumberAttribute(null=True)
    pulls = NumberAttribute(null=True)
    pushes = NumberAttribute(null=True)
    bytes_out = NumberAttribute(null=True)
    bytes_in = NumberAttribute(null=True)
    bytes_pulled = NumberAttribute(null=True)
    bytes_pushed = NumberAttribute(null=True)
    downloads = NumberAttribute(null=True)
    table_reads = NumberAttribute(null=True)
    table_writes = NumberAttribute(null=True)
    s3_reads = NumberAttribute(null=True)
    s3_writes = NumberAttribute(null=True)
    billed_ms = NumberAttribute(null=True)
    linked_byte_hours = NumberAttribute(null=True)
    stored_byte_hours = NumberAttribute(null=True)

    def value(self) -> Place:
        place = self.sk.removeprefix(keys.DAYS)
        day, repository, _ = place.split("#")
        found = {name: getattr(self, name) for name in ALL}
        counts = {name: int(value) for name, value in found.items() if value}
        return Place(place, Used(day, repository, counts))


def _adding(day: str, counts: Counts) -> Sequence[Action]:
    return [
        UsageRow.kind.set(UsageRow),
        UsageRow.expires_at_s.set(end_of(day) + KEPT_S),
        *(getattr(UsageRow, name).add(value) for name, value in counts.items()),
    ]


class Usage:
    """UsageStore; a part of the whole store, whose table it uses."""

    _table: Table
    _clock: Clock
    # The teams and months that this process has entered already.
    _entered: set[tuple[str, str]]

    def find_seen(self, process: str) -> Seen:
        row = self._table.get(SeenRow, keys.seen(process))
        return Seen.parse(row.spans) if row else Seen()

    def count(
        self,
        process: str,
        before: Seen,
        after: Seen,
        totals: Mapping[Account, Counts],
        *,
        seen_until_s: int,
    ) -> None:
        for account in totals:
            self._enter_team(account)
        writes = self._table.transaction()
        known = SeenRow.spans == str(before) if before.spans else SeenRow.pk.does_not_exist()
        actions = [
            SeenRow.kind.set(SeenRow),
            SeenRow.spans.set(str(after)),
            SeenRow.expires_at_s.set(seen_until_s),
        ]
        writes.update(keys.seen(process), actions, condition=known)
        shard = str(int(process, 16) % SHARDS)
        for account, counts in totals.items():
            key = keys.usage(account.team, account.day, account.repository, shard)
            writes.update(key, _adding(account.day, counts))
        writes.commit()

    def _enter_team(self, account: Account) -> None:
        """Put the team where teams are listed, which it may be already."""
        month = account.team, account.day[:6]
        if account.team and month not in self._entered:
            until_s = end_of(account.day) + KEPT_S + MONTH_S
            self._table.put(TeamRow.at(keys.counted_team(account.team), expires_at_s=until_s))
            self._entered.add(month)

    def count_storage(self, account: Account, hour: int, counts: Counts) -> None:
        key = keys.usage(account.team, account.day, account.repository, _STORAGE)
        actions = [*_adding(account.day, counts), UsageRow.hour.set(hour)]
        fresh = UsageRow.hour.does_not_exist() | (UsageRow.hour < hour)
        try:
            self._table.update(UsageRow, key, actions, condition=fresh)
        except Conflict:
            # This hour is in it already.
            return

    def list_usage(self, team: str, span: Span, limit: int) -> Listing[Place]:
        partition, _ = keys.usage(team, "", "", "")
        first = f"{keys.DAYS}{max(span.first, span.after + chr(0) if span.after else '')}"
        # `$` comes after `#`: the last day with all of its repositories.
        between = (first, f"{keys.DAYS}{span.last}$")
        rows, more = self._table.query(UsageRow, partition, between, limit)
        return Listing([row.value() for row in rows], more)

    def list_counted_teams(self, page: Page) -> Listing[str]:
        partition, _ = keys.counted_team("")
        span = keys.span_after(keys.TEAMS, page.after)
        rows, more = self._table.query(TeamRow, partition, span, page.limit)
        return Listing([row.sk.removeprefix(keys.TEAMS) for row in rows], more)

    def held(self) -> Iterator[Held]:
        # Rows come in no order: what has ended is known at the end.
        now_s, sizes, ended = self._clock.now_s(), Counter[tuple[str, str]](), set[object]()
        for row in self._table.scan(
            LinkRow, ManifestEntryRow, BlobRow, RepositoryRow, team_models.TeamRow
        ):
            if isinstance(row, team_models.TeamRow) and is_over(row.ends_at_s, now_s):
                ended.add(row.name)
            elif isinstance(row, RepositoryRow) and has_ended(row, now_s):
                ended.add((row.pk.partition("#")[2], row.name().shown))
            for each in _held(row):
                sizes[each.team, each.repository] += each.size_bytes
        for (team, repository), size_bytes in sizes.items():
            if team not in ended and (team, repository) not in ended:
                yield Held(team, repository, size_bytes)


def _held(row: Row) -> Iterator[Held]:
    """A link is the repository's, a blob the team's, a manifest both: it lies in one only."""
    _, team, *path = row.pk.split("#")
    if isinstance(row, LinkRow | ManifestEntryRow):
        size_bytes = int(row.size_bytes or 0)
        yield Held(team, RepositoryName(path[0]).shown, size_bytes)
        if isinstance(row, ManifestEntryRow):
            yield Held(team, "", size_bytes)
    elif isinstance(row, BlobRow):
        yield Held(team, "", int(row.size_bytes))
