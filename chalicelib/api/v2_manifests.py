"""v2: manifests. Spec: OCI Distribution 1.1, end-3, end-7."""

from __future__ import annotations

from chalicelib.domain.names import parse_reference
from chalicelib.service import manifests
from chalicelib.web.endpoints import url_for
from chalicelib.web.messages import Response
from chalicelib.web.pipeline import Call, handles


@handles("v2.manifest.get")
def get_manifest(call: Call) -> Response:
    reference = parse_reference(call.request.params["reference"])
    served = manifests.pull(call.world, call.name, reference)
    digest = str(served.digest)
    headers = {
        "Content-Type": served.media_type,
        "Docker-Content-Digest": digest,
        "ETag": f'"{digest}"',
    }
    if _has_already(call, f'"{digest}"'):
        return Response(304, headers)
    return Response(200, headers, served.raw)


def _has_already(call: Call, etag: str) -> bool:
    # RFC 9110, 13.1.2: a list of tags, weak ones alike, perhaps over several headers; or a star.
    known = ",".join(call.request.headers.every("if-none-match"))
    return known.strip() == "*" or etag in known


@handles("v2.manifest.put")
def put_manifest(call: Call) -> Response:
    reference = parse_reference(call.request.params["reference"])
    content_type = call.request.headers.get("content-type")
    pushed = manifests.push(call.world, call.name, reference, call.request.body, content_type)
    repository, digest = call.request.params["repository"], str(pushed.digest)
    headers = {
        "Location": url_for("v2.manifest.get", repository=repository, reference=digest),
        "Docker-Content-Digest": digest,
    }
    if pushed.subject:
        headers["OCI-Subject"] = str(pushed.subject.digest)
    return Response(201, headers)


@handles("v2.manifest.delete")
def delete_manifest(call: Call) -> Response:
    manifests.delete(call.world, call.name, parse_reference(call.request.params["reference"]))
    return Response(202)
