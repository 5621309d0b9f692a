"""What every AccountStore and SearchStore promises; give the class a ``store`` fixture."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.domain.access import READ, Limit
from chalicelib.domain.accounts import Failures
from chalicelib.domain.names import RepositoryName, TagName
from chalicelib.domain.paging import Page
from chalicelib.domain.records import ApiToken, GrantRecord, IndexImage, Repository, Tag, User
from chalicelib.domain.scopes import WORDS
from chalicelib.domain.tag_rules import TagRule
from chalicelib.hub_ports import LoginFacts
from chalicelib.ports import Conflict, Missing
from tests.contracts.values import NOW_S, blob, change, manifest

A, B = "a" * 64, "b" * 64


def user(name: str, **changes: Any) -> User:
    return replace(User(name, "hash", f"{name}@example.test", False, NOW_S), **changes)


def named(team: str, name: str = "app") -> RepositoryName:
    return RepositoryName(f"{team}/{name}")


class HubContract:
    """Names and addresses carry the team, because accounts are not a team's own."""

    # --- accounts -----------------------------------------------------------------------------

    def test_a_name_is_taken_only_once(self, store: Any, team: str) -> None:
        store.create_user(user(team))
        with pytest.raises(Conflict):
            store.create_user(user(team, password_hash="other", email=None))
        assert store.find_user(team) == user(team)

    def test_an_address_is_taken_only_once(self, store: Any, team: str) -> None:
        store.create_user(user(team))
        with pytest.raises(Conflict):
            store.create_user(user(f"{team}-2", email=f"{team}@example.test"))
        assert store.find_user(f"{team}-2") is None

    def test_a_changed_account_comes_back_changed(self, store: Any, team: str) -> None:
        before = user(team)
        after = replace(before, password_hash="new", generation=2, email=f"{team}@new.test")
        store.create_user(before)
        store.change_user(before, after)
        assert store.find_user(team) == after
        store.create_user(user(f"{team}-2", email=before.email))

    def test_api_tokens_are_kept_by_account(self, store: Any, team: str) -> None:
        limits = (Limit("acme/*", READ), Limit("library/x", frozenset(WORDS.values())))
        one = ApiToken("0" * 16, team, "ci", "hash", limits, NOW_S, NOW_S + 5)
        two = ApiToken("1" * 16, team, "caf\u00e9", "hash", limits[:1], NOW_S)
        store.create_user(user(team))
        for token in (two, one):
            store.put_api_token(token)
        assert list(store.list_api_tokens(team)) == [one, two]
        assert store.find_api_token(team, one.token_id) == one
        assert store.find_api_token(f"{team}-2", one.token_id) is None
        assert store.find_login(team, "-", two.token_id).token == two
        assert store.find_login(team, "-").token is None
        assert store.find_login(team, "-", "2" * 16) == LoginFacts(
            user(team), Failures(), Failures()
        )
        store.delete_api_token(team, one.token_id)
        with pytest.raises(Missing):
            store.delete_api_token(team, one.token_id)
        assert list(store.list_api_tokens(team)) == [two]

    def test_a_rule_that_came_meanwhile_is_not_lost(self, store: Any, team: str) -> None:
        before = Repository(named(team), NOW_S)
        ruled = replace(before, tag_rules=(TagRule("v*", immutable=True),))
        store.put_repository(team, before)
        store.change_repository(team, before, ruled)
        with pytest.raises(Conflict):
            store.change_repository(team, before, replace(before, description="other"))
        assert store.find_repository(team, before.name) == ruled
        store.change_repository(team, ruled, before)
        assert store.find_repository(team, before.name) == before

    def test_a_change_of_an_account_that_has_changed_is_refused(
        self, store: Any, team: str
    ) -> None:
        before = user(team)
        store.create_user(before)
        store.change_user(before, replace(before, generation=2))
        with pytest.raises(Conflict):
            store.change_user(before, replace(before, generation=2, password_hash="lost"))

    def test_nobody_takes_the_address_of_somebody_else(self, store: Any, team: str) -> None:
        first, second = user(team), user(f"{team}-2")
        store.create_user(first)
        store.create_user(second)
        with pytest.raises(Conflict):
            store.change_user(second, replace(second, email=first.email))
        assert store.find_user(second.name) == second

    def test_an_invitation_serves_once(self, store: Any, team: str) -> None:
        store.put_invitation(team, expires_at_s=NOW_S + 60)
        store.create_user(user(team), team)
        with pytest.raises(Missing):
            store.create_user(user(f"{team}-2"), team)
        assert store.find_user(f"{team}-2") is None

    def test_an_invitation_runs_out(self, store: Any, team: str) -> None:
        store.put_invitation(team, expires_at_s=NOW_S)
        with pytest.raises(Missing):
            store.create_user(user(team), team)

    def test_a_taken_name_leaves_the_invitation(self, store: Any, team: str) -> None:
        store.create_user(user(team))
        store.put_invitation(team, expires_at_s=NOW_S + 60)
        with pytest.raises(Conflict):
            store.create_user(user(team, password_hash="x"), team)
        store.create_user(user(f"{team}-2"), team)

    def test_failures_are_counted_by_name_and_by_address(self, store: Any, team: str) -> None:
        store.create_user(user(team))
        for at_s in (NOW_S, NOW_S + 1):
            store.note_failure(team, f"ip-{team}", now_s=at_s, expires_at_s=at_s + 60)
        facts = store.find_login(team, f"ip-{team}")
        assert facts.user == user(team)
        assert (facts.by_name.count, facts.by_name.last_at_s) == (2, NOW_S + 1)
        assert facts.by_address.count == 2
        assert store.find_login(team, "elsewhere").by_address.count == 0

    def test_old_failures_are_not_added_to(self, store: Any, team: str) -> None:
        store.note_failure(team, f"ip-{team}", now_s=NOW_S, expires_at_s=NOW_S + 60)
        store.note_failure(team, f"ip-{team}", now_s=NOW_S + 61, expires_at_s=NOW_S + 121)
        assert store.find_login(team, f"ip-{team}").by_name.count == 1

    def test_forgotten_failures_of_a_name_stay_with_the_address(
        self, store: Any, team: str
    ) -> None:
        store.note_failure(team, f"ip-{team}", now_s=NOW_S, expires_at_s=NOW_S + 60)
        store.forget_failures(team)
        facts = store.find_login(team, f"ip-{team}")
        assert (facts.by_name.count, facts.by_address.count) == (0, 1)

    # --- grants -------------------------------------------------------------------------------

    def test_a_grant_is_found_from_both_sides(self, store: Any, team: str) -> None:
        grant = GrantRecord(named(team), f"u-{team}", "read")
        store.put_repository(team, Repository(named(team), NOW_S, is_public=True))
        store.put_grant(team, grant)
        standing = store.find_standing(team, named(team), f"u-{team}")
        assert (standing.repository.is_public, standing.access) == (True, "read")
        assert list(store.list_grants(team, named(team))) == [grant]
        assert list(store.list_granted(f"u-{team}")) == [grant]
        assert store.find_standing(team, named(team), None).access is None

    def test_a_grant_needs_its_repository(self, store: Any, team: str) -> None:
        with pytest.raises(Conflict):
            store.put_grant(team, GrantRecord(named(team), f"u-{team}", "write"))
        assert list(store.list_granted(f"u-{team}")) == []
        assert store.find_repository(team, named(team)) is None

    def test_a_withdrawn_grant_is_gone_from_both_sides(self, store: Any, team: str) -> None:
        store.put_repository(team, Repository(named(team), NOW_S))
        store.put_grant(team, GrantRecord(named(team), f"u-{team}", "write"))
        store.delete_grant(team, named(team), f"u-{team}")
        store.delete_grant(team, named(team), f"u-{team}")
        assert store.find_standing(team, named(team), f"u-{team}").access is None
        assert list(store.list_granted(f"u-{team}")) == []

    # --- search -------------------------------------------------------------------------------

    def test_a_repository_is_found_by_the_beginnings_of_its_words(
        self, store: Any, team: str
    ) -> None:
        store.put_repository(team, Repository(named(team, "busy-box"), NOW_S))
        scope = f"team/{team}"
        for prefix in ("busy", "bu", "b", "box", ""):
            found = {entry.name for entry in store.find_entries(scope, prefix, 10)}
            assert found == {named(team, "busy-box")}, prefix
        assert list(store.find_entries(scope, "usy", 10)) == []
        assert list(store.find_entries("team/other", "busy", 10)) == []

    def test_only_putting_a_repository_enters_it(self, store: Any, team: str) -> None:
        record = Repository(named(team), NOW_S)
        store.put_manifest(team, record, manifest(), [Tag(TagName("t"), NOW_S)], change())
        assert list(store.find_entries(f"team/{team}", "", 10)) == []

    def test_a_limit_bounds_what_is_read(self, store: Any, team: str) -> None:
        for number in range(5):
            store.put_repository(team, Repository(named(team, f"app{number}"), NOW_S))
        found = [entry.name for entry in store.find_entries(f"team/{team}", "app", 3)]
        assert found == [named(team, f"app{number}") for number in range(3)]

    def test_a_repository_that_becomes_public_moves_its_entries(
        self, store: Any, team: str
    ) -> None:
        before = Repository(named(team, f"x{team}"), NOW_S, description="old words")
        after = replace(before, is_public=True, description="new words")
        store.put_repository(team, before)
        store.change_repository(team, before, after)
        word = team.replace("-", " ").split()[1]
        assert list(store.find_entries(f"team/{team}", "", 10)) == []
        found = [e for e in store.find_entries("public", word, 1000) if e.name == after.name]
        assert [entry.description for entry in found] == ["new words"]
        assert list(store.find_repositories([(team, after.name)])) == [after]
        with pytest.raises(Conflict):
            store.change_repository(team, before, after)
        store.delete_repository(team, after)

    def test_a_deleted_repository_leaves_nothing(self, store: Any, team: str) -> None:
        name, record = named(team), Repository(named(team), NOW_S)
        stored, bytes_ = manifest(), blob()
        store.put_repository(team, record)
        store.put_manifest(
            team, record, stored, [Tag(TagName(f"t{n}"), NOW_S) for n in range(30)], change()
        )
        store.put_blob(team, name, bytes_)
        store.put_index_images(team, name, [IndexImage(A), IndexImage(B)])
        store.put_grant(team, GrantRecord(name, f"u-{team}", "read"))
        store.delete_repository(team, record)
        with pytest.raises(Conflict):
            store.delete_repository(team, record)
        assert not store.finish_deletion(team, name)
        assert store.find_repository(team, name) is None
        assert store.find_tag(team, name, TagName("t1")) is None
        assert store.find_manifest(team, name, stored.digest) is None
        assert store.find_link(team, name, bytes_.digest) is None
        assert list(store.list_index_images(team, name)) == []
        assert list(store.list_holders(team, A)) == []
        assert list(store.list_granted(f"u-{team}")) == []
        assert list(store.list_history(team, name, TagName("t1"), Page(9)).entries) == []
        assert list(store.list_tags(team, name, Page(10)).entries) == []
        assert list(store.find_entries(f"team/{team}", "", 10)) == []
        assert store.find_blob(team, bytes_.digest) == bytes_

    def test_a_repository_is_deleted_as_it_was_looked_at(self, store: Any, team: str) -> None:
        record = Repository(named(team), NOW_S, life="one")
        store.put_repository(team, record)
        others = [replace(record, is_public=True), replace(record, life="two")]
        for other in others:
            with pytest.raises(Conflict):
                store.delete_repository(team, other)
            with pytest.raises(Conflict):
                store.change_repository(team, other, record)
        assert store.find_repository(team, record.name) == record

    def test_what_was_looked_at_in_one_life_does_not_count_in_the_next(
        self, store: Any, team: str
    ) -> None:
        first = Repository(named(team), NOW_S, life="first")
        second = replace(first, life="second")
        store.put_repository(team, first)
        assert store.find_repository(team, first.name).life == "first"
        store.delete_repository(team, first)
        tags = [Tag(TagName("t"), NOW_S)]
        for _ in range(2):
            with pytest.raises(Conflict):
                store.put_manifest(team, first, manifest(), tags, change())
            with pytest.raises(Conflict):
                store.put_tag(team, first, Tag(TagName("t"), NOW_S, image_id=A), change())
            store.put_repository(team, second)
        assert store.find_tag(team, first.name, TagName("t")) is None
        store.put_manifest(team, second, manifest(), tags, change())
        assert store.find_tag(team, first.name, TagName("t")) is not None

    def test_many_first_pushes_make_one_repository(self, store: Any, team: str) -> None:
        record = Repository(named(team), NOW_S)
        threads = [
            threading.Thread(target=store.put_repository, args=(team, record)) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert store.find_repository(team, record.name) == record

    # --- image lists, and deletion by digest --------------------------------------------------

    def test_a_listed_image_knows_its_holders(self, store: Any, team: str) -> None:
        one, two = named(team, "one"), named(team, "two")
        for name in (one, two):
            store.put_repository(team, Repository(name, NOW_S))
        store.put_index_images(team, one, [IndexImage(A)])
        store.put_index_images(team, two, [IndexImage(A), IndexImage(B)])
        assert list(store.list_holders(team, A)) == [one, two]
        assert store.find_listed(team, one, [A, B]).listed == frozenset({A})
        assert store.find_listed(team, one, [A]).images == {}

    def test_a_deleted_manifest_takes_its_tags_along_and_no_others(
        self, store: Any, team: str
    ) -> None:
        record, old, new = Repository(named(team), NOW_S), manifest(b"old"), manifest(b"new")
        store.put_manifest(
            team, record, old, [Tag(TagName(f"o{n}"), NOW_S) for n in range(3)], change()
        )
        store.put_manifest(team, record, new, [Tag(TagName("n"), NOW_S)], change())
        store.delete_manifest(team, record.name, old.digest, change())
        with pytest.raises(Missing):
            store.delete_manifest(team, record.name, old.digest, change())
        left = [str(tag.name) for tag in store.list_tags(team, record.name, Page(10)).entries]
        assert left == ["n"]
        assert store.find_manifest(team, record.name, old.digest) is None

    def test_an_unlinked_blob_is_not_served_here_any_more(self, store: Any, team: str) -> None:
        one, two, held = named(team, "one"), named(team, "two"), blob()
        store.put_blob(team, one, held)
        store.put_blob(team, two, held)
        store.delete_link(team, one, held.digest)
        with pytest.raises(Missing):
            store.delete_link(team, one, held.digest)
        assert store.find_link(team, one, held.digest) is None
        assert store.find_link(team, two, held.digest) == held

    # --- the bridge ---------------------------------------------------------------------------

    def test_a_bridged_manifest_is_found_by_image_and_by_digest(
        self, store: Any, team: str
    ) -> None:
        name, made = named(team), manifest(b"made")
        assert store.find_bridged(team, name, A) is None
        with pytest.raises(Conflict):
            store.put_bridged(team, name, A, made)
        assert store.find_manifest(team, name, made.digest) is None
        store.put_repository(team, Repository(name, NOW_S))
        store.put_bridged(team, name, A, made)
        assert store.find_bridged(team, name, A) == made
        assert store.find_manifest(team, name, made.digest) == made
        assert store.find_bridged(team, named(team, "other"), A) is None
        store.delete_repository(team, Repository(name, NOW_S))
        assert store.find_bridged(team, name, A) is None
        assert store.find_manifest(team, name, made.digest) is None
