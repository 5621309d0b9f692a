"""What every answer of the page has, and its errors, which need no template and so never fail.

Nothing is loaded from elsewhere, nothing is framed, and no script runs at all: the page has none.
Spec: Content Security Policy Level 3.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from html import escape
from pathlib import Path
from urllib.parse import urlencode

from chalicelib.domain.errors import RegistryError
from chalicelib.domain.shown import shown
from chalicelib.web.messages import Request, Response

HTML = "text/html; charset=utf-8"

PAGE_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # `no-referrer` would make the Origin of our own forms `null`.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

ASSETS: Mapping[str, str] = {
    "style.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
_FOLDER = Path(__file__).resolve().parent.parent / "page" / "assets"
_HASH_CHARS = 16


@cache
def asset(name: str) -> bytes:
    """A file of the page. Raises: KeyError: there is none of this name."""
    if name not in ASSETS:
        raise KeyError(name)
    return (_FOLDER / name).read_bytes()


@cache
def asset_url(name: str) -> str:
    """Its address, which changes with its bytes, so that it can be kept for a year."""
    stem, _, suffix = name.rpartition(".")
    digest = hashlib.sha256(asset(name)).hexdigest()[:_HASH_CHARS]
    return f"/ui/assets/{stem}-{digest}.{suffix}"


def wants_page(request: Request) -> bool:
    """Whether a browser asks: clients of a registry never accept HTML."""
    return any("text/html" in value.lower() for value in request.headers.every("accept"))


def sign_in_first(request: Request) -> Response:
    """To the sign-in, and from there back to where the visitor wanted to go."""
    where = request.path + (f"?{urlencode(dict(request.query))}" if request.query else "")
    query = urlencode({"next": where}) if request.method in ("GET", "HEAD") else ""
    return Response(303, {**PAGE_HEADERS, "Location": f"/ui/sign-in?{query}".rstrip("?")})


_ERROR = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} - Roadstead</title>
<link rel="stylesheet" href="{style}">
<link rel="icon" href="{icon}">
</head>
<body>
<header class="top"><a class="brand" href="/ui">Roadstead</a></header>
<main>
<h1>{title}</h1>
<p data-code="{code}">{message}</p>
<p><a href="/ui">All repositories</a></p>
</main>
</body>
</html>
"""

_TITLES: Mapping[int, str] = {
    400: "That cannot be",
    403: "Not allowed",
    404: "Not here",
    405: "Not possible here",
    409: "Not now",
    429: "Too many tries",
    503: "Not available",
}


def error_page(error: RegistryError) -> Response:
    """A refusal as a page; its sentence is the API's."""
    text = _ERROR.format(
        title=_TITLES.get(error.status, "Something went wrong"),
        style=asset_url("style.css"),
        icon=asset_url("icon.svg"),
        code=escape(error.code.value.code),
        message=escape(_sentence(error.message)),
    )
    headers = {"Content-Type": HTML, **PAGE_HEADERS, **error.headers}
    return Response(error.status, headers, text.encode("utf-8", "replace"))


def _sentence(message: str) -> str:
    return shown(message[:1].upper() + message[1:], 500)
