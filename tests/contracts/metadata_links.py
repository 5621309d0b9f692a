"""Promises about what stands between manifests and beside tags: referrers, parents, history."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.domain.digest import Digest
from chalicelib.domain.names import RepositoryName, TagName
from chalicelib.domain.paging import Page
from chalicelib.domain.records import StoredManifest, referrer_order
from chalicelib.domain.tag_rules import TagRule
from chalicelib.ports import Conflict, Held, MetadataStore, PortError
from tests.contracts.values import (
    APP,
    V1,
    at_once,
    change,
    manifest,
    repository,
    tag,
    unknown_digest,
)

SUBJECT = unknown_digest()
ALL = Page(1000)


def referrer(number: int, artifact_type: str | None = "a/signature") -> StoredManifest:
    return manifest(
        b"referrer %d" % number,
        subject=SUBJECT,
        artifact_type=artifact_type,
        annotations={"number": str(number)},
    )


def listed(store: MetadataStore, team: str, page: Page = ALL, **more: str) -> list[Digest]:
    entries = store.list_referrers(team, APP, SUBJECT, page, **more).entries
    return [entry.digest for entry in entries]


class LinkPromises:
    # --- referrers ----------------------------------------------------------------------------

    def test_referrers_are_listed_with_what_a_descriptor_says(
        self, store: MetadataStore, team: str
    ) -> None:
        one = referrer(1)
        store.put_manifest(team, repository(), one, [], change())
        store.put_manifest(team, repository(), one, [tag()], change())
        store.put_manifest(team, repository("acme/other"), referrer(2), [], change())
        store.put_manifest(team, repository(), manifest(b"no subject"), [], change())
        page = store.list_referrers(team, APP, SUBJECT, ALL)
        assert list(page.entries) == [replace(one, raw=None)]
        assert not page.more
        assert listed(store, f"{team}-b") == []

    def test_referrers_of_one_type_are_a_page_of_their_own(
        self, store: MetadataStore, team: str
    ) -> None:
        types = ["a/signature", "a/sbom", "a/sbom.v2", None]
        for number in range(12):
            stored = referrer(number, types[number % 4])
            store.put_manifest(team, repository(), stored, [], change())
        for kind in types[:3]:
            wanted = {referrer(n, kind).digest for n in range(12) if types[n % 4] == kind}
            assert set(listed(store, team, artifact_type=str(kind))) == wanted
        assert listed(store, team, artifact_type="a/sb") == []
        assert len(listed(store, team)) == 12

    @pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
    @pytest.mark.parametrize("kind", [None, "a/sbom"])
    def test_pages_of_referrers_put_together_are_all_of_them(
        self, store: MetadataStore, team: str, limit: int, kind: str | None
    ) -> None:
        types = ["a/signature", "a/sbom"]
        stored = [referrer(n, types[n % 2]) for n in range(7)]
        for each in stored:
            store.put_manifest(team, repository(), each, [], change())
        seen: list[StoredManifest] = []
        more = True
        while more:
            last = referrer_order(seen[-1].digest, seen[-1].artifact_type) if seen else ""
            page = store.list_referrers(team, APP, SUBJECT, Page(limit, last), kind)
            assert len(page.entries) <= limit
            assert page.entries or not page.more
            seen += page.entries
            assert len(seen) <= len(stored), "a page begins where the one before it ended"
            more = page.more
        wanted = [each for each in stored if kind in (None, each.artifact_type)]
        assert sorted(each.digest for each in seen) == sorted(each.digest for each in wanted)
        assert len(seen) == len(wanted)

    @pytest.mark.parametrize("after", ["zzzz", "\U0010ffff", "g" * 3000, "", "0"])
    def test_a_page_of_referrers_after_anything_is_a_page(
        self, store: MetadataStore, team: str, after: str
    ) -> None:
        store.put_manifest(team, repository(), referrer(1), [], change())
        order = referrer_order(referrer(1).digest, "a/signature")
        wanted = [referrer(1).digest] if order > after else []
        for more in ({}, {"artifact_type": "a/signature"}):
            assert listed(store, team, Page(5, after), **more) == wanted

    def test_a_deleted_referrer_is_not_listed(self, store: MetadataStore, team: str) -> None:
        for number in range(3):
            store.put_manifest(team, repository(), referrer(number), [], change())
        store.delete_manifest(team, APP, referrer(1).digest, change())
        assert set(listed(store, team)) == {referrer(0).digest, referrer(2).digest}

    # --- what names a manifest ----------------------------------------------------------------

    def test_what_an_index_names_is_not_deleted(self, store: MetadataStore, team: str) -> None:
        children = [manifest(b"child %d" % n) for n in range(3)]
        index, other = manifest(b"index"), manifest(b"other index")
        for child in children:
            store.put_manifest(
                team, repository(), child, [tag(f"c{child.digest.hex[0]}")], change()
            )
        digests = [child.digest for child in children]
        store.put_manifest(team, repository(), index, [tag()], change(), children=digests)
        store.put_manifest(team, repository(), other, [], change(), children=digests[:1])
        with pytest.raises(Held) as held:
            store.delete_manifest(team, APP, digests[0], change())
        assert set(held.value.manifests) == {index.digest, other.digest}
        assert store.find_manifest(team, APP, digests[0]) == children[0]
        assert len(store.list_tags(team, APP, ALL).entries) == 4, "its tags stay as well"

        store.delete_manifest(team, APP, index.digest, change(), children=digests)
        store.delete_manifest(team, APP, digests[1], change())
        with pytest.raises(Held):
            store.delete_manifest(team, APP, digests[0], change())
        store.delete_manifest(team, APP, other.digest, change(), children=digests[:1])
        store.delete_manifest(team, APP, digests[0], change())
        assert store.find_manifest(team, APP, digests[0]) is None

    def test_an_index_deleted_without_its_children_said_holds_none_of_them(
        self, store: MetadataStore, team: str
    ) -> None:
        child, index = manifest(b"child"), manifest(b"index")
        store.put_manifest(team, repository(), child, [], change())
        store.put_manifest(team, repository(), index, [], change(), children=[child.digest])
        store.delete_manifest(team, APP, index.digest, change())
        store.delete_manifest(team, APP, child.digest, change())
        assert store.find_manifest(team, APP, child.digest) is None

    def test_an_index_of_what_is_not_there_is_refused_whole(
        self, store: MetadataStore, team: str
    ) -> None:
        child, index = manifest(b"child"), manifest(b"index")
        store.put_manifest(team, repository(), child, [], change())
        gone = [child.digest, unknown_digest()]
        with pytest.raises(Conflict):
            store.put_manifest(team, repository(), index, [tag()], change(), children=gone)
        assert store.find_manifest(team, APP, index.digest) is None
        assert store.find_tag(team, APP, V1) is None
        store.delete_manifest(team, APP, child.digest, change())

    @pytest.mark.parametrize("count", [47, 48, 49, 120])
    def test_an_index_may_name_many_and_be_put_again(
        self, store: MetadataStore, team: str, count: int
    ) -> None:
        children = [manifest(b"child %d" % n) for n in range(count)]
        for child in children:
            store.put_manifest(team, repository(), child, [], change())
        digests = [child.digest for child in children]
        index = manifest(b"index")
        for _ in range(2):
            store.put_manifest(team, repository(), index, [tag()], change(), children=digests)
        for digest in (digests[0], digests[-1]):
            with pytest.raises(Held):
                store.delete_manifest(team, APP, digest, change())
        store.delete_manifest(team, APP, index.digest, change(), children=digests)
        store.delete_manifest(team, APP, digests[-1], change())

    def test_a_child_is_deleted_or_named_whichever_comes_first(
        self, store: MetadataStore, team: str
    ) -> None:
        for number in range(6):
            child, index = manifest(b"child %d" % number), manifest(b"index %d" % number)
            store.put_manifest(team, repository(), child, [], change())

            def act(who: int, child: StoredManifest = child, index: StoredManifest = index) -> None:
                if who:
                    store.delete_manifest(team, APP, child.digest, change())
                else:
                    digests = [child.digest]
                    store.put_manifest(team, repository(), index, [], change(), children=digests)

            pushed, deleted = at_once(2, act)
            there = store.find_manifest(team, APP, index.digest) is not None
            assert there is (pushed is None)
            assert (store.find_manifest(team, APP, child.digest) is not None) is there
            assert isinstance(deleted, Held) is there

    def test_what_is_pushed_while_it_is_deleted_is_there_whole_or_not_at_all(
        self, store: MetadataStore, team: str
    ) -> None:
        for number in range(6):
            stored = manifest(b"contended %d" % number)
            store.put_manifest(team, repository(), stored, [tag("old")], change())

            def act(who: int, stored: StoredManifest = stored) -> None:
                if who:
                    store.delete_manifest(team, APP, stored.digest, change())
                else:
                    store.put_manifest(team, repository(), stored, [tag("new")], change())

            outcomes = at_once(2, act)
            assert [each for each in outcomes if isinstance(each, PortError)] == []
            by_digest = store.find_manifest(team, APP, stored.digest)
            by_tag = store.find_tag(team, APP, TagName("new"))
            assert (by_tag is not None and by_tag.manifest == stored) is (by_digest is not None)
            assert store.find_tag(team, APP, TagName("old")) is None

    # --- rules and history --------------------------------------------------------------------

    def test_a_fixed_tag_stays_where_it_is(self, store: MetadataStore, team: str) -> None:
        first, second = manifest(b"first"), manifest(b"second")
        fixed = frozenset({V1})
        store.put_manifest(team, repository(), first, [tag()], change(), fixed=fixed)
        store.put_manifest(team, repository(), first, [tag()], change(), fixed=fixed)
        tags = [tag(), tag("free")]
        with pytest.raises(Conflict):
            store.put_manifest(team, repository(), second, tags, change(), fixed=fixed)
        with pytest.raises(Conflict):
            store.put_tag(team, repository(), tag(image_id="a" * 64), change(), fixed=True)
        assert store.find_tag(team, APP, V1) == tag(manifest=first)
        assert store.find_tag(team, APP, TagName("free")) is None
        assert store.find_manifest(team, APP, second.digest) is None
        of_image = tag("image", image_id="a" * 64)
        store.put_tag(team, repository(), of_image, change(), fixed=True)
        store.put_tag(team, repository(), of_image, change(), fixed=True)
        other = replace(of_image, image_id="b" * 64)
        with pytest.raises(Conflict):
            store.put_tag(team, repository(), other, change(), fixed=True)

    def test_of_many_pushes_to_a_fixed_tag_one_is_taken(
        self, store: MetadataStore, team: str
    ) -> None:
        rivals = [manifest(b"%d" % n) for n in range(5)]

        def push(number: int) -> None:
            store.put_manifest(
                team, repository(), rivals[number], [tag()], change(), fixed=frozenset({V1})
            )

        outcomes = at_once(len(rivals), push)
        assert sorted(isinstance(outcome, Conflict) for outcome in outcomes) == [False] + [True] * 4
        found = store.find_tag(team, APP, V1)
        assert found is not None
        assert found.manifest == rivals[outcomes.index(None)]

    def test_a_kept_tag_keeps_its_manifest_and_all_other_tags(
        self, store: MetadataStore, team: str
    ) -> None:
        store.put_manifest(team, repository(), manifest(), [tag("keep"), tag("v1")], change())
        with pytest.raises(Held) as held:
            store.delete_manifest(
                team, APP, manifest().digest, change(), kept=lambda name: name.value == "keep"
            )
        assert held.value.tags == (TagName("keep"),)
        assert len(store.list_tags(team, APP, ALL).entries) == 2
        store.delete_manifest(
            team, APP, manifest().digest, change(), kept=lambda name: name.value == "other"
        )
        assert store.find_manifest(team, APP, manifest().digest) is None

    def test_a_tags_history_says_what_when_and_who(self, store: MetadataStore, team: str) -> None:
        first, second = manifest(b"first"), manifest(b"second")
        changes = [change(by) for by in ("ann", None, "bob", "cy", "dan")]
        store.put_manifest(team, repository(), first, [tag(), tag("v2")], changes[0])
        store.put_tag(team, repository(), tag(image_id="a" * 64), changes[1])
        store.delete_tag(team, APP, V1, changes[2])
        store.put_manifest(team, repository(), second, [tag()], changes[3])
        store.delete_manifest(team, APP, second.digest, changes[4])
        targets = [None, str(second.digest), None, "a" * 64, str(first.digest)]
        seen = []
        page, after = None, ""
        while page is None or page.more:
            page = store.list_history(team, APP, V1, Page(2, after))
            seen += page.entries
            after = page.entries[-1].change.order
        assert [event.target for event in seen] == targets
        assert [event.change for event in seen] == changes[::-1]
        assert [e.target for e in store.list_history(team, APP, TagName("v2"), ALL).entries] == [
            str(first.digest)
        ]
        assert list(store.list_history(team, APP, TagName("v"), ALL).entries) == []
        assert list(store.list_history(team, RepositoryName("acme/b"), V1, ALL).entries) == []

    def test_rules_come_back_and_are_not_lost_to_a_push(
        self, store: MetadataStore, team: str
    ) -> None:
        rules = (TagRule("v*", immutable=True), TagRule("*", protected=True))
        store.put_repository(team, repository(tag_rules=rules))
        store.put_manifest(team, repository(), manifest(), [tag()], change())
        assert store.find_repository(team, APP) == repository(tag_rules=rules)
        survey = store.survey_push(team, APP, [V1], [], [])
        assert survey.repository == repository(tag_rules=rules)
