"""Which function makes which page; a form is checked before any of them sees it."""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.page import (
    account,
    expiry,
    going,
    images,
    manifests,
    repositories,
    rules,
    tags,
    team_tokens,
    teams,
    usage,
    webhooks,
)
from chalicelib.page.forms import read_form
from chalicelib.page.repositories import Show, Take
from chalicelib.web.messages import Response
from chalicelib.web.pipeline import Call

SHOWS: Mapping[str, Show] = {
    **repositories.SHOWS,
    **manifests.SHOWS,
    **tags.SHOWS,
    **images.SHOWS,
    **account.SHOWS,
    **teams.SHOWS,
    **team_tokens.SHOWS,
    **expiry.SHOWS,
    **rules.SHOWS,
    **going.SHOWS,
    **usage.SHOWS,
    **webhooks.SHOWS,
}
TAKES: Mapping[str, Take] = {
    **repositories.TAKES,
    **tags.TAKES,
    **account.TAKES,
    **teams.TAKES,
    **team_tokens.TAKES,
    **expiry.TAKES,
    **rules.TAKES,
    **going.TAKES,
    **webhooks.TAKES,
}


def answer(call: Call) -> Response:
    """The page, or what comes of a form. Raises: RegistryError, as the handlers do."""
    if call.endpoint.methods == ("POST",):
        return TAKES[call.endpoint.name](call, read_form(call))
    return SHOWS[call.endpoint.name](call)
