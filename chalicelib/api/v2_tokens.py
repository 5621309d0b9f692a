"""v2: Bearer tokens and API tokens. Spec: Docker token authentication; API tokens are ours."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import parse_qs

from chalicelib.api.documents import read_object
from chalicelib.domain.access import ANONYMOUS, Actor
from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.records import ApiToken
from chalicelib.domain.scopes import render_limit
from chalicelib.service import api_tokens, tokens
from chalicelib.service.accounts import check_login
from chalicelib.trace import note
from chalicelib.web.messages import Response, json_response
from chalicelib.web.pipeline import Call, handles

NO_STORE = {"Cache-Control": "no-store"}
MAX_FORM_FIELDS = 200


@handles("v2.token.get")
def get_token(call: Call) -> Response:
    if call.actor.grants is not None:
        # A token that could be renewed by itself would never end.
        raise RegistryError(ErrorCode.UNAUTHORIZED, "a token is got with a password or API token")
    offline = call.request.query.get("offline_token") == "true"
    return _issued(call, call.actor, call.request.every("scope"), offline=offline)


@handles("v2.token.post")
def post_token(call: Call) -> Response:
    form = _form(call.request.body)
    grant_type = form.get("grant_type", [""])[-1]
    if grant_type == "password":
        actor = _by_password(call, form)
    elif grant_type == "refresh_token":
        actor = tokens.refreshed(call.world, form.get("refresh_token", [""])[-1])
    else:
        raise RegistryError(
            ErrorCode.BAD_REQUEST, "grant_type must be `password` or `refresh_token`"
        )
    offline = form.get("access_type", [""])[-1] == "offline"
    return _issued(call, actor, form.get("scope", []), offline=offline)


def _form(body: bytes) -> dict[str, list[str]]:
    try:
        return parse_qs(
            body.decode("utf-8"), keep_blank_values=True, max_num_fields=MAX_FORM_FIELDS
        )
    except ValueError:
        raise RegistryError(ErrorCode.BAD_REQUEST, "the body must be a form in UTF-8") from None


def _by_password(call: Call, form: dict[str, list[str]]) -> Actor:
    name, password = form.get("username", [""])[-1], form.get("password", [""])[-1]
    if not name and not password:
        return ANONYMOUS
    actor = check_login(call.world, name, password, call.request.source_ip)
    if actor is None:
        note(wrong_login=1)
        raise RegistryError(ErrorCode.UNAUTHORIZED, "wrong name, password or token")
    return actor


def _issued(call: Call, actor: Actor, scopes: Iterable[str], *, offline: bool) -> Response:
    issued = tokens.issue(call.world, actor, scopes, offline=offline)
    document: dict[str, object] = {
        # The first name is Docker's, the second OAuth's; clients read either.
        "token": issued.text,
        "access_token": issued.text,
        "expires_in": issued.expires_in_s,
        "issued_at": _rfc3339(issued.issued_at_s),
        "scope": issued.scope,
    }
    if issued.refresh is not None:
        document["refresh_token"] = issued.refresh
    return json_response(document, headers=NO_STORE)


@handles("v2.api_tokens.get")
def list_tokens(call: Call) -> Response:
    listed = api_tokens.list_alive(call.world, call.actor)
    return json_response({"tokens": [shown_token(token) for token in listed]}, headers=NO_STORE)


@handles("v2.api_tokens.post")
def make_token(call: Call) -> Response:
    asked = read_object(call.request.body, ErrorCode.BAD_REQUEST)
    made = api_tokens.create(call.world, call.actor, asked)
    headers = {**NO_STORE, "Location": f"/v2/_roadstead/tokens/{made.token.token_id}"}
    return json_response({**shown_token(made.token), "secret": made.secret}, 201, headers)


@handles("v2.api_token.delete")
def revoke_token(call: Call) -> Response:
    api_tokens.revoke(call.world, call.actor, call.request.params["token_id"])
    return Response(204)


def shown_token(token: ApiToken) -> dict[str, object]:
    """A token as a document, without its secret."""
    end_s = token.expires_at_s
    return {
        "id": token.token_id,
        "label": token.label,
        "scopes": [render_limit(limit) for limit in token.limits],
        "created_at": _rfc3339(token.created_at_s),
        "expires_at": None if end_s is None else _rfc3339(end_s),
    }


def _rfc3339(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat().replace("+00:00", "Z")
