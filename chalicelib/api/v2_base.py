"""v2: the base, the catalog, tags. Spec: OCI Distribution 1.1, end-1, end-8."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlencode

from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.names import LIBRARY
from chalicelib.domain.paging import Page, parse_page
from chalicelib.service import pull
from chalicelib.web.endpoints import url_for
from chalicelib.web.messages import Response, json_response
from chalicelib.web.pipeline import Call, handles


def next_link(path: str, page: Page, last: str) -> dict[str, str]:
    """The Link header to the page after this one. Spec: RFC 5988, as the specification has it."""
    query = urlencode({"n": page.limit, "last": last})
    return {"Link": f'<{path}?{query}>; rel="next"'}


@handles("v2.base")
def base(call: Call) -> Response:
    return json_response({})


@handles("v2.catalog")
def catalog(call: Call) -> Response:
    page = parse_page(call.request.query.get("n"), call.request.query.get("last"))
    if not call.team:
        # With accounts a catalog belongs to a team; which one, the path does not say.
        raise RegistryError(ErrorCode.DENIED, "the catalog is open only without accounts")
    # Names are listed by their full path and shown without `library/`; a client that makes its
    # own `last` of what it saw has only the short one.
    if page.after and "/" not in page.after:
        page = replace(page, after=f"{LIBRARY}/{page.after}")
    listing = call.world.metadata.list_repositories(call.team, page)
    more = listing.more and bool(listing.entries)
    headers = next_link(url_for("v2.catalog"), page, listing.entries[-1].path) if more else {}
    return json_response({"repositories": [name.shown for name in listing.entries]}, 200, headers)


@handles("v2.tags")
def tags(call: Call) -> Response:
    page = parse_page(call.request.query.get("n"), call.request.query.get("last"))
    listing = pull.tags(call.world, call.name, page)
    names = [str(tag.name) for tag in listing.entries]
    path = url_for("v2.tags", repository=call.request.params["repository"])
    headers = next_link(path, page, names[-1]) if listing.more and names else {}
    return json_response({"name": call.request.params["repository"], "tags": names}, 200, headers)
