"""Keys of objects and the sizes of parts: each team apart, and S3's limits reached."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain import keys, limits
from chalicelib.domain.digest import digest_of

DIGEST = digest_of(b"x")
HEX = DIGEST.hex

LAYOUT = {
    keys.blob_key("acme", DIGEST, "word"): f"acme/sha256/{HEX[:2]}/{HEX}/word",
    keys.multipart_key("acme", "u1"): "acme/objects/u1",
    keys.whole_key("acme", "u1", DIGEST): f"acme/whole/u1/{HEX}",
    keys.tail_key("acme", "u1", "w1"): "acme/uploads/u1/w1",
    keys.document_key("acme", DIGEST, "word"): f"acme/documents/sha256/{HEX}/word",
}


@pytest.mark.parametrize(("key", "layout"), LAYOUT.items(), ids=LAYOUT.values())
def test_a_key_lies_where_the_layout_says(key: str, layout: str) -> None:
    assert key == layout
    assert len(key.encode()) < 1024


def test_no_two_kinds_of_object_share_a_prefix() -> None:
    prefixes = ["/".join(key.split("/")[:2]) for key in LAYOUT]
    assert len(set(prefixes)) == len(LAYOUT)


def test_the_key_of_a_long_digest_still_is_one_that_s3_takes() -> None:
    longest = "a" * 255
    assert len(keys.blob_key(longest, digest_of(b"x", "sha512"), "w" * 32).encode()) <= 1024


@given(st.integers(1, limits.MAX_PARTS))
def test_every_part_is_one_that_s3_takes(number: int) -> None:
    assert limits.MIN_PART_BYTES <= limits.part_bytes(number) <= 5 * 1024 * limits.MIB


@given(st.integers(1, limits.MAX_PARTS - 1))
def test_parts_never_shrink(number: int) -> None:
    assert limits.part_bytes(number) <= limits.part_bytes(number + 1)


def test_all_parts_together_hold_500_gb_and_no_more_than_an_object_of_s3() -> None:
    total = sum(limits.part_bytes(number) for number in range(1, limits.MAX_PARTS + 1))
    assert 500 * 10**9 <= total <= 5 * 2**40


def test_the_first_parts_fit_a_lambda_and_a_modest_gateway() -> None:
    assert limits.part_bytes(1) == limits.FIRST_PART_BYTES
    assert limits.part_bytes(limits.MAX_PARTS) <= 64 * limits.MIB


def test_the_limits_fit_into_each_other() -> None:
    assert limits.MAX_INLINE_BODY_BYTES * 4 / 3 <= 6 * limits.MIB
    assert limits.MAX_INLINE_BODY_BYTES > limits.MAX_MANIFEST_BYTES
    assert limits.MAX_INLINE_DOCUMENT_BYTES < 400 * 1000
    assert limits.CLAIM_TTL_S < limits.PART_URL_TTL_S < limits.UPLOAD_TTL_S
