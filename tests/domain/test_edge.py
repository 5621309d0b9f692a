"""The address of an upload at the edge: what it says, and whom it lets in."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from chalicelib.domain.edge import is_place, make_location, read_token, without_edge

KEY, OTHER = b"k" * 32, b"o" * 32
PATH = "/v2/acme/app/blobs/uploads/0123456789abcdef0123456789abcdef"
PLACE = "acme/edge/fedcba9876543210"
EXPIRES_AT_S = 1_800_086_400
LOCATION = make_location(KEY, PATH, EXPIRES_AT_S, PLACE)


def test_the_text_that_is_signed_is_the_contract_with_the_edge() -> None:
    text = f"upload\n{PATH}\n{EXPIRES_AT_S}\n{PLACE}".encode()
    signature = hmac.new(KEY, text, hashlib.sha256).hexdigest()
    signed = f"/_up{PATH}?_up={EXPIRES_AT_S}.{PLACE}.{signature}"
    assert signed == LOCATION


def test_an_address_leads_to_its_place_until_it_runs_out() -> None:
    assert read_token(KEY, LOCATION, now_s=EXPIRES_AT_S - 1) == PLACE
    assert read_token(KEY, LOCATION, now_s=EXPIRES_AT_S) is None


@pytest.mark.parametrize(
    "sent",
    [
        LOCATION.replace("acme/edge", "acme%2Fedge"),
        LOCATION.replace("?_up=", "?digest=sha256%3Aab&_up="),
        f"{LOCATION}&digest=sha256:ab",
    ],
)
def test_an_address_survives_what_clients_do_to_a_query(sent: str) -> None:
    assert read_token(KEY, sent, now_s=EXPIRES_AT_S - 1) == PLACE


@pytest.mark.parametrize(
    "forged",
    [
        make_location(OTHER, PATH, EXPIRES_AT_S, PLACE),
        LOCATION.replace("acme/app", "acme/other"),
        LOCATION.replace("acme/edge", "evil/edge"),
        LOCATION.replace(str(EXPIRES_AT_S), str(EXPIRES_AT_S + 1)),
        LOCATION.removeprefix("/_up"),
        LOCATION[:-1],
        LOCATION + "0",
        f"{LOCATION}.x",
        LOCATION.replace(PLACE, ""),
        LOCATION.replace(str(EXPIRES_AT_S), ""),
        LOCATION.partition("?")[0],
        f"{LOCATION}&_up=1.a/edge/b.c",
        LOCATION + "\u00fc",
        make_location(KEY, PATH, EXPIRES_AT_S, "acme/../edge/x"),
        make_location(KEY, PATH, EXPIRES_AT_S, "acme/sha256/x"),
    ],
)
def test_an_address_with_anything_changed_leads_nowhere(forged: str) -> None:
    assert read_token(KEY, forged, now_s=0) is None


@pytest.mark.parametrize(
    ("place", "holds"),
    [
        ("acme/edge/w-0_1", True),
        ("acme.io/edge/w", False),
        ("acme/edge/w/x", False),
        ("acme/edge/", False),
        ("/edge/w", False),
        ("acme/edge/w\n", False),
        ("acme/EDGE/w", False),
        ("acme/edge/%2e", False),
    ],
)
def test_what_a_place_may_look_like(place: str, holds: bool) -> None:
    assert is_place(place) is holds


@pytest.mark.parametrize(
    ("location", "plain"),
    [
        (LOCATION, PATH),
        (f"{LOCATION}&a=b", f"{PATH}?a=b"),
        (PATH, PATH),
        (f"{PATH}?_up=1", f"{PATH}?_up=1"),
        ("https://s3.example.com/_up/v2/a", "https://s3.example.com/_up/v2/a"),
        ("", ""),
    ],
)
def test_the_sessions_own_address(location: str, plain: str) -> None:
    assert without_edge(location) == plain
