"""What every store promises to the collector of teams that have ended."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.domain.facts import FactKind
from chalicelib.domain.records import ApiToken, GrantRecord, IndexImage
from chalicelib.domain.teams import Life, Member, Role
from chalicelib.ports import Conflict
from chalicelib.team_ports import Membership
from tests.contracts.collect_contract import facts
from tests.contracts.team_values import END_S, A, app, owner, record, repository
from tests.contracts.values import NOW_S, blob, change, image, manifest, tag
from tests.support.world import SettableClock


class CollectedContract:
    def _end(self, store: Any, clock: SettableClock, team: str) -> None:
        """A team with two members, a token, an invitation and a repository, which has ended."""
        made = record(team, expires_at_s=END_S)
        store.create_team(made, owner(team))
        store.invite_member(made, "used", Role.WRITER, expires_at_s=END_S)
        store.join_team(Member(team, f"wim-{team}", Role.READER, NOW_S), "used")
        store.invite_member(made, "code", Role.READER, expires_at_s=END_S)
        store.put_api_token(ApiToken(team, "id", "ci", "hashed", (), NOW_S))
        store.count_pull(team, 1, limit=5)
        known = repository(team)
        store.put_repository(team, known)
        store.put_blob(team, app(team), blob())
        store.put_manifest(team, known, manifest(), [tag("v1"), tag("v2")], change())
        store.put_index_images(team, app(team), [IndexImage(A)])
        store.put_grant(team, GrantRecord(app(team), f"guest-{team}", "read"))
        clock.at_s = END_S

    def _left(self, store: Any, team: str) -> list[str]:
        # Blobs are collected as all are, by what names them.
        return [each for each in store.rows_of(team) if not each.startswith(("BLOB#", "_blobs"))]

    def test_a_scan_tells_when_a_team_ends_and_which_life_it_has(
        self, store: Any, clock: SettableClock, team: str
    ) -> None:
        self._end(store, clock, team)
        found = [fact for fact in facts(store, team) if fact.kind is FactKind.TEAM]
        assert [(fact.word, fact.ends_at_s) for fact in found] == [("life", END_S)]

    def test_an_ended_team_goes_repositories_first(
        self, store: Any, clock: SettableClock, team: str
    ) -> None:
        self._end(store, clock, team)
        with pytest.raises(Conflict):
            store.end_team(team, "life")
        store.end_repository(team, "life", app(team))
        store.end_repository(team, "life", app(team))
        store.end_team(team, "life")
        assert self._left(store, team) == []
        # Who begins anew finds nothing, and nobody is in it whom nobody let in.
        store.create_team(record(team, life="next"), owner(team, "nina"))
        for user in (f"olga-{team}", f"wim-{team}", f"guest-{team}"):
            assert list(store.list_memberships(user)) == []
            assert list(store.list_granted(user)) == []
            assert store.find_membership(team, user).role is None
        assert list(store.list_api_tokens(team)) == []
        assert [each.user for each in store.list_members(team)] == [f"nina-{team}"]
        assert store.find_repository(team, app(team)) is None
        assert list(store.list_holders(team, A)) == []
        assert store.find_usage(team, 1).pulls == 0

    @pytest.mark.parametrize("why", ["another life", "not over", "gone"])
    def test_only_a_team_that_has_ended_goes_and_only_in_its_own_life(
        self, store: Any, clock: SettableClock, team: str, why: str
    ) -> None:
        life = "another" if why == "another life" else "life"
        if why == "gone":
            clock.at_s = END_S
        else:
            self._end(store, clock, team)
        if why == "not over":
            clock.at_s = END_S - 1
        before = sorted(store.rows_of(team))
        steps = [
            lambda: store.end_rows(team, life, [f"EVENTS#{team}#x\n1"]),
            lambda: store.end_team(team, life),
        ]
        # Of a repository that holds nothing there is nothing to refuse.
        steps += [lambda: store.end_repository(team, life, app(team))] if before else []
        for step in steps:
            with pytest.raises(Conflict):
                step()
        assert sorted(store.rows_of(team)) == before

    def test_rows_are_those_that_name_the_team(
        self, store: Any, clock: SettableClock, team: str
    ) -> None:
        assert list(store.rows_of(team)) == []
        store.create_team(record(f"{team}-2"), owner(f"{team}-2"))
        store.put_repository(f"{team}-2", repository(f"{team}-2"))
        assert list(store.rows_of(team)) == []
        assert list(store.rows_of(f"{team}-2"))
        store.put_image(team, image(A))
        assert len(list(store.rows_of(team))) == 1
        assert store.find_membership(team, None) == Membership()

    def test_who_owned_a_team_is_known_after_its_end_and_nobody_of_the_next(
        self, store: Any, clock: SettableClock, team: str
    ) -> None:
        olga, wim, nina = f"olga-{team}", f"wim-{team}", f"nina-{team}"
        self._end(store, clock, team)
        ended = Life("life", NOW_S, END_S, is_owner=True)
        assert list(store.find_lives(team, olga)) == [ended]
        store.end_repository(team, "life", app(team))
        store.end_team(team, "life")
        assert list(store.find_lives(team, olga)) == [ended]
        assert [each.is_owner for each in store.find_lives(team, wim)] == [False]
        store.create_team(record(team, life="next", created_at_s=END_S), owner(team, "nina"))
        owned = {
            user: [
                (each.word, each.end_s) for each in store.find_lives(team, user) if each.is_owner
            ]
            for user in (olga, wim, nina)
        }
        assert owned == {olga: [("life", END_S)], wim: [], nina: [("next", None)]}
        assert [each.word for each in store.find_lives(team, wim)] == ["life", "next"]
        assert list(store.find_lives(f"{team}-2", olga)) == []

    def test_of_several_owners_each_is_known(
        self, store: Any, clock: SettableClock, team: str
    ) -> None:
        made = record(team, expires_at_s=END_S)
        store.create_team(made, owner(team))
        for user in ("a", "b"):
            store.invite_member(made, user, Role.OWNER, expires_at_s=END_S)
            store.join_team(Member(team, f"{user}-{team}", Role.READER, NOW_S), user)
        clock.at_s = END_S
        store.end_team(team, "life")
        for user in ("olga", "a", "b"):
            (life,) = store.find_lives(team, f"{user}-{team}")
            assert life == Life("life", NOW_S, END_S, is_owner=True)
