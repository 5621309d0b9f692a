"""What every store promises to the collector."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.collect_ports import CollectStore
from chalicelib.domain.facts import Fact, FactKind
from chalicelib.domain.image import ImageState, StoredLayer
from chalicelib.domain.marking import Going, Kind
from chalicelib.domain.names import RepositoryName, TagName
from chalicelib.domain.records import Blob, IndexImage
from chalicelib.ports import Conflict, Gone, Missing
from tests.contracts.values import (
    APP,
    NOW_S,
    blob,
    change,
    image,
    manifest,
    repository,
    session,
    tag,
    uploaded,
)

A, B = "a" * 64, "b" * 64
LIVING = repository(life="one")


def facts(store: CollectStore, team: str, limit: int | None = None) -> Iterator[Fact]:
    cursor, first = None, True
    while first or cursor is not None:
        scanned, first = store.scan(cursor, limit), False
        yield from (fact for fact in scanned.facts if fact.team == team)
        cursor = scanned.cursor


def swept(store: CollectStore, team: str, *going: Going, seen: Any = None) -> None:
    store.sweep(team, seen or store.read_contents(team, APP), going, change("collector"))


def link_of(data: bytes, since_s: int | None) -> Going:
    return Going(Kind.LINK, str(blob(data).digest), "", suspected_at_s=since_s)


class CollectContract:
    @pytest.fixture
    def began(self, store: CollectStore, team: str) -> None:
        store.put_repository(team, LIVING)  # type: ignore[attr-defined]
        store.put_blob(team, APP, blob())
        store.put_manifest(team, LIVING, manifest(), [tag("v1"), tag("v2")], change())

    # --- looking ------------------------------------------------------------------------------

    @pytest.mark.parametrize("limit", [None, 1, 3])
    def test_a_scan_tells_what_names_what(
        self, store: CollectStore, team: str, began: None, limit: int | None
    ) -> None:
        store.put_manifest(team, LIVING, manifest(b"big", object_key="k"), [], change())
        store.put_image(team, image(A))
        store.put_layer(team, uploaded(A))
        store.put_index_images(team, APP, [IndexImage(A)])
        store.put_tag(team, LIVING, tag("old", image_id=A), change())
        store.open_upload(session(team))
        store.give_edge_word(team, APP, "word")
        found = list(facts(store, team, limit))
        kinds = {fact.kind for fact in found}
        # Teams: see the contract of teams, whose stores have a clock. Not every store has rows of
        # the other two.
        assert kinds == set(FactKind) - {FactKind.TEAM, FactKind.PIECE, FactKind.HANGING}
        told = {(fact.kind, fact.image_id or fact.word or fact.object_key) for fact in found}
        assert told >= {
            (FactKind.LINK, blob().object_key),
            (FactKind.BLOB, blob().object_key),
            (FactKind.DOCUMENT, "k"),
            (FactKind.IMAGE, A),
            (FactKind.HOLDER, A),
            (FactKind.TAGGED_IMAGE, A),
            (FactKind.WORD, "word"),
        }
        assert [fact.session for fact in found if fact.session] == [session(team)]
        assert {fact.ancestry for fact in found if fact.kind is FactKind.IMAGE} == {(A,)}

    def test_the_contents_of_a_repository_are_all_that_it_holds(
        self, store: CollectStore, team: str, began: None
    ) -> None:
        child, parent = manifest(b"child"), manifest(b"parent", subject=manifest().digest)
        store.put_manifest(team, LIVING, child, [], change())
        store.put_manifest(team, LIVING, parent, [], change(), children=[child.digest])
        store.put_bridged(team, APP, "view", manifest(b"view"))
        store.put_index_images(team, APP, [IndexImage(A)])
        contents = store.read_contents(team, APP)
        assert contents.repository == LIVING
        assert {each.name.value for each in contents.tags} == {"v1", "v2"}
        digests = {each.digest: each for each in contents.manifests}
        wanted = [manifest(), child, parent, manifest(b"view")]
        assert digests.keys() == {each.digest for each in wanted}
        assert digests[child.digest].pushed_at_s == NOW_S
        assert digests[manifest(b"view").digest].pushed_at_s is None
        assert digests[parent.digest].subject == manifest().digest
        assert contents.links == (blob(),)
        assert [line.digest for line in contents.parents] == [parent.digest]
        assert contents.views == {"view": manifest(b"view").digest}
        assert contents.listed == (A,)

    def test_a_glance_shows_the_same_without_the_record(
        self, store: CollectStore, team: str, began: None
    ) -> None:
        child, parent = manifest(b"child"), manifest(b"parent", subject=manifest().digest)
        store.put_manifest(team, LIVING, child, [], change())
        store.put_manifest(team, LIVING, parent, [], change(), children=[child.digest])
        store.put_bridged(team, APP, "view", manifest(b"view"))
        store.put_index_images(team, APP, [IndexImage(A)])
        whole, (seen, is_whole) = store.read_contents(team, APP), store.glance(team, APP)
        assert is_whole
        assert replace(seen, revision=None) == replace(whole, repository=None, revision=None)

    def test_a_manifest_that_was_pushed_stays_pushed_when_it_is_made_as_well(
        self, store: CollectStore, team: str, began: None
    ) -> None:
        store.put_bridged(team, APP, "view", manifest())
        assert [each.pushed_at_s for each in store.read_contents(team, APP).manifests] == [NOW_S]

    def test_of_a_repository_that_is_not_there_links_are_read(
        self, store: CollectStore, team: str
    ) -> None:
        store.put_blob(team, APP, blob())
        contents = store.read_contents(team, APP)
        assert (contents.repository, contents.links) == (None, (blob(),))

    def test_manifests_are_found_with_their_bytes(
        self, store: CollectStore, team: str, began: None
    ) -> None:
        wanted = [manifest().digest, manifest(b"no").digest]
        assert store.find_manifests(team, APP, wanted) == {manifest().digest: manifest()}

    # --- a repository -------------------------------------------------------------------------

    def test_a_sweep_takes_what_it_is_told(
        self, store: CollectStore, team: str, began: None
    ) -> None:
        digest = manifest().digest
        store.put_bridged(team, APP, "view", manifest(b"view"))
        store.put_index_images(team, APP, [IndexImage(A)])
        store.suspect_link(team, APP, blob().digest, NOW_S)
        swept(
            store,
            team,
            Going(Kind.TAG, "v1", ""),
            Going(Kind.TAG, "v2", ""),
            Going(Kind.MANIFEST, str(digest), ""),
            Going(Kind.VIEW, "view", ""),
            Going(Kind.LISTED, A, ""),
            link_of(b"layer", NOW_S),
        )
        contents = store.read_contents(team, APP)
        left = (contents.tags, contents.links, dict(contents.views), contents.listed)
        assert left == ((), (), {}, ())
        assert [each.digest for each in contents.manifests] == [manifest(b"view").digest]
        assert store.find_tag(team, APP, TagName("v1")) is None
        assert store.find_manifest(team, APP, digest) is None
        assert store.list_holders(team, A) == []

    def test_the_lines_between_manifests_go_as_they_were_read(
        self, store: CollectStore, team: str, began: None
    ) -> None:
        parent = manifest(b"parent", subject=manifest().digest)
        store.put_manifest(team, LIVING, parent, [], change(), children=[manifest().digest])
        seen = store.read_contents(team, APP)
        lines = [Going(Kind.PARENT, line.text, "") for line in seen.parents]
        lines += [Going(Kind.REFERRER, line.text, "") for line in seen.referrers]
        swept(store, team, *lines, Going(Kind.MANIFEST, str(parent.digest), ""), seen=seen)
        after = store.read_contents(team, APP)
        assert (after.parents, after.referrers) == ((), ())

    @pytest.mark.parametrize("what", ["manifest", "tag", "view", "images", "record", "deletion"])
    def test_a_sweep_sees_what_was_added_meanwhile(
        self, store: CollectStore, team: str, began: None, what: str
    ) -> None:
        seen = store.read_contents(team, APP)
        hub: Any = store
        {
            "manifest": lambda: store.put_manifest(team, LIVING, manifest(b"x"), [], change()),
            "tag": lambda: store.put_tag(team, LIVING, tag("x", image_id=A), change()),
            "view": lambda: store.put_bridged(team, APP, "view", manifest(b"x")),
            "images": lambda: store.put_index_images(team, APP, [IndexImage(A)]),
            "record": lambda: hub.change_repository(
                team, LIVING, replace(LIVING, description="new")
            ),
            "deletion": lambda: hub.delete_repository(team, LIVING),
        }[what]()
        with pytest.raises(Conflict):
            swept(store, team, Going(Kind.TAG, "v1", ""), seen=seen)
        is_there = store.find_tag(team, APP, TagName("v1")) is not None
        assert is_there == (what != "deletion")

    def test_what_was_looked_up_before_a_sweep_does_not_count_after_it(
        self, store: CollectStore, team: str, began: None
    ) -> None:
        before = store.find_repository(team, APP)
        assert before is not None
        swept(store, team, Going(Kind.TAG, "v2", ""))
        hub: Any = store
        for late in (
            lambda: store.put_manifest(team, before, manifest(b"late"), [], change()),
            lambda: store.put_tag(team, before, tag("late", image_id=A), change()),
            lambda: hub.change_repository(team, before, replace(before, description="late")),
        ):
            with pytest.raises(Conflict):
                late()
        after = store.find_repository(team, APP)
        assert after is not None
        store.put_manifest(team, after, manifest(b"late"), [], change())

    def test_a_sweep_goes_on_with_what_it_has_seen(
        self, store: CollectStore, team: str, began: None
    ) -> None:
        seen = store.read_contents(team, APP)
        swept(store, team, Going(Kind.TAG, "v1", ""), seen=seen)
        swept(store, team, Going(Kind.TAG, "v2", ""), seen=seen)
        assert store.read_contents(team, APP).tags == ()

    @pytest.mark.parametrize("how", ["spared", "pushed again", "suspected later"])
    def test_a_link_that_somebody_relies_on_is_not_swept(
        self, store: CollectStore, team: str, began: None, how: str
    ) -> None:
        store.suspect_link(team, APP, blob().digest, NOW_S)
        if how == "pushed again":
            store.put_blob(team, APP, blob())
        else:
            store.spare_link(team, APP, blob().digest)
        if how == "suspected later":
            store.suspect_link(team, APP, blob().digest, NOW_S + 1)
        with pytest.raises(Conflict):
            swept(store, team, link_of(b"layer", NOW_S), Going(Kind.TAG, "v1", ""))
        assert store.find_link(team, APP, blob().digest) == blob()
        assert store.find_tag(team, APP, TagName("v1")) is not None

    def test_a_suspicion_is_seen_and_the_first_one_counts(
        self, store: CollectStore, team: str, began: None
    ) -> None:
        store.suspect_link(team, APP, blob().digest, NOW_S)
        store.suspect_link(team, APP, blob().digest, NOW_S + 9)
        link = store.find_link(team, APP, blob().digest)
        assert link is not None
        assert link.suspected_at_s == NOW_S
        gone = blob(b"gone").digest
        store.suspect_link(team, APP, gone, NOW_S)
        assert store.find_link(team, APP, gone) is None
        with pytest.raises(Missing):
            store.spare_link(team, APP, gone)

    def test_links_without_a_repository_are_swept_until_there_is_one(
        self, store: CollectStore, team: str
    ) -> None:
        hub: Any = store
        store.put_blob(team, APP, blob())
        store.suspect_link(team, APP, blob().digest, NOW_S)
        seen = store.read_contents(team, APP)
        hub.put_repository(team, LIVING)
        with pytest.raises(Conflict):
            swept(store, team, link_of(b"layer", NOW_S), seen=seen)
        hub.delete_repository(team, LIVING)
        store.put_blob(team, APP, blob())
        store.suspect_link(team, APP, blob().digest, NOW_S)
        swept(store, team, link_of(b"layer", NOW_S))
        assert store.find_link(team, APP, blob().digest) is None

    def test_with_a_blob_from_the_edge_goes_the_word_that_would_bring_it_back(
        self, store: CollectStore, team: str, began: None
    ) -> None:
        store.give_edge_word(team, APP, "word")
        key = f"{team}/edge/word/00"
        swept(store, team, Going(Kind.TAG, "v1", ""))
        assert store.find_edge_word(team, APP) == "word"
        store.suspect_link(team, APP, blob().digest, NOW_S)
        swept(store, team, replace(link_of(b"layer", NOW_S), object_key=key))
        assert store.find_edge_word(team, APP) is None

    def test_a_word_is_taken_only_from_who_still_has_it(
        self, store: CollectStore, team: str
    ) -> None:
        store.give_edge_word(team, APP, "word")
        store.drop_edge_word(team, APP, "another")
        assert store.find_edge_word(team, APP) == "word"
        store.drop_edge_word(team, APP, "word")
        assert store.find_edge_word(team, APP) is None

    # --- what belongs to a team ---------------------------------------------------------------

    def test_a_condemned_blob_is_known_to_nobody(self, store: CollectStore, team: str) -> None:
        store.put_blob(team, APP, blob())
        kept = store.find_blob(team, blob().digest)
        assert kept is not None
        store.suspect_blob(team, blob().digest, NOW_S)
        assert store.condemn_blob(team, blob().digest, NOW_S)
        assert store.find_blob(team, blob().digest) is None
        assert store.find_blobs(team, [blob().digest]) == {}
        with pytest.raises(Gone):
            store.put_blob(team, APP, kept)
        store.forget_blob(team, blob(object_key="another object"))
        store.forget_blob(team, blob())
        with pytest.raises(Gone):
            store.put_blob(team, APP, kept)
        assert [fact for fact in facts(store, team) if fact.kind is FactKind.BLOB] == []

    def test_a_blob_in_the_place_of_a_condemned_one_stays(
        self, store: CollectStore, team: str
    ) -> None:
        store.put_blob(team, APP, blob())
        store.suspect_blob(team, blob().digest, NOW_S)
        assert store.condemn_blob(team, blob().digest, NOW_S)
        with pytest.raises(Conflict):
            store.put_blob(team, APP, blob())
        anew = blob(object_key="team/sha256/anew")
        store.put_blob(team, APP, anew)
        store.forget_blob(team, blob())
        assert store.find_blob(team, blob().digest) == anew

    @pytest.mark.parametrize("how", ["spared", "linked", "a layer", "a made image"])
    def test_a_blob_that_is_named_once_more_is_not_condemned(
        self, store: CollectStore, team: str, how: str
    ) -> None:
        store.put_blob(team, APP, blob())
        store.suspect_blob(team, blob().digest, NOW_S)
        kept = store.find_blob(team, blob().digest)
        assert kept is not None
        layer = StoredLayer(kept.digest, kept.size_bytes, kept.object_key, is_kept=True)
        store.put_image(team, image(A))
        {
            "spared": lambda: store.spare_blob(team, kept.digest),
            "linked": lambda: store.put_blob(team, RepositoryName("acme/b"), kept),
            "a layer": lambda: store.put_layer(team, uploaded(A, layer=layer)),
            "a made image": lambda: store.put_image(
                team, image(B, state=ImageState.SEALED, layer=layer)
            ),
        }[how]()
        assert not store.condemn_blob(team, kept.digest, NOW_S)
        assert store.find_blob(team, kept.digest) == kept

    def test_two_who_bring_the_same_bytes_name_one_object(
        self, store: CollectStore, team: str
    ) -> None:
        other = RepositoryName("acme/b")
        store.put_blob(team, APP, blob())
        store.put_blob(team, other, blob(object_key="team/sha256/second"))
        assert store.find_link(team, other, blob().digest) == blob()
        store.put_image(team, image(A))
        store.put_layer(team, uploaded(A))
        assert store.find_images(team, [A])[A].layer.object_key == blob().object_key  # type: ignore[union-attr]

    def test_a_layer_that_was_collected_is_gone(self, store: CollectStore, team: str) -> None:
        store.put_image(team, image(A))
        gone = Blob(blob().digest, 5, "team/objects/gone")
        layer = StoredLayer(gone.digest, 5, gone.object_key, is_kept=True)
        with pytest.raises(Gone):
            store.put_layer(team, uploaded(A, layer=layer))
        assert store.find_images(team, [A])[A].state is ImageState.DESCRIBED

    def test_an_image_goes_unless_somebody_relies_on_it(
        self, store: CollectStore, team: str
    ) -> None:
        store.put_image(team, image(A))
        store.suspect_image(team, A, NOW_S)
        assert store.find_images(team, [A])[A].suspected_at_s == NOW_S
        store.spare_image(team, A)
        assert not store.delete_image(team, A, NOW_S)
        store.suspect_image(team, A, NOW_S + 1)
        store.suspect_image(team, A, NOW_S + 2)
        assert store.delete_image(team, A, NOW_S + 1)
        assert store.find_images(team, [A]) == {}
        with pytest.raises(Missing):
            store.spare_image(team, A)

    def test_an_image_that_is_described_anew_is_not_suspected(
        self, store: CollectStore, team: str
    ) -> None:
        store.put_image(team, image(A))
        store.suspect_image(team, A, NOW_S)
        store.put_image(team, image(A, b'{"id":"anew"}'))
        assert not store.delete_image(team, A, NOW_S)

    def test_an_upload_that_goes_on_is_not_ended(self, store: CollectStore, team: str) -> None:
        store.open_upload(session(team))
        assert not store.end_upload(session(team, expires_at_s=1))
        assert store.end_upload(session(team))
        assert not store.end_upload(session(team))
        assert store.find_upload(team, "upload-1", now_s=NOW_S) is None

    # --- runs ---------------------------------------------------------------------------------

    def test_of_two_runs_one_waits_until_the_others_time_is_over(
        self, store: CollectStore, team: str
    ) -> None:
        assert store.take_run(team, "one", now_s=NOW_S, until_s=NOW_S + 9) == ""
        store.save_run(team, "one", "here", until_s=NOW_S + 9)
        with pytest.raises(Conflict):
            store.take_run(team, "two", now_s=NOW_S, until_s=NOW_S + 9)
        assert store.take_run(team, "two", now_s=NOW_S + 9, until_s=NOW_S + 20) == "here"
        with pytest.raises(Conflict):
            store.save_run(team, "one", "late", until_s=NOW_S + 9)
        store.save_run(team, "two", "there", until_s=NOW_S + 9)
        assert store.take_run(team, "three", now_s=NOW_S + 9, until_s=NOW_S + 99) == "there"
