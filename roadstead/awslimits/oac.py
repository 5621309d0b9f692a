"""Origin access control: what CloudFront signs before it goes to the bucket.

Spec: SigV4, service s3. The viewer's Authorization is overwritten ("always").
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from roadstead.awslimits.limits import OacSwitches

UNSIGNED = "UNSIGNED-PAYLOAD"
HASH = "x-amz-content-sha256"


class _Auth(S3SigV4Auth):  # type: ignore[misc]
    """Signs a hash that is given in place of that of a body which has not come yet."""

    def __init__(self, credentials: Credentials, region: str, payload: str) -> None:
        super().__init__(credentials, "s3", region)
        self._payload = payload

    def payload(self, request: Any) -> str:
        return self._payload


def signed(
    method: str,
    url: str,
    headers: Mapping[str, str],
    credentials: tuple[str, str],
    region: str,
    switches: OacSwitches,
) -> dict[str, str]:
    """The headers that are to be sent in place of these, names lower-case.

    ``url`` has the origin's host, the path and the query as they go out.
    """
    amz = {name: value for name, value in headers.items() if name.startswith("x-amz-")}
    payload = headers.get(HASH, UNSIGNED) if switches.takes_hash else UNSIGNED
    own = ("x-amz-cf-id",)
    extra = {n: v for n, v in amz.items() if n != HASH and (switches.signs_amz or n in own)}
    request = AWSRequest(method, url, headers=extra)
    _Auth(Credentials(*credentials), region, payload).add_auth(request)
    kept = {name: value for name, value in headers.items() if name not in (HASH, "authorization")}
    return kept | {name.lower(): value for name, value in request.headers.items()}
