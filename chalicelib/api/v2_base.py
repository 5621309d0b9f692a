"""v2: the base. Spec: OCI Distribution 1.1, end-1."""

from __future__ import annotations

from chalicelib.web.messages import Response, json_response
from chalicelib.web.pipeline import Call, handles


@handles("v2.base")
def base(call: Call) -> Response:
    return json_response({})
