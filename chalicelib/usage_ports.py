"""What metering asks of a store. Rules as in ``ports``: reads are strong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from chalicelib.domain.paging import Listing, Page
from chalicelib.domain.usage import Account, Counts, Seen, Used


@dataclass(frozen=True)
class Span:
    """Days of a report, ``yyyymmdd``, both inclusive; ``after`` is the place where a page ended."""

    first: str
    last: str
    after: str = ""


@dataclass(frozen=True)
class Place:
    """A row of counts as it is kept, and its place, at which the next page can begin."""

    place: str
    used: Used


@dataclass(frozen=True)
class Held:
    """Bytes of a team: what a repository serves, or, under "", what is stored, each blob once."""

    team: str
    repository: str
    size_bytes: int


class UsageStore(Protocol):
    """Counts by team, day and repository, and which log lines are in them."""

    def find_seen(self, process: str) -> Seen:
        """The numbers of a process's lines that have been counted. Costs: 1 read."""

    def count(
        self,
        process: str,
        before: Seen,
        after: Seen,
        totals: Mapping[Account, Counts],
        *,
        seen_until_s: int,
    ) -> None:
        """Add counts, and remember the lines that they are of, all or nothing.

        Counts are kept for 400 days after their day; what has been counted until ``seen_until_s``.
        Raises: Conflict: ``before`` is not what has been counted; nothing was changed.
        Costs: 1 transaction of one item and one more for each account, at most 90; 1 write more
        for each team in each month that this process has not had before.
        """

    def count_storage(self, account: Account, hour: int, counts: Counts) -> None:
        """Add what lay there in an hour (since the epoch); one that was added already is not added.

        Costs: 1 conditional write.
        """

    def list_usage(self, team: str, span: Span, limit: int) -> Listing[Place]:
        """Rows of a team by day and repository; several may be of one, and add up.

        Costs: 1 query.
        """

    def list_counted_teams(self, page: Page) -> Listing[str]:
        """Teams that have counts, bytewise. Costs: 1 query."""

    def held(self) -> Iterator[Held]:
        """What everybody has stored, in pieces that add up. Reads the whole table.

        Of a team that has ended nothing; a repository that has ended serves nothing.

        Costs: 1 scan for each MB.
        """
