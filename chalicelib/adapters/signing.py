"""Requests to AWS that are sent without a client of botocore's, signed with its signer.

Spec: AWS General Reference, "Signature Version 4".
"""

from __future__ import annotations

from collections.abc import Mapping

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from chalicelib.ports import Unavailable

# As people write the services that are called so.
_TITLES = {"lambda": "Lambda", "sqs": "SQS"}


def signed_post(
    session: botocore.session.Session,
    service: str,
    region: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
) -> dict[str, str]:
    """The headers of a POST with its signature. Raises: Unavailable: there are no credentials."""
    credentials = session.get_credentials()
    if credentials is None:
        raise Unavailable(f"{_TITLES[service]}: no AWS credentials")
    request = AWSRequest("POST", url, dict(headers), body)
    SigV4Auth(credentials.get_frozen_credentials(), service, region).add_auth(request)
    return dict(request.headers.items())
