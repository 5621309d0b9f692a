"""Scopes, Bearer and refresh tokens: read back, and never believed when they are not ours."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.access import OF_CONTENT, Action, Grant, Limit
from chalicelib.domain.bearer import (
    BearerToken,
    Holder,
    RefreshToken,
    parse_bearer,
    parse_refresh,
    render_bearer,
    render_refresh,
)
from chalicelib.domain.errors import RegistryError
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.scopes import parse_limit, parse_scopes, render_limit

KEY, NOW_S = b"k" * 32, 1_800_000_000
NAMES = st.sampled_from(["acme/app", "library/busybox", "a/b/c", "alice/x--y"])
ACTIONS = st.frozensets(st.sampled_from(sorted(OF_CONTENT, key=lambda a: a.value)))
HOLDERS = st.builds(
    Holder,
    st.none() | st.from_regex(r"[a-z0-9]{2,12}", fullmatch=True),
    st.integers(0, 9),
    st.none() | st.just("0" * 16),
)
TOKENS = st.builds(
    BearerToken,
    HOLDERS,
    st.lists(st.builds(Grant, NAMES.map(RepositoryName), ACTIONS, ACTIONS), max_size=4).map(tuple),
    st.booleans(),
    st.integers(0, NOW_S),
    st.integers(NOW_S + 1, NOW_S * 2),
    st.from_regex(r"[0-9a-f]{32}", fullmatch=True),
)


@given(TOKENS)
def test_a_token_says_what_it_was_given_for(token: BearerToken) -> None:
    assert parse_bearer(KEY, render_bearer(KEY, token), now_s=NOW_S) == token


@given(TOKENS, st.data())
def test_a_token_with_one_sign_changed_is_none(token: BearerToken, data: st.DataObject) -> None:
    text = render_bearer(KEY, token)
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(codec="utf-8").filter(lambda c: c != text[at]))
    # The last sign of base64 holds bits that no byte needs: all of it is compared nevertheless.
    assert parse_bearer(KEY, text[:at] + other + text[at + 1 :], now_s=NOW_S) is None


@given(st.text())
def test_a_text_is_no_token(text: str) -> None:
    assert parse_bearer(KEY, text, now_s=NOW_S) is None
    assert parse_refresh(KEY, text, now_s=NOW_S) is None


def token(expires_at_s: int = NOW_S + 5) -> BearerToken:
    grants = (Grant(RepositoryName("acme/app"), frozenset({Action.PULL})),)
    return BearerToken(Holder("alice", 1), grants, False, NOW_S, expires_at_s, "w")


@pytest.mark.parametrize(("now_s", "lives"), [(NOW_S, True), (NOW_S + 4, True), (NOW_S + 5, False)])
def test_a_token_ends_at_its_second(now_s: int, lives: bool) -> None:
    text = render_bearer(KEY, token())
    assert (parse_bearer(KEY, text, now_s=now_s) is not None) is lives


def test_a_token_of_another_key_or_purpose_is_none() -> None:
    assert parse_bearer(b"x" * 32, render_bearer(KEY, token()), now_s=NOW_S) is None
    refresh = render_refresh(KEY, RefreshToken(Holder("alice", 1), NOW_S + 5))
    assert parse_bearer(KEY, refresh, now_s=NOW_S) is None
    assert parse_refresh(KEY, render_bearer(KEY, token()), now_s=NOW_S) is None
    assert parse_refresh(KEY, refresh, now_s=NOW_S) == RefreshToken(Holder("alice", 1), NOW_S + 5)
    assert parse_refresh(KEY, refresh, now_s=NOW_S + 5) is None


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@pytest.mark.parametrize("algorithm", ["none", "HS256", "HS512", "RS256"])
def test_a_header_chooses_nothing(algorithm: str) -> None:
    claims = render_bearer(KEY, token()).split(".")[1]
    header = _encoded(json.dumps({"typ": "JWT", "alg": algorithm}).encode())
    for key in (b"", KEY, hmac.digest(KEY, b"jwt bearer", "sha256")):
        signature = _encoded(hmac.digest(key, f"{header}.{claims}".encode(), hashlib.sha256))
        for text in (f"{header}.{claims}.{signature}", f"{header}.{claims}."):
            assert parse_bearer(KEY, text, now_s=NOW_S) is None


def test_claims_are_those_of_dockers_specification() -> None:
    claims = json.loads(base64.urlsafe_b64decode(render_bearer(KEY, token()).split(".")[1] + "=="))
    assert claims["access"] == [
        {"type": "repository", "name": "acme/app", "actions": ["pull"], "refused": []}
    ]
    assert claims.keys() >= {"iss", "sub", "aud", "exp", "nbf", "iat", "jti"}


PULL, PUSH, DELETE, ADMIN = Action.PULL, Action.PUSH, Action.DELETE, Action.ADMIN
SCOPES = [
    (["repository:acme/app:pull"], {"acme/app": {PULL}}),
    (["repository:acme/app:pull,push"], {"acme/app": {PULL, PUSH}}),
    (["repository:acme/app:*"], {"acme/app": {PULL, PUSH, DELETE}}),
    (["repository:acme/app:pull", "repository:acme/app:push"], {"acme/app": {PULL, PUSH}}),
    (["repository:a/b:pull repository:c/d:push"], {"a/b": {PULL}, "c/d": {PUSH}}),
    (["repository:busybox:pull"], {"library/busybox": {PULL}}),
    (["repository(plugin):acme/app:pull"], {"acme/app": {PULL}}),
    (["repository:acme/app:admin"], {"acme/app": set()}),
    (["repository:acme/app:fly,pull"], {"acme/app": {PULL}}),
    (["repository:acme/app:"], {"acme/app": set()}),
    (["", " ", ":::", "repository", "repository::pull", "repository:A:pull", "x:y:z"], {}),
    (["registry:catalog:*"], {}),
]


@pytest.mark.parametrize(("texts", "wanted"), SCOPES, ids=[" ".join(row[0]) for row in SCOPES])
def test_scopes_are_read_as_docker_means_them(
    texts: list[str], wanted: dict[str, set[Action]]
) -> None:
    asked = parse_scopes(texts)
    assert {scope.repository.path: set(scope.actions) for scope in asked.scopes} == wanted
    assert asked.catalog is (texts == ["registry:catalog:*"])


@given(st.lists(st.text(max_size=60), max_size=8))
def test_no_scope_is_an_error(texts: list[str]) -> None:
    assert len(parse_scopes(texts).scopes) <= 100


def test_a_thousand_scopes_are_cut_off() -> None:
    assert len(parse_scopes([f"repository:a/b{n}:pull" for n in range(1000)]).scopes) == 100


LIMITS = {
    "repository:acme/*:pull": Limit("acme/*", frozenset({PULL})),
    "repository:acme/app:push": Limit("acme/app", frozenset({PULL, PUSH})),
    "repository:busybox:pull": Limit("library/busybox", frozenset({PULL})),
    "repository:*:*": Limit("*", frozenset({PULL, PUSH, DELETE, ADMIN})),
    "repository:a/b:delete,admin": Limit("a/b", frozenset({DELETE, ADMIN})),
}


@pytest.mark.parametrize(("text", "limit"), LIMITS.items(), ids=LIMITS)
def test_a_limit_is_read_and_said_again(text: str, limit: Limit) -> None:
    assert parse_limit(text) == limit
    assert parse_limit(render_limit(limit)) == limit


@pytest.mark.parametrize(
    "text",
    [
        "", "repository", "repository:a/b", "repository:a/b:", "repository:a/b:pull,", "a/b:pull",
        "registry:catalog:*", "repository:A/b:pull", "repository:a b:pull", "repository::pull",
        "repository:-a:pull", f"repository:{'a' * 256}:pull", 7, None, ["repository:a/b:pull"],
    ],
    ids=str,
)  # fmt: skip
def test_a_limit_that_says_nothing_is_refused(text: object) -> None:
    with pytest.raises(RegistryError):
        parse_limit(text)


COVERS = [
    ("acme/*", "acme/app", True),
    ("acme/*", "acme/a/b", True),
    ("acme/*", "acmes/app", False),
    ("*", "any/thing", True),
    ("acme/app", "acme/app2", False),
]


@pytest.mark.parametrize(("pattern", "name", "wanted"), COVERS, ids=str)
def test_a_limit_covers_what_its_pattern_is(pattern: str, name: str, wanted: bool) -> None:
    limit = Limit(pattern, frozenset({PULL}))
    assert limit.covers(PULL, RepositoryName(name)) is wanted
    assert not limit.covers(PUSH, RepositoryName(name))
