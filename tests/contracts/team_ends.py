"""No store tells of what has ended, and nothing is added to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.domain.names import TagName
from chalicelib.domain.paging import Page
from chalicelib.domain.records import (
    GrantRecord,
    IndexImage,
    StoredManifest,
)
from chalicelib.domain.teams import Role, Usage
from chalicelib.hub_ports import Standing
from chalicelib.ports import Conflict, Missing, PullSurvey, Refused
from chalicelib.team_ports import Membership
from tests.contracts.team_values import END_S, A, app, owner, record, repository
from tests.contracts.values import V1, blob, change, image, manifest, tag, uploaded
from tests.support.world import SettableClock


class EndsContract:
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
