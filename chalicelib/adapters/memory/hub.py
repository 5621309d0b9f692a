"""AccountStore and SearchStore in dictionaries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from chalicelib.adapters.memory.teams import MemoryTeams
from chalicelib.domain.accounts import Failures
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.records import ApiToken, GrantRecord, Repository, User
from chalicelib.domain.search import Found, index_words
from chalicelib.domain.teams import repositories_full
from chalicelib.domain.webhooks import Event, Lane
from chalicelib.hub_ports import LoginFacts, Standing
from chalicelib.ports import Conflict, Missing, Refused

# What is kept when a team has gone: who owned it; and numbers that no repository reads again.
_KEPT = ("_past", "_revisions")


class MemoryHub(MemoryTeams):
    """Shares its lock and its repositories with the metadata that it is a part of."""

    def __init__(self) -> None:
        MemoryTeams.__init__(self)
        self._users: dict[str, User] = {}
        self._emails: dict[str, str] = {}
        self._failures: dict[str, tuple[Failures, int]] = {}
        self._invitations: dict[str, int] = {}
        self._tokens: dict[tuple[str, str], ApiToken] = {}
        self._grants: dict[tuple[str, RepositoryName, str], GrantRecord] = {}
        self._entries: dict[tuple[str, str, RepositoryName], Found] = {}
        self._revisions: dict[tuple[str, RepositoryName], int] = {}

    # --- accounts -----------------------------------------------------------------------------

    def find_user(self, name: str) -> User | None:
        with self._lock:
            return self._users.get(name)

    def find_login(self, name: str, address: str, token_id: str | None = None) -> LoginFacts:
        with self._lock:
            return LoginFacts(
                self._users.get(name),
                self._failures.get(f"name {name}", (Failures(), 0))[0],
                self._failures.get(f"address {address}", (Failures(), 0))[0],
                self._tokens.get((name, token_id)) if token_id else None,
                self._team(name) if token_id else None,
            )

    def note_failure(self, name: str, address: str, *, now_s: int, expires_at_s: int) -> None:
        with self._lock:
            for key in (f"name {name}", f"address {address}"):
                known, expiry = self._failures.get(key, (Failures(), 0))
                count = known.count if expiry > now_s else 0
                self._failures[key] = Failures(count + 1, now_s), expires_at_s

    def forget_failures(self, name: str) -> None:
        with self._lock:
            self._failures.pop(f"name {name}", None)

    def create_user(self, user: User, invitation: str | None = None) -> None:
        with self._lock:
            if self._users.get(user.name) == user:
                return
            is_taken = user.name in self._users or user.name in self._teams
            if is_taken or (user.email and user.email in self._emails):
                raise Conflict(f"user {user.name} or the address exists")
            if invitation is not None:
                if self._invitations.get(invitation, 0) <= user.created_at_s:
                    raise Missing("no such invitation")
                del self._invitations[invitation]
            self._keep(user)

    def change_user(self, before: User, after: User) -> None:
        with self._lock:
            holder = self._emails.get(after.email) if after.email else None
            if self._users.get(before.name) != before or holder not in (None, before.name):
                raise Conflict(f"user {before.name} has changed")
            if before.email:
                self._emails.pop(before.email, None)
            self._keep(after)

    def _keep(self, user: User) -> None:
        self._users[user.name] = user
        if user.email:
            self._emails[user.email] = user.name

    def put_invitation(self, invitation: str, *, expires_at_s: int) -> None:
        with self._lock:
            self._invitations[invitation] = expires_at_s

    def put_api_token(self, token: ApiToken) -> None:
        with self._lock:
            self._tokens[token.user, token.token_id] = token

    def find_api_token(self, user: str, token_id: str) -> ApiToken | None:
        with self._lock:
            return self._tokens.get((user, token_id))

    def list_api_tokens(self, user: str) -> Sequence[ApiToken]:
        with self._lock:
            found = [token for key, token in self._tokens.items() if key[0] == user]
        return sorted(found, key=lambda token: token.token_id)

    def delete_api_token(self, user: str, token_id: str) -> None:
        with self._lock:
            if self._tokens.pop((user, token_id), None) is None:
                raise Missing(f"API token {token_id}")

    def find_standing(self, team: str, name: RepositoryName, user: str | None) -> Standing:
        with self._lock:
            if self._is_team_over(team):
                return Standing(None)
            hidden = self._is_hidden(team, name)
            grant = self._grants.get((team, name, user)) if user and not hidden else None
            member = self.find_membership(team, user)
            access = grant.access if grant else None
            return Standing(self._record(team, name), access, member.team, member.role)

    def put_grant(self, team: str, grant: GrantRecord) -> None:
        with self._lock:
            self._check_there(team, grant.name)
            self._revise(team, grant.name)
            self._grants[team, grant.name, grant.user] = grant

    def delete_grant(self, team: str, name: RepositoryName, user: str) -> None:
        with self._lock:
            self._grants.pop((team, name, user), None)

    def list_grants(self, team: str, name: RepositoryName) -> Sequence[GrantRecord]:
        with self._lock:
            found = [grant for key, grant in self._grants.items() if key[:2] == (team, name)]
            found = [] if self._is_hidden(team, name) else found
        return sorted(found, key=lambda grant: grant.user)

    def list_granted(self, user: str) -> Sequence[GrantRecord]:
        with self._lock:
            found = [
                grant
                for (team, name, who), grant in self._grants.items()
                if who == user and self._record(team, name)
            ]
        return sorted(found, key=lambda grant: grant.name)

    # --- search -------------------------------------------------------------------------------

    def _enter(self, team: str, repository: Repository) -> None:
        self._enter_room(team, repository.name)
        if (team, repository.name) not in self._repositories:
            self._check_repositories(team)
            self._repositories[team, repository.name] = repository
            self._revise(team, repository.name)
            self._index(team, repository)

    def _check_repositories(self, name: str) -> None:
        team = self._team(name)
        limit = team.quota.repositories if team else None
        there = [r for key, r in self._repositories.items() if key[0] == name]
        if limit is not None and sum(not self._is_over(each) for each in there) >= limit:
            raise Refused(repositories_full(limit), "repositories")

    def _index(self, team: str, repository: Repository) -> None:
        entry, scope = Found(repository.name, repository.description), repository.scope(team)
        for word in ("", *index_words(entry)):
            self._entries[scope, word, repository.name] = entry

    def _unindex(self, name: RepositoryName) -> None:
        for key in [key for key in self._entries if key[2] == name]:
            del self._entries[key]

    def change_repository(self, team: str, before: Repository, after: Repository) -> None:
        with self._lock:
            self._check_unchanged(team, before)
            self._unindex(before.name)
            self._repositories[team, after.name] = after
            self._revise(team, after.name)
            self._index(team, after)

    def _revise(self, team: str, name: RepositoryName) -> None:
        """Something is added: what the collector has seen is out of date."""
        self._revisions[team, name] = self._revisions.get((team, name), 0) + 1

    def _check_there(self, team: str, name: RepositoryName) -> None:
        record = self._repositories.get((team, name))
        if record is None or self._is_over(record):
            raise Conflict(f"there is no {name}")

    def _check_unchanged(self, team: str, before: Repository) -> None:
        known = self._repositories.get((team, before.name))
        known = None if known and self._is_over(known) else known
        if known is None or known != before or before.life not in (None, known.life):
            raise Conflict(f"{before.name} has changed")
        if before.life is not None and before.swept != known.swept:
            raise Conflict(f"{before.name} has changed")

    def finish_deletion(self, team: str, name: RepositoryName) -> bool:
        record = self._repositories.get((team, name))
        if record is None or not self._is_over(record):
            return False
        self._remove(team, name)
        return True

    def delete_repository(
        self, team: str, repository: Repository, event: Event | None = None
    ) -> None:
        with self._lock:
            self._check_unchanged(team, repository)
            self._check_event(event)
            self._keep_event(event)
            self._remove(team, repository.name)

    def end_repository(self, team: str, life: str, name: RepositoryName) -> None:
        with self._lock:
            self._check_ended(team, life)
            self._remove(team, name)

    def _check_ended(self, team: str, life: str) -> None:
        known = self._teams.get(team)
        if known is None or known.life != life or not self._is_team_over(team):
            raise Conflict(f"team {team} has not ended")

    def end_rows(self, team: str, life: str, rows: Sequence[str]) -> None:
        with self._lock:
            self._check_ended(team, life)

    def end_team(self, team: str, life: str) -> None:
        with self._lock:
            self._check_ended(team, life)
            if any(key[0] == team for key in self._repositories):
                raise Conflict(f"{team} has repositories")
            self._remember_owners(self._teams[team])
            held: tuple[dict[Any, Any], ...] = (
                self._members,
                self._invited,
                self._pulls,
                self._tokens,
            )
            for facts in held:
                for key in [key for key in facts if key[0] == team]:
                    del facts[key]
            self._forget_hooks(team)
            del self._teams[team]

    def rows_of(self, team: str) -> Iterator[str]:
        for kind, facts in list(vars(self).items()):
            held = facts if isinstance(facts, dict | set) and kind not in _KEPT else ()
            for key in held:
                words = key if isinstance(key, tuple) else (key,)
                words = (words[0].team, *words) if isinstance(words[0], Lane) else words
                paths = [word.path for word in words if isinstance(word, RepositoryName)]
                if team == words[0] or any(path.startswith(f"{team}/") for path in paths):
                    yield f"{kind} {key}"

    def _remove(self, team: str, name: RepositoryName) -> None:
        self._unindex(name)
        self._repositories.pop((team, name), None)
        self._last_events.pop((team, name.path), None)
        for key in [key for key in self._grants if key[:2] == (team, name)]:
            del self._grants[key]
        self._empty(team, name)

    def _empty(self, team: str, name: RepositoryName) -> None:
        """Remove what the repository holds; the metadata knows where it lies."""

    def find_entries(self, scope: str, prefix: str, limit: int) -> Sequence[Found]:
        with self._lock:
            found = [
                (word, name, entry)
                for (kept, word, name), entry in self._entries.items()
                if kept == scope and (word == "" if prefix == "" else word.startswith(prefix))
            ]
        found.sort(key=lambda item: (item[0], item[1].path))
        return [entry for _, _, entry in found[:limit]]

    def find_repositories(
        self, team_names: Sequence[tuple[str, RepositoryName]]
    ) -> Sequence[Repository]:
        with self._lock:
            found = [self._record(team, name) for team, name in team_names]
            return [repository for repository in found if repository]
