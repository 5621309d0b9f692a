"""Requests to the whole v1 surface, as Hypothesis strategies: from well meant to senseless.

What only a run can know is left open (``Open``) and filled by ``test_v1_surface``: a token that was
given, an upload that was claimed, the checksum of what was put.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

from chalicelib.web.endpoints import ALL_METHODS, V1, Endpoint
from tests.property.v1_values import (
    ACCOUNTS,
    AUTHORIZATIONS,
    HEADERS,
    IDS,
    JUNK,
    LAYERS,
    NAMES,
    ODD,
    PARTS,
    QUERIES,
    TAGS,
    USERS,
    Open,
)

WIRE = "".join(chr(code) for code in range(33, 127) if chr(code) not in "?#")
TIMES_S = (*(0,) * 40, 1, 70, 4000, 50_000)


@dataclass(frozen=True)
class Sent:
    """One request, and how long after the one before it."""

    method: str
    path: str
    query: str = ""
    body: Any = b""
    headers: dict[str, Any] = field(default_factory=dict)
    after_s: int = 0
    image_id: str | None = None
    endpoint: str | None = None


def mostly(usual: Sequence[Any], rare: Sequence[Any]) -> st.SearchStrategy[Any]:
    """Five times in six the usual; one draw, because each costs time."""
    times = -(-5 * len(rare) // len(usual))
    return st.sampled_from((*usual,) * times + (*rare,))


PARAMS = {
    "image_id": mostly(IDS, ODD),
    "repository": mostly(NAMES, (*ODD, *(f"alice/{odd}" for odd in ODD), "a/b/c/d/e")),
    "tag": mostly(TAGS, ODD),
    "username": mostly((*USERS, "carol"), ODD),
}

_image_lists = st.lists(
    st.sampled_from([{"id": one} for one in IDS] + [{"id": IDS[0], "checksum": "x"}, {}, 1]),
    max_size=3,
)
BODIES: dict[str, st.SearchStrategy[Any]] = {
    "v1.image.json.put": mostly(
        (
            {"id": Open("id")},
            *({"id": Open("id"), "parent": one} for one in IDS),
            {"id": Open("id"), "comment": "\ud800"},
        ),
        ({"id": IDS[0]}, {"id": None}, {"id": Open("id"), "parent": Open("id")}),
    ),
    "v1.image.layer.put": st.sampled_from(LAYERS),
    "v1.image.layer.parts": st.builds(lambda *some: {**some[0], **some[1]}, PARTS, PARTS),
    "v1.image.layer.finish": st.builds(lambda *some: {**some[0], **some[1]}, PARTS, PARTS),
    "v1.tag.put": st.sampled_from(IDS),
    "v1.repository.put": _image_lists,
    "v1.images.put": _image_lists,
    "v1.properties.put": st.sampled_from(
        [{"access": access} for access in ("public", "private", "x", 1, None)]
        + [{"description": text} for text in ("ships and harbours", "\ud800", "x" * 600, 1, "\0")]
    ),
    "v1.grant.put": st.sampled_from(
        [{"access": access} for access in ("read", "write", "x", 1, None, ["read"])]
    ),
    "v1.users.post": ACCOUNTS,
    "v1.user.put": ACCOUNTS,
}
_empty = st.just(b"")
_junk = st.sampled_from(JUNK)
_whether_junk = st.sampled_from((True, *(False,) * 6))

METHODS = (*ALL_METHODS, "OPTIONS", "TRACE", "BREW")
_of_endpoint = {e.name: mostly(e.methods, METHODS) for e in V1}
_tails = st.sampled_from(("", "", "", "", "", "/", "//"))
_queries = st.sampled_from(QUERIES)
_header_sets = st.sampled_from(HEADERS)
_authorizations = st.sampled_from(AUTHORIZATIONS)
_times = st.sampled_from(TIMES_S)

_latin = st.text(
    st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=30
)
_wire = st.text(WIRE, max_size=12)
# A part of a request that is replaced by what nobody would have thought of.
WILD: dict[str, Callable[[st.DrawFn, Sent], Sent]] = {
    "path": lambda draw, sent: replace(sent, path=f"{sent.path}/{draw(_wire)}"),
    "bytes": lambda draw, sent: replace(
        sent, path=f"{sent.path}{quote(draw(st.binary(max_size=6)), safe='')}"
    ),
    "query": lambda draw, sent: replace(sent, query=draw(_wire)),
    "body": lambda draw, sent: replace(sent, body=draw(st.binary(max_size=30))),
    "authorization": lambda draw, sent: with_header(sent, "Authorization", draw(_latin)),
    "token": lambda draw, sent: with_header(sent, "Authorization", f"Token {draw(_latin)}"),
    "header": lambda draw, sent: with_header(
        sent, draw(st.sampled_from(("Range", "User-Agent", "Host", "Accept"))), draw(_latin)
    ),
}
_wild = st.sampled_from((*("",) * 40, *WILD))


def with_header(sent: Sent, name: str, value: str) -> Sent:
    return replace(sent, headers={**sent.headers, name: value})


@st.composite
def _to_endpoint(draw: st.DrawFn, endpoint: Endpoint) -> Sent:
    params = {
        name: draw(values) for name, values in PARAMS.items() if f"{{{name}}}" in endpoint.path
    }
    headers = dict(draw(_header_sets))
    if endpoint.name == "v1.image.checksum.put":
        headers.setdefault("X-Docker-Checksum-Payload", Open("checksum"))
    authorization = draw(_authorizations)
    if authorization is not None:
        headers["Authorization"] = authorization
    sent = Sent(
        draw(_of_endpoint[endpoint.name]),
        endpoint.path.format(**params) + draw(_tails),
        draw(_queries) if endpoint.name == "v1.search" else "",
        draw(_junk if draw(_whether_junk) else BODIES.get(endpoint.name, _empty)),
        headers,
        draw(_times),
        params.get("image_id"),
        endpoint.name,
    )
    wild = draw(_wild)
    return WILD[wild](draw, sent) if wild else sent


@st.composite
def _anywhere(draw: st.DrawFn) -> Sent:
    elements = draw(st.lists(st.sampled_from((*ODD, *NAMES, "repositories")), max_size=5))
    return Sent(
        draw(st.sampled_from(METHODS)),
        "/v1/" + "/".join(elements),
        draw(_queries),
        draw(_junk),
        dict(draw(_header_sets)),
    )


# A push is likelier than chance: without images most of the surface answers 404.
_PUSH = ("v1.repository.put", "v1.image.json.put", "v1.image.layer.put", "v1.image.checksum.put")
_endpoints: tuple[Endpoint, ...] = (
    *V1 * 2,
    *(endpoint for endpoint in V1 if endpoint.name in _PUSH),
    *(endpoint for endpoint in V1 if "token" in endpoint.summary),
)
_strategies = {endpoint.name: _to_endpoint(endpoint) for endpoint in V1}
REQUESTS = st.sampled_from(
    (*(_strategies[endpoint.name] for endpoint in _endpoints), *(_anywhere(),) * 6)
).flatmap(lambda chosen: chosen)


def filled(value: Any, fill: Callable[[Open], str]) -> Any:
    """The value with what was left open filled in."""
    if isinstance(value, Open):
        return fill(value)
    if isinstance(value, dict):
        return {key: filled(inner, fill) for key, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner, fill) for inner in value]
    return value


def encoded(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()
