"""The meter's function: what AWS hands it becomes log lines, or the hour's measure of storage.

    {"awslogs": {"data": base64(gzip(JSON))}}         lines, by a subscription of the log group
    {"Records": [{"body": "{requestPayload: ...}"}]}  the same again, which could not be counted
    {"source": "aws.events", ...}                     an hour has passed

What is not understood is passed over with a warning: it would not be understood later either.
Spec: Amazon CloudWatch Logs User Guide, "Subscription filters"; AWS Lambda, "Asynchronous
invocation", destinations.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import json
import logging
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

from chalicelib.ports import Clock
from chalicelib.service.meter import Terms, measure_storage, take
from chalicelib.service.wakes import Listeners, look, tell
from chalicelib.usage_ports import UsageStore

log = logging.getLogger("roadstead.meter")
Event = Mapping[str, Any]


def run_meter(
    store: UsageStore, clock: Clock, event: Event, listeners: Listeners | None = None
) -> dict[str, int]:
    """Do what an event asks for, and say how much it was.

    Without ``listeners`` there are no webhooks. What they are told is noted before lines count as
    counted: who dies in between tells once more, and counts once.
    Raises: Unavailable: AWS is to hand over the same event again; nothing is counted twice.
    """
    if event.get("source") == "aws.events":
        if listeners is not None:
            look(listeners, now_s=clock.now_s())
        return {"rows": measure_storage(store, now_s=clock.now_s())}
    lines = [line for batch in batches_of(event) for line in lines_of(batch)]
    if listeners is not None:
        tell(listeners, lines)
    return vars(take(store, lines, now_s=clock.now_s(), terms=Terms()))


def batches_of(event: Event) -> Iterator[Event]:
    """The batches of log lines in an event, each as CloudWatch Logs packs it."""
    if "awslogs" in event:
        try:
            packed = base64.b64decode(event["awslogs"]["data"], validate=True)
            document = json.loads(gzip.decompress(packed))
        except (binascii.Error, OSError, EOFError, zlib.error, ValueError, TypeError, KeyError):
            log.warning("a batch of log lines cannot be read")
            return
        if isinstance(document, dict):
            yield document
        return
    for record in event.get("Records", ()):
        try:
            again = json.loads(record["body"])["requestPayload"]
        except (ValueError, TypeError, KeyError):
            log.warning("a batch that came back cannot be read")
            continue
        if isinstance(again, dict) and "awslogs" in again:
            yield from batches_of(again)


def lines_of(batch: Event) -> Iterator[object]:
    """The lines of a batch, parsed; a message that is not JSON is None."""
    if batch.get("messageType") != "DATA_MESSAGE":
        # CloudWatch Logs asks now and then whether anybody is there.
        return
    for event in batch.get("logEvents", ()):
        try:
            yield json.loads(event["message"])
        except (ValueError, TypeError, KeyError, RecursionError):
            yield None
