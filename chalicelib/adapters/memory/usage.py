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
        with self._metadata._lock:
            links = [(team, name, blob) for (team, name, _), blob in self._metadata._links.items()]
            blobs = [(team, blob) for (team, _), blob in self._metadata._blobs.items()]
            manifests = [
                (team, name, stored)
                for (team, name, _), stored in self._metadata._manifests.items()
            ]
        for team, name, blob in links:
            yield Held(team, name.shown, blob.size_bytes)
        for team, blob in blobs:
            yield Held(team, "", blob.size_bytes)
        for team, name, manifest in manifests:
            yield Held(team, name.shown, manifest.size_bytes)
            yield Held(team, "", manifest.size_bytes)
