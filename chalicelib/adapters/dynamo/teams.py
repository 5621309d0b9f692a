"""TeamStore: teams, their members and invitations, what they use."""

from __future__ import annotations

from collections.abc import Sequence

from pynamodb.expressions.condition import Condition

from chalicelib.adapters.dynamo import keys
from chalicelib.adapters.dynamo.bytes import Bytes
from chalicelib.adapters.dynamo.hub_models import UserRow
from chalicelib.adapters.dynamo.living import has_ended, not_over
from chalicelib.adapters.dynamo.models import RepositoryRow
from chalicelib.adapters.dynamo.table import Transaction
from chalicelib.adapters.dynamo.team_models import (
    BytesRow,
    MemberRow,
    PastOwnerRow,
    PullsRow,
    TeamInvitationRow,
    TeamRow,
    number,
)
from chalicelib.domain.expiry import DAY_S
from chalicelib.domain.teams import Life, Member, Role, Team, Usage
from chalicelib.ports import Conflict, Missing, Refused
from chalicelib.team_ports import Membership

# A day's count is looked at on that day; a month more, for whoever asks what was.
PULLS_KEPT_DAYS = 32


class Teams(Bytes):
    def create_team(self, team: Team, owner: Member) -> None:
        span = keys.span_after(keys.REPOSITORIES, "")
        held, _ = self._table.query(RepositoryRow, keys.catalog(team.name), span, limit=1)
        if held:
            raise Conflict(f"there are repositories under {team.name}")
        writes = self._table.transaction()
        writes.put(TeamRow.of(team), condition=TeamRow.pk.does_not_exist())
        writes.check(keys.user(team.name), UserRow.pk.does_not_exist())
        for row in MemberRow.both(owner):
            writes.put(row)
        try:
            writes.commit()
        except Conflict:
            if self.find_membership(team.name, owner.user) != Membership(team, owner.role):
                raise

    def find_membership(self, team: str, user: str | None) -> Membership:
        wanted = [keys.team(team)]
        wanted += [keys.memberships(team, user)[0]] if user else []
        rows = self._table.batch_get(wanted)
        now_s = self._clock.now_s()
        teams = [row.value() for row in rows if isinstance(row, TeamRow)]
        if not teams or teams[0].is_over(now_s):
            return Membership()
        roles = [row.value().role for row in rows if isinstance(row, MemberRow)]
        return Membership(teams[0], roles[0] if roles else None)

    def find_lives(self, team: str, user: str) -> Sequence[Life]:
        rows = self._table.batch_get([keys.team(team), keys.memberships(team, user)[0]])
        is_owner = any(isinstance(r, MemberRow) and Role(r.role) is Role.OWNER for r in rows)
        found = {
            row.life: Life(row.life, int(row.created_at_s), number(row.ends_at_s), is_owner)
            for row in rows
            if isinstance(row, TeamRow)
        }
        partition, span = keys.usage(team, "", "", "").pk, keys.span_after(keys.PAST, "")
        for past in self._table.gather(PastOwnerRow, partition, span):
            _, word, who = past.sk.split("#")
            known = found.get(word)
            was_owner = who == user or (known is not None and known.is_owner)
            found[word] = Life(word, int(past.first_s), int(past.end_s), was_owner)
        return sorted(found.values(), key=lambda life: life.first_s)

    def change_team(self, before: Team, after: Team) -> None:
        columns, was, new = TeamRow, TeamRow.of(before), TeamRow.of(after)
        condition = self._lives(before) & (columns.expires_tags_by_name == was.expires_tags_by_name)
        actions = [columns.expires_tags_by_name.set(new.expires_tags_by_name)]
        for column, old, value in (
            (columns.ends_at_s, was.ends_at_s, new.ends_at_s),
            (columns.size_bytes, was.size_bytes, new.size_bytes),
            (columns.repositories, was.repositories, new.repositories),
            (columns.pulls_a_day, was.pulls_a_day, new.pulls_a_day),
        ):
            condition &= column.does_not_exist() if old is None else column == old
            actions.append(column.remove() if value is None else column.set(value))
        self._table.update(TeamRow, keys.team(before.name), actions, condition)

    def _lives(self, team: Team) -> Condition:
        columns = TeamRow
        condition: Condition = (columns.life == team.life) & not_over(
            columns.ends_at_s, self._clock.now_s()
        )
        return condition

    def invite_member(self, team: Team, invitation: str, role: Role, *, expires_at_s: int) -> None:
        writes = self._table.transaction()
        writes.check(keys.team(team.name), self._lives(team))
        writes.put(
            TeamInvitationRow.at(
                keys.team_invitation(team.name, invitation),
                role=role.value,
                expires_at_s=expires_at_s,
            )
        )
        try:
            writes.commit()
        except Conflict as error:
            raise Missing(f"team {team.name}") from error

    def join_team(self, member: Member, invitation: str) -> Member:
        place, _ = keys.memberships(member.team, member.user)
        invited = keys.team_invitation(member.team, invitation)
        rows = self._table.batch_get([keys.team(member.team), invited, place])
        teams = [row for row in rows if isinstance(row, TeamRow)]
        found = [row for row in rows if isinstance(row, TeamInvitationRow)]
        now_s = self._clock.now_s()
        if not teams or teams[0].value().is_over(now_s):
            raise Missing(f"team {member.team}")
        if not found or found[0].expires_at_s <= member.joined_at_s:
            raise Missing("no such invitation")
        if any(isinstance(row, MemberRow) for row in rows):
            raise Conflict(f"{member.user} is a member already")
        role = Role(found[0].role)
        joined = Member(member.team, member.user, role, member.joined_at_s)
        writes, columns = self._table.transaction(), TeamInvitationRow
        writes.delete(
            invited, condition=columns.pk.exists() & (columns.expires_at_s > member.joined_at_s)
        )
        self._count_owners(writes, teams[0].value(), 1 if role is Role.OWNER else 0)
        for row in MemberRow.both(joined):
            writes.put(row, condition=MemberRow.pk.does_not_exist())
        try:
            writes.commit()
        except Conflict as error:
            # Of two who use one invitation at the same time the second finds none.
            raise Missing("no such invitation") from error
        return joined

    def _count_owners(self, writes: Transaction, team: Team, more: int) -> None:
        columns, condition = TeamRow, self._lives(team)
        if more == 0:
            writes.check(keys.team(team.name), condition)
            return
        if more < 0:
            condition &= columns.owners > 1
        writes.update(keys.team(team.name), [columns.owners.add(more)], condition)

    def change_member(self, before: Member, after: Member | None) -> None:
        found = self.find_membership(before.team, before.user)
        if found.team is None or found.role is not before.role:
            raise Missing(f"{before.user} in {before.team}")
        writes = self._table.transaction()
        was_owner = before.role is Role.OWNER
        is_owner = after is not None and after.role is Role.OWNER
        self._count_owners(writes, found.team, int(is_owner) - int(was_owner))
        same = MemberRow.role == before.role.value
        for at, row in enumerate(MemberRow.both(after or before)):
            key = keys.memberships(before.team, before.user)[at]
            if after is None:
                writes.delete(key, condition=same)
            else:
                writes.put(row, condition=same)
        writes.commit()

    def list_members(self, team: str) -> Sequence[Member]:
        if self._is_team_over(team):
            return []
        span = keys.span_after(keys.MEMBERS, "")
        return [row.value() for row in self._table.gather(MemberRow, keys.catalog(team), span)]

    def list_memberships(self, user: str) -> Sequence[Membership]:
        span = keys.span_after(keys.MEMBERS, "")
        rows = self._table.gather(MemberRow, keys.user(user).pk, span)
        members = {row.team: row.value() for row in rows}
        found = self._table.batch_get(keys.team(team) for team in members)
        now_s = self._clock.now_s()
        teams = [row.value() for row in found if isinstance(row, TeamRow)]
        return [
            Membership(team, members[team.name].role)
            for team in sorted(teams, key=lambda each: each.name)
            if not team.is_over(now_s)
        ]

    def count_repositories(self, team: str, most: int) -> int:
        span, now_s = keys.span_after(keys.REPOSITORIES, ""), self._clock.now_s()
        rows, _ = self._table.query(RepositoryRow, keys.catalog(team), span, limit=most)
        return sum(not has_ended(row, now_s) for row in rows)

    def find_usage(self, team: str, day: int) -> Usage:
        rows = self._table.batch_get([*keys.bytes_shards(team), keys.pulls(team, day)])
        size_bytes = sum(int(row.size_bytes) for row in rows if isinstance(row, BytesRow))
        pulls = [int(row.tries) for row in rows if isinstance(row, PullsRow)]
        return Usage(size_bytes, pulls[0] if pulls else 0)

    def count_pull(self, team: str, day: int, *, limit: int) -> None:
        columns = PullsRow
        if limit < 1:
            raise Refused("this team may not pull")
        try:
            self._table.update(
                PullsRow,
                keys.pulls(team, day),
                [
                    columns.kind.set(columns),
                    columns.tries.add(1),
                    columns.expires_at_s.set((day + PULLS_KEPT_DAYS) * DAY_S),
                ],
                columns.pk.does_not_exist() | (columns.tries < limit),
            )
        except Conflict as error:
            raise Refused(f"this team may pull {limit} times a day, and has") from error
