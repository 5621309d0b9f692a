"""Pages of what goes: what the collector would remove, and a repository with all it holds."""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.page.paper import link, moved, page
from chalicelib.page.repositories import Show, Take, record_of
from chalicelib.service import hub, preview
from chalicelib.web.messages import Response
from chalicelib.web.pipeline import Call

THINGS_ON_A_PAGE = 200


def show_going(call: Call) -> Response:
    record = record_of(call)
    found = preview.going_of(call.world, record)
    return page(
        call,
        "going.html",
        record=record,
        found=found,
        things=found.things[:THINGS_ON_A_PAGE],
        suspects=found.suspects[:THINGS_ON_A_PAGE],
        limit=THINGS_ON_A_PAGE,
    )


def show_remove(call: Call) -> Response:
    return _remove(call)


def _remove(call: Call, problem: str = "", status: int = 200) -> Response:
    return page(call, "remove.html", status=status, record=record_of(call), problem=problem)


def take_remove(call: Call, form: Mapping[str, str]) -> Response:
    """Its name has to be typed: a button alone is pressed too easily."""
    if form.get("name", "").strip() != call.name.shown:
        return _remove(call, f"Type {call.name.shown} to delete it.", 400)
    try:
        hub.delete(call.world, call.actor, call.name)
    except RegistryError as error:
        if error.code is ErrorCode.V1_REPOSITORY_UNKNOWN:
            raise RegistryError(ErrorCode.NAME_UNKNOWN) from None
        if error.code is not ErrorCode.TAG_PROTECTED:
            raise
        return _remove(call, error.message, error.status)
    return moved(link("page.home"))


SHOWS: Mapping[str, Show] = {"page.going": show_going, "page.remove.get": show_remove}
TAKES: Mapping[str, Take] = {"page.remove.post": take_remove}
