"""Pages of webhooks: who is told of what, what they answered, and forms to change that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.domain import limits
from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.paging import Page
from chalicelib.domain.signatures import show_secret
from chalicelib.domain.webhooks import Outcome, Webhook
from chalicelib.page.paper import link, moved, page
from chalicelib.page.repositories import Show, Take
from chalicelib.page.teams import OWNERS_SECTIONS, SECTIONS
from chalicelib.service import webhooks
from chalicelib.web.messages import Response
from chalicelib.web.pipeline import Call

DELIVERIES_ON_A_PAGE = 25
# What a form's mistakes are answered with on the page itself.
_IN_PLACE = (400, 403, 404, 409)


def _team(call: Call) -> str:
    return call.request.params["team"]


def _page(call: Call, template: str, team: str, status: int = 200, **values: Any) -> Response:
    # A user's own namespace has no pages but those of its repositories.
    sections = () if team == call.actor.name else (*SECTIONS, *OWNERS_SECTIONS)
    return page(call, template, status=status, team=team, team_sections=sections, **values)


# --- lists ------------------------------------------------------------------------------------


def show_webhooks(call: Call) -> Response:
    return _webhooks(call, _team(call))


def show_of_repository(call: Call) -> Response:
    """Those that hear of this repository, the team's own included."""
    return _webhooks(call, call.name.namespace, call.name.path)


def _webhooks(
    call: Call,
    team: str,
    only: str | None = None,
    *,
    problem: str = "",
    status: int = 200,
    form: Mapping[str, str] | None = None,
    made: Webhook | None = None,
) -> Response:
    found: Sequence[Webhook] = webhooks.list_all(call.world, call.actor, team)
    if only is not None:
        found = [hook for hook in found if hook.repository in (None, only)]
    return _page(
        call,
        "webhooks.html",
        team,
        status,
        webhooks=found,
        only=only,
        problem=problem,
        form=form or {},
        kinds=[kind.value for kind in webhooks.KINDS],
        made=made,
        secret=show_secret(made.secret) if made else "",
        max_label=limits.MAX_WEBHOOK_LABEL_CHARS,
        is_own=team == call.actor.name,
    )


def take_webhooks(call: Call, form: Mapping[str, str]) -> Response:
    """Answered in place: the secret is shown this once."""
    team = _team(call)
    asked: dict[str, object] = {
        "url": form.get("url", "").strip(),
        "label": form.get("label", "").strip(),
        "kinds": [kind.value for kind in webhooks.KINDS if f"kind_{kind.value}" in form],
    }
    if repository := form.get("repository", "").strip():
        asked["repository"] = repository
    try:
        made = webhooks.create(call.world, call.actor, team, asked)
    except RegistryError as error:
        if error.status not in _IN_PLACE:
            raise
        return _webhooks(call, team, problem=error.message, status=error.status, form=form)
    return _webhooks(call, team, status=201, made=made)


# --- one --------------------------------------------------------------------------------------


def show_webhook(call: Call) -> Response:
    return _webhook(call)


def _webhook(call: Call, problem: str = "", status: int = 200) -> Response:
    team, hook_id = _team(call), call.request.params["hook_id"]
    wanted = Page(DELIVERIES_ON_A_PAGE, call.request.query.get("after", ""))
    shown = webhooks.show(call.world, call.actor, team, hook_id, wanted)
    listed = shown.deliveries
    last = listed.entries[-1].event.order if listed.more and listed.entries else None
    return _page(
        call,
        "webhook.html",
        team,
        status,
        hook=shown.hook,
        kinds=sorted(kind.value for kind in shown.hook.kinds),
        deliveries=listed.entries,
        pending=Outcome.PENDING,
        next_after=last,
        problem=problem,
    )


def take_webhook(call: Call, form: Mapping[str, str]) -> Response:
    team, hook_id, act = _team(call), call.request.params["hook_id"], form.get("act", "")
    given = call.world, call.actor, team, hook_id
    try:
        if act == "delete":
            webhooks.delete(*given)
            return moved(link("page.webhooks.get", team=team))
        if act in ("pause", "resume"):
            webhooks.change(*given, {"paused": act == "pause"})
        elif act == "ping":
            webhooks.ping(*given)
        elif act == "repeat":
            webhooks.repeat(*given, form.get("event", ""))
        else:
            raise RegistryError(ErrorCode.BAD_REQUEST, "the form does not say what to do")
    except RegistryError as error:
        if error.status != 400:
            raise
        return _webhook(call, error.message, 400)
    return moved(link("page.webhook.get", team=team, hook_id=hook_id))


SHOWS: Mapping[str, Show] = {
    "page.webhooks.get": show_webhooks,
    "page.repository_webhooks": show_of_repository,
    "page.webhook.get": show_webhook,
}
TAKES: Mapping[str, Take] = {
    "page.webhooks.post": take_webhooks,
    "page.webhook.post": take_webhook,
}
