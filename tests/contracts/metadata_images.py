"""Promises about v1 images and the v1 image lists of repositories."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from chalicelib.domain import limits
from chalicelib.domain.digest import digest_of
from chalicelib.domain.image import ImageState, StoredLayer, V1Image
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.records import Blob, IndexImage
from chalicelib.ports import Conflict, MetadataStore, PortError
from tests.contracts.values import APP, NOW_S, at_once, image, repository, session, uploaded

A, B = "a" * 64, "b" * 64


class ImagePromises:
    def test_images_that_do_not_exist_are_left_out(self, store: MetadataStore, team: str) -> None:
        store.put_image(team, image(A))
        assert store.find_images(team, [B]) == {}
        assert store.find_images(team, []) == {}
        assert store.find_images(team, [A, B, A]) == {A: image(A)}
        assert store.find_images(f"{team}-b", [A]) == {}

    def test_an_image_comes_back_whole(self, store: MetadataStore, team: str) -> None:
        ancestry = (A, *(f"{n:064x}" for n in range(limits.MAX_ANCESTRY)))
        whole = uploaded(A, raw=b'{"id": "\xc3\xbc",\n }', ancestry=ancestry)
        store.put_image(team, whole)
        assert store.find_images(team, [A]) == {A: whole}

    def test_hundreds_of_images_come_in_one_answer(self, store: MetadataStore, team: str) -> None:
        ids = [f"{n:064x}" for n in range(205)]
        for image_id in ids:
            store.put_image(team, image(image_id))
        assert store.find_images(team, ids) == {image_id: image(image_id) for image_id in ids}

    @pytest.mark.parametrize("count", [1, 2])
    def test_a_json_of_a_megabyte_that_will_not_compress_fits(
        self, store: MetadataStore, team: str, count: int
    ) -> None:
        raws = [random.Random(n).randbytes(limits.MAX_IMAGE_JSON_BYTES) for n in range(count)]
        for number, raw in enumerate(raws):
            store.put_image(team, image(f"{number:064x}", raw))
        found = store.find_images(team, [f"{number:064x}" for number in range(count)])
        assert [found[f"{number:064x}"].raw_json for number in range(count)] == raws

    def test_describing_anew_forgets_the_layer(self, store: MetadataStore, team: str) -> None:
        store.put_image(team, image(A))
        store.put_layer(team, uploaded(A))
        store.put_image(team, image(A, b'{"id":"anew"}'))
        assert store.find_images(team, [A]) == {A: image(A, b'{"id":"anew"}')}

    @pytest.mark.parametrize("raw", [b"{}", b'{"id":"a"}'], ids=["other json", "the same json"])
    def test_a_sealed_image_is_never_described_anew(
        self, store: MetadataStore, team: str, raw: bytes
    ) -> None:
        sealed = _sealed(store, team)
        with pytest.raises(Conflict):
            store.put_image(team, image(A, raw))
        with pytest.raises(Conflict):
            store.put_image(team, image(A, random.Random(1).randbytes(900_000)))
        assert store.find_images(team, [A]) == {A: sealed}

    # --- layers -------------------------------------------------------------------------------

    def test_a_layer_goes_to_the_image_and_its_blob_to_the_team(
        self, store: MetadataStore, team: str
    ) -> None:
        store.put_image(team, image(A))
        store.put_layer(team, uploaded(A))
        assert store.find_images(team, [A]) == {A: uploaded(A)}
        layer = uploaded(A).layer
        assert layer is not None
        expected = Blob(layer.digest, layer.size_bytes, layer.object_key)
        assert store.find_blob(team, layer.digest) == expected

    def test_a_layer_may_come_again_with_another_checksum(
        self, store: MetadataStore, team: str
    ) -> None:
        store.put_image(team, image(A))
        store.put_layer(team, uploaded(A))
        other = StoredLayer(digest_of(b"other"), 9, "team/objects/other")
        again = uploaded(A, "sha256:2", layer=other)
        store.put_layer(team, again)
        assert store.find_images(team, [A]) == {A: again}

    @pytest.mark.parametrize("state", ["gone", "sealed", "described anew"])
    def test_a_layer_that_came_too_late_changes_nothing(
        self, store: MetadataStore, team: str, state: str
    ) -> None:
        if state == "sealed":
            _sealed(store, team)
        if state == "described anew":
            store.put_image(team, image(A))
            store.put_image(team, image(A, b'{"id":"anew"}'))
        held = session(team, claim="mine", claim_expires_at_s=NOW_S + 60)
        store.open_upload(held)
        before = store.find_images(team, [A])
        late = uploaded(A, layer=StoredLayer(digest_of(b"late"), 4, "team/objects/late"))
        with pytest.raises(Conflict):
            store.put_layer(team, late, closing=held)
        assert store.find_images(team, [A]) == before
        assert store.find_blob(team, digest_of(b"late")) is None
        assert store.find_upload(team, held.upload_id, now_s=NOW_S) == held

    def test_a_layer_ends_the_upload_that_brought_it(self, store: MetadataStore, team: str) -> None:
        held = session(team, claim="mine", claim_expires_at_s=NOW_S + 60, image_id=A)
        store.open_upload(held)
        store.put_image(team, image(A))
        store.put_layer(team, uploaded(A), closing=held)
        assert store.find_upload(team, held.upload_id, now_s=NOW_S) is None

    def test_a_layer_whose_claim_is_lost_changes_nothing(
        self, store: MetadataStore, team: str
    ) -> None:
        held = session(team, claim="yours", claim_expires_at_s=NOW_S + 60)
        store.open_upload(held)
        store.put_image(team, image(A))
        with pytest.raises(Conflict):
            store.put_layer(team, uploaded(A), closing=replace(held, claim="mine"))
        assert store.find_images(team, [A]) == {A: image(A)}
        assert store.find_upload(team, held.upload_id, now_s=NOW_S) == held

    # --- seals --------------------------------------------------------------------------------

    def test_sealing_changes_the_state_and_nothing_else(
        self, store: MetadataStore, team: str
    ) -> None:
        sealed = _sealed(store, team)
        assert store.find_images(team, [A]) == {A: sealed}
        assert sealed == replace(uploaded(A), state=ImageState.SEALED)

    def test_sealing_with_another_checksum_changes_nothing(
        self, store: MetadataStore, team: str
    ) -> None:
        store.put_image(team, image(A))
        store.put_layer(team, uploaded(A, "sha256:1"))
        with pytest.raises(Conflict):
            store.seal_image(team, uploaded(A, "sha256:2"))
        assert store.find_images(team, [A]) == {A: uploaded(A, "sha256:1")}

    @pytest.mark.parametrize("state", ["gone", "described", "sealed"])
    def test_only_an_uploaded_image_is_sealed(
        self, store: MetadataStore, team: str, state: str
    ) -> None:
        if state == "described":
            store.put_image(team, image(A))
        if state == "sealed":
            _sealed(store, team)
        before = store.find_images(team, [A])
        with pytest.raises(Conflict):
            store.seal_image(team, uploaded(A))
        assert store.find_images(team, [A]) == before

    # --- the v1 list --------------------------------------------------------------------------

    def test_the_list_is_sorted_and_belongs_to_its_repository(
        self, store: MetadataStore, team: str
    ) -> None:
        store.put_repository(team, repository())
        store.put_index_images(team, APP, [IndexImage(B, "sha256:b"), IndexImage(A)])
        store.put_index_images(team, APP, [])
        assert list(store.list_index_images(team, APP)) == [
            IndexImage(A),
            IndexImage(B, "sha256:b"),
        ]
        assert list(store.list_index_images(team, RepositoryName("acme/app2"))) == []
        assert list(store.list_index_images(f"{team}-b", APP)) == []

    def test_lists_merge_and_the_first_checksum_stays(
        self, store: MetadataStore, team: str
    ) -> None:
        store.put_repository(team, repository())
        c = "c" * 64
        store.put_index_images(team, APP, [IndexImage(A, "first"), IndexImage(B)])
        later = [IndexImage(A, "second"), IndexImage(B, "b"), IndexImage(c, "c"), IndexImage(c)]
        store.put_index_images(team, APP, later)
        store.put_index_images(team, APP, [IndexImage(A), IndexImage(c, "d")])
        assert list(store.list_index_images(team, APP)) == [
            IndexImage(A, "first"),
            IndexImage(B, "b"),
            IndexImage(c, "c"),
        ]

    def test_of_one_list_the_first_checksum_of_an_image_counts(
        self, store: MetadataStore, team: str
    ) -> None:
        store.put_repository(team, repository())
        listed = [IndexImage(A), IndexImage(A, "first"), IndexImage(A, "second")]
        store.put_index_images(team, APP, listed)
        assert list(store.list_index_images(team, APP)) == [IndexImage(A, "first")]

    def test_an_image_is_found_by_who_lists_it(self, store: MetadataStore, team: str) -> None:
        other, longer = RepositoryName("acme/other"), RepositoryName("acme/app/x")
        store.put_image(team, image(A))
        store.put_image(team, image("c" * 64))
        for name in (other, longer, APP):
            store.put_repository(team, repository(name.path))
            store.put_index_images(team, name, [IndexImage(A), IndexImage(B, "b")])
        store.put_repository(f"{team}-b", repository("acme/third"))
        store.put_index_images(f"{team}-b", RepositoryName("acme/third"), [IndexImage(A)])
        asked = [A, B, "c" * 64, "d" * 64, A]
        found = store.find_listed(team, APP, asked)
        assert found.images == {A: image(A), "c" * 64: image("c" * 64)}
        assert found.listed == {A, B}
        assert store.find_listed(team, RepositoryName("acme/none"), asked).listed == frozenset()
        assert list(store.list_holders(team, A)) == [APP, longer, other]
        assert list(store.list_holders(team, "c" * 64)) == []

    def test_a_list_needs_its_repository(self, store: MetadataStore, team: str) -> None:
        with pytest.raises(Conflict):
            store.put_index_images(team, APP, [IndexImage(A)])
        assert list(store.list_index_images(team, APP)) == []
        assert list(store.list_holders(team, A)) == []
        assert store.find_repository(team, APP) is None

    def test_a_list_may_be_long(self, store: MetadataStore, team: str) -> None:
        store.put_repository(team, repository())
        listed = [IndexImage(f"{n:064x}", f"sha256:{n:064x}") for n in range(250)]
        store.put_index_images(team, APP, listed[::-1])
        assert list(store.list_index_images(team, APP)) == listed

    def test_lists_that_come_at_once_all_arrive(self, store: MetadataStore, team: str) -> None:
        store.put_repository(team, repository())

        def register(number: int) -> None:
            own = IndexImage(f"{number:064x}", "own")
            store.put_index_images(team, APP, [IndexImage(A, f"{number}"), own])

        outcomes = at_once(5, register)

        assert [outcome for outcome in outcomes if isinstance(outcome, PortError)] == []
        listed = list(store.list_index_images(team, APP))
        assert len(listed) == 6
        assert listed[-1].checksum in {str(number) for number in range(5)}


def _sealed(store: MetadataStore, team: str) -> V1Image:
    store.put_image(team, image(A))
    store.put_layer(team, uploaded(A))
    store.seal_image(team, uploaded(A))
    return store.find_images(team, [A])[A]
