"""Accounts asked once: what a page needs twice is read one time."""

from __future__ import annotations

from typing import Any, cast

from chalicelib.domain.names import RepositoryName
from chalicelib.hub_ports import AccountStore, Standing


def once(accounts: AccountStore) -> AccountStore:
    """The account store of one request.

    The standing by which somebody was let in shows them the repository's record as well; no
    request that changes a record reads its standing afterwards.
    """
    return cast("AccountStore", _Once(accounts))


class _Once:
    def __init__(self, accounts: AccountStore) -> None:
        self._accounts = accounts
        self._standings: dict[tuple[str, RepositoryName, str | None], Standing] = {}

    def find_standing(self, team: str, name: RepositoryName, user: str | None) -> Standing:
        key = (team, name, user)
        if key not in self._standings:
            self._standings[key] = self._accounts.find_standing(team, name, user)
        return self._standings[key]

    def __getattr__(self, verb: str) -> Any:
        return getattr(self._accounts, verb)
