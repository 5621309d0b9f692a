"""CloudFront's events for functions, and what it takes back from them. Pure.

Spec: CloudFront Functions event structure; Restrictions on all edge functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any

Pairs = list[tuple[str, str]]

# Not shown to functions, and not to be added by them.
HIDDEN = frozenset(
    (
        "connection",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        # Functions see cookies beside the headers; ours neither read nor set any.
        "set-cookie",
        "trailer",
        "upgrade",
        "x-accel-buffering",
        "x-accel-charset",
        "x-accel-limit-rate",
        "x-accel-redirect",
        "x-amzn-auth",
        "x-amzn-cf-billing",
        "x-amzn-cf-id",
        "x-amzn-cf-xff",
        "x-amzn-errortype",
        "x-amzn-fle-profile",
        "x-amzn-header-count",
        "x-amzn-header-order",
        "x-amzn-lambda-integration-tag",
        "x-amzn-requestid",
        "x-cache",
        "x-forwarded-proto",
        "x-real-ip",
    )
)
HIDDEN_PREFIXES = ("x-amz-cf-", "x-edge-")
# Shown, and neither to be added, changed nor taken away.
READ_ONLY_OF_REQUEST = frozenset(("content-length", "host", "transfer-encoding", "via"))
READ_ONLY_OF_ANSWER = frozenset(
    ("content-encoding", "content-length", "transfer-encoding", "warning", "via")
)


class Refused(Exception):
    """What a function returned is not valid; CloudFront answers 502."""


@dataclass(frozen=True)
class Viewed:
    """A request as it is before or after the function; query values still encoded."""

    method: str
    uri: str
    query: Pairs
    headers: Pairs

    @property
    def query_string(self) -> str:
        return "&".join(f"{name}={value}" if value else name for name, value in self.query)


@dataclass(frozen=True)
class Generated:
    """An answer that a function made."""

    status: int
    headers: Pairs
    body: bytes


def is_hidden(name: str) -> bool:
    return name in HIDDEN or name.startswith(HIDDEN_PREFIXES)


def split_query(query: str) -> Pairs:
    """Names and values as they came, nothing decoded."""
    parts = [part.partition("=") for part in query.split("&") if part]
    return [(name, value) for name, _, value in parts]


def grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Values in the event's shape: a repeated name has its first value and all of them."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name not in found:
            found[name] = {"value": value}
        else:
            first = found[name]
            first.setdefault("multiValue", [{"value": first["value"]}]).append({"value": value})
    return found


def flat(values: Mapping[str, Any]) -> Pairs:
    """The reverse. Raises: Refused."""
    pairs: Pairs = []
    for name, held in values.items():
        many = held.get("multiValue") if isinstance(held, dict) else None
        for each in many or [held]:
            if not isinstance(each, dict) or not isinstance(each.get("value"), str):
                raise Refused(f"{name} has no value")
            pairs.append((name, each["value"]))
    return pairs


def request_document(request: Viewed) -> dict[str, Any]:
    shown = [(n, v) for n, v in request.headers if not is_hidden(n) and n != "cookie"]
    return {
        "method": request.method,
        "uri": request.uri,
        "querystring": grouped(request.query),
        "headers": grouped(shown),
        "cookies": _cookies(request.headers),
    }


def _cookies(headers: Pairs) -> dict[str, Any]:
    jar = SimpleCookie()
    for name, value in headers:
        if name == "cookie":
            try:
                jar.load(value)
            except CookieError:
                continue
    return {name: {"value": morsel.value} for name, morsel in jar.items()}


def event_of(kind: str, request: Viewed, ip: str, answer: dict[str, Any] | None) -> dict[str, Any]:
    """A whole event; ``kind`` is viewer-request or viewer-response."""
    event: dict[str, Any] = {
        "version": "1.0",
        "context": {
            "distributionDomainName": "d111111abcdef8.cloudfront.net",
            "distributionId": "EDFDVBD6EXAMPLE",
            "eventType": kind,
            "requestId": "EXAMPLEntjQpEXAMPLE_SG5Z-EXAMPLEPmPfEXAMPLEu3EqEXAMPLE==",
        },
        "viewer": {"ip": ip},
        "request": request_document(request),
    }
    if answer is not None:
        event["response"] = answer
    return event


def read_result(before: Viewed, result: Any) -> Viewed | Generated:
    """What a viewer-request function returned. Raises: Refused."""
    if not isinstance(result, dict):
        raise Refused("the function returned neither a request nor an answer")
    if "statusCode" in result:
        return _generated(result)
    if result.get("method") != before.method:
        raise Refused("a function cannot change the method")
    uri = result.get("uri")
    if not isinstance(uri, str) or not uri.startswith("/"):
        raise Refused("the URI must begin with a slash")
    headers = checked_headers(before.headers, result.get("headers", {}), READ_ONLY_OF_REQUEST)
    cookies = "; ".join(f"{name}={value}" for name, value in flat(result.get("cookies", {})))
    if cookies:
        headers.append(("cookie", cookies))
    return Viewed(before.method, uri, flat(result.get("querystring", {})), headers)


def checked_headers(before: Pairs, after: Mapping[str, Any], read_only: frozenset[str]) -> Pairs:
    """The headers after a function, with those that it was not shown. Raises: Refused."""
    pairs = flat(after)
    for name, value in pairs:
        if name != name.lower():
            raise Refused(f"the header {name} is not in lower case")
        if is_hidden(name):
            raise Refused(f"a function cannot add the header {name}")
        if "\n" in value or "\r" in value:
            raise Refused(f"the header {name} has a line break")
    for name in read_only:
        if [v for n, v in before if n == name] != [v for n, v in pairs if n == name]:
            raise Refused(f"a function cannot change the header {name}")
    return [*pairs, *((name, value) for name, value in before if is_hidden(name))]


def _generated(result: Mapping[str, Any]) -> Generated:
    status = status_of(result["statusCode"])
    body = result.get("body", b"")
    if isinstance(body, dict):
        body = body.get("data", "")
    data = body.encode() if isinstance(body, str) else body
    headers = checked_headers([], result.get("headers", {}), frozenset(("via", "warning")))
    return Generated(status, [(n, v) for n, v in headers if n != "content-length"], data)


def answer_document(status: int, reason: str, headers: Pairs) -> dict[str, Any]:
    """The origin's answer in the event's shape."""
    shown = [(name, value) for name, value in headers if not is_hidden(name)]
    return {
        "statusCode": status,
        "statusDescription": reason,
        "headers": grouped(shown),
        "cookies": {},
    }


def read_answer(headers: Pairs, result: Any) -> tuple[int, Pairs]:
    """Status and headers of what a viewer-response function returned; the body stays.

    Raises: Refused.
    """
    if not isinstance(result, dict):
        raise Refused("the function returned no answer")
    found = checked_headers(headers, result.get("headers", {}), READ_ONLY_OF_ANSWER)
    return status_of(result.get("statusCode")), found


def status_of(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 200 <= value <= 599:
        raise Refused("the status is no number from 200 to 599")
    return value
