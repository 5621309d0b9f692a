"""v1 index: ping, repositories, image lists, logins. Spec: Docker Hub and Index API v1."""

from __future__ import annotations

from chalicelib.api.documents import read_json
from chalicelib.domain.access import Mode
from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.names import LIBRARY
from chalicelib.service import hub, index
from chalicelib.trace import note
from chalicelib.web.messages import Response, json_response
from chalicelib.web.pipeline import Call, handles


@handles("v1.ping", "root.ping")
def ping(call: Call) -> Response:
    # "False": clients use tokens, which name a repository, and not Basic on every request.
    return json_response(True, headers={"X-Docker-Registry-Standalone": "False"})


def grant_headers(call: Call, access: str) -> dict[str, str]:
    """Where to push or pull, and, when it was asked for, the token that allows it.

    Layers may have a front of their own: a stream without end fits into no function.
    A token is given no further token: renewed like that it would never end.
    """
    endpoints = ",".join(call.world.v1_endpoints) or call.request.host
    headers = {"X-Docker-Endpoints": endpoints}
    if call.request.headers.get("x-docker-token") and call.actor.grants is None:
        token = index.token(call.world, call.name, access, call.actor)
        headers |= {"X-Docker-Token": token, "WWW-Authenticate": token}
    return headers


@handles("v1.repository.put")
def put_repository(call: Call) -> Response:
    document = read_json(call.request.body, ErrorCode.V1_JSON_UNREADABLE)
    index.register(call.world, call.actor, call.name, index.parse_images(document))
    return json_response("", headers=grant_headers(call, "write"))


@handles("v1.images.put")
def put_images(call: Call) -> Response:
    document = read_json(call.request.body or b"[]", ErrorCode.V1_JSON_UNREADABLE)
    index.merge_images(call.world, call.actor, call.name, index.parse_images(document))
    note(pushes=1)
    return Response(204, grant_headers(call, "write"))


@handles("v1.images.get")
def get_images(call: Call) -> Response:
    is_counted = call.request.method == "GET"
    listed = index.list_images(call.world, call.name, is_counted=is_counted)
    document = [
        {"id": image.image_id, **({"checksum": image.checksum} if image.checksum else {})}
        for image in listed
    ]
    note(pulls=int(is_counted))
    return json_response(document, headers=grant_headers(call, "read"))


@handles("v1.images.delete")
def delete_images(call: Call) -> Response:
    return Response(204, grant_headers(call, "delete"))


@handles("v1.repository.delete")
def delete_repository(call: Call) -> Response:
    # The Hub's flow has three calls: Basic asks for a delete token (202), the token deletes (200),
    # and Basic with X-Docker-Endpoints says that it is done (200). Without X-Docker-Token there
    # is one call, as scripts make it against a registry of their own.
    headers = call.request.headers
    if call.actor.grants is None and "x-docker-endpoints" in headers:
        return json_response("")
    if call.actor.grants is None and headers.get("x-docker-token"):
        return json_response("", 202, grant_headers(call, "delete"))
    hub.delete(call.world, call.name)
    return json_response(True)


@handles("v1.auth")
def put_auth(call: Call) -> Response:
    if call.world.mode is Mode.OPEN:
        return json_response("OK")
    grants = call.actor.grants
    if grants is None:
        raise RegistryError(ErrorCode.UNAUTHORIZED)
    if not any(grant.repository == call.name and grant.actions for grant in grants):
        raise RegistryError(ErrorCode.DENIED)
    return json_response("OK")


@handles("v1.search")
def get_search(call: Call) -> Response:
    query = call.request.query
    text = query.get("q", "")
    found = hub.find(call.world, call.actor, text, query.get("n"), query.get("page"))
    return json_response(
        {
            "query": text,
            "num_results": found.total,
            "num_pages": found.pages,
            "page": found.page,
            "page_size": found.page_size,
            "results": [
                {
                    "name": entry.name.path,
                    "description": entry.description,
                    "star_count": 0,
                    "is_official": entry.name.namespace == LIBRARY,
                    "is_automated": False,
                    "is_trusted": False,
                }
                for entry in found.entries
            ],
        }
    )
