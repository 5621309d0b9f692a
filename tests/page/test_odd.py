"""Odd input is refused or passed over: it is never answered with a 500."""

from __future__ import annotations

import pytest

from tests.page.fixture import Browser, accounts_world


@pytest.mark.parametrize(
    "origin", ["http://[", "http://[::1", "http://]", "http://a[b]", "//", "", "http://\u2100"]
)
def test_a_form_with_an_origin_that_is_no_address_is_refused(origin: str) -> None:
    browser = Browser(accounts_world())
    browser.sign_in()
    assert browser.send("/ui/sign-out", {}, Origin=origin).status == 403
