"""v1 images. Spec: Docker Registry API v1; the order of the checks is docker-registry's."""

from __future__ import annotations

import base64
import json
from email.utils import formatdate

from chalicelib.api.documents import read_object
from chalicelib.api.uploader import number_of, read_report, render_handed, render_urls, text_of
from chalicelib.domain.access import Mode
from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.image import V1Image, check_image_id, check_readable
from chalicelib.domain.media_types import JSON
from chalicelib.domain.ranges import asked_bytes, starts_behind
from chalicelib.service import bridge, images
from chalicelib.trace import count, note
from chalicelib.web.messages import Response, json_response
from chalicelib.web.pipeline import Call, handles

YEAR_S = 31_536_000
# The first that is there counts: the name that clients send, the one that docker-registry's own
# tests send, and the tarsum's, which is all that daemons before 0.10 knew.
CHECKSUM_HEADERS = (
    "x-docker-checksum-payload",
    "x-docker-payload-checksum",
    "x-docker-checksum",
)


def cacheable(call: Call) -> dict[str, str]:
    """Headers of what never changes; caches between us and the client only where all is public."""
    scope = "public" if call.world.mode is Mode.OPEN else "private"
    return {
        "Cache-Control": f"{scope}, max-age={YEAR_S}",
        "Expires": formatdate(call.world.clock.now_s() + YEAR_S, usegmt=True),
        "Last-Modified": "Thu, 01 Jan 1970 00:00:00 GMT",
    }


def image_id_of(call: Call) -> str:
    return call.request.params["image_id"]


def readable(call: Call) -> V1Image:
    """The whole image that the path names; one that v2 pushed is made into one."""
    image_id = image_id_of(call)
    found = images.find(call.world, call.team, image_id, call.listed_in)
    if (
        found is None
        and call.repository is not None
        and bridge.image_of_id(call.world, call.repository, image_id)
    ):
        found = images.find(call.world, call.team, image_id, call.listed_in)
    return check_readable(found)


@handles("v1.image.json.get")
def get_json(call: Call) -> Response:
    image = readable(call)
    if "if-modified-since" in call.request.headers:
        return Response(304, cacheable(call))
    headers = {"Content-Type": JSON, **cacheable(call), **_facts(image)}
    return Response(200, headers, image.raw_json)


def _facts(image: V1Image) -> dict[str, str]:
    facts = {}
    if image.layer:
        facts["X-Docker-Size"] = str(image.layer.size_bytes)
    if image.payload_checksum:
        # docker-registry sends the first name, its own workflow test reads the second.
        facts["X-Docker-Checksum-Payload"] = image.payload_checksum
        facts["X-Docker-Payload-Checksum"] = image.payload_checksum
    return facts


@handles("v1.image.json.put")
def put_json(call: Call) -> Response:
    image_id, raw = image_id_of(call), call.request.body
    images.describe(call.world, call.team, image_id, raw, call.listed_in)
    return json_response(True)


@handles("v1.image.ancestry.get")
def get_ancestry(call: Call) -> Response:
    image = readable(call)
    if "if-modified-since" in call.request.headers:
        return Response(304, cacheable(call))
    headers = {"Content-Type": JSON, **cacheable(call)}
    return Response(200, headers, json.dumps(image.ancestry).encode())


@handles("v1.image.layer.get")
def get_layer(call: Call) -> Response:
    layer = readable(call).layer
    if layer is None:
        raise RegistryError(ErrorCode.V1_IMAGE_UNKNOWN)
    if "if-modified-since" in call.request.headers:
        return Response(304, cacheable(call))
    if starts_behind(call.request.headers.get("range", ""), layer.size_bytes):
        # A client that resumes at the very end wants a 416 without a body; S3's has one.
        return Response(416, {"Content-Range": f"bytes */{layer.size_bytes}"})
    if call.request.method == "GET":
        wanted = call.request.headers.get("range")
        note(bytes_pulled=asked_bytes(wanted, layer.size_bytes))
    # The redirect runs out, so it is not to be cached as the layer behind it may be.
    url = images.layer_url(call.world, layer, call.request.method)
    return Response(302, {"Location": url, "Cache-Control": "no-store"})


@handles("v1.image.layer.put")
def put_layer(call: Call) -> Response:
    image_id, data = image_id_of(call), call.request.body
    images.put_layer(call.world, call.team, image_id, data, call.listed_in)
    count(bytes_pushed=len(data))
    return json_response(True)


@handles("v1.image.checksum.put")
def put_checksum(call: Call) -> Response:
    image_id = check_image_id(image_id_of(call))
    sent = (call.request.headers.get(name) for name in CHECKSUM_HEADERS)
    checksum = next((value.strip() for value in sent if value is not None), None)
    if checksum is None:
        raise RegistryError(ErrorCode.V1_CHECKSUM_HEADER_MISSING)
    if not checksum:
        raise RegistryError(ErrorCode.V1_CHECKSUM_MISSING)
    images.seal(call.world, call.team, image_id, checksum, call.listed_in)
    return json_response(True)


@handles("v1.image.layer.claim")
def claim_layer(call: Call) -> Response:
    claimed = images.claim_layer(call.world, call.team, image_id_of(call), call.listed_in)
    prefix = base64.b64encode(claimed.prefix).decode()
    return json_response({**render_handed(claimed.handed), "payload_prefix": prefix})


@handles("v1.image.layer.parts")
def layer_parts(call: Call) -> Response:
    asked = read_object(call.request.body, ErrorCode.BLOB_UPLOAD_INVALID)
    upload_id, word = text_of(asked, "upload_id"), text_of(asked, "claim")
    first = number_of(asked, "first")
    handed = images.more_parts(call.world, call.team, image_id_of(call), upload_id, word, first)
    return json_response(render_urls(handed))


@handles("v1.image.layer.finish")
def finish_layer(call: Call) -> Response:
    asked = read_object(call.request.body, ErrorCode.BLOB_UPLOAD_INVALID)
    images.finish_layer(
        call.world,
        call.team,
        image_id_of(call),
        text_of(asked, "upload_id"),
        text_of(asked, "claim"),
        read_report(asked),
        str(asked.get("payload_checksum") or ""),
    )
    return json_response(True)
