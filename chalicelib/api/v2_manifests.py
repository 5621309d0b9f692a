"""v2: manifests. Spec: OCI Distribution 1.1, end-3, end-7, end-9."""

from __future__ import annotations

from collections.abc import Sequence

from chalicelib.domain.expiry import asked_end
from chalicelib.domain.names import parse_reference, parse_tag
from chalicelib.domain.negotiate import parse_accept
from chalicelib.service import manifests
from chalicelib.trace import count, note
from chalicelib.web.endpoints import url_for
from chalicelib.web.messages import Response
from chalicelib.web.pipeline import Call, handles


@handles("v2.manifest.get")
def get_manifest(call: Call) -> Response:
    reference = parse_reference(call.request.params["reference"])
    accepted = parse_accept(call.request.headers.every("accept"))
    is_counted = call.request.method != "HEAD"
    served = manifests.pull(call.world, call.name, reference, accepted, is_counted=is_counted)
    digest = str(served.digest)
    note(pulls=int(call.request.method == "GET"))
    headers = {
        "Content-Type": served.media_type,
        "Docker-Content-Digest": digest,
        "ETag": f'"{digest}"',
        **warning_headers(served.warnings),
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
    request, content_type = call.request, call.request.headers.get("content-type")
    more_tags = [parse_tag(text) for text in request.every("tag")]
    end = asked_end(request.every("expires"), call.world.clock.now_s())
    pushed = manifests.push(
        call.world,
        call.actor,
        call.name,
        reference,
        request.body,
        content_type,
        more_tags,
        end=end,
    )
    # The tag is a push's last step; parts of an index go by their digests.
    count(pushes=int(bool(pushed.tags)), bytes_pushed=len(request.body))
    repository, digest = request.params["repository"], str(pushed.manifest.digest)
    headers = {
        "Location": url_for("v2.manifest.get", repository=repository, reference=digest),
        "Docker-Content-Digest": digest,
        **warning_headers(pushed.warnings),
    }
    if pushed.manifest.subject:
        headers["OCI-Subject"] = str(pushed.manifest.subject.digest)
    if more_tags:
        headers["OCI-Tag"] = ", ".join(str(tag) for tag in pushed.tags)
    return Response(201, headers)


def warning_headers(sentences: Sequence[str]) -> dict[str, str]:
    """Sentences that clients show to people. Spec: OCI Distribution 1.1, "Warnings"; RFC 7234."""
    texts = [f'299 - "{sentence}"' for sentence in sentences]
    return {"Warning": ", ".join(texts)} if texts else {}


@handles("v2.manifest.delete")
def delete_manifest(call: Call) -> Response:
    reference = parse_reference(call.request.params["reference"])
    left = manifests.delete(call.world, call.actor, call.name, reference)
    return Response(202, warning_headers(left))
