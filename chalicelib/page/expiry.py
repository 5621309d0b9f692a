"""Pages of ends: when a repository or a tag expires, and another day for it."""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.expiry import parse_expiry
from chalicelib.domain.names import TagName, parse_tag
from chalicelib.page.paper import link, moved, page
from chalicelib.page.repositories import Show, Take, record_of
from chalicelib.page.teams import DAYS, asked_end
from chalicelib.service import ends
from chalicelib.web.messages import Response
from chalicelib.web.pipeline import Call


def show_repository_end(call: Call) -> Response:
    return _ends(call, None, record_of(call).expires_at_s)


def show_tag_end(call: Call) -> Response:
    tag = parse_tag(call.request.params["tag"])
    return _ends(call, tag, ends.tag_end(call.world, call.name, tag))


def _ends(call: Call, tag: TagName | None, expires_at_s: int | None) -> Response:
    return page(call, "expiry.html", tag=tag, expires_at_s=expires_at_s, days=DAYS)


def take_repository_end(call: Call, form: Mapping[str, str]) -> Response:
    ends.set_repository_end(call.world, call.name, _end(call, form))
    return moved(link("page.expiry.get", repository=call.name.shown))


def take_tag_end(call: Call, form: Mapping[str, str]) -> Response:
    tag = parse_tag(call.request.params["tag"])
    ends.set_tag_end(call.world, call.name, tag, _end(call, form))
    return moved(link("page.tag", repository=call.name.shown, tag=tag))


def _end(call: Call, form: Mapping[str, str]) -> int | None:
    if "days" not in form:
        raise RegistryError(ErrorCode.BAD_REQUEST, "the form says no end")
    return parse_expiry(asked_end(form), call.world.clock.now_s())


SHOWS: Mapping[str, Show] = {
    "page.expiry.get": show_repository_end,
    "page.tag_expiry.get": show_tag_end,
}
TAKES: Mapping[str, Take] = {
    "page.expiry.post": take_repository_end,
    "page.tag_expiry.post": take_tag_end,
}
