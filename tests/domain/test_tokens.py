"""v1 tokens and proofs. Spec: Docker Hub API v1, "X-Docker-Token"."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.access import Action
from chalicelib.domain.names import RepositoryName, parse_repository_name
from chalicelib.domain.tokens import (
    V1_ACCESS,
    V1Token,
    mac,
    mac_matches,
    parse_v1_token,
    render_v1_token,
)
from tests.support import strategies

KEY = b"k" * 32
NOW_S = 1_800_000_000
TOKEN = V1Token(RepositoryName("acme/app"), "write", "alice", NOW_S + 60, 3)
TEXT = render_v1_token(KEY, TOKEN)
SIGNATURE = TEXT.split("signature=")[1].split(",")[0]
BODY, MAC = SIGNATURE.split(".")


def body_of(claims: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()


# What clients have been seen to send back, and what proxies have made of it.
SPELLINGS = {
    "as given": TEXT,
    "without the prefix": TEXT.removeprefix("Token "),
    "the prefix twice": f"Token {TEXT}",
    "lower-case prefix": TEXT.replace("Token", "token"),
    "unquoted repository": TEXT.replace('"', ""),
    "everything quoted": f'Token signature="{SIGNATURE}",repository="acme/app",access="write"',
    "colons": f'Token signature:{SIGNATURE},repository:"acme/app",access:write',
    "spaces behind commas": TEXT.replace(",", ", "),
    "a space behind equals": TEXT.replace('"', "").replace("=", "= "),
    "odd case of the names": TEXT.replace("signature", "SiGnAtUrE").replace("access", "Access"),
    "another order": f'Token access=write,repository="acme/app",signature={SIGNATURE}',
    "twice, joined by a comma": f"{TEXT},{TEXT}",
    "twice, joined by a comma and a space": f"{TEXT}, {TEXT}",
    "unknown fields": f"{TEXT},issued=today",
    "spaces around": f"  {TEXT}  ",
}

FORGERIES = {
    "empty": "",
    "only the word": "Token",
    "true": "true",
    "another repository": TEXT.replace("acme/app", "acme/other"),
    "another namespace": TEXT.replace("acme/app", "evil/app"),
    "another access": TEXT.replace("access=write", "access=delete"),
    "less access": TEXT.replace("access=write", "access=read"),
    "an access nobody has": TEXT.replace("access=write", "access=admin"),
    "access in capitals": TEXT.replace("access=write", "access=WRITE"),
    "no access": TEXT.replace(",access=write", ""),
    "no repository": TEXT.replace('repository="acme/app",', ""),
    "a bad repository": TEXT.replace("acme/app", "Acme/App"),
    "no signature": 'Token repository="acme/app",access=write',
    "an empty mac": TEXT.replace(MAC, ""),
    "no dot": TEXT.replace(".", "", 1),
    "a cut mac": TEXT.replace(MAC, MAC[:-1]),
    "another mac": TEXT.replace(MAC, MAC[::-1]),
    "later expiry": TEXT.replace(BODY, body_of({"e": NOW_S + 10**6, "u": "alice", "g": 3})),
    "another user": TEXT.replace(BODY, body_of({"e": NOW_S + 60, "u": "root", "g": 3})),
    "another generation": TEXT.replace(BODY, body_of({"e": NOW_S + 60, "u": "alice", "g": 4})),
    "no claims": TEXT.replace(BODY, ""),
    "a text that is not ASCII": TEXT.replace(MAC, "\u00e4" * 43),
    "a lone surrogate": TEXT.replace(MAC, "\ud800" * 43),
    "a lone surrogate in the claims": TEXT.replace(BODY, "\ud800"),
    "an old server's": 'Token signature=ABCDEF0123456789,repository="acme/app",access=write',
}


@pytest.mark.parametrize("text", SPELLINGS.values(), ids=SPELLINGS)
def test_a_token_is_read_in_every_spelling(text: str) -> None:
    assert parse_v1_token(KEY, text, now_s=NOW_S) == TOKEN


@pytest.mark.parametrize("text", FORGERIES.values(), ids=FORGERIES)
def test_a_forged_token_is_none(text: str) -> None:
    assert parse_v1_token(KEY, text, now_s=NOW_S) is None


def test_a_token_of_another_key_is_none() -> None:
    assert parse_v1_token(b"j" * 32, TEXT, now_s=NOW_S) is None


@pytest.mark.parametrize(
    ("now_s", "lives"),
    [(0, True), (NOW_S + 59, True), (NOW_S + 60, False), (NOW_S + 10**9, False)],
    ids=str,
)
def test_a_token_ends_at_its_second(now_s: int, lives: bool) -> None:
    assert (parse_v1_token(KEY, TEXT, now_s=now_s) is not None) is lives


def test_of_two_tokens_in_one_header_none_lends_the_other_its_access() -> None:
    other = render_v1_token(KEY, V1Token(RepositoryName("acme/b"), "read", "alice", NOW_S + 60))
    for text in (f"{TEXT},{other}", f"{other},{TEXT}"):
        read = parse_v1_token(KEY, text, now_s=NOW_S)
        assert read is None or (read.repository.path, read.access) in {
            ("acme/app", "write"),
            ("acme/b", "read"),
        }


def test_a_proof_of_a_gateway_is_no_token() -> None:
    forged = mac(KEY, "upload-progress", BODY, "acme/app", "write")
    assert parse_v1_token(KEY, TEXT.replace(MAC, forged), now_s=NOW_S) is None


def test_a_huge_header_is_refused_without_reading_it_over_and_over() -> None:
    # A scan whose time grows with the square of the length would not come back from this.
    assert parse_v1_token(KEY, "a" * 2_000_000, now_s=NOW_S) is None


ACTORS = [
    ("read", "alice", "alice", {Action.PULL}),
    ("write", "alice", "alice", {Action.PULL, Action.PUSH}),
    ("delete", "alice", "alice", {Action.PULL, Action.DELETE, Action.ADMIN}),
    ("read", None, "", {Action.PULL}),
]


@pytest.mark.parametrize(("access", "user", "name", "actions"), ACTORS, ids=range(len(ACTORS)))
def test_a_token_narrows_its_holder_to_one_repository(
    access: str, user: str | None, name: str, actions: set[Action]
) -> None:
    actor = V1Token(RepositoryName("acme/app"), access, user, NOW_S).actor()
    assert actor.name == name
    assert not actor.is_administrator
    assert actor.grants is not None
    assert [grant.repository for grant in actor.grants] == [RepositoryName("acme/app")]
    assert actor.grants[0].actions == actions


def test_only_a_delete_token_removes_a_repository() -> None:
    assert {a for a, actions in V1_ACCESS.items() if Action.ADMIN in actions} == {"delete"}


@given(
    repository=strategies.repositories().map(parse_repository_name),
    access=st.sampled_from(sorted(V1_ACCESS)),
    user=st.one_of(st.none(), st.text(max_size=20)),
    life_s=st.integers(1, 10**9),
    generation=st.integers(0, 100),
    prefix=st.sampled_from(["", "Token ", "Token Token "]),
)
def test_a_token_reads_as_it_was_written(
    repository: RepositoryName,
    access: str,
    user: str | None,
    life_s: int,
    generation: int,
    prefix: str,
) -> None:
    token = V1Token(repository, access, user, NOW_S + life_s, generation)
    text = prefix + render_v1_token(KEY, token).removeprefix("Token ")
    assert parse_v1_token(KEY, text, now_s=NOW_S) == token


@given(st.integers(0, len(TEXT) - 1), st.characters())
def test_a_token_with_one_character_changed_grants_nothing_else(at: int, character: str) -> None:
    changed = TEXT[:at] + character + TEXT[at + 1 :]
    assert parse_v1_token(KEY, changed, now_s=NOW_S) in (None, TOKEN)


@given(st.text())
def test_any_text_is_a_token_or_none(text: str) -> None:
    assert parse_v1_token(KEY, text, now_s=NOW_S) is None


@given(st.lists(st.text("ab.", max_size=3), min_size=1, max_size=4), st.data())
def test_no_field_of_a_proof_slides_into_its_neighbour(
    fields: list[str], data: st.DataObject
) -> None:
    others = data.draw(st.lists(st.text("ab.", max_size=3), min_size=1, max_size=4))
    claimed = mac(KEY, "purpose", *fields)
    assert mac_matches(KEY, claimed, "purpose", *others) is (fields == others)
    assert not mac_matches(KEY, claimed, "another purpose", *fields)
