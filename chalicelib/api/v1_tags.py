"""v1 tags. Spec: Docker Registry API v1, tags."""

from __future__ import annotations

from chalicelib.api.documents import read_json
from chalicelib.domain.errors import ErrorCode
from chalicelib.domain.names import parse_tag
from chalicelib.domain.user_agent import parse_user_agent
from chalicelib.service import index
from chalicelib.web.messages import Response, json_response
from chalicelib.web.pipeline import Call, handles


@handles("v1.tags.get")
def get_tags(call: Call) -> Response:
    return json_response(index.tags(call.world, call.name))


@handles("v1.tag.get")
def get_tag(call: Call) -> Response:
    tag = parse_tag(call.request.params["tag"])
    return json_response(index.tag_image(call.world, call.name, tag))


@handles("v1.tag.put")
def put_tag(call: Call) -> Response:
    tag = parse_tag(call.request.params["tag"])
    image_id = read_json(call.request.body, ErrorCode.V1_DATA_INVALID)
    client = parse_user_agent(call.request.headers.get("user-agent", ""))
    index.put_tag(call.world, call.name, tag, image_id, client)
    return json_response(True)


@handles("v1.tag.delete")
def delete_tag(call: Call) -> Response:
    index.delete_tag(call.world, call.name, parse_tag(call.request.params["tag"]))
    return json_response(True)
