"""Bodies that are JSON documents, read once and checked."""

from __future__ import annotations

import json

from chalicelib.domain.errors import ErrorCode, RegistryError


def read_json(body: bytes, code: ErrorCode) -> object:
    """The document of a body. Raises: RegistryError(code) when it is none.

    JSON can escape half a character; no store takes it and no answer could say it again.
    """
    try:
        document = json.loads(body.decode("utf-8"))
        if b"\\u" in body:
            json.dumps(document, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError):
        raise RegistryError(code) from None
    return document


def read_object(body: bytes, code: ErrorCode) -> dict[str, object]:
    """The object of a body; an empty body is an empty object. Raises: RegistryError(code)."""
    document = read_json(body, code) if body.strip() else {}
    if not isinstance(document, dict):
        raise RegistryError(code)
    return document
