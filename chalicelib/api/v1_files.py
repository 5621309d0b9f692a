"""What is in a v1 image. Spec: docker-registry 0.9.1, ``/files`` and ``/diff``."""

from __future__ import annotations

from collections.abc import Callable

from chalicelib.api.v1_images import cacheable, readable
from chalicelib.domain import limits
from chalicelib.domain.image import V1Image
from chalicelib.domain.media_types import JSON
from chalicelib.service import files
from chalicelib.service.world import World
from chalicelib.web.messages import Response
from chalicelib.web.pipeline import Call, handles


@handles("v1.image.files.get")
def get_files(call: Call) -> Response:
    return _answered(call, files.files)


@handles("v1.image.diff.get")
def get_diff(call: Call) -> Response:
    return _answered(call, files.diff)


def _answered(call: Call, compute: Callable[[World, str, V1Image], files.Answer]) -> Response:
    image = readable(call)
    if "if-modified-since" in call.request.headers:
        return Response(304, cacheable(call))
    answer = compute(call.world, call.team, image)
    if len(answer.body) > limits.MAX_INLINE_BODY_BYTES:
        # More than Lambda can say. The redirect runs out, so it is not to be cached.
        url = files.answer_url(call.world, answer, call.request.method)
        return Response(302, {"Location": url, "Cache-Control": "no-store"})
    return Response(200, {"Content-Type": JSON, **cacheable(call)}, answer.body)
