"""What every BlobStore promises; inherit the class and give it three fixtures.

``store``; ``clock``, the very clock of the store, which a test may move; and ``fetch``, which does
what an HTTP client does with a URL.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Protocol

import pytest

from chalicelib.adapters.memory import Answer
from chalicelib.blob_ports import BlobStore
from chalicelib.domain.digest import digest_of
from chalicelib.domain.limits import MIB, MIN_PART_BYTES
from chalicelib.domain.upload import Part
from chalicelib.ports import Conflict, Missing, PartRefused, PortError
from tests.contracts.values import at_once
from tests.support.world import SettableClock

FULL_PART = bytes(range(256)) * (MIN_PART_BYTES // 256)
NO_ETAG = '"' + "0" * 32 + '"'


class Fetch(Protocol):
    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes = b"",
        headers: dict[str, str] | None = None,
    ) -> Answer: ...


class ObjectPromises:
    @pytest.mark.parametrize("data", [b"", b"x", b"\x00\xff" * 99, b"z" * (2 * MIB + 1)], ids=len)
    def test_bytes_come_back_as_they_went(self, store: BlobStore, team: str, data: bytes) -> None:
        store.put(f"{team}/k", data)
        assert store.get(f"{team}/k") == data
        assert b"".join(store.read(f"{team}/k")) == data
        assert store.size_bytes(f"{team}/k") == len(data)

    @pytest.mark.parametrize("name", ["a b", "a+b", "\u00fc~", "a%2Fb", "a/b/c", "a=b&c?d#e"])
    def test_any_key_will_do(self, store: BlobStore, team: str, fetch: Fetch, name: str) -> None:
        key = f"{team}/{name}"
        store.put(key, b"data")
        store.copy(key, f"{key}.copy")
        assert store.get(f"{key}.copy") == b"data"
        assert fetch(store.presign_get(key, ttl_s=60)).body == b"data"

    @pytest.mark.parametrize(
        ("start", "end", "expected"),
        [
            (0, None, b"0123456789"),
            (0, 0, b"0"),
            (3, 5, b"345"),
            (9, None, b"9"),
            (5, 500, b"56789"),
            (10, None, b""),
            (99, 200, b""),
        ],
    )
    def test_a_range_includes_both_its_ends(
        self, store: BlobStore, team: str, start: int, end: int | None, expected: bytes
    ) -> None:
        store.put(f"{team}/k", b"0123456789")
        assert store.get(f"{team}/k", start=start, end=end) == expected

    def test_a_range_of_an_empty_object_is_empty(self, store: BlobStore, team: str) -> None:
        store.put(f"{team}/k", b"")
        assert store.get(f"{team}/k", start=0, end=5) == b""

    def test_what_is_not_there_is_missing(self, store: BlobStore, team: str) -> None:
        with pytest.raises(Missing):
            store.get(f"{team}/k")
        with pytest.raises(Missing):
            store.get(f"{team}/k", start=1, end=2)
        with pytest.raises(Missing):
            store.read(f"{team}/k")
        with pytest.raises(Missing):
            store.copy(f"{team}/k", f"{team}/other")
        assert store.size_bytes(f"{team}/k") is None
        assert store.size_bytes(f"{team}/other") is None

    def test_an_object_put_again_is_replaced(self, store: BlobStore, team: str) -> None:
        store.put(f"{team}/k", b"first")
        store.put(f"{team}/k", b"second")
        assert store.get(f"{team}/k") == b"second"

    def test_bytes_that_match_their_digest_are_taken(self, store: BlobStore, team: str) -> None:
        store.put(f"{team}/k", b"data", sha256_hex=digest_of(b"data").hex)
        assert store.get(f"{team}/k") == b"data"

    def test_bytes_that_do_not_match_change_nothing(self, store: BlobStore, team: str) -> None:
        store.put(f"{team}/k", b"first")
        for key in (f"{team}/k", f"{team}/new"):
            with pytest.raises(Conflict):
                store.put(key, b"other", sha256_hex=digest_of(b"data").hex)
        assert store.get(f"{team}/k") == b"first"
        assert store.size_bytes(f"{team}/new") is None


class ChecksumPromises:
    """What the store itself has held against a digest, whole; its word on nothing else counts."""

    def test_an_object_that_the_store_has_checked_has_its_size(
        self, store: BlobStore, team: str, fetch: Fetch
    ) -> None:
        for key, data in ((f"{team}/k", b"data"), (f"{team}/empty", b"")):
            store.put(key, data, sha256_hex=digest_of(data).hex)
            assert store.checked_size_bytes(key, sha256_hex=digest_of(data).hex) == len(data)
        digest = digest_of(b"by url")
        checksum = base64.b64encode(bytes.fromhex(digest.hex)).decode()
        url = store.presign_put(f"{team}/url", ttl_s=60, sha256_hex=digest.hex)
        fetch(url, "PUT", b"by url", {"x-amz-checksum-sha256": checksum})
        assert store.checked_size_bytes(f"{team}/url", sha256_hex=digest.hex) == 6

    def test_what_is_not_there_has_no_size(self, store: BlobStore, team: str) -> None:
        assert store.checked_size_bytes(f"{team}/k", sha256_hex=digest_of(b"data").hex) is None

    def test_bytes_that_nobody_held_against_a_digest_have_none(
        self, store: BlobStore, team: str
    ) -> None:
        store.put(f"{team}/k", b"data")
        assert store.checked_size_bytes(f"{team}/k", sha256_hex=digest_of(b"data").hex) is None

    def test_bytes_held_against_another_digest_have_none(self, store: BlobStore, team: str) -> None:
        store.put(f"{team}/k", b"data", sha256_hex=digest_of(b"data").hex)
        assert store.checked_size_bytes(f"{team}/k", sha256_hex=digest_of(b"other").hex) is None

    def test_bytes_put_over_those_that_were_checked_have_none(
        self, store: BlobStore, team: str
    ) -> None:
        store.put(f"{team}/k", b"data", sha256_hex=digest_of(b"data").hex)
        store.put(f"{team}/k", b"over")
        for data in (b"data", b"over"):
            assert store.checked_size_bytes(f"{team}/k", sha256_hex=digest_of(data).hex) is None

    def test_an_object_in_parts_has_none(self, store: BlobStore, team: str) -> None:
        multipart_id = store.create_multipart(f"{team}/k")
        part = store.put_part(f"{team}/k", multipart_id, 1, b"data")
        store.complete_multipart(f"{team}/k", multipart_id, [part])
        assert store.checked_size_bytes(f"{team}/k", sha256_hex=digest_of(b"data").hex) is None


class UrlPromises:
    def test_a_url_serves_the_object_whole_and_in_ranges(
        self, store: BlobStore, team: str, fetch: Fetch
    ) -> None:
        store.put(f"{team}/k", b"0123456789")
        url = store.presign_get(f"{team}/k", ttl_s=60)
        whole = fetch(url)
        part = fetch(url, headers={"Range": "bytes=2-4"})
        rest = fetch(url, headers={"Range": "bytes=7-"})
        assert (whole.status, whole.body) == (200, b"0123456789")
        assert (part.status, part.body) == (206, b"234")
        assert part.headers["Content-Range"] == "bytes 2-4/10"
        assert (rest.status, rest.body) == (206, b"789")
        assert fetch(url, headers={"Range": "bytes=10-"}).status == 416

    @pytest.mark.parametrize(
        ("asked", "body", "span"),
        [
            ("bytes=-3", b"789", "bytes 7-9/10"),
            ("bytes=-30", b"0123456789", "bytes 0-9/10"),
            ("bytes=8-20", b"89", "bytes 8-9/10"),
        ],
    )
    def test_a_range_may_count_from_the_end_and_reach_beyond_it(
        self, store: BlobStore, team: str, fetch: Fetch, asked: str, body: bytes, span: str
    ) -> None:
        store.put(f"{team}/k", b"0123456789")
        answer = fetch(store.presign_get(f"{team}/k", ttl_s=60), headers={"Range": asked})
        assert (answer.status, answer.body) == (206, body)
        assert answer.headers["Content-Range"] == span

    @pytest.mark.parametrize("asked", ["bytes=5-0", "bytes=10-12"])
    def test_a_range_of_nothing_is_not_satisfiable(
        self, store: BlobStore, team: str, fetch: Fetch, asked: str
    ) -> None:
        store.put(f"{team}/k", b"0123456789")
        url = store.presign_get(f"{team}/k", ttl_s=60)
        assert fetch(url, headers={"Range": asked}).status == 416

    def test_a_url_for_head_says_the_size_and_serves_nothing(
        self, store: BlobStore, team: str, fetch: Fetch
    ) -> None:
        store.put(f"{team}/k", b"0123456789")
        url = store.presign_get(f"{team}/k", method="HEAD", ttl_s=60)
        answer = fetch(url, "HEAD")
        assert (answer.status, answer.body) == (200, b"")
        assert answer.headers["Content-Length"] == "10"
        assert fetch(url, "GET").status == 403

    def test_a_url_takes_a_small_object(self, store: BlobStore, team: str, fetch: Fetch) -> None:
        url = store.presign_put(f"{team}/k", ttl_s=60)
        assert fetch(url, "GET").status == 403
        assert fetch(url, "PUT", b"data").status == 200
        assert store.get(f"{team}/k") == b"data"

    def test_a_url_with_a_digest_takes_those_bytes_only(
        self, store: BlobStore, team: str, fetch: Fetch
    ) -> None:
        digest = hashlib.sha256(b"data").digest()
        url = store.presign_put(f"{team}/k", ttl_s=60, sha256_hex=digest.hex())
        right = {"x-amz-checksum-sha256": base64.b64encode(digest).decode()}
        other = {"x-amz-checksum-sha256": base64.b64encode(b"0" * 32).decode()}
        assert fetch(url, "PUT", b"data").status == 403, "the checksum is signed"
        assert fetch(url, "PUT", b"data", other).status == 403
        assert fetch(url, "PUT", b"other", right).status == 400
        assert store.size_bytes(f"{team}/k") is None
        assert fetch(url, "PUT", b"data", right).status == 200
        assert store.get(f"{team}/k") == b"data"

    def test_a_url_takes_a_part_and_answers_its_etag(
        self, store: BlobStore, team: str, fetch: Fetch
    ) -> None:
        key = f"{team}/k"
        multipart_id = store.create_multipart(key)
        first = fetch(store.presign_part(key, multipart_id, 1, ttl_s=60), "PUT", FULL_PART)
        last = fetch(store.presign_part(key, multipart_id, 2, ttl_s=60), "PUT", b"end")
        parts = [
            Part(1, first.headers["ETag"], len(FULL_PART)),
            Part(2, last.headers["ETag"], 3),
        ]
        store.complete_multipart(key, multipart_id, parts)
        assert store.get(key) == FULL_PART + b"end"

    def test_a_url_of_what_is_not_there_answers_404(
        self, store: BlobStore, team: str, fetch: Fetch
    ) -> None:
        assert fetch(store.presign_get(f"{team}/k", ttl_s=60)).status == 404
        url = store.presign_part(f"{team}/k", "no-such-upload", 1, ttl_s=60)
        assert fetch(url, "PUT", b"x").status == 404

    def test_a_url_that_was_changed_is_refused(
        self, store: BlobStore, team: str, fetch: Fetch
    ) -> None:
        store.put(f"{team}/k", b"data")
        store.put(f"{team}/l", b"secret")
        url = store.presign_get(f"{team}/k", ttl_s=60)
        last = "0" if url[-1] != "0" else "1"
        assert fetch(url[:-1] + last).status == 403
        assert fetch(url.replace(f"{team}/k", f"{team}/l")).status == 403

    def test_a_url_ends_with_its_time(
        self, store: BlobStore, team: str, fetch: Fetch, clock: SettableClock
    ) -> None:
        store.put(f"{team}/k", b"data")
        clock.at_s -= 100
        expired, alive = (store.presign_get(f"{team}/k", ttl_s=ttl_s) for ttl_s in (60, 1000))
        put = store.presign_put(f"{team}/new", ttl_s=60)
        clock.at_s += 100
        assert fetch(expired).status == 403
        assert fetch(put, "PUT", b"data").status == 403
        assert fetch(alive).status == 200
        assert store.size_bytes(f"{team}/new") is None


class MultipartPromises:
    def test_parts_join_in_order_and_only_when_completed(self, store: BlobStore, team: str) -> None:
        key = f"{team}/k"
        store.put(key, b"old")
        multipart_id = store.create_multipart(key)
        last = store.put_part(key, multipart_id, 2, b"end")
        first = store.put_part(key, multipart_id, 1, FULL_PART)
        assert (first.number, first.size_bytes, last.size_bytes) == (1, len(FULL_PART), 3)
        assert store.get(key) == b"old"
        store.complete_multipart(key, multipart_id, [first, last])
        assert store.get(key) == FULL_PART + b"end"
        assert b"".join(store.read(key)) == FULL_PART + b"end"

    def test_one_part_may_be_small(self, store: BlobStore, team: str) -> None:
        key = f"{team}/k"
        multipart_id = store.create_multipart(key)
        store.complete_multipart(key, multipart_id, [store.put_part(key, multipart_id, 1, b"x")])
        assert store.get(key) == b"x"

    def test_an_object_becomes_a_part(self, store: BlobStore, team: str) -> None:
        key = f"{team}/k"
        store.put(f"{team}/first", FULL_PART)
        store.put(f"{team}/tail", b"end")
        multipart_id = store.create_multipart(key)
        size = len(FULL_PART)
        parts = [
            store.copy_part(f"{team}/first", key, multipart_id, 1, size),
            store.copy_part(f"{team}/tail", key, multipart_id, 2, 3),
        ]
        assert [(part.number, part.size_bytes) for part in parts] == [(1, size), (2, 3)]
        assert all(part.etag[0] == part.etag[-1] == '"' for part in parts)
        store.complete_multipart(key, multipart_id, parts)
        assert store.get(key) == FULL_PART + b"end"

    def test_an_object_that_is_not_there_becomes_no_part(self, store: BlobStore, team: str) -> None:
        multipart_id = store.create_multipart(f"{team}/k")
        with pytest.raises(Missing):
            store.copy_part(f"{team}/none", f"{team}/k", multipart_id, 1, 5)

    def test_an_upload_that_never_began_is_missing(self, store: BlobStore, team: str) -> None:
        key = f"{team}/k"
        store.put(f"{team}/first", b"x")
        with pytest.raises(Missing):
            store.put_part(key, "no-such-upload", 1, b"x")
        with pytest.raises(Missing):
            store.copy_part(f"{team}/first", key, "no-such-upload", 1, 1)
        with pytest.raises(Missing):
            store.complete_multipart(key, "no-such-upload", [Part(1, NO_ETAG, 1)])
        store.abort_multipart(key, "no-such-upload")

    def test_an_upload_belongs_to_its_key(self, store: BlobStore, team: str) -> None:
        multipart_id = store.create_multipart(f"{team}/k")
        with pytest.raises(Missing):
            store.put_part(f"{team}/other", multipart_id, 1, b"x")

    def test_an_aborted_upload_is_gone(self, store: BlobStore, team: str) -> None:
        key = f"{team}/k"
        multipart_id = store.create_multipart(key)
        part = store.put_part(key, multipart_id, 1, b"x")
        store.abort_multipart(key, multipart_id)
        store.abort_multipart(key, multipart_id)
        with pytest.raises(Missing):
            store.complete_multipart(key, multipart_id, [part])
        with pytest.raises(Missing):
            store.put_part(key, multipart_id, 2, b"x")
        assert store.size_bytes(key) is None

    def test_parts_that_cannot_be_joined_are_refused_and_may_be_mended(
        self, store: BlobStore, team: str
    ) -> None:
        key = f"{team}/k"
        multipart_id = store.create_multipart(key)
        first = store.put_part(key, multipart_id, 1, FULL_PART)
        last = store.put_part(key, multipart_id, 2, b"end")
        for wrong in (
            [],
            [last, first],
            [first, Part(3, last.etag, 3)],
            [Part(1, NO_ETAG, first.size_bytes), last],
        ):
            with pytest.raises(PartRefused):
                store.complete_multipart(key, multipart_id, wrong)
        assert store.size_bytes(key) is None
        store.complete_multipart(key, multipart_id, [first, last])
        assert store.size_bytes(key) == len(FULL_PART) + 3

    def test_a_small_part_before_the_last_is_refused(self, store: BlobStore, team: str) -> None:
        key = f"{team}/k"
        multipart_id = store.create_multipart(key)
        parts = [store.put_part(key, multipart_id, n, b"small") for n in (1, 2)]
        with pytest.raises(PartRefused):
            store.complete_multipart(key, multipart_id, parts)
        assert store.size_bytes(key) is None

    def test_bytes_that_replaced_a_pinned_part_are_never_served(
        self, store: BlobStore, team: str
    ) -> None:
        key = f"{team}/k"
        multipart_id = store.create_multipart(key)
        pinned = store.put_part(key, multipart_id, 1, b"pinned")
        store.put_part(key, multipart_id, 1, b"other!")
        # AWS refuses; SeaweedFS keeps both and takes the one that the ETag names. Both are safe.
        try:
            store.complete_multipart(key, multipart_id, [pinned])
        except PartRefused:
            assert store.size_bytes(key) is None
        else:
            assert store.get(key) == b"pinned"

    def test_an_upload_completed_again_leaves_the_object_as_it_is(
        self, store: BlobStore, team: str
    ) -> None:
        key = f"{team}/k"
        multipart_id = store.create_multipart(key)
        part = store.put_part(key, multipart_id, 1, b"data")
        store.complete_multipart(key, multipart_id, [part])
        # AWS answers the same completion with 200 for a while, and then with NoSuchUpload.
        outcomes = at_once(3, lambda _: store.complete_multipart(key, multipart_id, [part]))
        store.abort_multipart(key, multipart_id)
        assert all(outcome is None or isinstance(outcome, Missing) for outcome in outcomes)
        assert store.get(key) == b"data"
        with pytest.raises(Missing):
            store.put_part(key, multipart_id, 2, b"late")

    def test_of_many_completions_at_once_none_does_harm(self, store: BlobStore, team: str) -> None:
        key = f"{team}/k"
        multipart_id = store.create_multipart(key)
        part = store.put_part(key, multipart_id, 1, b"data")
        outcomes = at_once(4, lambda _: store.complete_multipart(key, multipart_id, [part]))
        assert None in outcomes
        assert all(not isinstance(o, PortError) or isinstance(o, Missing) for o in outcomes)
        assert store.get(key) == b"data"


class BlobContract(ObjectPromises, ChecksumPromises, UrlPromises, MultipartPromises):
    """All of it."""
