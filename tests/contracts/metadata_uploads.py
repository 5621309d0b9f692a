"""Promises about upload sessions and the blobs that they end in."""

from __future__ import annotations

import secrets
from dataclasses import replace

import pytest

from chalicelib.domain import limits
from chalicelib.domain.digest import digest_of
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.upload import Part, Proving, RunningHash, Tail, UploadSession
from chalicelib.ports import Conflict, MetadataStore, Missing
from tests.contracts.values import APP, NOW_S, at_once, blob, session, unknown_digest

CLAIM_UNTIL_S = NOW_S + 60


def claimed(
    store: MetadataStore, opened: UploadSession, claim: str, now_s: int = NOW_S
) -> UploadSession:
    return store.claim_upload(
        opened.team, opened.upload_id, claim, now_s=now_s, expires_at_s=now_s + 60
    )


class UploadPromises:
    def test_a_session_comes_back_whole(self, store: MetadataStore, team: str) -> None:
        whole = session(
            team,
            offset_bytes=11 * limits.MIB,
            object_key=f"{team}/objects/upload-1",
            multipart_id="mp~1",
            parts=(Part(1, '"' + "a" * 32 + '"', limits.MIN_PART_BYTES), Part(2, '"b-2"', 7)),
            tail=Tail(f"{team}/uploads/upload-1/t", 3),
            running=RunningHash("sha256", digest_of(b"x"), b"\x00\xffstate"),
            algorithm="sha512",
            claim="mine",
            claim_expires_at_s=NOW_S + 5,
            image_id="a" * 64,
            proving=Proving(digest_of(b"x", "sha512"), NOW_S, 2**40, b"\x00\xffhalf"),
        )
        store.open_upload(whole)
        assert store.find_upload(team, "upload-1", now_s=NOW_S) == whole

    def test_a_session_with_nothing_in_it_comes_back_so(
        self, store: MetadataStore, team: str
    ) -> None:
        store.open_upload(session(team))
        assert store.find_upload(team, "upload-1", now_s=NOW_S) == session(team)
        assert store.find_upload(team, "upload-2", now_s=NOW_S) is None
        assert store.find_upload(f"{team}-b", "upload-1", now_s=NOW_S) is None

    def test_as_many_parts_as_s3_takes_fit(self, store: MetadataStore, team: str) -> None:
        parts = tuple(
            Part(n, f'"{secrets.token_hex(16)}"', limits.part_bytes(n))
            for n in range(1, limits.MAX_PARTS + 1)
        )
        store.open_upload(session(team, parts=parts))
        found = store.find_upload(team, "upload-1", now_s=NOW_S)
        assert found is not None
        assert found.parts == parts

    def test_an_expired_session_is_gone_at_once(self, store: MetadataStore, team: str) -> None:
        store.open_upload(session(team, expires_at_s=NOW_S))
        assert store.find_upload(team, "upload-1", now_s=NOW_S - 1) is not None
        assert store.find_upload(team, "upload-1", now_s=NOW_S) is None
        with pytest.raises(Missing):
            claimed(store, session(team), "mine")

    # --- claims -------------------------------------------------------------------------------

    def test_a_claim_gives_the_session_and_shows_in_it(
        self, store: MetadataStore, team: str
    ) -> None:
        store.open_upload(session(team, offset_bytes=7))
        got = claimed(store, session(team), "mine")
        assert got == session(team, offset_bytes=7, claim="mine", claim_expires_at_s=CLAIM_UNTIL_S)
        assert store.find_upload(team, "upload-1", now_s=NOW_S) == got

    def test_of_many_claims_at_once_exactly_one_wins(self, store: MetadataStore, team: str) -> None:
        store.open_upload(session(team))
        outcomes = at_once(8, lambda number: claimed(store, session(team), f"claim-{number}"))
        won = [outcome for outcome in outcomes if isinstance(outcome, UploadSession)]
        lost = [outcome for outcome in outcomes if isinstance(outcome, Conflict)]
        assert (len(won), len(lost)) == (1, 7)
        held = store.find_upload(team, "upload-1", now_s=NOW_S)
        assert held is not None
        assert held.claim == won[0].claim

    def test_the_holder_renews_its_claim_by_claiming_again(
        self, store: MetadataStore, team: str
    ) -> None:
        store.open_upload(session(team))
        claimed(store, session(team), "mine")
        assert claimed(store, session(team), "mine", NOW_S + 30).claim_expires_at_s == NOW_S + 90
        with pytest.raises(Conflict):
            claimed(store, session(team), "yours", NOW_S + 70)

    def test_a_claim_that_has_run_out_is_free_for_others(
        self, store: MetadataStore, team: str
    ) -> None:
        store.open_upload(session(team))
        claimed(store, session(team), "mine")
        with pytest.raises(Conflict):
            claimed(store, session(team), "yours", CLAIM_UNTIL_S - 1)
        assert claimed(store, session(team), "yours", CLAIM_UNTIL_S).claim == "yours"
        with pytest.raises(Conflict):
            claimed(store, session(team), "mine", CLAIM_UNTIL_S)

    def test_claiming_what_is_not_there_is_missing(self, store: MetadataStore, team: str) -> None:
        with pytest.raises(Missing):
            claimed(store, session(team), "mine")
        assert store.find_upload(team, "upload-1", now_s=NOW_S) is None

    # --- saving and closing -------------------------------------------------------------------

    def test_saving_stores_the_session_as_given(self, store: MetadataStore, team: str) -> None:
        store.open_upload(session(team, tail=Tail("t", 1)))
        got = claimed(store, session(team), "mine")
        further = replace(got, offset_bytes=9, tail=None, claim=None, claim_expires_at_s=0)
        store.save_upload(further, "mine")
        assert store.find_upload(team, "upload-1", now_s=NOW_S) == further
        assert claimed(store, session(team), "yours").offset_bytes == 9

    def test_a_stale_claim_saves_nothing(self, store: MetadataStore, team: str) -> None:
        store.open_upload(session(team))
        stale = claimed(store, session(team), "mine")
        held = claimed(store, session(team), "yours", CLAIM_UNTIL_S)
        with pytest.raises(Conflict):
            store.save_upload(replace(stale, offset_bytes=99), "mine")
        assert store.find_upload(team, "upload-1", now_s=NOW_S) == held

    def test_saving_the_same_again_is_no_error(self, store: MetadataStore, team: str) -> None:
        # A try whose answer was lost is tried again, and by then the claim has ended.
        store.open_upload(session(team))
        got = claimed(store, session(team), "mine")
        further = replace(got, offset_bytes=9, claim=None, claim_expires_at_s=0)
        store.save_upload(further, "mine")
        store.save_upload(further, "mine")
        with pytest.raises(Conflict):
            store.save_upload(replace(further, offset_bytes=10), "mine")
        assert store.find_upload(team, "upload-1", now_s=NOW_S) == further

    def test_saving_never_brings_a_session_back(self, store: MetadataStore, team: str) -> None:
        store.open_upload(session(team))
        got = claimed(store, session(team), "mine")
        store.close_upload(got)
        with pytest.raises(Conflict):
            store.save_upload(got, "mine")
        assert store.find_upload(team, "upload-1", now_s=NOW_S) is None

    def test_closing_twice_is_no_error(self, store: MetadataStore, team: str) -> None:
        store.open_upload(session(team))
        store.close_upload(session(team))
        store.close_upload(session(team))
        assert store.find_upload(team, "upload-1", now_s=NOW_S) is None

    # --- blobs --------------------------------------------------------------------------------

    def test_a_blob_is_visible_in_its_repository_and_known_to_its_team(
        self, store: MetadataStore, team: str
    ) -> None:
        store.put_blob(team, APP, blob())
        store.put_blob(team, APP, blob())
        assert store.find_link(team, APP, blob().digest) == blob()
        assert store.find_blob(team, blob().digest) == blob()
        assert store.find_link(team, RepositoryName("acme/other"), blob().digest) is None
        assert store.find_link(team, APP, unknown_digest()) is None
        assert store.find_blob(team, unknown_digest()) is None

    def test_a_deleted_link_hides_the_blob_in_that_repository_alone(
        self, store: MetadataStore, team: str
    ) -> None:
        other = RepositoryName("acme/other")
        for name in (APP, other):
            store.put_blob(team, name, blob())
        store.delete_link(team, APP, blob().digest)
        assert store.find_link(team, APP, blob().digest) is None
        assert store.find_link(team, other, blob().digest) == blob()
        assert store.find_blob(team, blob().digest) == blob()
        with pytest.raises(Missing):
            store.delete_link(team, APP, blob().digest)

    def test_a_blob_alone_makes_no_repository(self, store: MetadataStore, team: str) -> None:
        store.put_blob(team, APP, blob())
        assert store.find_repository(team, APP) is None

    def test_a_blob_ends_the_upload_that_brought_it(self, store: MetadataStore, team: str) -> None:
        store.open_upload(session(team))
        got = claimed(store, session(team), "mine")
        store.put_blob(team, APP, blob(), closing=got)
        assert store.find_upload(team, "upload-1", now_s=NOW_S) is None
        assert store.find_link(team, APP, blob().digest) == blob()

    @pytest.mark.parametrize("state", ["claimed by another", "never claimed", "closed"])
    def test_a_blob_whose_claim_is_lost_is_not_visible(
        self, store: MetadataStore, team: str, state: str
    ) -> None:
        mine = session(team, claim="mine", claim_expires_at_s=CLAIM_UNTIL_S)
        if state != "closed":
            store.open_upload(session(team))
        if state == "claimed by another":
            claimed(store, session(team), "yours")
        before = store.find_upload(team, "upload-1", now_s=NOW_S)
        with pytest.raises(Conflict):
            store.put_blob(team, APP, blob(), closing=mine)
        assert store.find_link(team, APP, blob().digest) is None
        assert store.find_blob(team, blob().digest) is None
        assert store.find_upload(team, "upload-1", now_s=NOW_S) == before

    def test_of_many_closings_at_once_exactly_one_wins(
        self, store: MetadataStore, team: str
    ) -> None:
        store.open_upload(session(team))
        got = claimed(store, session(team), "mine")
        outcomes = at_once(6, lambda _: store.put_blob(team, APP, blob(), closing=got))
        assert sum(outcome is None for outcome in outcomes) == 1
        assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 5
