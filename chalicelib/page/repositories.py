"""Pages of repositories: the list with its search, one with its tags, and who may see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from chalicelib.domain.access import Action
from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.manifest import Manifest
from chalicelib.domain.media_types import MANIFEST_SHAPES, Shape
from chalicelib.domain.paging import Page
from chalicelib.domain.records import Repository, StoredManifest, Tag
from chalicelib.domain.search import MAX_DESCRIPTION_CHARS
from chalicelib.page.paper import link, may, moved, page
from chalicelib.service import accounts, browse, hub
from chalicelib.service.documents import parsed
from chalicelib.web.messages import Response
from chalicelib.web.pipeline import Call

Show = Callable[[Call], Response]
Take = Callable[[Call, Mapping[str, str]], Response]

TAGS_ON_A_PAGE = 25
MAX_QUERY_CHARS = 200
_PLACES = {
    browse.OWN: "Your own",
    browse.SHARED: "Shared with you",
    browse.PUBLIC: "Public",
    browse.ALL: "All",
}


def show_home(call: Call) -> Response:
    asked = call.request.query
    query = asked.get("q", "")[:MAX_QUERY_CHARS]
    shelf = browse.look(call.world, call.actor, asked.get("in", ""), query, asked.get("after", ""))
    known = browse.places(call.world, call.actor)
    return page(
        call,
        "home.html",
        places=[(place, _PLACES[place]) for place in known],
        query=query,
        shelf=shelf,
    )


def record_of(call: Call) -> Repository:
    """The repository's record. Raises: RegistryError(NAME_UNKNOWN).

    Costs: 1 read; 0 where it has decided that the actor may come in.
    """
    team = call.world.team_of(call.name)
    standing = call.world.accounts.find_standing(team, call.name, call.actor.name)
    if standing.repository is None:
        raise RegistryError(ErrorCode.NAME_UNKNOWN)
    return standing.repository


@dataclass(frozen=True)
class TagLine:
    """A tag in a list; what cannot be told without another read is None."""

    tag: Tag
    kind: str
    size_bytes: int | None
    platforms: tuple[str, ...]


def show_repository(call: Call) -> Response:
    record = record_of(call)
    after = call.request.query.get("after", "")
    listing = call.world.metadata.list_tags_whole(call.team, call.name, Page(TAGS_ON_A_PAGE, after))
    lines = [_line(call, tag) for tag in listing.entries]
    return page(
        call,
        "repository.html",
        record=record,
        lines=lines,
        after=after,
        next_after=lines[-1].tag.name if listing.more and lines else None,
        may_delete=may(call, Action.DELETE),
    )


def _line(call: Call, tag: Tag) -> TagLine:
    stored = tag.manifest
    if stored is None:
        platform = "/".join(filter(None, (tag.client.get("os"), tag.client.get("arch"))))
        return TagLine(tag, "v1 image", None, (platform,) if platform else ())
    if stored.raw is None:
        # Its bytes are an object: one more call for each, which a list does not spend.
        return TagLine(tag, kind_of(stored), None, ())
    manifest = parsed(call.world, stored)
    platforms = tuple(dict.fromkeys(c.platform for c in manifest.children if c.platform))
    return TagLine(tag, kind_of(stored), size_of(manifest), platforms)


def kind_of(stored: StoredManifest) -> str:
    """What a manifest is, in a word; of an artifact its own type."""
    if MANIFEST_SHAPES[stored.media_type] is Shape.INDEX:
        return "index"
    is_image = (stored.artifact_type or "").endswith((".image.config.v1+json", ".image.v1+json"))
    return "image" if is_image else stored.artifact_type or "artifact"


def size_of(manifest: Manifest) -> int | None:
    """What a pull of an image brings, each blob once; of an index that depends on the platform."""
    if MANIFEST_SHAPES[manifest.media_type] is Shape.INDEX:
        return None
    return sum(blob.size_bytes for blob in manifest.required_blobs)


def show_access(call: Call) -> Response:
    return _access(call)


def _access(call: Call, problem: str = "", status: int = 200) -> Response:
    record = record_of(call)
    grants = accounts.grants(call.world, call.name)
    return page(
        call,
        "access.html",
        status=status,
        record=record,
        grants=grants,
        owner=call.name.namespace,
        problem=problem,
        max_description=MAX_DESCRIPTION_CHARS,
    )


def take_access(call: Call, form: Mapping[str, str]) -> Response:
    asked: dict[str, object] = {
        "access": form.get("visibility"),
        "description": form.get("description", ""),
    }
    hub.change_properties(call.world, call.name, asked)
    return moved(link("page.access.get", repository=call.name.shown))


def take_grant(call: Call, form: Mapping[str, str]) -> Response:
    user, access = form.get("user", ""), form.get("access", "")
    try:
        if access == "none":
            accounts.withdraw(call.world, call.name, user)
        else:
            accounts.grant(call.world, call.name, user, access)
    except RegistryError as error:
        if error.status not in (400, 404):
            raise
        return _access(call, error.message, error.status)
    return moved(link("page.access.get", repository=call.name.shown))


SHOWS: Mapping[str, Show] = {
    "page.home": show_home,
    "page.repository": show_repository,
    "page.access.get": show_access,
}
TAKES: Mapping[str, Take] = {
    "page.access.post": take_access,
    "page.grants.post": take_grant,
}
