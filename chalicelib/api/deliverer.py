"""The function that tells webhooks: SQS hands it messages, each a wake.

    {"Records": [{"messageId": "...", "body": "{\\"team\\": ..., \\"repository\\": ...}"}]}

What fails or has no time left comes again alone. What is not understood is passed over.
Spec: AWS Lambda, "Using Lambda with Amazon SQS", partial batch responses.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from chalicelib.ports import PortError
from chalicelib.service.deliver import ATTEMPT_S, Work, handle
from chalicelib.webhook_ports import Wake

log = logging.getLogger("roadstead.webhooks")

# What is left when the last message is done with: enough to answer.
MARGIN_S = 3.0


def deliver(
    work: Work, event: Mapping[str, Any], remaining_ms: Callable[[], int]
) -> dict[str, object]:
    """Handle the messages one after the other, each with its share of the time."""
    failed: list[dict[str, str]] = []
    records = list(event.get("Records", ()))
    for number, record in enumerate(records):
        left_s = remaining_ms() / 1000 - MARGIN_S
        # Of a share that is too short the whole of what is left is taken.
        ends_s = left_s - max(left_s / (len(records) - number), min(ATTEMPT_S * 2, left_s))
        message_id = str(record.get("messageId", ""))
        if left_s < ATTEMPT_S:
            failed.append({"itemIdentifier": message_id})
            continue
        try:
            wake = Wake.parse(record["body"])
        except (ValueError, TypeError, KeyError):
            log.warning("a message cannot be read")
            continue
        try:
            handle(work, wake, lambda: remaining_ms() / 1000 - MARGIN_S - ends_s)  # noqa: B023
        except PortError as error:
            log.warning("webhooks team=%s cause=%s", wake.team, error)
            failed.append({"itemIdentifier": message_id})
    if work.counts:
        log.info("webhooks %s", " ".join(f"{k}={n}" for k, n in sorted(work.counts.items())))
    return {"batchItemFailures": failed}
