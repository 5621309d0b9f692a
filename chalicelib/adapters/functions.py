"""Calls of our own other functions: asynchronous invocations, signed with botocore's signer.

No botocore client: one call needs no model of Lambda's whole API, in the zip and in a cold start.
Spec: AWS Lambda API, Invoke, 2015-03-31.
"""

from __future__ import annotations

import json
from urllib.parse import quote

import botocore.session
import urllib3
from urllib3.exceptions import HTTPError

from chalicelib.adapters.aws import shared_session
from chalicelib.adapters.signing import signed_post
from chalicelib.ports import PortError, Unavailable

CONNECT_TIMEOUT_S = 2
READ_TIMEOUT_S = 5
ATTEMPTS = 2
ACCEPTED = 202


class FunctionVerifier:
    """Verifier as a function of AWS Lambda; the event is ``{"team", "upload_id"}``."""

    def __init__(
        self,
        function: str,
        region: str,
        endpoint_url: str | None = None,
        *,
        session: botocore.session.Session | None = None,
    ) -> None:
        suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        endpoint = endpoint_url or f"https://lambda.{region}.{suffix}"
        self._url = f"{endpoint}/2015-03-31/functions/{quote(function, safe='')}/invocations"
        self._region = region
        self._session = session or shared_session()
        self._pool = urllib3.PoolManager(
            retries=False,
            timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT_S, read=READ_TIMEOUT_S),
        )

    def ask(self, team: str, upload_id: str) -> None:
        self._send("Invoke", json.dumps({"team": team, "upload_id": upload_id}).encode())

    def _send(self, operation: str, body: bytes) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                answer = self._pool.request(
                    "POST", self._url, body=body, headers=self._signed(body), redirect=False
                )
            except HTTPError as error:
                failure: PortError = Unavailable(f"Lambda: {operation}: {type(error).__name__}")
            else:
                if answer.status == ACCEPTED:
                    return
                busy = answer.status >= 500 or answer.status == 429
                failure = (Unavailable if busy else PortError)(
                    f"Lambda: {operation}: {answer.status}"
                )
                if not busy:
                    break
            if attempt == ATTEMPTS:
                break
        raise failure

    def _signed(self, body: bytes) -> dict[str, str]:
        headers = {"content-type": "application/json", "x-amz-invocation-type": "Event"}
        return signed_post(self._session, "lambda", self._region, self._url, headers, body)
