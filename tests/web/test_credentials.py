"""The Authorization header, in the spellings that clients use."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.web.credentials import (
    Basic,
    BearerText,
    Credentials,
    Unreadable,
    V1TokenText,
    parse_authorization,
)
from chalicelib.web.messages import Headers


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


CASES: dict[str | None, Credentials] = {
    None: None,
    "": None,
    "   ": None,
    "Basic " + encoded(b"alice:secret"): Basic("alice", "secret"),
    "basic " + encoded(b"alice:secret"): Basic("alice", "secret"),
    "BASIC  " + encoded(b"alice:secret") + " ": Basic("alice", "secret"),
    "Basic " + encoded(b"alice:a:b:c"): Basic("alice", "a:b:c"),
    "Basic " + encoded(b"alice:"): Basic("alice", ""),
    "Basic " + encoded(b":secret"): Basic("", "secret"),
    "Basic " + encoded("alice:p\u00e4ss".encode()): Basic("alice", "p\u00e4ss"),
    "Basic " + encoded(b"a b:c d"): Basic("a b", "c d"),
    "Basic Og==": None,
    "Basic": Unreadable("Basic"),
    "Basic " + encoded(b"alice"): Unreadable("Basic"),
    "Basic " + encoded(b"\xff\xfe:x"): Unreadable("Basic"),
    "Basic alice:secret": Unreadable("Basic"),
    "Basic Og": Unreadable("Basic"),
    "Token": None,
    "Token  ": None,
    "Token signature=a": V1TokenText("signature=a"),
    "token signature=a": V1TokenText("signature=a"),
    "Token Token signature=a": V1TokenText("Token signature=a"),
    "Token signature=a,Token signature=b": V1TokenText("signature=a,Token signature=b"),
    "Bearer abc": BearerText("abc"),
    "bearer   a.b-c_d ": BearerText("a.b-c_d"),
    "Bearer": Unreadable("Bearer"),
    "Bearer  ": Unreadable("Bearer"),
    "Digest username=alice": Unreadable("Digest"),
    "x" * 1000: Unreadable("x" * 20),
}


@pytest.mark.parametrize(("text", "credentials"), CASES.items(), ids=lambda v: repr(v)[:40])
def test_a_header_says_who_somebody_claims_to_be(
    text: str | None, credentials: Credentials
) -> None:
    assert parse_authorization(text) == credentials


@given(st.text())
def test_no_header_makes_an_exception(text: str) -> None:
    parse_authorization(text)
    parse_authorization(f"Basic {text}")
    parse_authorization(f"Token {text}")


names = st.text(min_size=1).filter(lambda text: ":" not in text)


@given(names, st.text())
def test_a_name_and_a_password_are_read_as_they_were_sent(name: str, password: str) -> None:
    header = "Basic " + encoded(f"{name}:{password}".encode("utf-8", "replace"))
    assert parse_authorization(header) is not None
    clean = f"{name}:{password}".isascii()
    assert not clean or parse_authorization(header) == Basic(name, password)


def test_headers_have_no_case_and_keep_what_is_repeated() -> None:
    headers = Headers([("Accept", "a"), ("ACCEPT", "b"), ("Host", "h")])
    assert headers["accept"] == headers["Accept"] == "b"
    assert headers.every("aCCept") == ("a", "b")
    assert headers.every("nothing") == ()
    assert "HOST" in headers
    assert "nothing" not in headers
    assert headers.get("nothing") is None
    assert sorted(headers) == ["accept", "host"]
    assert len(headers) == 2
