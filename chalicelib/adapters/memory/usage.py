"""UsageStore in dictionaries, over the metadata in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from threading import RLock

from chalicelib.adapters.memory.metadata import MemoryMetadata
from chalicelib.adapters.memory.pages import cut
from chalicelib.domain.paging import Listing, Page
from chalicelib.domain.usage import Account, Counts, Seen, Used
from chalicelib.ports import Conflict
from chalicelib.usage_ports import Held, Place, Span


class MemoryUsage:
    def __init__(self, metadata: MemoryMetadata) -> None:
        self._metadata = metadata
        self._lock = RLock()
        self._seen: dict[str, Seen] = {}
        self._counted: dict[Account, Counter[str]] = {}
        self._hours: dict[Account, int] = {}

    def find_seen(self, process: str) -> Seen:
        with self._lock:
            return self._seen.get(process, Seen())

    def count(
        self,
        process: str,
        before: Seen,
        after: Seen,
        totals: Mapping[Account, Counts],
        *,
        seen_until_s: int,
    ) -> None:
        with self._lock:
            if self._seen.get(process, Seen()) != before:
                raise Conflict(f"lines of {process}")
            self._seen[process] = after
            for account, counts in totals.items():
                self._counted.setdefault(account, Counter()).update(counts)

    def count_storage(self, account: Account, hour: int, counts: Counts) -> None:
        with self._lock:
            if self._hours.get(account, -1) < hour:
                self._hours[account] = hour
                self._counted.setdefault(account, Counter()).update(counts)

    def list_usage(self, team: str, span: Span, limit: int) -> Listing[Place]:
        with self._lock:
            rows = [
                Place(
                    f"{account.day}#{account.repository}#0",
                    Used(account.day, account.repository, dict(counts)),
                )
                for account, counts in self._counted.items()
                if account.team == team and span.first <= account.day <= span.last
            ]
        return cut(rows, Page(limit, span.after), lambda row: row.place)

    def list_counted_teams(self, page: Page) -> Listing[str]:
        with self._lock:
            teams = {account.team for account in self._counted if account.team}
        return cut(teams, page, lambda team: team)

    def held(self) -> Iterator[Held]:
        known = self._metadata
        with known._lock:
            links = [
                (team, name, each.size_bytes) for (team, name, _), each in known._links.items()
            ]
            manifests = [
                (team, name, each.size_bytes) for (team, name, _), each in known._manifests.items()
            ]
            blobs = [(team, each.size_bytes) for (team, _), each in known._blobs.items()]
            places = {(team, name) for team, name, _ in (*links, *manifests)}
            hidden = {each for each in places if known._is_hidden(*each)}
            over = {team for team in known._teams if known._is_team_over(team)}
        for team, name, size_bytes in (*links, *manifests):
            if (team, name) not in hidden:
                yield Held(team, name.shown, size_bytes)
        for team, size_bytes in (*blobs, *((team, size) for team, _, size in manifests)):
            if team not in over:
                yield Held(team, "", size_bytes)
