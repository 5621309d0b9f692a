"""The page as it is on AWS: through CloudFront's functions and API Gateway's renamed headers."""

from __future__ import annotations

import http.client
import re
from urllib.parse import urlencode

from chalicelib.domain.access import Mode
from chalicelib.service import accounts
from chalicelib.web.page_frame import asset
from roadstead import local
from roadstead.awslimits.home import Plan
from tests.awslimits.places import aws_place
from tests.support.stack import Stack

NAME, PASSWORD = "page-visitor", "a-long-password"


def asked(
    host: str, method: str, url: str, body: str = "", **headers: str
) -> tuple[int, http.client.HTTPMessage, str]:
    connection = http.client.HTTPConnection(host, timeout=60)
    sent = {"Accept": "text/html", **headers}
    if body:
        sent["Content-Type"] = "application/x-www-form-urlencoded"
    try:
        connection.request(method, url, body or None, sent)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    finally:
        connection.close()


def test_somebody_signs_in_through_cloudfront(stack: Stack) -> None:
    with aws_place(stack, Plan(), local.Choices(Mode.ACCOUNTS)) as place:
        accounts.create(place.home.world, NAME, PASSWORD)
        status, headers, text = asked(place.host, "GET", "/")
        assert (status, headers["X-Frame-Options"]) == (200, "DENY")
        assert "Sign in" in text
        status, headers, _ = asked(place.host, "GET", "/ui/tokens")
        assert (status, headers["Location"]) == (303, "/ui/sign-in?next=%2Fui%2Ftokens")

        status, headers, text = asked(place.host, "GET", "/ui/sign-in")
        found = re.search(r'name="form_token" value="([^"]+)"', text)
        assert found is not None
        form = {"form_token": found[1], "name": NAME, "password": PASSWORD, "next": "/ui/tokens"}
        cookie = headers["Set-Cookie"]
        # At home it is http, and said to be: `test_sessions.py` has the cookie of https.
        assert cookie.startswith("roadstead=")
        assert "; HttpOnly" in cookie
        visitor = {"Cookie": cookie.partition(";")[0], "Origin": f"http://{place.host}"}
        status, headers, _ = asked(place.host, "POST", "/ui/sign-in", urlencode(form), **visitor)
        assert (status, headers["Location"]) == (303, "/ui/tokens")

        signed_in = headers["Set-Cookie"].partition(";")[0]
        status, headers, text = asked(place.host, "GET", "/ui/tokens", Cookie=signed_in)
        assert status == 200
        assert headers["Cache-Control"] == "no-store"
        assert NAME in text
        style = re.search(r'href="(/ui/assets/style-[0-9a-f]+\.css)"', text)
        assert style is not None
        status, headers, text = asked(place.host, "GET", style[1])
        assert (status, headers["Cache-Control"]) == (200, "public, max-age=31536000")
        assert text == asset("style.css").decode()
