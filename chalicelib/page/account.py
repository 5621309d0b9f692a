"""Pages of an account: sign-in and out, API tokens, the password."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from chalicelib.domain import limits
from chalicelib.domain.access import Actor, Mode
from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.scopes import render_limit
from chalicelib.page.paper import link, moved, page, with_headers
from chalicelib.page.repositories import Show, Take
from chalicelib.service import accounts, api_tokens
from chalicelib.trace import note
from chalicelib.web.messages import Response
from chalicelib.web.pipeline import Call
from chalicelib.web.session import cookie, new_session, no_cookie

HOME = "/ui"
# A place on this host: no second slash or backslash, by which a browser would leave it.
_LOCAL = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]{0,1000}", re.ASCII)
_REFUSED = "The name or the password is wrong."


def show_sign_in(call: Call) -> Response:
    _check_accounts(call)
    return _sign_in(call, call.request.query.get("next", ""))


def _check_accounts(call: Call) -> None:
    if call.world.mode is Mode.OPEN:
        raise RegistryError(ErrorCode.UNSUPPORTED, "this registry has no accounts; all is open")


def _sign_in(call: Call, where: str, problem: str = "", status: int = 200) -> Response:
    return page(call, "sign_in.html", status=status, where=local(where), problem=problem)


def local(where: str) -> str:
    """An address on this host, or the home page for anything else."""
    return where if _LOCAL.fullmatch(where) else HOME


def take_sign_in(call: Call, form: Mapping[str, str]) -> Response:
    _check_accounts(call)
    name, where = form.get("name", ""), form.get("next", "")
    try:
        actor = accounts.check_login(
            call.world, name, form.get("password", ""), call.request.source_ip
        )
    except RegistryError as error:
        if error.status != 429:
            raise
        problem = "Too many wrong passwords. Wait before the next try."
        return with_headers(_sign_in(call, where, problem, 429), error.headers)
    # An API token is a machine's; what it may do is narrower than what the page offers.
    if actor is None or actor.limits is not None:
        note(wrong_login=1)
        return _sign_in(call, where, _REFUSED, 403)
    session = new_session(call.world, actor)
    return moved(local(where), {"Set-Cookie": cookie(call.world, call.request, session)})


def take_sign_out(call: Call, form: Mapping[str, str]) -> Response:
    return moved(HOME, {"Set-Cookie": no_cookie(call.request)})


def show_tokens(call: Call) -> Response:
    return _tokens(call)


def _tokens(
    call: Call,
    problem: str = "",
    status: int = 200,
    made: api_tokens.MadeToken | None = None,
    form: Mapping[str, str] | None = None,
) -> Response:
    _check_accounts(call)
    listed = listed_tokens(call, call.actor)
    values = {**listed, "problem": problem, "made": made, "form": form or {}}
    return page(call, "tokens.html", status=status, **values)


def listed_tokens(call: Call, owner: Actor) -> dict[str, Any]:
    """What a page of tokens shows of those that somebody has, or a team. Costs: 1 query."""
    listed = api_tokens.list_alive(call.world, owner)
    rows = [(token, ", ".join(render_limit(limit) for limit in token.limits)) for token in listed]
    return {
        "tokens": rows,
        "max_tokens": limits.MAX_API_TOKENS,
        "max_days": limits.MAX_API_TOKEN_DAYS,
    }


def take_tokens(call: Call, form: Mapping[str, str]) -> Response:
    """The one form that is answered in place: the secret is shown this once and never again."""
    _check_accounts(call)
    words = form.get("actions", "")
    days = form.get("days", "").strip()
    asked: dict[str, object] = {
        "label": form.get("label", ""),
        "scopes": [f"repository:{pattern}:{words}" for pattern in form.get("names", "").split()],
        "expires_in_days": days_of(days),
    }
    try:
        made = api_tokens.create(call.world, call.actor, asked)
    except RegistryError as error:
        if error.status != 400:
            raise
        return _tokens(call, error.message, 400, form=form)
    return _tokens(call, made=made, status=201)


def days_of(text: str) -> object:
    """A number of days; None for no end, and the text itself for what is no number."""
    if not text:
        return None
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text


def take_revoke(call: Call, form: Mapping[str, str]) -> Response:
    _check_accounts(call)
    api_tokens.revoke(call.world, call.actor, call.request.params["token_id"])
    return moved(link("page.tokens.get"))


def show_password(call: Call) -> Response:
    _check_accounts(call)
    return page(call, "password.html", problem="", is_done=False)


def take_password(call: Call, form: Mapping[str, str]) -> Response:
    """The old password is asked for: a browser left alone gives away no account."""
    _check_accounts(call)
    name = call.actor.name or ""
    old, new = form.get("old", ""), form.get("new", "")
    known = accounts.check_login(call.world, name, old, call.request.source_ip)
    problem = "" if known and known.limits is None else "The old password is wrong."
    if not problem and new != form.get("again", ""):
        problem = "The new password stands there in two ways."
    if not problem:
        try:
            accounts.change(call.world, call.actor, name, {"password": new})
        except RegistryError as error:
            if error.status != 400:
                raise
            problem = error.message
    if problem:
        return page(call, "password.html", status=400, problem=problem, is_done=False)
    changed = replace(call.actor, generation=call.actor.generation + 1)
    session = new_session(call.world, changed)
    # Its token is of the new session, and so must be the page's.
    return page(call, "password.html", session=session, problem="", is_done=True)


SHOWS: Mapping[str, Show] = {
    "page.sign_in.get": show_sign_in,
    "page.tokens.get": show_tokens,
    "page.password.get": show_password,
}
TAKES: Mapping[str, Take] = {
    "page.sign_in.post": take_sign_in,
    "page.sign_out": take_sign_out,
    "page.tokens.post": take_tokens,
    "page.token.revoke": take_revoke,
    "page.password.post": take_password,
}
