"""The clock, the words and the passwords."""

from __future__ import annotations

import re
import time

import pytest

from chalicelib.adapters.clock import SystemClock
from chalicelib.adapters.passwords import MEMORY_COST_KIB, TIME_COST, Argon2Passwords
from chalicelib.adapters.words import RandomWords


def test_the_clock_tells_whole_seconds_of_now() -> None:
    before = int(time.time())
    assert before <= SystemClock().now_s() <= time.time()


def test_words_are_fresh_and_fit_into_urls_and_keys() -> None:
    words = [RandomWords().fresh() for _ in range(1000)]
    assert len(set(words)) == 1000
    assert all(re.fullmatch(r"[0-9a-f]{32}", word) for word in words)


@pytest.mark.parametrize("password", ["secret", "", "p\u00e4ss \U0001f511", "x" * 5000])
def test_a_password_matches_its_own_hash_and_no_other(password: str) -> None:
    passwords = Argon2Passwords()
    encoded = passwords.hash(password)
    assert encoded.startswith(f"$argon2id$v=19$m={MEMORY_COST_KIB},t={TIME_COST},p=1$")
    assert passwords.hash(password) != encoded
    assert passwords.matches(encoded, password)
    assert not passwords.matches(encoded, password + "x")


@pytest.mark.parametrize("encoded", ["", "secret", "$argon2id$v=19$broken", "$2b$12$bcrypt"])
def test_what_is_no_hash_matches_nothing(encoded: str) -> None:
    assert not Argon2Passwords().matches(encoded, "secret")
