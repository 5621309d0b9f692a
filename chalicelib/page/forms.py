"""Forms: read once, and only if they were sent from a page of this session."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.sessions import is_form_token
from chalicelib.web.pipeline import Call
from chalicelib.web.session import is_from_here, session_of

MAX_FORM_BYTES = 64 * 1024
MAX_FIELDS = 50
TOKEN_FIELD = "form_token"  # noqa: S105 - a field's name


def read_form(call: Call) -> Mapping[str, str]:
    """The fields of a form that this session's page has sent; each stands in it once.

    Raises: RegistryError(FORM_REFUSED): sent from elsewhere, or with no token of this session;
        RegistryError(BAD_REQUEST, SIZE_EXCEEDED). Costs: 0.
    """
    session = session_of(call.world, call.request)
    if session is None or not is_from_here(call.request):
        raise RegistryError(ErrorCode.FORM_REFUSED)
    if len(call.request.body) > MAX_FORM_BYTES:
        raise RegistryError(ErrorCode.SIZE_EXCEEDED)
    fields = _fields(call.request.body)
    if not is_form_token(call.world.signing_key, session, fields.get(TOKEN_FIELD, "")):
        raise RegistryError(ErrorCode.FORM_REFUSED)
    return fields


def _fields(body: bytes) -> dict[str, str]:
    try:
        listed = parse_qsl(
            body.decode("utf-8"),
            keep_blank_values=True,
            max_num_fields=MAX_FIELDS,
            errors="strict",
        )
    except ValueError:
        raise RegistryError(ErrorCode.BAD_REQUEST, "the form must be in UTF-8") from None
    fields = dict(listed)
    if len(fields) != len(listed):
        raise RegistryError(ErrorCode.BAD_REQUEST, "a field stands twice in the form")
    return fields
