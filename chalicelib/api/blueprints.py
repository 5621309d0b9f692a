"""The blueprints, one an API family, made from the table of endpoints.

v1 endpoints are native routes, so that API Gateway itself knows them; v2 and everything unknown
hang on greedy routes. Which function answers an endpoint is bound in the family's module.
"""

from __future__ import annotations

from collections.abc import Callable

from chalice.app import Blueprint
from chalice.app import Response as ChaliceResponse

from chalicelib.api import (
    page,
    uploader,
    v1_files,
    v1_images,
    v1_index,
    v1_tags,
    v1_users,
    v2_base,
    v2_blobs,
    v2_lists,
    v2_manifests,
    v2_teams,
    v2_tokens,
    v2_usage,
    v2_webhooks,
)
from chalicelib.service.world import World
from chalicelib.web.edge import RegistryApp, read_request, to_chalice
from chalicelib.web.endpoints import (
    ALL_METHODS,
    BY_NAME,
    ENDS,
    EXTENSIONS,
    PAGE,
    ROOT,
    TEAMS,
    UPLOADER,
    V1,
    V2,
    Endpoint,
    Family,
    family_of_path,
    match,
    native_paths,
)
from chalicelib.web.front import fronted
from chalicelib.web.hosts import at_host
from chalicelib.web.messages import Request, Response
from chalicelib.web.pipeline import refuse, respond

FAMILIES = (
    page,
    uploader,
    v1_files,
    v1_images,
    v1_index,
    v1_tags,
    v1_users,
    v2_base,
    v2_blobs,
    v2_lists,
    v2_manifests,
    v2_teams,
    v2_tokens,
    v2_usage,
    v2_webhooks,
)
GREEDY = (*V2, *EXTENSIONS, *TEAMS, *ENDS, *UPLOADER)
WorldMaker = Callable[[], World]


def answered(world: World, endpoint: Endpoint, request: Request) -> Response:
    """The answer of an endpoint, in the names of the host that was asked."""
    return at_host(world, endpoint, request, lambda each: respond(world, endpoint, each))


def native_view(
    app: RegistryApp, world: WorldMaker, endpoint: Endpoint
) -> Callable[..., ChaliceResponse]:
    """A Chalice view of one endpoint; its path variables are read from the event."""

    def view(**_: str) -> ChaliceResponse:
        request = with_repository(current(app))

        def answer(request: Request) -> Response:
            return answered(world(), endpoint, request)

        return to_chalice(fronted(world(), request, endpoint.family, answer))

    return view


def with_repository(request: Request) -> Request:
    """Join the two variables of a native route back into the repository's name."""
    params = dict(request.params)
    first, second = params.pop("first", None), params.pop("second", None)
    if first is not None:
        params["repository"] = f"{first}/{second}" if second is not None else first
    return replace_params(request, params)


def replace_params(request: Request, params: dict[str, str]) -> Request:
    return Request(**{**vars(request), "params": params})


def current(app: RegistryApp) -> Request:
    request = app.current_request
    assert request is not None
    return read_request(request)


def greedy_view(
    app: RegistryApp, world: WorldMaker, table: tuple[Endpoint, ...]
) -> Callable[[], ChaliceResponse]:
    """A Chalice view of everything below a greedy route, matched by our own table."""

    def answer(request: Request) -> Response:
        if hides_v2(world, request):
            # In v1's words: docker takes whoever sends v2's version header for a v2 registry,
            # whatever the status, and never falls back.
            return refuse(Family.V1_REGISTRY, ())
        found = match(request.method, request.path, table)
        if found.endpoint is None:
            return refuse(family_of_path(request.path), found.allowed)
        return answered(world(), found.endpoint, replace_params(request, dict(found.params)))

    def view() -> ChaliceResponse:
        request = current(app)
        return to_chalice(fronted(world(), request, family_of_path(request.path), answer))

    return view


def hides_v2(world: WorldMaker, request: Request) -> bool:
    """Whether this is v2 on a host that speaks v1 only: a daemon that finds v2 never tries v1."""
    if request.path != "/v2" and not request.path.startswith("/v2/"):
        return False
    return request.host.partition(":")[0].lower() in world().v1_hosts


def native_blueprint(app: RegistryApp, world: WorldMaker, table: tuple[Endpoint, ...]) -> Blueprint:
    """Native routes for each row and each spelling of its path."""
    blueprint = Blueprint(__name__)
    for endpoint in table:
        view = native_view(app, world, endpoint)
        for path in native_paths(endpoint):
            blueprint.route(
                path,
                methods=list(endpoint.methods),
                name=route_name(endpoint, path),
                content_types=[],
            )(view)
    return blueprint


def route_name(endpoint: Endpoint, path: str) -> str:
    spelling = "_long" if "{second}" in path else ""
    return endpoint.name.replace(".", "_") + spelling


def greedy_blueprint(
    app: RegistryApp, world: WorldMaker, paths: tuple[str, ...], table: tuple[Endpoint, ...]
) -> Blueprint:
    """Greedy routes that take every method, so that refusals are ours and not the gateway's."""
    blueprint = Blueprint(__name__)
    for path in paths:
        blueprint.route(
            path,
            methods=list(ALL_METHODS),
            name="greedy_" + "".join(c for c in path if c.isalnum()),
            content_types=[],
        )(greedy_view(app, world, table))
    return blueprint


def register_all(app: RegistryApp, world: WorldMaker) -> RegistryApp:
    """Put every family on the app. ``world`` is called on the first request, not before."""
    app.register_blueprint(native_blueprint(app, world, (*V1, *ROOT)))
    app.register_blueprint(greedy_blueprint(app, world, ("/v2", "/v2/{proxy+}"), GREEDY))
    app.register_blueprint(greedy_blueprint(app, world, ("/ui", "/ui/{proxy+}"), PAGE))
    app.register_blueprint(greedy_blueprint(app, world, ("/{proxy+}",), tuple(BY_NAME.values())))
    return app
