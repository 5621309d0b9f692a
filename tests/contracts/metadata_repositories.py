"""Promises about repositories, manifests and tags."""

from __future__ import annotations

import random
import secrets
from base64 import b64encode
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.domain.names import RepositoryName, TagName
from chalicelib.domain.paging import Page
from chalicelib.ports import MetadataStore, Missing, PortError, PushSurvey
from tests.contracts.values import (
    APP,
    NOW_S,
    V1,
    at_once,
    blob,
    change,
    manifest,
    repository,
    tag,
    unknown_digest,
)
from tests.support.examples import times

TAG_NAMES = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,5}", fullmatch=True)
# Names that are beginnings of others, and characters on both sides of every separator.
PREFIX_SHARING = ["1", "1-", "1.", "1.0", "1.0-a", "1.0.0", "10", "1_", "A", "Z", "_", "a", "a-b"]


class RepositoryPromises:
    def test_what_is_not_there_is_none(self, store: MetadataStore, team: str) -> None:
        assert store.find_repository(team, APP) is None
        assert store.find_manifest(team, APP, unknown_digest()) is None
        assert store.find_tag(team, APP, V1) is None
        assert list(store.list_tags(team, APP, Page(10)).entries) == []
        assert list(store.list_repositories(team, Page(10)).entries) == []

    def test_a_repository_that_exists_stays_as_it_is(self, store: MetadataStore, team: str) -> None:
        first = repository(is_public=True)
        store.put_repository(team, first)
        store.put_repository(team, repository(created_at_s=NOW_S + 9, is_public=False))
        store.put_manifest(team, repository(created_at_s=NOW_S + 99), manifest(), [tag()], change())
        store.put_tag(team, repository(created_at_s=NOW_S + 99), tag(image_id="a" * 64), change())
        assert store.find_repository(team, APP) == first

    def test_a_manifest_brings_its_repository_into_being(
        self, store: MetadataStore, team: str
    ) -> None:
        store.put_manifest(team, repository(is_public=True), manifest(), [], change())
        assert store.find_repository(team, APP) == repository(is_public=True)
        assert list(store.list_repositories(team, Page(10)).entries) == [APP]
        assert list(store.list_tags(team, APP, Page(10)).entries) == []

    def test_a_manifest_comes_back_whole(self, store: MetadataStore, team: str) -> None:
        whole = manifest(
            b'{"k":"\xc3\xbc"}',
            subject=unknown_digest(),
            artifact_type="application/vnd.example",
            annotations={"org.example.key": "v\u00e4lue", "": ""},
        )
        store.put_manifest(team, repository(), whole, [tag(client={"arch": "amd64"})], change())
        assert store.find_manifest(team, APP, whole.digest) == whole
        expected = tag(client={"arch": "amd64"}, manifest=whole)
        assert store.find_tag(team, APP, V1) == expected

    @pytest.mark.parametrize("raw", [b"", bytes(range(256)), b"\xff\x00"], ids=len)
    def test_bytes_that_are_no_text_come_back_as_they_were(
        self, store: MetadataStore, team: str, raw: bytes
    ) -> None:
        store.put_manifest(team, repository(), manifest(raw), [tag()], change())
        found = store.find_tag(team, APP, V1)
        assert found is not None
        assert found.manifest is not None
        assert found.manifest.raw == raw

    def test_a_manifest_kept_elsewhere_has_no_bytes_but_a_key(
        self, store: MetadataStore, team: str
    ) -> None:
        elsewhere = manifest(raw=b"big", object_key="team/documents/x")
        elsewhere = replace(elsewhere, raw=None)
        store.put_manifest(team, repository(), elsewhere, [tag()], change())
        assert store.find_tag(team, APP, V1) == tag(manifest=elsewhere)

    def test_300_kb_of_manifest_that_will_not_compress_fit(
        self, store: MetadataStore, team: str
    ) -> None:
        big = manifest(random.Random(1).randbytes(300 * 1024))
        store.put_manifest(team, repository(), big, [tag()], change())
        assert store.find_tag(team, APP, V1) == tag(manifest=big)

    def test_300_kb_of_nothing_but_annotations_fit(self, store: MetadataStore, team: str) -> None:
        text = b64encode(random.Random(2).randbytes(220 * 1024)).decode()
        raw = b'{"annotations":{"k":"' + text.encode() + b'"}}'
        big = manifest(raw, annotations={"k": text})
        store.put_manifest(team, repository(), big, [tag()], change())
        assert store.find_tag(team, APP, V1) == tag(manifest=big)

    def test_a_manifest_put_again_and_without_tags_is_no_error(
        self, store: MetadataStore, team: str
    ) -> None:
        store.put_manifest(team, repository(), manifest(), [tag()], change())
        store.put_manifest(team, repository(), manifest(), [], change())
        assert store.find_tag(team, APP, V1) == tag(manifest=manifest())

    def test_many_tags_move_with_one_manifest(self, store: MetadataStore, team: str) -> None:
        names = [f"t{n:02}" for n in range(30)]
        store.put_manifest(team, repository(), manifest(), [tag(name) for name in names], change())
        listed = store.list_tags(team, APP, Page(100)).entries
        assert [entry.name.value for entry in listed] == names

    def test_a_tag_moves_from_a_v1_image_to_a_manifest_and_back(
        self, store: MetadataStore, team: str
    ) -> None:
        of_image = tag(image_id="a" * 64, client={"os": "linux"})
        store.put_tag(team, repository(), of_image, change())
        assert store.find_tag(team, APP, V1) == of_image
        store.put_manifest(team, repository(), manifest(), [of_image], change())
        moved = store.find_tag(team, APP, V1)
        assert moved == replace(of_image, image_id=None, manifest=manifest())
        store.put_tag(team, repository(), of_image, change())
        assert store.find_tag(team, APP, V1) == of_image
        assert list(store.list_tags(team, APP, Page(9)).entries) == [of_image]

    def test_a_list_of_tags_says_what_they_point_to_but_holds_no_bytes(
        self, store: MetadataStore, team: str
    ) -> None:
        stored = manifest(annotations={"k": "v"}, artifact_type="application/vnd.example")
        store.put_manifest(team, repository(), stored, [tag(client={"arch": "arm"})], change())
        slim = replace(stored, raw=None, annotations={})
        expected = [tag(manifest=slim, client={"arch": "arm"})]
        assert list(store.list_tags(team, APP, Page(10)).entries) == expected

    def test_a_whole_list_of_tags_holds_what_the_tags_hold(
        self, store: MetadataStore, team: str
    ) -> None:
        of_image = tag("v3", image_id="a" * 64, client={"os": "linux"})
        store.put_manifest(team, repository(), manifest(), [tag("v1"), tag("v2")], change())
        store.put_tag(team, repository(), of_image, change())
        expected = [tag("v1", manifest=manifest()), tag("v2", manifest=manifest()), of_image]
        listing = store.list_tags_whole(team, APP, Page(10))
        assert (list(listing.entries), listing.more) == (expected, False)
        first = store.list_tags_whole(team, APP, Page(1, "v1"))
        assert (list(first.entries), first.more) == (expected[1:2], True)
        assert list(store.list_tags_whole(team, APP, Page(10, "v3")).entries) == []

    def test_a_deleted_tag_is_gone_and_its_manifest_stays(
        self, store: MetadataStore, team: str
    ) -> None:
        store.put_manifest(team, repository(), manifest(), [tag("v1"), tag("v2")], change())
        store.delete_tag(team, APP, V1, change())
        assert store.find_tag(team, APP, V1) is None
        listed = store.list_tags(team, APP, Page(10)).entries
        assert [entry.name.value for entry in listed] == ["v2"]
        assert store.find_manifest(team, APP, manifest().digest) == manifest()
        with pytest.raises(Missing):
            store.delete_tag(team, APP, V1, change())

    def test_a_deleted_manifest_takes_its_tags_along(self, store: MetadataStore, team: str) -> None:
        kept = manifest(b"kept")
        names = [f"t{n:02}" for n in range(60)]
        for at in (0, 30):
            tags = [tag(name) for name in names[at : at + 30]]
            store.put_manifest(team, repository(), manifest(), tags, change())
        store.put_manifest(team, repository(), kept, [tag("t05"), tag("v1")], change())
        store.put_tag(team, repository(), tag("image", image_id="a" * 64), change())
        store.put_manifest(team, repository("acme/other"), manifest(), [tag()], change())
        store.delete_manifest(team, APP, manifest().digest, change())
        assert store.find_manifest(team, APP, manifest().digest) is None
        survey = store.survey_push(team, APP, [], [], [manifest().digest, kept.digest])
        assert survey.manifests == {kept.digest}
        listed = store.list_tags(team, APP, Page(100)).entries
        assert [entry.name.value for entry in listed] == ["image", "t05", "v1"]
        assert store.find_tag(team, APP, TagName("t00")) is None
        assert store.find_tag(team, APP, TagName("t05")) == tag("t05", manifest=kept)
        assert store.find_tag(team, RepositoryName("acme/other"), V1) == tag(manifest=manifest())
        with pytest.raises(Missing):
            store.delete_manifest(team, APP, manifest().digest, change())

    def test_a_tag_that_moves_while_its_manifest_is_deleted_stays(
        self, store: MetadataStore, team: str
    ) -> None:
        old, new = manifest(b"old"), manifest(b"new")
        store.put_manifest(team, repository(), old, [tag("v1"), tag("v2")], change())

        def act(number: int) -> None:
            if number:
                store.put_manifest(team, repository(), new, [tag("v1")], change())
            else:
                store.delete_manifest(team, APP, old.digest, change())

        assert at_once(2, act) == [None, None]
        assert store.find_tag(team, APP, V1) == tag(manifest=new)
        listed = store.list_tags(team, APP, Page(10)).entries
        assert [entry.name.value for entry in listed] == ["v1"]

    def test_what_one_team_stores_no_other_sees(self, store: MetadataStore, team: str) -> None:
        store.put_manifest(team, repository(), manifest(), [tag()], change())
        store.put_blob(team, APP, blob())
        other = f"{team}-b"
        assert store.find_repository(other, APP) is None
        assert store.find_tag(other, APP, V1) is None
        assert store.find_manifest(other, APP, manifest().digest) is None
        assert store.find_link(other, APP, blob().digest) is None
        assert store.find_blob(other, blob().digest) is None
        assert list(store.list_repositories(other, Page(10)).entries) == []
        survey = store.survey_push(other, APP, [V1], [blob().digest], [manifest().digest])
        assert survey == PushSurvey(None)
        with pytest.raises(Missing):
            store.delete_tag(other, APP, V1, change())

    def test_a_survey_says_what_is_there_and_nothing_of_what_is_not(
        self, store: MetadataStore, team: str
    ) -> None:
        stored = manifest(annotations={"k": "v"})
        store.put_manifest(team, repository(), stored, [tag()], change())
        store.put_blob(team, APP, blob(b"mine"))
        store.put_blob(team, RepositoryName("acme/other"), blob(b"theirs"))
        wanted = [blob(b"mine").digest, blob(b"theirs").digest, unknown_digest()]
        survey = store.survey_push(team, APP, [V1], [*wanted, *wanted], [stored.digest, *wanted])
        slim = tag(manifest=replace(stored, raw=None, annotations={}))
        assert survey == PushSurvey(
            repository(), {V1: slim}, {wanted[0]: blob(b"mine")}, frozenset({stored.digest})
        )

    def test_a_survey_may_ask_for_hundreds(self, store: MetadataStore, team: str) -> None:
        blobs = [blob(b"%d" % n) for n in range(3)]
        for each in blobs:
            store.put_blob(team, APP, each)
        wanted = [blob(b"%d" % n).digest for n in range(250)]
        survey = store.survey_push(team, APP, [], wanted, wanted)
        assert survey == PushSurvey(None, {}, {each.digest: each for each in blobs})

    def test_two_pushes_to_one_tag_take_turns(self, store: MetadataStore, team: str) -> None:
        rivals = [manifest(b"%d" % n) for n in range(6)]

        def push(number: int) -> None:
            store.put_manifest(team, repository(), rivals[number], [tag("v1"), tag("v2")], change())

        outcomes = at_once(len(rivals), push)

        assert [outcome for outcome in outcomes if isinstance(outcome, PortError)] == []
        first, second = (store.find_tag(team, APP, TagName(name)) for name in ("v1", "v2"))
        assert first is not None
        assert second is not None
        assert first.manifest == second.manifest
        assert first.manifest in rivals
        assert all(store.find_manifest(team, APP, rival.digest) for rival in rivals)
        listed = {
            entry.manifest.digest
            for entry in store.list_tags(team, APP, Page(9)).entries
            if entry.manifest
        }
        assert listed == {first.manifest.digest}

    # --- paging -------------------------------------------------------------------------------

    @pytest.mark.parametrize("limit", [1, 2, 3, 12, 13, 14, 1000])
    def test_tags_that_begin_alike_page_in_the_order_of_their_bytes(
        self, store: MetadataStore, team: str, limit: int
    ) -> None:
        _tag_all(store, team, PREFIX_SHARING)
        assert _pages_of_tags(store, team, limit) == sorted(PREFIX_SHARING)

    # Each example has a team of its own, and each adapter inherits the test: both are meant.
    @settings(
        max_examples=times(12),
        suppress_health_check=[
            HealthCheck.function_scoped_fixture,
            HealthCheck.differing_executors,
        ],
    )
    @given(
        names=st.sets(TAG_NAMES, max_size=12), limit=st.integers(1, 5), after=st.text(max_size=4)
    )
    def test_pages_put_together_are_the_whole_list(
        self, store: MetadataStore, names: set[str], limit: int, after: str
    ) -> None:
        team = f"team-{secrets.token_hex(6)}"
        _tag_all(store, team, sorted(names))
        assert _pages_of_tags(store, team, limit) == sorted(names)
        page = store.list_tags(team, APP, Page(50, after))
        expected = sorted(name for name in names if name > after)
        assert [entry.name.value for entry in page.entries] == expected
        assert not page.more

    def test_repositories_that_begin_alike_page_in_the_order_of_their_bytes(
        self, store: MetadataStore, team: str
    ) -> None:
        paths = ["a/b", "a/b-c", "a/b.c", "a/b/c", "a/b0", "a/bb", "aa/b", "b/a"]
        for path in reversed(paths):
            store.put_repository(team, repository(path))
        seen: list[str] = []
        more = True
        while more:
            page = store.list_repositories(team, Page(3, seen[-1] if seen else ""))
            assert len(seen) < len(paths)
            seen += [name.path for name in page.entries]
            more = page.more
        assert seen == sorted(paths)

    def test_a_page_after_the_last_is_empty(self, store: MetadataStore, team: str) -> None:
        _tag_all(store, team, ["a", "b"])
        for after in ("b", "bb", "z", "~", "\u00fc", "\U0010ffff", "b" * 5000):
            page = store.list_tags(team, APP, Page(10, after))
            assert (list(page.entries), page.more) == ([], False)

    def test_a_page_after_a_name_that_is_not_there_begins_behind_it(
        self, store: MetadataStore, team: str
    ) -> None:
        _tag_all(store, team, ["a", "c"])
        for after in ("b", "a-", "a" + "z" * 5000):
            page = store.list_tags(team, APP, Page(10, after))
            assert [entry.name.value for entry in page.entries] == ["c"]

    def test_a_full_last_page_says_that_nothing_follows(
        self, store: MetadataStore, team: str
    ) -> None:
        _tag_all(store, team, ["a", "b"])
        assert [store.list_tags(team, APP, Page(n)).more for n in (1, 2, 3)] == [True, False, False]

    def test_a_page_of_none_is_empty_and_says_whether_there_are_any(
        self, store: MetadataStore, team: str
    ) -> None:
        nothing = store.list_tags(team, APP, Page(0))
        assert (list(nothing.entries), nothing.more) == ([], False)
        _tag_all(store, team, ["a"])
        something = store.list_tags(team, APP, Page(0))
        assert (list(something.entries), something.more) == ([], True)

    def test_lists_hold_only_what_belongs_to_them(self, store: MetadataStore, team: str) -> None:
        store.put_manifest(team, repository("a/b"), manifest(), [tag("one")], change())
        store.put_manifest(team, repository("a/b/c"), manifest(), [tag("two")], change())
        store.put_blob(team, RepositoryName("a/b"), blob())
        listed = store.list_tags(team, RepositoryName("a/b"), Page(10)).entries
        assert [entry.name.value for entry in listed] == ["one"]


def _tag_all(store: MetadataStore, team: str, names: list[str]) -> None:
    # Forty at a time: a transaction holds a hundred items, and a tag is two of them.
    for at in range(0, len(names), 40):
        tags = [tag(name) for name in names[at : at + 40]]
        store.put_manifest(team, repository(), manifest(), tags, change())


def _pages_of_tags(store: MetadataStore, team: str, limit: int) -> list[str]:
    seen: list[str] = []
    more = True
    while more:
        page = store.list_tags(team, APP, Page(limit, seen[-1] if seen else ""))
        assert len(page.entries) <= limit
        assert page.entries or not page.more
        # A page that begins where the last one began would go round for ever.
        assert not seen or not page.entries or page.entries[0].name.value > seen[-1]
        seen += [entry.name.value for entry in page.entries]
        more = page.more
    return seen
