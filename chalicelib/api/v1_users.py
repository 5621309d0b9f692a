"""v1 accounts and grants. Spec: Docker Hub API v1, users; grants are ours."""

from __future__ import annotations

import json

from chalicelib.api.documents import read_object
from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.media_types import JSON
from chalicelib.service import accounts
from chalicelib.web.messages import Response, json_response
from chalicelib.web.pipeline import Call, handles


@handles("v1.users.get")
def get_users(call: Call) -> Response:
    return json_response("OK")


@handles("v1.users.post")
def post_users(call: Call) -> Response:
    asked = read_object(call.request.body, ErrorCode.V1_JSON_UNREADABLE)
    try:
        accounts.sign_up(call.world, asked)
    except RegistryError as error:
        if error.code is not ErrorCode.V1_ACCOUNT_EXISTS:
            raise
        # Clients up to 1.10 compare this very body, a JSON string and nothing else, and log in.
        return Response(400, {"Content-Type": JSON}, json.dumps(error.message).encode())
    return json_response("User Created", 201)


@handles("v1.user.put")
def put_user(call: Call) -> Response:
    asked = read_object(call.request.body, ErrorCode.V1_JSON_UNREADABLE)
    accounts.change(call.world, call.actor, call.request.params["username"], asked)
    return Response(204)


@handles("v1.grants.get")
def get_grants(call: Call) -> Response:
    listed = accounts.grants(call.world, call.name)
    return json_response({grant.user: grant.access for grant in listed})


@handles("v1.grant.put")
def put_grant(call: Call) -> Response:
    asked = read_object(call.request.body, ErrorCode.V1_DATA_INVALID)
    user = call.request.params["username"]
    accounts.grant(call.world, call.name, user, asked.get("access"))
    return json_response(True)


@handles("v1.grant.delete")
def delete_grant(call: Call) -> Response:
    accounts.withdraw(call.world, call.name, call.request.params["username"])
    return json_response(True)
