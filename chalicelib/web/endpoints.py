"""The table of endpoints: routing, URLs, access, error shapes and documentation come from it.

v1 and Hub paths become native Chalice routes. There ``{repository}`` stands for both spellings,
``(repo)`` and ``(namespace)/(repo)``, and becomes two routes; API Gateway takes one variable
child a level, hence the fixed variable names in ``native_paths``.

v2 names hold any number of slashes, so v2 hangs on one greedy route and is matched here, each
pattern anchored at its right end, with ``{repository}`` taking what is left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from chalicelib.web.endpoint import Carries, Endpoint, Family
from chalicelib.web.rows_page import PAGE
from chalicelib.web.rows_v1 import ROOT, V1
from chalicelib.web.rows_v2 import ENDS, EXTENSIONS, TEAMS, UPLOADER, V2

ENDPOINTS: tuple[Endpoint, ...] = (*V2, *EXTENSIONS, *TEAMS, *ENDS, *UPLOADER, *V1, *ROOT, *PAGE)
BY_NAME: Mapping[str, Endpoint] = {endpoint.name: endpoint for endpoint in ENDPOINTS}

ALL_METHODS = ("GET", "HEAD", "PUT", "POST", "PATCH", "DELETE")


@dataclass(frozen=True)
class Match:
    """What a method and a path came to; with no endpoint, ``allowed`` tells 405 from 404."""

    endpoint: Endpoint | None
    params: Mapping[str, str]
    allowed: tuple[str, ...] = ()


def match(method: str, path: str, table: tuple[Endpoint, ...] = ENDPOINTS) -> Match:
    """Find the endpoint of a decoded path; one slash at its end does not count.

    Where several fit, as `.../a/images` could be the repository `a/images`, the one that leaves
    the least to the repository is meant: a literal goes before a variable, as in API Gateway.
    """
    trimmed = path[:-1] if path.endswith("/") and path != "/" else path
    fitting: list[Match] = []
    allowed: list[str] = []
    for endpoint in table:
        found = endpoint.pattern.fullmatch(trimmed)
        if not found:
            continue
        if method in endpoint.methods:
            fitting.append(Match(endpoint, found.groupdict()))
        allowed.extend(endpoint.methods)
    if fitting:
        return min(fitting, key=lambda each: len(each.params.get("repository", "")))
    return Match(None, {}, tuple(dict.fromkeys(allowed)))


def url_for(name: str, **params: str) -> str:
    """The path of an endpoint, relative to the host, percent-encoded."""
    values = {
        key: quote(value, safe="/:" if key == "repository" else ":")
        for key, value in params.items()
    }
    path = BY_NAME[name].path.format(**values)
    return f"{path}/" if name in ("v2.base", "v2.upload.start") else path


def native_paths(endpoint: Endpoint) -> tuple[str, ...]:
    """The Chalice routes of a v1 endpoint: two where a repository has two spellings."""
    if "{repository}" not in endpoint.path:
        return (endpoint.path,)
    return (
        endpoint.path.replace("{repository}", "{first}"),
        endpoint.path.replace("{repository}", "{first}/{second}"),
    )


def family_of_path(path: str) -> Family:
    """Whose shape an answer takes when no endpoint matched."""
    beginnings = {"v1": Family.V1_REGISTRY, "ui": Family.PAGE}
    return beginnings.get(path.removeprefix("/").partition("/")[0], Family.V2)


__all__ = [
    "ALL_METHODS",
    "BY_NAME",
    "ENDPOINTS",
    "ENDS",
    "EXTENSIONS",
    "PAGE",
    "ROOT",
    "TEAMS",
    "UPLOADER",
    "V1",
    "V2",
    "Carries",
    "Endpoint",
    "Family",
    "Match",
    "family_of_path",
    "match",
    "native_paths",
    "url_for",
]
