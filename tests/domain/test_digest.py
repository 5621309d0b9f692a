"""Digests. Spec: OCI Image 1.1, "Digests"."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.digest import Digest, digest_of, parse_digest
from chalicelib.domain.errors import ErrorCode, RegistryError
from tests.support import strategies
from tests.support.refusals import outcome_of, refusal_of

EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

BAD_DIGESTS = {
    "empty": "",
    "no colon": "0" * 64,
    "no algorithm": ":" + "0" * 64,
    "no hex": "sha256:",
    "md5": "md5:" + "0" * 32,
    "sha384": "sha384:" + "0" * 96,
    "blake3": "blake3:" + "0" * 64,
    "upper-case algorithm": "SHA256:" + "0" * 64,
    "upper-case hex": "sha256:" + "A" * 64,
    "one short": "sha256:" + "0" * 63,
    "one long": "sha256:" + "0" * 65,
    "the other's length": "sha512:" + "0" * 64,
    "not hex": "sha256:" + "g" * 64,
    "newline behind": "sha256:" + "0" * 63 + "\n",
    "newline more": "sha256:" + "0" * 64 + "\n",
    "other digits": "sha256:" + "\u0661" * 64,
    "two colons": "sha256::" + "0" * 63,
    "path": "sha256:../../" + "0" * 58,
    "tarsum": "tarsum.v1+sha256:" + "0" * 64,
    "lone surrogate": "sha256:" + "\ud800" * 64,
}


@pytest.mark.parametrize("text", BAD_DIGESTS.values(), ids=BAD_DIGESTS)
def test_a_malformed_digest_is_refused(text: str) -> None:
    error = refusal_of(parse_digest, text)
    assert (error.code, error.status) == (ErrorCode.DIGEST_INVALID, 400)


def test_the_digest_of_nothing_is_the_known_one() -> None:
    assert str(digest_of(b"")) == f"sha256:{EMPTY_SHA256}"


@given(st.binary(), st.sampled_from(["sha256", "sha512"]))
def test_a_digest_reads_as_it_is_written(data: bytes, algorithm: str) -> None:
    digest = digest_of(data, algorithm)
    assert digest == Digest(algorithm, hashlib.new(algorithm, data).hexdigest())
    assert parse_digest(str(digest)) == digest


@given(strategies.digests())
def test_every_digest_of_the_grammar_is_taken_as_it_stands(text: str) -> None:
    assert str(parse_digest(text)) == text


@given(st.text())
def test_a_text_is_a_digest_or_refused_as_one(text: str) -> None:
    outcome = outcome_of(parse_digest, text)
    if isinstance(outcome, RegistryError):
        assert outcome.code is ErrorCode.DIGEST_INVALID
    else:
        assert str(outcome) == text
