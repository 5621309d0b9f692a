"""What a browser sends for an actor: a session's cookie, and the form of an endpoint."""

from __future__ import annotations

from urllib.parse import urlencode

from chalicelib.domain.access import ANONYMOUS
from chalicelib.domain.sessions import form_token, render_session
from chalicelib.service.accounts import actor_of
from chalicelib.service.world import World
from chalicelib.web.credentials import Basic, parse_authorization
from chalicelib.web.endpoints import Endpoint
from chalicelib.web.session import new_session

PASSWORD = "a-long-password"


def in_browser(
    world: World, endpoint: Endpoint, headers: dict[str, str]
) -> tuple[dict[str, str], bytes]:
    """What a browser sends for whoever has this password: a session's cookie, a form of its own.

    The headers themselves go along: they let nobody in here.
    """
    encoded = headers.get("Authorization", "").removeprefix("Basic ")
    login = parse_authorization(f"Basic {encoded}")
    known = isinstance(login, Basic) and login.password == PASSWORD
    account = world.accounts.find_user(login.name) if isinstance(login, Basic) and known else None
    session = new_session(world, actor_of(account) if account else ANONYMOUS)
    key = world.signing_key
    form = {"form_token": form_token(key, session), **FORMS.get(endpoint.name, {})}
    body = urlencode(form).encode() if endpoint.methods == ("POST",) else b""
    return {**headers, "Cookie": f"roadstead={render_session(key, session)}"}, body


FORMS = {
    "page.sign_in.post": {"name": "root", "password": PASSWORD},
    "page.tokens.post": {"label": "x", "names": "alice/*", "actions": "pull"},
    "page.access.post": {"visibility": "public"},
    "page.teams.post": {"name": "fresh"},
    "page.join.post": {"team": "crew", "code": "0"},
    "page.team.post": {"days": "30"},
    "page.members.post": {"user": "olga", "role": "reader"},
    "page.invite.post": {"role": "reader"},
    "page.expiry.post": {"days": "30"},
    "page.tag_expiry.post": {"days": "30"},
    "page.grants.post": {"user": "bob", "access": "read"},
    "page.rules.post": {"of": "tags", "pattern": "v*", "immutable": "on"},
    "page.remove.post": {"name": "another"},
    "page.webhooks.post": {"url": "https://hooks.example.com/", "kind_push": "on"},
    "page.webhook.post": {"act": "ping"},
    "page.team_tokens.post": {"label": "x", "names": "*", "actions": "pull"},
}
