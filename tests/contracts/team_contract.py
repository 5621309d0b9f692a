"""What every TeamStore promises, and that no store tells of what has ended.

Give the class a ``store`` and the ``clock`` that it goes by.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.domain.names import RepositoryName, TagName
from chalicelib.domain.paging import Page
from chalicelib.domain.records import (
    ApiToken,
    GrantRecord,
    IndexImage,
    Repository,
    StoredManifest,
    User,
)
from chalicelib.domain.teams import Member, Quota, Role, Team, Usage
from chalicelib.hub_ports import Standing
from chalicelib.ports import Conflict, Missing, PullSurvey, Refused
from chalicelib.team_ports import Membership
from tests.contracts.values import NOW_S, V1, blob, change, image, manifest, session, tag, uploaded
from tests.support.world import SettableClock

A = "a" * 64
LIFE_S = 100
END_S = NOW_S + LIFE_S


def record(name: str, **changes: Any) -> Team:
    return replace(Team(name, NOW_S, "life"), **changes)


def owner(name: str, user: str = "olga") -> Member:
    return Member(name, f"{user}-{name}", Role.OWNER, NOW_S)


def app(team: str, name: str = "app") -> RepositoryName:
    return RepositoryName(f"{team}/{name}")


def repository(team: str, name: str = "app", **changes: Any) -> Repository:
    return replace(Repository(app(team, name), NOW_S), **changes)


class TeamContract:
    # --- teams --------------------------------------------------------------------------------

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

    # --- what a team has ----------------------------------------------------------------------

    def test_repositories_are_counted_that_have_not_ended(
        self, store: Any, clock: SettableClock, team: str
    ) -> None:
        store.create_team(record(team), owner(team))
        for name in ("one", "two", "three"):
            store.put_repository(team, Repository(app(team, name), NOW_S, expires_at_s=END_S))
        store.put_repository(team, Repository(app(team, "four"), NOW_S))
        assert (store.count_repositories(team, 10), store.count_repositories(team, 3)) == (4, 3)
        clock.at_s = END_S
        assert store.count_repositories(team, 10) == 1

    def test_bytes_count_once_for_each_team(self, store: Any, team: str) -> None:
        other = f"{team}-2"
        for name in (team, other):
            store.create_team(record(name), owner(name))
        sizes = {data: len(data) for data in (b"one", b"three", b"seventh")}
        for data in (*sizes, *sizes):
            store.put_blob(team, app(team), blob(data))
        store.put_blob(team, app(team, "more"), blob(b"one"))
        assert store.find_usage(team, 0) == Usage(sum(sizes.values()))
        assert store.find_usage(other, 0) == Usage()

    def test_bytes_that_come_at_once_are_all_counted(self, store: Any, team: str) -> None:
        store.create_team(record(team), owner(team))
        many = [blob(b"%04d" % number) for number in range(12)]
        threads = [
            threading.Thread(target=store.put_blob, args=(team, app(team, f"r{at % 3}"), each))
            for at, each in enumerate((*many, *many))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert store.find_usage(team, 0).size_bytes == sum(each.size_bytes for each in many)

    def test_layers_and_adopted_blobs_are_counted(self, store: Any, team: str) -> None:
        store.put_image(team, image(A))
        store.put_layer(team, uploaded(A))
        layer = uploaded(A).layer
        assert layer is not None
        assert store.find_usage(team, 0).size_bytes == layer.size_bytes
        store.give_edge_word(team, app(team), "word")
        taken = [blob(b"%03d" % number) for number in range(50)]
        store.adopt_blobs(team, app(team), "word", taken)
        assert store.find_usage(team, 0).size_bytes == layer.size_bytes + 150

    def test_a_quota_of_bytes_is_held_for_what_is_new(self, store: Any, team: str) -> None:
        store.create_team(record(team, quota=Quota(10)), owner(team))
        store.put_blob(team, app(team), blob(b"12345"))
        with pytest.raises(Refused):
            store.put_blob(team, app(team), blob(b"123456"))
        assert store.find_link(team, app(team), blob(b"123456").digest) is None
        store.put_blob(team, app(team), blob(b"54321"))
        store.put_blob(team, app(team, "more"), blob(b"54321"))
        with pytest.raises(Refused):
            store.put_blob(team, app(team), blob(b"1"))
        store.put_image(team, image(A))
        with pytest.raises(Refused):
            store.put_layer(team, uploaded(A))
        assert store.find_usage(team, 0) == Usage(10)

    def test_what_a_quota_refuses_leaves_its_upload(self, store: Any, team: str) -> None:
        store.create_team(record(team, quota=Quota(1)), owner(team))
        held = session(team, claim="mine", claim_expires_at_s=NOW_S + 60)
        store.open_upload(held)
        with pytest.raises(Refused):
            store.put_blob(team, app(team), blob(b"two"), held)
        assert store.find_upload(team, held.upload_id, now_s=NOW_S) == held

    def test_a_quota_of_repositories_counts_those_that_are_there(
        self, store: Any, clock: SettableClock, team: str
    ) -> None:
        store.create_team(record(team, quota=Quota(repositories=2)), owner(team))
        store.put_repository(team, repository(team, "a"))
        store.put_repository(team, repository(team, "b", expires_at_s=END_S))
        store.put_repository(team, repository(team, "a"))
        with pytest.raises(Refused):
            store.put_repository(team, repository(team, "c"))
        clock.at_s = END_S
        store.put_repository(team, repository(team, "c"))
        with pytest.raises(Refused):
            store.put_repository(team, repository(team, "b"))

    def test_pulls_are_counted_by_day_up_to_their_quota(self, store: Any, team: str) -> None:
        for _ in range(3):
            store.count_pull(team, 7, limit=3)
        with pytest.raises(Refused):
            store.count_pull(team, 7, limit=3)
        store.count_pull(team, 8, limit=3)
        with pytest.raises(Refused):
            store.count_pull(team, 9, limit=0)
        assert [store.find_usage(team, day).pulls for day in (7, 8, 9)] == [3, 1, 0]

    # --- what has ended -----------------------------------------------------------------------

    def _fill(self, store: Any, team: str, **changes: Any) -> None:
        known = repository(team, **changes)
        store.put_repository(team, known)
        subject = manifest()
        about = StoredManifest(
            manifest(b"about").digest, subject.media_type, 5, raw=b"about", subject=subject.digest
        )
        store.put_manifest(team, known, subject, [tag("v1"), tag("v2")], change())
        store.put_manifest(team, known, about, [], change())
        store.put_blob(team, app(team), blob())
        store.give_edge_word(team, app(team), "word")
        store.put_index_images(team, app(team), [IndexImage(A)])
        store.put_image(team, image(A))
        store.put_grant(team, GrantRecord(app(team), f"guest-{team}", "read"))

    def _told(self, store: Any, team: str) -> list[object]:
        """All that a store tells of the repository; each empty where there is nothing."""
        name, digest, guest = app(team), manifest().digest, f"guest-{team}"
        found = store.find_standing(team, name, guest)
        return [
            store.find_repository(team, name),
            list(store.list_repositories(team, Page(9)).entries),
            list(store.find_repositories([(team, name)])),
            store.survey_pull(team, name, V1).tag,
            store.survey_pull(team, name, digest).manifest,
            store.find_tag(team, name, V1),
            store.find_manifest(team, name, digest),
            list(store.list_tags(team, name, Page(9)).entries),
            list(store.list_history(team, name, V1, Page(9)).entries),
            list(store.list_referrers(team, name, digest, Page(9)).entries),
            store.find_link(team, name, blob().digest),
            store.find_edge_word(team, name),
            store.find_listed(team, name, [A]).listed,
            list(store.list_index_images(team, name)),
            list(store.list_grants(team, name)),
            list(store.list_granted(guest)),
            found.repository,
            found.access,
        ]

    def test_a_repository_is_told_of_until_its_end_and_no_second_longer(
        self, store: Any, clock: SettableClock, team: str
    ) -> None:
        self._fill(store, team, expires_at_s=END_S)
        clock.at_s = END_S - 1
        assert all(self._told(store, team))
        clock.at_s = END_S
        assert not any(self._told(store, team))
        assert store.survey_pull(team, app(team), V1) == PullSurvey()

    def test_a_team_is_told_of_until_its_end_and_no_second_longer(
        self, store: Any, clock: SettableClock, team: str
    ) -> None:
        made = record(team, expires_at_s=END_S)
        store.create_team(made, owner(team))
        self._fill(store, team)
        clock.at_s = END_S - 1
        assert all(self._told(store, team))
        assert store.find_membership(team, owner(team).user) == Membership(made, Role.OWNER)
        clock.at_s = END_S
        assert not any(self._told(store, team))
        assert store.find_membership(team, owner(team).user) == Membership()
        assert list(store.list_members(team)) == []
        assert list(store.list_memberships(owner(team).user)) == []
        assert store.find_standing(team, app(team), owner(team).user) == Standing(None)
        with pytest.raises(Conflict):
            store.change_team(made, replace(made, expires_at_s=None))
        with pytest.raises(Conflict):
            store.create_team(record(team, life="next"), owner(team))
        with pytest.raises(Missing):
            store.change_member(owner(team), None)
        with pytest.raises(Missing):
            store.invite_member(made, "code", Role.READER, expires_at_s=END_S + 5)

    def test_an_expired_team_takes_nothing(
        self, store: Any, clock: SettableClock, team: str
    ) -> None:
        store.create_team(record(team, expires_at_s=END_S), owner(team))
        store.put_image(team, image(A))
        clock.at_s = END_S
        for step in (
            lambda: store.put_blob(team, app(team), blob()),
            lambda: store.put_layer(team, uploaded(A)),
            lambda: store.put_repository(team, repository(team)),
            lambda: store.survey_push(team, app(team), [V1], [], []),
            lambda: store.give_edge_word(team, app(team), "word"),
        ):
            with pytest.raises(Refused):
                step()
        assert store.find_usage(team, 0) == Usage()

    def test_nothing_is_added_to_an_expired_repository(
        self, store: Any, clock: SettableClock, team: str
    ) -> None:
        self._fill(store, team, expires_at_s=END_S)
        known = store.find_repository(team, app(team))
        clock.at_s = END_S
        for step in (
            lambda: store.put_manifest(team, known, manifest(b"new"), [tag("v3")], change()),
            lambda: store.put_grant(team, GrantRecord(app(team), "wim", "read")),
            lambda: store.put_bridged(team, app(team), A, manifest(b"new")),
            lambda: store.put_index_images(team, app(team), [IndexImage("b" * 64)]),
            lambda: store.change_repository(team, known, replace(known, expires_at_s=None)),
            lambda: store.delete_repository(team, known),
            lambda: store.adopt_blobs(team, app(team), "word", [blob(b"taken")]),
        ):
            with pytest.raises(Conflict):
                step()
        with pytest.raises(Missing):
            store.delete_link(team, app(team), blob().digest)
        with pytest.raises(Missing):
            store.set_tag_expiry(team, app(team), V1, None)

    @pytest.mark.parametrize("way", ["a push", "a blob", "a registration", "an edge word"])
    def test_what_begins_after_the_end_finds_nothing_of_before(
        self, store: Any, clock: SettableClock, team: str, way: str
    ) -> None:
        self._fill(store, team, expires_at_s=END_S, life="first")
        clock.at_s = END_S
        next_life = repository(team, life="second")
        ways: dict[str, Callable[[], object]] = {
            "a push": lambda: store.survey_push(
                team, app(team), [V1], [blob().digest], [manifest().digest]
            ),
            "a blob": lambda: store.put_blob(team, app(team), blob(b"new")),
            "a registration": lambda: store.put_repository(team, next_life),
            "an edge word": lambda: store.give_edge_word(team, app(team), "next"),
        }
        survey: Any = ways[way]()
        if way == "a push":
            assert (survey.repository, survey.tags, survey.blobs) == (None, {}, {})
            assert not survey.manifests
        store.put_repository(team, next_life)
        assert store.find_repository(team, app(team)).life == "second"
        assert store.find_tag(team, app(team), V1) is None
        assert store.find_manifest(team, app(team), manifest().digest) is None
        assert store.find_link(team, app(team), blob().digest) is None
        assert list(store.list_grants(team, app(team))) == []
        assert list(store.list_index_images(team, app(team))) == []
        found = store.find_link(team, app(team), blob(b"new").digest)
        assert (found is not None) is (way == "a blob")
        assert store.find_edge_word(team, app(team)) == ("next" if way == "an edge word" else None)

    def test_a_repository_that_is_given_more_time_stays(
        self, store: Any, clock: SettableClock, team: str
    ) -> None:
        self._fill(store, team, expires_at_s=END_S)
        before = store.find_repository(team, app(team))
        store.change_repository(team, before, replace(before, expires_at_s=END_S + 50))
        with pytest.raises(Conflict):
            store.change_repository(team, before, replace(before, description="lost"))
        clock.at_s = END_S
        assert not store.finish_deletion(team, app(team))
        assert all(self._told(store, team))

    def test_a_tag_ends_alone(self, store: Any, clock: SettableClock, team: str) -> None:
        self._fill(store, team)
        store.set_tag_expiry(team, app(team), V1, END_S)
        assert store.find_tag(team, app(team), V1).expires_at_s == END_S
        listed = store.list_tags(team, app(team), Page(9)).entries
        assert [each.expires_at_s for each in listed] == [END_S, None]
        clock.at_s = END_S
        assert store.find_tag(team, app(team), V1) is None
        assert store.survey_pull(team, app(team), V1).tag is None
        assert store.survey_push(team, app(team), [V1, TagName("v2")], [], []).tags.keys() == {
            TagName("v2")
        }
        names = [each.name.value for each in store.list_tags(team, app(team), Page(9)).entries]
        assert names == ["v2"]
        for step in (
            lambda: store.delete_tag(team, app(team), V1, change()),
            lambda: store.set_tag_expiry(team, app(team), V1, None),
        ):
            with pytest.raises(Missing):
                step()

    def test_a_tag_that_has_ended_is_free_and_holds_nothing(
        self, store: Any, clock: SettableClock, team: str
    ) -> None:
        self._fill(store, team)
        known, fixed = store.find_repository(team, app(team)), frozenset({V1})
        store.set_tag_expiry(team, app(team), V1, END_S)
        other = manifest(b"other")
        with pytest.raises(Conflict):
            store.put_manifest(team, known, other, [tag("v1")], change(), fixed=fixed)
        clock.at_s = END_S
        store.put_manifest(team, known, other, [tag("v1")], change(), fixed=fixed)
        assert store.find_tag(team, app(team), V1).manifest == other
        store.set_tag_expiry(team, app(team), V1, END_S + 1)
        clock.at_s = END_S + 1
        store.delete_manifest(team, app(team), other.digest, change(), kept=lambda _: True)

    def test_a_pinned_tag_stays(self, store: Any, clock: SettableClock, team: str) -> None:
        self._fill(store, team)
        store.set_tag_expiry(team, app(team), V1, END_S)
        store.set_tag_expiry(team, app(team), V1, None)
        clock.at_s = END_S
        assert store.find_tag(team, app(team), V1).expires_at_s is None

    def test_pages_are_full_of_what_is_there(
        self, store: Any, clock: SettableClock, team: str
    ) -> None:
        known = repository(team)
        store.put_repository(team, known)
        names = [f"t{number:02d}" for number in range(20)]
        store.put_manifest(team, known, manifest(), [tag(name) for name in names], change())
        kept = names[::7]
        for name in set(names) - set(kept):
            store.set_tag_expiry(team, app(team), TagName(name), END_S)
        clock.at_s = END_S
        found, after, more = [], "", True
        while more:
            listing = store.list_tags(team, app(team), Page(1, after))
            found += [each.name.value for each in listing.entries]
            after, more = found[-1], listing.more
        assert found == kept
        assert store.list_tags(team, app(team), Page(0)).more
        for number in range(5):
            end_s = None if number in (0, 4) else END_S
            store.put_repository(team, repository(team, f"r{number}", expires_at_s=end_s))
        listing = store.list_repositories(team, Page(2))
        assert list(listing.entries) == [app(team), app(team, "r0")]
        assert listing.more
        rest = store.list_repositories(team, Page(2, app(team, "r0").path))
        assert (list(rest.entries), rest.more) == ([app(team, "r4")], False)
