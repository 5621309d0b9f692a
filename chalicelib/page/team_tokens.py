"""The page of a team's machine tokens: logins for machines, shown once."""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.domain.access import Actor
from chalicelib.domain.errors import RegistryError
from chalicelib.domain.teams import Role
from chalicelib.page.account import days_of, listed_tokens
from chalicelib.page.paper import link, moved
from chalicelib.page.repositories import Show, Take
from chalicelib.page.teams import seen_here, team_page
from chalicelib.service import api_tokens, teams
from chalicelib.web.messages import Response
from chalicelib.web.pipeline import Call


def show_tokens(call: Call) -> Response:
    return _tokens(call)


def _tokens(
    call: Call,
    problem: str = "",
    status: int = 200,
    made: api_tokens.MadeToken | None = None,
    form: Mapping[str, str] | None = None,
) -> Response:
    found = seen_here(call, Role.OWNER)
    listed = listed_tokens(call, Actor(found.team.name))
    values = {**listed, "problem": problem, "made": made, "form": form or {}}
    return team_page(call, "team_tokens.html", found, status, **values)


def take_tokens(call: Call, form: Mapping[str, str]) -> Response:
    """Answered in place: the secret is shown this once and never again."""
    name = call.request.params["team"]
    asked: dict[str, object] = {
        "label": form.get("label", ""),
        "scopes": [
            f"repository:{name}/{pattern}:{form.get('actions', '')}"
            for pattern in form.get("names", "").split()
        ],
        "expires_in_days": days_of(form.get("days", "").strip()),
    }
    try:
        made = teams.make_token(call.world, call.actor, name, asked)
    except RegistryError as error:
        if error.status != 400:
            raise
        return _tokens(call, error.message, 400, form=form)
    return _tokens(call, made=made, status=201)


def take_revoke(call: Call, form: Mapping[str, str]) -> Response:
    name, token_id = call.request.params["team"], call.request.params["token_id"]
    teams.revoke_token(call.world, call.actor, name, token_id)
    return moved(link("page.team_tokens.get", team=name))


SHOWS: Mapping[str, Show] = {"page.team_tokens.get": show_tokens}
TAKES: Mapping[str, Take] = {
    "page.team_tokens.post": take_tokens,
    "page.team_token.revoke": take_revoke,
}
