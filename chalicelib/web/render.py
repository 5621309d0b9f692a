"""Errors in the shape that each family's clients read; nothing else renders an error.

v2, uploader    {"errors": [{"code", "message", "detail"}]}
v1 registry     {"error": "text"}         strings only: old clients decode a map of strings
v1 index        {"error": "text"}
page            a page of HTML: people read it
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.media_types import JSON
from chalicelib.web.challenge import BASIC_CHALLENGE, CHALLENGES
from chalicelib.web.endpoint import Family
from chalicelib.web.messages import Response
from chalicelib.web.page_frame import PAGE_HEADERS, error_page

REGISTRY_VERSION = "0.9.1"

# What 429 and 503 say unless its raiser knows better: nobody waits for long behind a registry.
RETRY_AFTER_S = "2"

V1_FAMILIES = frozenset({Family.V1_REGISTRY, Family.V1_INDEX})

# On every answer of the family, errors included.
FAMILY_HEADERS: Mapping[Family, Mapping[str, str]] = {
    Family.V2: {
        "Docker-Distribution-Api-Version": "registry/2.0",
        "X-Content-Type-Options": "nosniff",
    },
    Family.UPLOADER: {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"},
    # Clients before 1.0 refuse a registry that does not name its version.
    Family.V1_REGISTRY: {"X-Docker-Registry-Version": REGISTRY_VERSION},
    Family.V1_INDEX: {"X-Docker-Registry-Version": REGISTRY_VERSION},
    Family.ROOT: {"X-Docker-Registry-Version": REGISTRY_VERSION},
    Family.PAGE: PAGE_HEADERS,
}

# What v1 says where the shared rules raise a v2 row.
V1_TRANSLATIONS: Mapping[ErrorCode, ErrorCode] = {
    ErrorCode.UNAUTHORIZED: ErrorCode.V1_UNAUTHORIZED,
    ErrorCode.DENIED: ErrorCode.V1_DENIED,
    ErrorCode.NAME_INVALID: ErrorCode.V1_REPOSITORY_INVALID,
    ErrorCode.NAME_UNKNOWN: ErrorCode.V1_REPOSITORY_UNKNOWN,
    ErrorCode.TAG_INVALID: ErrorCode.V1_TAG_INVALID,
    ErrorCode.TOOMANYREQUESTS: ErrorCode.V1_TOO_MANY_FAILURES,
}


def render_error(family: Family, error: RegistryError, challenge: str | None = None) -> Response:
    """The answer to a refusal, with its challenge when it is a 401."""
    if family is Family.PAGE:
        return error_page(error)
    headers = {"Content-Type": JSON, **FAMILY_HEADERS[family], **error.headers}
    status = error.status
    if family in V1_FAMILIES:
        translated = V1_TRANSLATIONS.get(error.code)
        message = translated.value.message if translated else error.message
        if translated:
            status = translated.status
        document: object = {"error": message}
    else:
        document = {
            "errors": [_item(entry.code, entry.message, entry.detail) for entry in error.items]
        }
    if status in (429, 503):
        headers.setdefault("Retry-After", RETRY_AFTER_S)
    if status == 401:
        headers["WWW-Authenticate"] = challenge or CHALLENGES.get(family, BASIC_CHALLENGE)
    return Response(status, headers, json.dumps(document).encode())


def _item(code: ErrorCode, message: str, detail: Mapping[str, object] | None) -> dict[str, object]:
    item: dict[str, object] = {"code": code.value.code, "message": message}
    if detail is not None:
        item["detail"] = dict(detail)
    return item
