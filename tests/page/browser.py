"""Debian's Chromium, driven by Playwright; NOT RUN where one of them is missing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.clients.commands import find, library, need, not_run
from tests.page.filled import NAME, PASSWORD, Filled

AXE = Path(__file__).resolve().parents[2] / ".clients" / "axe" / "axe.min.js"
PHONE = {"width": 360, "height": 740}
DESK = {"width": 1100, "height": 800}


@contextlib.contextmanager
def chromium() -> Iterator[Any]:
    """A browser without a profile; it is ended with the block."""
    need("chromium")
    sync = library("playwright.sync_api", "playwright (requirements-dev.txt)")
    with sync.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find("chromium"),
            # As root Chromium has no sandbox; it only ever sees our own registry.
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
        )
        try:
            yield browser
        finally:
            browser.close()


def axe_source() -> str:
    if not AXE.is_file():
        not_run("not installed: axe-core (.ci/axe.sh fetches it)")
    return AXE.read_text()


class Visitor:
    """One browser window of somebody; what it asks for and complains of is written down."""

    def __init__(self, browser: Any, place: Filled, **settings: Any) -> None:
        self.place = place
        self.context = browser.new_context(**{"viewport": DESK, **settings})
        self.page = self.context.new_page()
        self.elsewhere: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", self._asked)
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", self._dialog)

    def _asked(self, request: Any) -> None:
        if urlsplit(request.url).netloc != self.place.registry.host:
            self.elsewhere.append(request.url)

    def _said(self, message: Any) -> None:
        # That a page came with a status of 4xx is what the test has asked for.
        if not message.text.startswith("Failed to load resource: the server responded with"):
            self.complaints.append(message.text)

    def _dialog(self, dialog: Any) -> None:
        self.complaints.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    def go(self, path: str) -> int:
        answer = self.page.goto(self.place.url(path))
        assert answer is not None
        return int(answer.status)

    def sign_in(self) -> None:
        self.go("/ui/sign-in")
        self.page.get_by_label("Name").fill(NAME)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.get_by_role("button", name="Sign out").wait_for()

    def assert_quiet(self) -> None:
        """Nothing was asked of another host, and the browser had nothing to complain of."""
        assert self.elsewhere == []
        assert self.complaints == []

    def is_too_wide(self) -> bool:
        """Whether the page as a whole has to be moved sideways to be read."""
        script = "document.scrollingElement.scrollWidth > document.scrollingElement.clientWidth"
        return bool(self.page.evaluate(script))

    def violations(self, axe: str) -> list[str]:
        """What axe finds wrong with the page, in its own words with the elements."""
        self.page.evaluate(axe)
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{each['id']}: {each['help']}: {[node['html'][:200] for node in each['nodes'][:3]]}"
            for each in found["violations"]
        ]


@contextlib.contextmanager
def visiting(browser: Any, place: Filled, **settings: Any) -> Iterator[Visitor]:
    visitor = Visitor(browser, place, **settings)
    try:
        yield visitor
    finally:
        visitor.context.close()
