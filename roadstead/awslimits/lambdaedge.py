"""Lambda@Edge's event at origin response, and what CloudFront takes back from it. Pure.

Spec: Lambda@Edge event structure; Restrictions on all edge functions; Update HTTP responses in
origin response triggers. The origin's body is never shown; one that is given replaces it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from roadstead.awslimits.edgeevents import Pairs, Refused, Viewed, is_hidden, status_of

# At origin response; a function that adds, changes or drops one is 502.
READ_ONLY = ("transfer-encoding", "via")


@dataclass(frozen=True)
class Sent:
    """The request as it went to the origin, after the viewer-request function."""

    request: Viewed
    ip: str
    origin: str
    is_bucket: bool


def event_of(sent: Sent, status: int, reason: str, headers: Pairs) -> dict[str, Any]:
    """A whole event."""
    request = sent.request
    kind = "s3" if sent.is_bucket else "custom"
    return {
        "Records": [
            {
                "cf": {
                    "config": {
                        "distributionDomainName": "d111111abcdef8.cloudfront.net",
                        "distributionId": "EDFDVBD6EXAMPLE",
                        "eventType": "origin-response",
                        "requestId": "EXAMPLEntjQpEXAMPLE_SG5Z-EXAMPLEPmPfEXAMPLEu3EqEXAMPLE==",
                    },
                    "request": {
                        "clientIp": sent.ip,
                        "method": request.method,
                        "uri": request.uri,
                        "querystring": request.query_string,
                        "headers": keyed(request.headers),
                        "origin": {kind: {"domainName": f"{sent.origin}.example"}},
                    },
                    "response": {
                        "status": str(status),
                        "statusDescription": reason,
                        "headers": keyed(headers),
                    },
                }
            }
        ]
    }


def keyed(pairs: Pairs) -> dict[str, list[dict[str, str]]]:
    """Headers in the event's shape: lower-case names, and each value with the name as it came."""
    found: dict[str, list[dict[str, str]]] = {}
    for name, value in pairs:
        if not is_hidden(name):
            found.setdefault(name.lower(), []).append({"key": name, "value": value})
    return found


def read_answer(before: Pairs, result: Any, limit_bytes: int) -> tuple[int, Pairs, bytes | None]:
    """Status, headers, and the body; None where the origin's stays. Raises: Refused."""
    if not isinstance(result, dict) or "status" not in result:
        raise Refused("Lambda@Edge returned no answer")
    headers = _headers(before, result.get("headers") or {})
    body = _body(result) if "body" in result else None
    size_bytes = len(body or b"") + sum(len(name) + len(value) + 4 for name, value in headers)
    if size_bytes > limit_bytes:
        raise Refused(f"Lambda@Edge's answer has {size_bytes} bytes of at most {limit_bytes}")
    if body is not None:
        # CloudFront counts the new body by itself.
        headers = [(name, value) for name, value in headers if name != "content-length"]
    return _status(result["status"]), headers, body


def _status(value: Any) -> int:
    """Documented as a string; a number is taken too."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return status_of(int(value))
    return status_of(value)


def _headers(before: Pairs, given: Mapping[str, Any]) -> Pairs:
    pairs: Pairs = []
    for name, values in given.items():
        if name != name.lower():
            raise Refused(f"the header {name} is not in lower case")
        if is_hidden(name):
            raise Refused(f"Lambda@Edge cannot add the header {name}")
        for each in values if isinstance(values, list) else [values]:
            value = each.get("value") if isinstance(each, dict) else None
            key = each.get("key", name) if isinstance(each, dict) else None
            if not isinstance(value, str) or "\n" in value or "\r" in value:
                raise Refused(f"the header {name} has no value, or one with a line break")
            if not isinstance(key, str) or key.lower() != name:
                raise Refused(f"the header {name} has the key {key}")
            pairs.append((name, value))
    for name in READ_ONLY:
        if [v for n, v in before if n == name] != [v for n, v in pairs if n == name]:
            raise Refused(f"Lambda@Edge cannot change the header {name}")
    return [*pairs, *((name, value) for name, value in before if is_hidden(name))]


def _body(result: Mapping[str, Any]) -> bytes:
    body, encoding = result["body"], result.get("bodyEncoding", "text")
    if not isinstance(body, str) or encoding not in ("text", "base64"):
        raise Refused("the body is no text, or its encoding neither text nor base64")
    if encoding == "text":
        return body.encode()
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as error:
        raise Refused("the body is no base64") from error
