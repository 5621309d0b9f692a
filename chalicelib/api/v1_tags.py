"""v1 tags. Spec: Docker Registry API v1, tags."""

from __future__ import annotations

from chalicelib.api.documents import read_json, read_object
from chalicelib.domain.errors import ErrorCode
from chalicelib.domain.expiry import asked_end
from chalicelib.domain.names import TagName, parse_tag
from chalicelib.domain.user_agent import parse_user_agent
from chalicelib.service import hub, index, manifests
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
    end = asked_end(call.request.every("expires"), call.world.clock.now_s())
    index.put_tag(call.world, call.actor, call.name, tag, image_id, client, end)
    return json_response(True)


@handles("v1.tag.json")
def get_tag_json(call: Call) -> Response:
    tag = parse_tag(call.request.params["tag"])
    return json_response(index.tag_facts(call.world, call.name, tag))


@handles("v1.repository.json")
def get_repository_json(call: Call) -> Response:
    return json_response(index.tag_facts(call.world, call.name, TagName("latest")))


@handles("v1.properties.get")
def get_properties(call: Call) -> Response:
    record = hub.properties(call.world, call.name)
    shown = {"access": hub.PUBLIC if record.is_public else hub.PRIVATE}
    if record.description:
        shown["description"] = record.description
    return json_response(shown)


@handles("v1.properties.put")
def put_properties(call: Call) -> Response:
    asked = read_object(call.request.body, ErrorCode.V1_DATA_INVALID)
    hub.change_properties(call.world, call.name, asked)
    return json_response(True)


@handles("v1.tags.delete")
def delete_tags(call: Call) -> Response:
    hub.delete(call.world, call.name)
    return json_response(True)


@handles("v1.tag.delete")
def delete_tag(call: Call) -> Response:
    tag = parse_tag(call.request.params["tag"])
    manifests.delete_tag(call.world, call.actor, call.name, tag, ErrorCode.V1_TAG_UNKNOWN)
    return json_response(True)
