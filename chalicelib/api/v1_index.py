"""v1 index: ping, repositories, image lists, logins. Spec: Docker Hub and Index API v1."""

from __future__ import annotations

from chalicelib.api.documents import read_json
from chalicelib.domain.errors import ErrorCode
from chalicelib.service import index
from chalicelib.web.messages import Response, json_response
from chalicelib.web.pipeline import Call, handles


@handles("v1.ping", "root.ping")
def ping(call: Call) -> Response:
    # "False": clients use tokens, which name a repository, and not Basic on every request.
    return json_response(True, headers={"X-Docker-Registry-Standalone": "False"})


@handles("root.health")
def health(call: Call) -> Response:
    return json_response("Roadstead")


def grant_headers(call: Call, access: str) -> dict[str, str]:
    """Where to push or pull, and, when it was asked for, the token that allows it."""
    headers = {"X-Docker-Endpoints": call.request.host}
    if call.request.headers.get("x-docker-token"):
        token = index.token(call.world, call.name, access, call.actor.name)
        headers |= {"X-Docker-Token": token, "WWW-Authenticate": token}
    return headers


@handles("v1.repository.put")
def put_repository(call: Call) -> Response:
    document = read_json(call.request.body, ErrorCode.V1_JSON_UNREADABLE)
    index.register(call.world, call.name, index.parse_images(document))
    return json_response("", headers=grant_headers(call, "write"))


@handles("v1.images.put")
def put_images(call: Call) -> Response:
    document = read_json(call.request.body or b"[]", ErrorCode.V1_JSON_UNREADABLE)
    index.merge_images(call.world, call.name, index.parse_images(document))
    return Response(204, grant_headers(call, "write"))


@handles("v1.images.get")
def get_images(call: Call) -> Response:
    listed = index.list_images(call.world, call.name)
    document = [
        {"id": image.image_id, **({"checksum": image.checksum} if image.checksum else {})}
        for image in listed
    ]
    return json_response(document, headers=grant_headers(call, "read"))


@handles("v1.users.get")
def get_users(call: Call) -> Response:
    return json_response("OK")
