"""TeamStore: teams, members, invitations, machine tokens."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.domain.records import (
    ApiToken,
    GrantRecord,
    User,
)
from chalicelib.domain.teams import Member, Quota, Role
from chalicelib.hub_ports import Standing
from chalicelib.ports import Conflict, Missing
from chalicelib.team_ports import Membership
from tests.contracts.team_values import END_S, app, owner, record, repository
from tests.contracts.values import NOW_S
from tests.support.world import SettableClock


class MembersContract:
    def test_a_team_comes_back_as_it_was_made(self, store: Any, team: str) -> None:
        made = record(
            team,
            expires_at_s=END_S,
            quota=Quota(1 << 50, 3, 0),
            expires_tags_by_name=True,
        )
        store.create_team(made, owner(team))
        store.create_team(made, owner(team))
        assert store.find_membership(team, f"olga-{team}") == Membership(made, Role.OWNER)
        assert store.find_membership(team, "nobody") == Membership(made)
        assert store.find_membership(team, None) == Membership(made)
        assert store.find_membership(f"{team}-2", f"olga-{team}") == Membership()

    def test_a_team_and_an_account_never_have_one_name(self, store: Any, team: str) -> None:
        store.create_team(record(team), owner(team))
        with pytest.raises(Conflict):
            store.create_user(User(team, "hash", None, False, NOW_S))
        with pytest.raises(Conflict):
            store.create_team(record(team, life="other"), owner(team, "rob"))
        store.create_user(User(f"{team}-2", "hash", None, False, NOW_S))
        with pytest.raises(Conflict):
            store.create_team(record(f"{team}-2"), owner(team))

    def test_of_a_team_and_an_account_at_once_one_gets_the_name(
        self, store: Any, team: str
    ) -> None:
        results: list[str] = []

        def take(kind: str, step: Callable[[], None]) -> None:
            try:
                step()
            except Conflict:
                return
            results.append(kind)

        steps = {
            "team": lambda: store.create_team(record(team), owner(team)),
            "user": lambda: store.create_user(User(team, "hash", None, False, NOW_S)),
        }
        threads = [threading.Thread(target=take, args=item) for item in steps.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(results) == 1
        assert (store.find_user(team) is None) is (results == ["team"])
        assert (store.find_membership(team, None).team is None) is (results == ["user"])

    def test_a_name_under_which_there_are_repositories_is_taken(
        self, store: Any, team: str
    ) -> None:
        store.put_repository(team, repository(team))
        with pytest.raises(Conflict):
            store.create_team(record(team), owner(team))

    def test_a_change_that_came_meanwhile_is_not_lost(self, store: Any, team: str) -> None:
        before = record(team)
        store.create_team(before, owner(team))
        for after in (
            replace(before, expires_at_s=END_S),
            replace(before, quota=Quota(5)),
            replace(before, quota=Quota(repositories=5)),
            replace(before, quota=Quota(pulls_a_day=5)),
            replace(before, expires_tags_by_name=True),
        ):
            store.change_team(before, after)
            assert store.find_membership(team, None).team == after
            with pytest.raises(Conflict):
                store.change_team(before, replace(before, quota=Quota(7)))
            store.change_team(after, before)
            assert store.find_membership(team, None).team == before

    def test_a_team_of_another_life_is_not_changed(self, store: Any, team: str) -> None:
        store.create_team(record(team), owner(team))
        other = record(team, life="other")
        with pytest.raises(Conflict):
            store.change_team(other, replace(other, quota=Quota(7)))
        with pytest.raises(Missing):
            store.invite_member(other, "code", Role.OWNER, expires_at_s=END_S)

    # --- members ------------------------------------------------------------------------------

    def test_an_invitation_makes_a_member_once(self, store: Any, team: str) -> None:
        store.create_team(record(team), owner(team))
        store.invite_member(record(team), "code", Role.WRITER, expires_at_s=END_S)
        asked = Member(team, f"wim-{team}", Role.OWNER, NOW_S + 1)
        assert store.join_team(asked, "code") == replace(asked, role=Role.WRITER)
        with pytest.raises(Missing):
            store.join_team(Member(team, f"rob-{team}", Role.OWNER, NOW_S), "code")
        assert list(store.list_members(team)) == [
            owner(team),
            replace(asked, role=Role.WRITER),
        ]
        assert list(store.list_memberships(asked.user)) == [Membership(record(team), Role.WRITER)]

    def test_an_invitation_is_for_its_own_team_and_runs_out(self, store: Any, team: str) -> None:
        other = f"{team}-2"
        for name in (team, other):
            store.create_team(record(name), owner(name))
        store.invite_member(record(team), "code", Role.WRITER, expires_at_s=END_S)
        with pytest.raises(Missing):
            store.join_team(Member(other, "wim", Role.READER, NOW_S), "code")
        with pytest.raises(Missing):
            store.join_team(Member(team, "wim", Role.READER, END_S), "code")
        with pytest.raises(Missing):
            store.join_team(Member(f"{team}-3", "wim", Role.READER, NOW_S), "code")
        with pytest.raises(Conflict):
            store.join_team(owner(team), "code")
        store.join_team(Member(team, f"wim-{team}", Role.READER, END_S - 1), "code")

    def test_of_two_with_one_invitation_one_gets_in(self, store: Any, team: str) -> None:
        store.create_team(record(team), owner(team))
        store.invite_member(record(team), "code", Role.OWNER, expires_at_s=END_S)
        entered: list[str] = []

        def enter(user: str) -> None:
            try:
                store.join_team(Member(team, f"{user}-{team}", Role.READER, NOW_S), "code")
            except Missing:
                return
            entered.append(user)

        threads = [threading.Thread(target=enter, args=(f"u{n}",)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(entered) == 1
        assert len(store.list_members(team)) == 2

    def test_roles_change_and_members_go(self, store: Any, team: str) -> None:
        store.create_team(record(team), owner(team))
        store.invite_member(record(team), "code", Role.READER, expires_at_s=END_S)
        wim = store.join_team(Member(team, f"wim-{team}", Role.READER, NOW_S), "code")
        writer = replace(wim, role=Role.WRITER)
        store.change_member(wim, writer)
        with pytest.raises(Missing):
            store.change_member(wim, replace(wim, role=Role.OWNER))
        assert store.find_membership(team, wim.user).role is Role.WRITER
        store.change_member(writer, None)
        with pytest.raises(Missing):
            store.change_member(writer, None)
        assert list(store.list_members(team)) == [owner(team)]
        assert list(store.list_memberships(wim.user)) == []
        assert store.find_standing(team, app(team), wim.user).role is None

    def test_a_team_keeps_an_owner_also_when_two_leave_at_once(self, store: Any, team: str) -> None:
        first = owner(team)
        store.create_team(record(team), first)
        with pytest.raises(Conflict):
            store.change_member(first, None)
        with pytest.raises(Conflict):
            store.change_member(first, replace(first, role=Role.WRITER))
        store.invite_member(record(team), "code", Role.OWNER, expires_at_s=END_S)
        second = store.join_team(Member(team, f"wim-{team}", Role.READER, NOW_S), "code")
        left: list[Member] = []

        def leave(member: Member) -> None:
            try:
                store.change_member(member, None)
            except Conflict:
                return
            left.append(member)

        threads = [threading.Thread(target=leave, args=(each,)) for each in (first, second)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(left) == 1
        assert [each.role for each in store.list_members(team)] == [Role.OWNER]

    def test_a_standing_says_what_somebody_is_in_the_team(self, store: Any, team: str) -> None:
        store.create_team(record(team), owner(team))
        found = store.find_standing(team, app(team), owner(team).user)
        assert found == Standing(None, None, record(team), Role.OWNER)
        store.put_repository(team, repository(team))
        store.put_grant(team, GrantRecord(app(team), "wim", "read"))
        assert store.find_standing(team, app(team), "wim") == Standing(
            repository(team), "read", record(team)
        )
        assert store.find_standing(team, app(team), None) == Standing(
            repository(team), None, record(team)
        )

    def test_a_machine_token_is_found_with_its_team(
        self, store: Any, clock: SettableClock, team: str
    ) -> None:
        made = record(team, expires_at_s=END_S)
        store.create_team(made, owner(team))
        token = ApiToken("0" * 16, team, "ci", "hash", (), NOW_S)
        store.put_api_token(token)
        facts = store.find_login(team, "-", token.token_id)
        assert (facts.user, facts.team, facts.token) == (None, made, token)
        clock.at_s = END_S
        assert store.find_login(team, "-", token.token_id).team is None
