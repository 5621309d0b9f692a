"""Chromium looks at every page of a registry that real clients have filled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chalicelib.web.endpoints import PAGE
from tests.page.browser import PHONE, axe_source, chromium, visiting
from tests.page.filled import APP, HOSTILE, NAME, OLD, PASSWORD, TEAM, TRAP, Filled, filled

pytestmark = pytest.mark.clients

SHOWN = [e.name for e in PAGE if "GET" in e.methods and e.name != "page.asset"]
NO_SCRIPTS = {"java_script_enabled": False}
WAYS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "telephone": {"viewport": PHONE, "is_mobile": True, "has_touch": True},
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def place(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    with filled(Path(tmp_path_factory.mktemp("filled"))) as found:
        yield found


def test_every_page_is_looked_at(place: Filled) -> None:
    assert set(place.pages) == set(SHOWN)


@pytest.mark.parametrize("way", WAYS)
def test_axe_finds_nothing_wrong_with_any_page(browser: Any, place: Filled, way: str) -> None:
    axe = axe_source()
    with visiting(browser, place, **WAYS[way]) as visitor:
        visitor.sign_in()
        for name, path in {**place.pages, "hostile": f"/ui/r/{TRAP}/-/tags/1"}.items():
            assert visitor.go(path) == 200, name
            assert visitor.violations(axe) == [], name
            assert not visitor.is_too_wide(), name
        visitor.assert_quiet()


def test_axe_finds_nothing_wrong_with_refusals(browser: Any, place: Filled) -> None:
    axe = axe_source()
    with visiting(browser, place) as visitor:
        for path, status in (("/ui/sign-in", 200), ("/ui/nothing", 404), ("/", 200)):
            assert visitor.go(path) == status
            assert visitor.violations(axe) == [], path


def test_everything_works_with_scripts_switched_off(browser: Any, place: Filled) -> None:
    with visiting(browser, place, **NO_SCRIPTS) as visitor:
        page = visitor.page
        visitor.go(f"/ui/r/{APP}/-/access")
        assert page.url.startswith(place.url("/ui/sign-in")), "somebody unknown is asked who"
        page.get_by_label("Name").fill(NAME)
        page.get_by_label("Password").fill("not the password")
        page.get_by_role("button", name="Sign in").click()
        assert page.get_by_role("alert").inner_text() == "The name or the password is wrong."
        page.get_by_label("Name").fill(NAME)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        assert page.url == place.url(f"/ui/r/{APP}/-/access"), "and led to where they were going"

        page.get_by_role("link", name="Repositories").first.click()
        page.get_by_label("Search by words").fill("shop")
        page.get_by_role("button", name="Search").click()
        page.get_by_role("link", name=APP).click()
        assert page.get_by_label("Pull it").input_value().startswith("docker pull ")
        page.get_by_role("link", name="Delete the tag 1.1").click()
        page.get_by_role("button", name="Delete the tag").click()
        assert page.get_by_role("link", name="1.1", exact=True).count() == 0
        assert page.get_by_role("link", name="1.0", exact=True).count() == 1

        page.get_by_role("link", name="API tokens").click()
        page.get_by_label("Label").fill(HOSTILE[:20])
        page.get_by_role("button", name="Make the token").click()
        assert page.get_by_label("Secret").input_value().startswith("rst_")
        page.get_by_role("link", name="API tokens").click()
        assert page.get_by_label("Secret").count() == 0, "it is shown once"
        page.get_by_role("button", name="Revoke").click()

        page.get_by_role("button", name="Sign out").click()
        assert page.get_by_role("link", name="Sign in").count() == 1
        visitor.assert_quiet()


def test_what_goes_is_decided_with_scripts_switched_off(browser: Any, place: Filled) -> None:
    with visiting(browser, place, **NO_SCRIPTS) as visitor:
        visitor.sign_in()
        page = visitor.page
        visitor.go(f"/ui/r/{APP}/-/rules")
        form = page.get_by_role("button", name="Add the rule of retention").locator("xpath=..")
        form.get_by_label("Which tags").fill("*")
        form.get_by_label("Keep the newest").fill("1")
        page.get_by_role("button", name="Add the rule of retention").click()
        page.get_by_role("link", name="What would go").first.click()
        assert page.get_by_text("rule for *: not among the newest 1").count() >= 1
        visitor.go(f"/ui/r/{TRAP}/-/going")
        assert page.get_by_text("No tag and no manifest would go.").count() == 1

        visitor.go(f"/ui/teams/{TEAM}")
        page.get_by_role("link", name="Machine tokens").click()
        page.get_by_label("Label").fill("build")
        page.get_by_role("button", name="Make the token").click()
        assert page.get_by_label("Secret").input_value().startswith("rst_")

        visitor.go(f"/ui/r/{OLD}/-/remove")
        page.get_by_label("Its name, to be sure").fill("anna/another")
        page.get_by_role("button", name="Delete the repository").click()
        assert page.get_by_role("alert").inner_text() == f"Type {OLD} to delete it."
        visitor.assert_quiet()


def test_it_is_used_with_the_keyboard_alone(browser: Any, place: Filled) -> None:
    with visiting(browser, place) as visitor:
        page, keyboard = visitor.page, visitor.page.keyboard
        visitor.go("/ui/sign-in")
        keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "To the content"
        keyboard.press("Enter")
        keyboard.press("Tab")
        keyboard.type(NAME)
        keyboard.press("Tab")
        keyboard.type(PASSWORD)
        keyboard.press("Tab")
        outline = "getComputedStyle(document.activeElement).outlineStyle"
        assert page.evaluate(outline) == "solid", "one sees where one is"
        keyboard.press("Enter")
        page.get_by_role("button", name="Sign out").wait_for()
        visitor.assert_quiet()


def test_what_was_pushed_runs_nowhere_and_hides_nothing(browser: Any, place: Filled) -> None:
    with visiting(browser, place) as visitor:
        visitor.sign_in()
        visitor.go(f"/ui/r/{TRAP}")
        visitor.page.get_by_role("link", name="1", exact=True).click()
        visitor.page.get_by_role("link", name="Configuration and history").click()
        text = visitor.page.locator("main").inner_text()
        assert "<script>alert(1)</script>" in text
        assert "⟨U+202E⟩gnp.exe⟨U+200B⟩" in text
        assert "{{ 7*7 }}" in text
        assert "(1000000 characters)" in text
        assert visitor.page.locator("img, script").count() == 0
        visitor.assert_quiet()
