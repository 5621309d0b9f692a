"""The page's endpoints. What makes pages is imported with the first one: no pull waits for it."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module

from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.web.endpoints import BY_NAME, PAGE
from chalicelib.web.messages import Response, json_response
from chalicelib.web.page_frame import ASSETS, asset, asset_url, wants_page
from chalicelib.web.pipeline import Call, Handler, handles, respond

VARY = {"Vary": "Accept"}


@handles("root.health")
def root(call: Call) -> Response:
    """The page for browsers; what it always was for everybody else."""
    if not wants_page(call.request):
        return json_response("Roadstead", headers=VARY)
    answer = respond(call.world, BY_NAME["page.home"], call.request)
    return replace(answer, headers={**answer.headers, **VARY})


@handles(*(endpoint.name for endpoint in PAGE if endpoint.name != "page.asset"))
def page(call: Call) -> Response:
    handler: Handler = import_module("chalicelib.page.answers").answer
    return handler(call)


@handles("page.asset")
def get_asset(call: Call) -> Response:
    wanted = f"/ui/assets/{call.request.params['asset']}"
    for name, media_type in ASSETS.items():
        if asset_url(name) == wanted:
            headers = {"Content-Type": media_type, "Cache-Control": "public, max-age=31536000"}
            return Response(200, headers, asset(name))
    raise RegistryError(ErrorCode.NOT_FOUND, "no such file; it may have changed since")
