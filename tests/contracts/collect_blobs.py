"""What every bucket promises to the collector."""

from __future__ import annotations

import pytest

from chalicelib.collect_ports import CollectBlobs
from chalicelib.domain.paging import Page


class CollectBlobsContract:
    @pytest.mark.parametrize("limit", [1, 2, 1000])
    def test_objects_are_listed_in_pages_bytewise(
        self, store: CollectBlobs, team: str, limit: int
    ) -> None:
        names = [f"{team}/{name}" for name in ("a/1", "a/10", "a/2", "b")]
        for name in (*reversed(names), f"{team}2/a"):
            store.put(name, name.encode())
        found, after = [], ""
        while True:
            listing = store.list_objects(f"{team}/", Page(limit, after))
            assert len(listing.entries) <= limit
            found += listing.entries
            if not listing.more:
                break
            after = found[-1].key
        assert [each.key for each in found] == names
        assert [each.size_bytes for each in found] == [len(name) for name in names]
        assert all(each.modified_at_s > 1_500_000_000 for each in found)

    def test_a_deleted_object_is_gone_and_may_be_deleted_again(
        self, store: CollectBlobs, team: str
    ) -> None:
        store.put(f"{team}/k", b"data")
        store.delete(f"{team}/k")
        store.delete(f"{team}/k")
        assert store.size_bytes(f"{team}/k") is None
        assert store.list_objects(f"{team}/", Page(9)).entries == []

    def test_parts_are_listed_until_they_are_joined_or_aborted(
        self, store: CollectBlobs, team: str
    ) -> None:
        left, joined, aborted = (f"{team}/objects/{n}" for n in range(3))
        ids = {key: store.create_multipart(key) for key in (left, joined, aborted)}
        part = store.put_part(joined, ids[joined], 1, b"data")
        found = store.list_parts(f"{team}/")
        assert [(each.key, each.multipart_id) for each in found] == sorted(ids.items()), found
        store.complete_multipart(joined, ids[joined], [part])
        store.abort_multipart(aborted, ids[aborted])
        (only,) = store.list_parts(f"{team}/")
        assert (only.key, only.multipart_id) == (left, ids[left])
        assert only.begun_at_s > 1_500_000_000
