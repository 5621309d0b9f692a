"""Pages of one tag's life: what it was pointed to, and its end."""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.names import parse_tag
from chalicelib.domain.paging import Page
from chalicelib.page.paper import link, moved, page
from chalicelib.page.repositories import Show, Take
from chalicelib.service import manifests, tags
from chalicelib.web.messages import Response
from chalicelib.web.pipeline import Call

EVENTS_ON_A_PAGE = 50


def show_history(call: Call) -> Response:
    tag = parse_tag(call.request.params["tag"])
    after = call.request.query.get("after", "")
    listing = tags.history(call.world, call.name, tag, Page(EVENTS_ON_A_PAGE, after))
    last = listing.entries[-1].change.order if listing.more and listing.entries else None
    return page(call, "history.html", tag=tag, events=listing.entries, next_after=last)


def show_delete(call: Call) -> Response:
    tag = parse_tag(call.request.params["tag"])
    found = call.world.metadata.find_tag(call.team, call.name, tag)
    if found is None:
        raise RegistryError(ErrorCode.MANIFEST_UNKNOWN, "there is no such tag")
    return page(call, "delete.html", tag=found)


def take_delete(call: Call, form: Mapping[str, str]) -> Response:
    tag = parse_tag(call.request.params["tag"])
    manifests.delete_tag(call.world, call.actor, call.name, tag, ErrorCode.MANIFEST_UNKNOWN)
    return moved(link("page.repository", repository=call.name.shown))


SHOWS: Mapping[str, Show] = {"page.history": show_history, "page.delete.get": show_delete}
TAKES: Mapping[str, Take] = {"page.delete.post": take_delete}
