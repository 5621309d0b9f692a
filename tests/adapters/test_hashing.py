"""A hash whose state travels is the hash that hashlib gives."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.hashing import ResumableHashing
from chalicelib.ports import Unavailable

ALGORITHMS = ["sha256", "sha512"]
HASHING = ResumableHashing()
PLAIN = ResumableHashing(portable=False)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_this_python_can_carry_states(algorithm: str) -> None:
    """Where this fails, uploads in chunks cost a read of all their bytes: better to know."""
    assert HASHING.begin(algorithm).state() is not None


@given(
    pieces=st.lists(st.binary(max_size=300)),
    algorithm=st.sampled_from(ALGORITHMS),
    seed=st.randoms(use_true_random=False),
)
def test_any_split_over_any_number_of_states_gives_the_same_hash(
    pieces: list[bytes], algorithm: str, seed: st.randoms
) -> None:
    hasher = HASHING.begin(algorithm)
    for piece in pieces:
        kind = seed.choice([bytes, memoryview, lambda data: memoryview(bytearray(data))])
        hasher.update(kind(piece))
        if seed.random() < 0.5:
            state = hasher.state()
            assert state is not None
            hasher = HASHING.resume(algorithm, state)
    assert hasher.hexdigest() == hashlib.new(algorithm, b"".join(pieces)).hexdigest()


@pytest.mark.parametrize("hashing", [HASHING, PLAIN], ids=["openssl", "hashlib"])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_asking_for_the_digest_disturbs_nothing(hashing: ResumableHashing, algorithm: str) -> None:
    hasher = hashing.begin(algorithm)
    for data in (b"a" * 77, b"", b"b" * 200_001):
        hasher.update(data)
        assert hasher.hexdigest() == hasher.hexdigest()
    expected = hashlib.new(algorithm, b"a" * 77 + b"b" * 200_001)
    assert hasher.hexdigest() == expected.hexdigest()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_view_is_hashed_as_its_bytes_lie(algorithm: str) -> None:
    data = bytes(range(256)) * 5000
    for view in (memoryview(data)[100:], memoryview(bytearray(data))[100:], memoryview(b"")):
        hasher = HASHING.begin(algorithm)
        hasher.update(view)
        assert hasher.hexdigest() == hashlib.new(algorithm, view).hexdigest()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_states_are_copies(algorithm: str) -> None:
    hasher = HASHING.begin(algorithm)
    hasher.update(b"shared")
    state = hasher.state()
    assert state is not None
    hasher.update(b"-mine")
    other = HASHING.resume(algorithm, state)
    other.update(b"-yours")
    assert other.hexdigest() == hashlib.new(algorithm, b"shared-yours").hexdigest()
    assert hasher.hexdigest() == hashlib.new(algorithm, b"shared-mine").hexdigest()


def _damaged(algorithm: str) -> dict[str, bytes]:
    state = HASHING.begin(algorithm).state()
    other = HASHING.begin("sha512" if algorithm == "sha256" else "sha256").state()
    assert state is not None
    assert other is not None
    return {
        "empty": b"",
        "another version": b"\x02" + state[1:],
        "another algorithm": other,
        "cut off": state[:-1],
        "too long": state + b"\x00",
        "more buffered than a block": state[:-8] + b"\xff\xff\xff\x7f" + state[-4:],
        "another digest size": state[:-4] + b"\x00\x00\x00\x00",
    }


@pytest.mark.parametrize("damage", _damaged("sha256"))
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_state_that_is_not_ours_is_refused(algorithm: str, damage: str) -> None:
    with pytest.raises(Unavailable):
        HASHING.resume(algorithm, _damaged(algorithm)[damage])


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_without_openssl_there_is_a_hash_but_no_state(algorithm: str) -> None:
    hasher = PLAIN.begin(algorithm)
    hasher.update(b"data")
    state = HASHING.begin(algorithm).state()
    assert hasher.hexdigest() == hashlib.new(algorithm, b"data").hexdigest()
    assert hasher.state() is None
    assert state is not None
    with pytest.raises(Unavailable):
        PLAIN.resume(algorithm, state)
