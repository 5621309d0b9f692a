"""A team by its own host: `crew.example.com/v2/app/...` is `crew/app`, as the client never sees.

    *.example.com    the setting: one word in the place of the star is a team's name

Names on their way in are given the team, unless they have it already; on their way out, in headers
and in the documents that tell a name, they lose it. The registry's own host is no team's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

from chalicelib.domain.accounts import RESERVED_NAMES, is_username
from chalicelib.domain.media_types import JSON
from chalicelib.domain.names import LIBRARY
from chalicelib.service.world import World
from chalicelib.web.endpoint import Endpoint
from chalicelib.web.messages import Request, Response

# Documents that tell repositories' names: which words of them, on which endpoints.
NAMING: Mapping[str, str] = {
    "v2.tags": "name",
    "v2.tag.history": "name",
    "v2.catalog": "repositories",
    "v2.token.get": "scope",
    "v2.token.post": "scope",
    "uploader.advance": "location",
}
_LINKED = re.compile(r"<([^>]*)>")
_LAST = re.compile(r"\blast=([^&>]*)")
_NAMED = re.compile(r"repository:([^:\s\",]+)")


def team_of_host(world: World, host: str) -> str | None:
    """The team that a host is named after; None on the registry's own. Costs: 0."""
    name = host.partition(":")[0].lower()
    suffix = world.team_hosts.removeprefix("*")
    own = world.host.partition(":")[0].lower()
    if not suffix or name == own or not name.endswith(suffix):
        return None
    team = name.removesuffix(suffix)
    fits = is_username(team) and "." not in team and team not in RESERVED_NAMES
    return team if fits else None


def at_host(
    world: World, endpoint: Endpoint, request: Request, answer: Callable[[Request], Response]
) -> Response:
    """Answer a request to an endpoint in the names of the host that it came to."""
    team = team_of_host(world, request.host) if world.team_hosts else None
    if team is None:
        return answer(request)
    return outward(team, endpoint, answer(inward(team, endpoint, request)))


def inward(team: str, endpoint: Endpoint, request: Request) -> Request:
    """The request in full names."""
    params, query = dict(request.params), dict(request.query)
    if "repository" in params:
        params["repository"] = _full(team, params["repository"])
    if query.get("from"):
        query["from"] = _full(team, query["from"])
    if endpoint.name == "v2.catalog":
        # The team's own part of all that somebody sees: it begins here, and ends with its name.
        query["last"] = _full(team, query.get("last", ""))
    repeated = {
        name: tuple(_scope(team, value) if name == "scope" else value for value in values)
        for name, values in request.repeated.items()
    }
    body = request.body
    if endpoint.name == "v2.token.post":
        body = _form(team, body)
    return replace(request, params=params, query=query, repeated=repeated, body=body)


def _full(team: str, name: str) -> str:
    if name == team or name.startswith(f"{team}/"):
        return name
    # Old clients write `app` as `library/app` in some of their requests.
    return f"{team}/{name.removeprefix(f'{LIBRARY}/')}"


def _scope(team: str, text: str) -> str:
    return " ".join(_one_scope(team, word) for word in text.split())


def _one_scope(team: str, word: str) -> str:
    kind, _, rest = word.partition(":")
    name, _, actions = rest.rpartition(":")
    is_name = kind.startswith("repository") and name
    return f"{kind}:{_full(team, name)}:{actions}" if is_name else word


def _form(team: str, body: bytes) -> bytes:
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=200)
    except ValueError:
        return body
    return urlencode([(k, _scope(team, v) if k == "scope" else v) for k, v in pairs]).encode()


def outward(team: str, endpoint: Endpoint, response: Response) -> Response:
    """The answer in the names that the client uses."""
    headers = {name: _header(team, name, value) for name, value in response.headers.items()}
    body = response.body
    if endpoint.name in NAMING and response.status < 300 and headers.get("Content-Type") == JSON:
        document = json.loads(body)
        word = NAMING[endpoint.name]
        told = document.get(word)
        document[word] = _told(team, told)
        if isinstance(told, list) and len(document[word]) < len(told):
            # What follows is not the team's any more.
            headers.pop("Link", None)
        body = json.dumps(document, sort_keys=True, ensure_ascii=False).encode()
    return replace(response, headers=headers, body=body)


def _header(team: str, name: str, value: str) -> str:
    kind = name.lower()
    if kind == "location":
        return _path(team, value)
    if kind == "link":
        linked = _LINKED.sub(lambda found: f"<{_path(team, found[1])}>", value)
        return _LAST.sub(lambda found: f"last={_quoted(team, found[1])}", linked)
    if kind == "www-authenticate":
        return _scopes(team, value)
    return value


def _short(team: str, name: str) -> str:
    """A name, or what begins with one, without its team: where it would come back as it is."""
    short = name.removeprefix(f"{team}/")
    return short if _full(team, short) == name else name


def _path(team: str, text: str) -> str:
    # The address of an upload at the edge is not touched: it is signed with its name.
    return f"/v2/{_short(team, text.removeprefix('/v2/'))}" if text.startswith("/v2/") else text


def _quoted(team: str, text: str) -> str:
    return quote(_short(team, unquote(text)), safe="")


def _scopes(team: str, text: str) -> str:
    return _NAMED.sub(lambda found: f"repository:{_short(team, found[1])}", text)


def _told(team: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_short(team, name) for name in value if name.startswith(f"{team}/")]
    return _short(team, _path(team, _scopes(team, str(value))))
