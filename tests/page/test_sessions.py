"""Who may sit at the browser: cookies, forms, and what is tried against both."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode

import pytest

from chalicelib.domain.accounts import FREE_FAILURES_OF_ADDRESS, FREE_FAILURES_OF_NAME
from chalicelib.domain.bearer import Holder, RefreshToken, render_refresh
from chalicelib.domain.sessions import (
    MAX_SESSION_CHARS,
    SESSION_TTL_S,
    Session,
    form_token,
    is_form_token,
    parse_session,
    render_session,
)
from chalicelib.domain.tokens import encode, mac
from tests.conformance.bodies import pushed
from tests.page.fixture import Browser, accounts_world, given
from tests.support.world import EDGE_WORD, SIGNING_KEY, Registry

KEY = b"k" * 32
SESSION = Session("w" * 32, 100, "alice", 3, is_administrator=True)
TOKENS = "/ui/tokens"


def test_a_session_says_what_it_was_made_of() -> None:
    text = render_session(KEY, SESSION)
    assert parse_session(KEY, text, now_s=99) == SESSION
    assert parse_session(KEY, text, now_s=100) is None, "it has ended"
    assert parse_session(b"K" * 32, text, now_s=99) is None, "another key"


def test_every_change_of_a_session_is_seen() -> None:
    text = render_session(KEY, SESSION)
    for at, character in enumerate(text):
        changed = text[:at] + ("A" if character != "A" else "B") + text[at + 1 :]
        # The last character of base64 holds bits that say nothing.
        if changed != text and at not in (len(text) - 1,):
            assert parse_session(KEY, changed, now_s=99) is None, at


@pytest.mark.parametrize(
    "text", ["", ".", "..", "a.b", "\ud800", "x" * (MAX_SESSION_CHARS + 1), "é.é", "\x00"]
)
def test_what_is_no_session_is_none(text: str) -> None:
    assert parse_session(KEY, text, now_s=0) is None


def test_nothing_else_that_the_key_signs_is_a_session() -> None:
    body = encode(json.dumps({"u": "root", "g": 1, "a": True, "w": "x", "e": 1 << 40}).encode())
    for purpose in ("form", "v1-token", "bearer", "proof", ""):
        assert parse_session(KEY, f"{body}.{mac(KEY, purpose, body)}", now_s=0) is None
    refresh = render_refresh(KEY, RefreshToken(Holder("root"), 1 << 40))
    assert parse_session(KEY, refresh, now_s=0) is None


def test_a_form_is_one_sessions_own() -> None:
    token = form_token(KEY, SESSION)
    assert is_form_token(KEY, SESSION, token)
    others = (Session("v" * 32, 100, "alice", 3), Session("w" * 32, 100, "bob", 3))
    assert not any(is_form_token(KEY, other, token) for other in others)
    assert not any(is_form_token(KEY, SESSION, text) for text in ("", token[:-1], token + "=", "é"))


# --- the cookie ---------------------------------------------------------------------------------


def test_scripts_and_other_sites_cannot_read_the_cookie() -> None:
    for secure, name in ((False, "roadstead"), (True, "__Host-roadstead")):
        browser = Browser(accounts_world(), secure=secure)
        answer = browser.sign_in()
        cookie = answer.header("Set-Cookie") or ""
        assert cookie.startswith(f"{name}=")
        attributes = {part.strip() for part in cookie.split(";")[1:]}
        assert attributes >= {"HttpOnly", "SameSite=Lax", "Path=/"}
        assert ("Secure" in attributes) is secure
        assert not any(part.startswith("Domain") for part in attributes)
        assert browser.get(TOKENS).status == 200


def test_a_cookie_of_http_is_none_by_https() -> None:
    browser = Browser(accounts_world())
    browser.sign_in()
    browser.secure = True
    assert browser.get(TOKENS).status == 303


def test_a_sign_in_begins_another_session_than_the_visit_had() -> None:
    browser = Browser(accounts_world())
    browser.get("/ui/sign-in")
    planted = browser.cookie
    browser.sign_in()
    assert browser.cookie != planted
    browser.cookie = planted
    assert browser.get(TOKENS).status == 303


def test_of_two_cookies_neither_counts() -> None:
    mine, theirs = Browser(accounts_world()), ""
    mine.sign_in()
    theirs = mine.cookie
    for twice in (f"{theirs}; {theirs}", f"roadstead=x; {theirs}", f"{theirs};roadstead=x"):
        mine.cookie = twice
        assert mine.get(TOKENS).status == 303
    mine.cookie = f"other=1; {theirs}; more=2"
    assert mine.get(TOKENS).status == 200


def test_a_session_is_good_for_the_page_alone() -> None:
    browser = Browser(accounts_world())
    given(browser.world, "alice", pushed("alice/app", "1"))
    browser.sign_in()
    for url in ("/v2/", "/v2/alice/app/tags/list", "/v1/users", "/v2/_roadstead/tokens"):
        assert browser.get(url).status == 401, url
    assert browser.get("/ui/r/alice/app").status == 200


def test_a_login_of_an_api_client_is_nobody_to_the_page() -> None:
    registry = Registry(accounts_world())
    for method, url in (("GET", TOKENS), ("POST", TOKENS), ("GET", "/ui/r/alice/public")):
        answer = registry.send(method, url, login=("alice", "alice-secret"))
        assert answer.status == 303, url
        assert (answer.header("Location") or "").startswith("/ui/sign-in")


def test_a_session_ends_with_the_password_and_after_its_time() -> None:
    world = accounts_world()
    browser = Browser(world)
    browser.sign_in()
    world.clock.at_s += SESSION_TTL_S - 1  # type: ignore[attr-defined]
    assert browser.get(TOKENS).status == 200
    body = b'{"password": "another-secret"}'
    registry = Registry(world)
    answer = registry.send("PUT", "/v1/users/alice", body, login=("alice", "alice-secret"))
    assert answer.status == 204
    assert browser.get(TOKENS).status == 303
    browser.sign_in(password="another-secret")
    world.clock.at_s += SESSION_TTL_S  # type: ignore[attr-defined]
    assert browser.get(TOKENS).status == 303


def test_it_is_the_same_behind_the_edge() -> None:
    world = accounts_world(edge_word=EDGE_WORD, host="registry.example.test")
    behind = {
        "X-Roadstead-Edge": EDGE_WORD,
        "X-Forwarded-Host": "registry.example.test",
        "X-Forwarded-For": "203.0.113.9, 130.176.1.1",
        "Origin": "https://registry.example.test",
        "Sec-Fetch-Site": "same-origin",
    }
    browser = Browser(world, secure=True, headers=behind)
    assert browser.sign_in().status == 303
    assert browser.get(TOKENS).status == 200
    made = browser.send(TOKENS, MADE)
    assert made.status == 201
    assert b"docker login -u alice registry.example.test" in made.body
    stranger = Browser(world, secure=True)
    assert stranger.get("/ui").status == 403, "the origin's own address serves nobody"


# --- forms ----------------------------------------------------------------------------------------

MADE = {"label": "ci", "names": "alice/*", "actions": "pull", "days": ""}


def tokens_of(browser: Browser) -> int:
    return len(browser.world.accounts.list_api_tokens("alice"))


FORGED = {
    "without a token": ({"form_token": ""}, {}),
    "another session's token": ({"form_token": form_token(SIGNING_KEY, SESSION)}, {}),
    "a token of an older session": ({"form_token": "old"}, {}),
    "from another site": ({}, {"Origin": "https://evil.test"}),
    "from another port": ({}, {"Origin": "http://registry.test:81"}),
    "from a frame without an origin": ({}, {"Origin": "null"}),
    "from a site beside": ({}, {"Sec-Fetch-Site": "same-site"}),
    "from a site elsewhere": ({}, {"Sec-Fetch-Site": "cross-site"}),
}


@pytest.mark.parametrize(("fields", "headers"), FORGED.values(), ids=FORGED)
def test_a_forged_form_does_nothing(fields: dict[str, str], headers: dict[str, str]) -> None:
    browser = Browser(accounts_world())
    browser.sign_in()
    older = browser.token
    browser.sign_in()
    if fields.get("form_token") == "old":
        fields = {"form_token": older}
    answer = browser.send(TOKENS, {**MADE, **fields}, **headers)
    assert answer.status == 403
    assert tokens_of(browser) == 0
    genuine = {"Origin": "http://registry.test", "Sec-Fetch-Site": "same-origin"}
    assert browser.send(TOKENS, {**MADE, "form_token": browser.token}, **genuine).status == 201
    assert tokens_of(browser) == 1


def test_a_form_comes_from_here_by_https_as_well() -> None:
    browser = Browser(accounts_world(), secure=True, headers={"Origin": "https://registry.test"})
    browser.sign_in()
    assert browser.send(TOKENS, MADE).status == 201


def test_nobody_is_signed_in_by_a_form_of_another_site() -> None:
    browser = Browser(accounts_world())
    answer = browser.send("/ui/sign-in", {"name": "bob", "password": "bob-secret"})
    assert answer.status == 403
    assert answer.header("Set-Cookie") is None


# --- guessing -------------------------------------------------------------------------------------


def test_guessing_at_the_sign_in_is_slowed_for_a_name() -> None:
    browser = Browser(accounts_world())
    statuses = [browser.sign_in("alice", f"guess-{n}").status for n in range(12)]
    assert statuses == [403] * FREE_FAILURES_OF_NAME + [429] * (12 - FREE_FAILURES_OF_NAME)
    right = browser.sign_in()
    assert right.status == 429, "also for the right one"
    assert int(right.header("Retry-After") or 0) > 0
    browser.world.clock.at_s += 900  # type: ignore[attr-defined]
    assert browser.sign_in().status == 303


def test_guessing_at_the_sign_in_is_slowed_for_an_address() -> None:
    browser = Browser(accounts_world())
    tries = [browser.sign_in(f"nobody-{n}", "x").status for n in range(FREE_FAILURES_OF_ADDRESS)]
    assert set(tries) == {403}
    assert browser.sign_in("nobody-0", "x").status == 429


def test_an_unknown_name_and_a_wrong_password_look_the_same() -> None:
    browser = Browser(accounts_world())
    one, other = browser.sign_in("alice", "wrong"), browser.sign_in("mallory", "wrong")
    assert (one.status, one.body) == (other.status, other.body)


def test_no_password_stands_in_an_answer_or_an_address() -> None:
    browser = Browser(accounts_world())
    for password in ("wrong-secret", "alice-secret"):
        answer = browser.sign_in("alice", password)
        assert password not in str(answer.headers)
        assert password.encode() not in answer.body


def test_a_cookie_that_cannot_be_is_no_error() -> None:
    browser = Browser(accounts_world())
    junk = urlsafe_b64encode(b"\xff" * 40).decode()
    for value in ("", ";", "=", "roadstead", f"roadstead={junk}", "roadstead=" + "a" * 9000, "é"):
        browser.cookie = value
        assert browser.get(TOKENS).status == 303, value
