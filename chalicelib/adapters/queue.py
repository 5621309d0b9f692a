"""The queue of wakes: Amazon SQS, signed with botocore's signer as in ``functions``.

Spec: Amazon SQS API, SendMessageBatch, AWS JSON protocol.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import botocore.session
import urllib3
from urllib3.exceptions import HTTPError

from chalicelib.adapters.aws import shared_session
from chalicelib.adapters.signing import signed_post
from chalicelib.ports import PortError, Unavailable
from chalicelib.webhook_ports import Wake

CONNECT_TIMEOUT_S = 2
READ_TIMEOUT_S = 5
ATTEMPTS = 3
AT_ONCE = 10
MAX_DELAY_S = 900


class SqsQueue:
    """Queue; ``url`` is the queue's, whose host is where it is called."""

    def __init__(
        self, url: str, region: str, *, session: botocore.session.Session | None = None
    ) -> None:
        parts = urlsplit(url)
        self._queue_url, self._endpoint = url, f"{parts.scheme}://{parts.netloc}/"
        self._region = region
        self._session = session or shared_session()
        self._pool = urllib3.PoolManager(
            retries=False,
            timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT_S, read=READ_TIMEOUT_S),
        )

    def send(self, wakes: Sequence[Wake], *, delay_s: int = 0) -> None:
        entries = [
            {
                "Id": str(number),
                "MessageBody": wake.text(),
                "DelaySeconds": min(max(delay_s, 0), MAX_DELAY_S),
            }
            for number, wake in enumerate(wakes)
        ]
        for at in range(0, len(entries), AT_ONCE):
            self._send_all(entries[at : at + AT_ONCE])

    def _send_all(self, entries: Sequence[dict[str, Any]]) -> None:
        left, failure = list(entries), PortError("SQS: not asked")
        for _ in range(ATTEMPTS):
            try:
                refused = self._call("SendMessageBatch", left)
            except Unavailable as error:
                failure = error
                continue
            if not refused:
                return
            if any(each.get("SenderFault") for each in refused.values()):
                raise PortError(f"SQS: {_codes(refused)}")
            left = [each for each in left if each["Id"] in refused]
            failure = Unavailable(f"SQS: {_codes(refused)}")
        raise failure

    def _call(self, operation: str, entries: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Those of the entries that it did not take, by their id."""
        body = json.dumps({"QueueUrl": self._queue_url, "Entries": list(entries)}).encode()
        try:
            answer = self._pool.request(
                "POST",
                self._endpoint,
                body=body,
                headers=self._signed(operation, body),
                redirect=False,
            )
        except HTTPError as error:
            raise Unavailable(f"SQS: {operation}: {type(error).__name__}") from error
        if answer.status != 200:
            busy = answer.status >= 500 or answer.status == 429 or b"hrottl" in answer.data[:1000]
            raise (Unavailable if busy else PortError)(f"SQS: {operation}: {answer.status}")
        try:
            failed = json.loads(answer.data).get("Failed") or ()
            return {each["Id"]: each for each in failed}
        except (ValueError, AttributeError, TypeError, KeyError) as error:
            raise Unavailable(f"SQS: {operation}: an answer that is none") from error

    def _signed(self, operation: str, body: bytes) -> dict[str, str]:
        headers = {
            "content-type": "application/x-amz-json-1.0",
            "x-amz-target": f"AmazonSQS.{operation}",
        }
        return signed_post(self._session, "sqs", self._region, self._endpoint, headers, body)


def _codes(refused: dict[str, Any]) -> str:
    return ", ".join(sorted({str(each.get("Code")) for each in refused.values()}))
