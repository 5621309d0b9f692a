"""Templates become pages here, and hostile text becomes harmless: by escaping and by ``shown``.

Whatever a template prints goes through ``_printed``: no template can forget it. What is marked up
already (a macro's result, ``when``) has gone through it inside.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from chalicelib.domain.access import Action, Decision, Mode
from chalicelib.domain.sessions import Session, form_token
from chalicelib.domain.shown import shown, shown_size
from chalicelib.service.accounts import decided
from chalicelib.web.endpoints import url_for
from chalicelib.web.messages import Response
from chalicelib.web.page_frame import HTML, asset_url
from chalicelib.web.pipeline import Call
from chalicelib.web.session import cookie, new_session, session_of

_FOLDER = Path(__file__).resolve().parent / "templates"

# What can be seen of a repository: endpoint, its name on the page, the action that it needs.
# A part that comes later is a row here, an endpoint and a template.
SECTIONS: tuple[tuple[str, str, Action], ...] = (
    ("page.repository", "Tags", Action.PULL),
    ("page.images", "v1 images", Action.PULL),
    ("page.access.get", "Access", Action.ADMIN),
    ("page.expiry.get", "Expiry", Action.ADMIN),
    ("page.rules.get", "Rules", Action.ADMIN),
    ("page.going", "What would go", Action.ADMIN),
    ("page.repository_webhooks", "Webhooks", Action.ADMIN),
    ("page.remove.get", "Delete", Action.ADMIN),
)


def _printed(value: object) -> object:
    return shown(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def when(at_s: float | None) -> Markup:
    """A moment, to the minute, in UTC; a dash for none."""
    if at_s is None:
        return Markup("\N{EN DASH}")
    moment = datetime.fromtimestamp(at_s, UTC)
    return Markup('<time datetime="{}">{} UTC</time>').format(
        moment.isoformat(timespec="seconds").replace("+00:00", "Z"), f"{moment:%Y-%m-%d %H:%M}"
    )


def short(digest: object) -> str:
    """The beginning of a digest or an image id, as docker shows it."""
    return str(digest).partition(":")[2][:12] or str(digest)[:12]


def link(name: str, query: Mapping[str, object] | None = None, **params: object) -> str:
    """The address of an endpoint, with a query of those values that are not empty."""
    path = url_for(name, **{key: str(value) for key, value in params.items()})
    # The half of a character that JSON can escape is no address of anything.
    asked = {key: str(value) for key, value in (query or {}).items() if value not in (None, "")}
    return f"{path}?{urlencode(asked, errors='replace')}" if asked else path


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_printed,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters |= {"when": when, "size": shown_size, "short": short, "cut": shown}
    environment.globals |= {"link": link, "asset_url": asset_url}
    return environment


class _Forms:
    """The token of a page's forms; whoever has no session is given one with the first form."""

    def __init__(self, call: Call, session: Session | None = None) -> None:
        self._call = call
        known = session or session_of(call.world, call.request)
        self._session = known
        self.fresh: Session | None = session

    def token(self) -> str:
        if self._session is None:
            self._session = self.fresh = new_session(self._call.world)
        return form_token(self._call.world.signing_key, self._session)


def may(call: Call, action: Action) -> bool:
    """Whether to show the way to something. Costs: 0 behind the check that let the actor in."""
    return decided(call.world, call.actor, action, call.repository) is Decision.ALLOW


def page(
    call: Call,
    template: str,
    *,
    status: int = 200,
    session: Session | None = None,
    **values: object,
) -> Response:
    """A page of this template. ``session`` is one that begins with it."""
    forms = _Forms(call, session)
    has_accounts = call.world.mode is Mode.ACCOUNTS
    frame: dict[str, object] = {
        "account": call.actor.name,
        "has_accounts": has_accounts,
        "form_token": forms.token,
        "here": call.endpoint.name,
        "repository": call.repository.shown if call.repository else None,
        "sections": _sections(call),
        "host": call.world.host or call.request.host,
    }
    text = _environment().get_template(template).render({**frame, **values})
    headers = {"Content-Type": HTML}
    if forms.fresh is not None:
        headers["Set-Cookie"] = cookie(call.world, call.request, forms.fresh)
    return Response(status, headers, text.encode())


def _sections(call: Call) -> list[tuple[str, str]]:
    if call.repository is None:
        return []
    return [(name, title) for name, title, action in SECTIONS if may(call, action)]


def moved(location: str, headers: Mapping[str, str] | None = None) -> Response:
    """To another page after a form has been taken: whoever reloads sends nothing twice."""
    return Response(303, {"Location": location, **(headers or {})})


def with_headers(response: Response, headers: Mapping[str, str]) -> Response:
    return replace(response, headers={**response.headers, **headers})


Handler = Callable[[Call], Response]
