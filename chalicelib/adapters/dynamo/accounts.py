"""AccountStore: users, invitations, wrong passwords, grants."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from chalicelib.adapters.dynamo import keys
from chalicelib.adapters.dynamo.deletion import touch_record
from chalicelib.adapters.dynamo.hub_models import (
    ApiTokenRow,
    EmailRow,
    FailureRow,
    GrantRow,
    InvitationRow,
    UserRow,
)
from chalicelib.adapters.dynamo.team_models import MemberRow, TeamRow
from chalicelib.adapters.dynamo.teams import Teams
from chalicelib.domain.accounts import Failures
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.records import ApiToken, GrantRecord, Repository, User
from chalicelib.hub_ports import LoginFacts, Standing
from chalicelib.ports import Conflict, Missing


class Accounts(Teams):
    # In ``search.py``.
    find_repositories: Callable[[Sequence[tuple[str, RepositoryName]]], Sequence[Repository]]

    def find_user(self, name: str) -> User | None:
        row = self._table.get(UserRow, keys.user(name))
        return row.value() if row else None

    def find_login(self, name: str, address: str, token_id: str | None = None) -> LoginFacts:
        by_name, by_address = keys.failures("name", name), keys.failures("address", address)
        token_key = [keys.api_token(name, token_id), keys.team(name)] if token_id else []
        rows = self._table.batch_get([keys.user(name), by_name, by_address, *token_key])
        users = [row.value() for row in rows if isinstance(row, UserRow)]
        teams = [row.value() for row in rows if isinstance(row, TeamRow)]
        now_s = self._clock.now_s()
        failures = {row.pk: row.value() for row in rows if isinstance(row, FailureRow)}
        return LoginFacts(
            users[0] if users else None,
            failures.get(by_name.pk, Failures()),
            failures.get(by_address.pk, Failures()),
            next((row.value() for row in rows if isinstance(row, ApiTokenRow)), None),
            next((team for team in teams if not team.is_over(now_s)), None),
        )

    def note_failure(self, name: str, address: str, *, now_s: int, expires_at_s: int) -> None:
        for key in (keys.failures("name", name), keys.failures("address", address)):
            self._count(key, now_s, expires_at_s)

    def _count(self, key: keys.Key, now_s: int, expires_at_s: int) -> None:
        columns = FailureRow
        try:
            self._table.update(
                FailureRow,
                key,
                actions=[
                    columns.kind.set(columns),
                    columns.tries.add(1),
                    columns.last_at_s.set(now_s),
                    columns.expires_at_s.set(expires_at_s),
                ],
                condition=columns.pk.does_not_exist() | (columns.expires_at_s > now_s),
            )
        except Conflict:
            # An old count that DynamoDB has not swept away yet: it begins anew.
            fresh = FailureRow.at(key, tries=1, last_at_s=now_s, expires_at_s=expires_at_s)
            self._table.put(fresh)

    def forget_failures(self, name: str) -> None:
        self._table.delete(keys.failures("name", name))

    def create_user(self, user: User, invitation: str | None = None) -> None:
        writes = self._table.transaction()
        writes.put(UserRow.of(user), condition=UserRow.pk.does_not_exist())
        writes.check(keys.team(user.name), TeamRow.pk.does_not_exist())
        if user.email:
            owner = EmailRow.at(keys.email(user.email), name=user.name)
            writes.put(owner, condition=EmailRow.pk.does_not_exist())
        if invitation is not None:
            counts = InvitationRow.expires_at_s > user.created_at_s
            writes.delete(keys.invitation(invitation), condition=counts)
        try:
            writes.commit()
        except Conflict:
            if self.find_user(user.name) == user:
                return
            if invitation is not None and not self._counts(invitation, user.created_at_s):
                raise Missing("no such invitation") from None
            raise

    def _counts(self, invitation: str, now_s: int) -> bool:
        row = self._table.get(InvitationRow, keys.invitation(invitation))
        return row is not None and row.expires_at_s > now_s

    def change_user(self, before: User, after: User) -> None:
        writes, columns = self._table.transaction(), UserRow
        unchanged = (columns.generation == before.generation) & (
            columns.email == before.email if before.email else columns.email.does_not_exist()
        )
        writes.put(UserRow.of(after), condition=unchanged)
        if after.email and after.email != before.email:
            owner = EmailRow.at(keys.email(after.email), name=after.name)
            writes.put(owner, condition=EmailRow.pk.does_not_exist())
        if before.email and after.email != before.email:
            writes.delete(keys.email(before.email))
        writes.commit()

    def put_invitation(self, invitation: str, *, expires_at_s: int) -> None:
        self._table.put(InvitationRow.at(keys.invitation(invitation), expires_at_s=expires_at_s))

    def put_api_token(self, token: ApiToken) -> None:
        self._table.put(ApiTokenRow.of(token))

    def find_api_token(self, user: str, token_id: str) -> ApiToken | None:
        row = self._table.get(ApiTokenRow, keys.api_token(user, token_id))
        return row.value() if row else None

    def list_api_tokens(self, user: str) -> Sequence[ApiToken]:
        rows, _ = self._table.query(
            ApiTokenRow, keys.user(user).pk, keys.span_after(keys.API_TOKENS, "")
        )
        return [row.value() for row in rows]

    def delete_api_token(self, user: str, token_id: str) -> None:
        writes = self._table.transaction()
        key = keys.api_token(user, token_id)
        writes.delete(key, condition=ApiTokenRow.pk.exists())
        try:
            writes.commit()
        except Conflict as error:
            raise Missing(f"API token {token_id}") from error

    def find_standing(self, team: str, name: RepositoryName, user: str | None) -> Standing:
        wanted = []
        if user:
            wanted = [keys.grant(team, name, user), keys.memberships(team, user)[0]]
        look = self._look(team, name, *wanted)
        if look.team_is_over:
            return Standing(None)
        grant, member = look.first(GrantRow), look.first(MemberRow)
        return Standing(
            look.repository,
            grant.access if grant and not look.record_is_over else None,
            look.team,
            member.value().role if member and look.team else None,
        )

    def put_grant(self, team: str, grant: GrantRecord) -> None:
        writes = self._table.transaction()
        touch_record(writes, team, grant.name, self._clock.now_s())
        for key in _places(team, grant.name, grant.user):
            writes.put(GrantRow.of(key, team, grant))
        writes.commit()

    def delete_grant(self, team: str, name: RepositoryName, user: str) -> None:
        writes = self._table.transaction()
        for key in _places(team, name, user):
            writes.delete(key)
        writes.commit()

    def list_grants(self, team: str, name: RepositoryName) -> Sequence[GrantRecord]:
        return [] if self._is_hidden(team, name) else self._grants(keys.contents(team, name))

    def list_granted(self, user: str) -> Sequence[GrantRecord]:
        grants = self._grants(keys.user(user).pk)
        there = self.find_repositories([(grant.name.namespace, grant.name) for grant in grants])
        names = {repository.name for repository in there}
        return [grant for grant in grants if grant.name in names]

    def _grants(self, pk: str) -> Sequence[GrantRecord]:
        rows, _ = self._table.query(GrantRow, pk, keys.span_after(keys.GRANTS, ""))
        return [row.value() for row in rows]


def _places(team: str, name: RepositoryName, user: str) -> tuple[keys.Key, keys.Key]:
    return keys.grant(team, name, user), keys.granted(user, name)
