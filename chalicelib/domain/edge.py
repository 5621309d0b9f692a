"""The address of an upload that the edge leads to the bucket, and what it is signed with.

    location ::= "/_up" path "?_up=" token
    token    ::= expires_at_s "." place "." sig
    place    ::= team "/edge/" repository word          where in the bucket; the edge adds "/" hex
    sig      ::= hex( HMAC-SHA256(key, "upload" LF path LF expires_at_s LF place) )

The edge is JavaScript; ``read_token`` says in Python what it must do, for tests.
"""

from __future__ import annotations

import hmac
import re
from urllib.parse import parse_qs, unquote, urlsplit

PREFIX = "/_up"
# What the edge takes as a place: neither a dot, which parts the token, nor anything to decode.
_PLACE = re.compile(r"[a-z0-9_-]+/edge/[a-z0-9_-]+", re.ASCII)
_EXPIRY = re.compile(r"[0-9]{1,12}", re.ASCII)


def is_place(text: str) -> bool:
    """Whether the edge would take this for a place in the bucket."""
    return _PLACE.fullmatch(text) is not None


def make_location(key: bytes, path: str, expires_at_s: int, place: str) -> str:
    """The address of a session at the edge; ``path`` is the session's own, from ``/v2/`` on."""
    return f"{PREFIX}{path}?_up={expires_at_s}.{place}.{_sign(key, path, expires_at_s, place)}"


def read_token(key: bytes, location: str, *, now_s: int) -> str | None:
    """The place that an address was made for; None for one that is forged, changed or expired."""
    parts = urlsplit(location)
    tokens = parse_qs(parts.query).get("_up", [])
    path = unquote(parts.path)
    fields = tokens[0].split(".") if len(tokens) == 1 else []
    if not path.startswith(f"{PREFIX}/") or len(fields) != 3:
        return None
    expiry, place, claimed = fields
    if not _EXPIRY.fullmatch(expiry) or not is_place(place):
        return None
    wanted = _sign(key, path.removeprefix(PREFIX), int(expiry), place)
    if not hmac.compare_digest(wanted.encode(), claimed.encode("utf-8", "replace")):
        return None
    return place if int(expiry) > now_s else None


def without_edge(location: str) -> str:
    """The session's own address: where our own uploaders go on, who need no edge."""
    path, _, query = location.partition("?")
    if not path.startswith(f"{PREFIX}/v2/"):
        return location
    kept = "&".join(each for each in query.split("&") if not each.startswith("_up="))
    return path.removeprefix(PREFIX) + (f"?{kept}" if kept else "")


def _sign(key: bytes, path: str, expires_at_s: int, place: str) -> str:
    text = f"upload\n{path}\n{expires_at_s}\n{place}"
    return hmac.digest(key, text.encode(), "sha256").hex()
