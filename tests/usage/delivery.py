"""Log lines on their way to the meter, as CloudWatch Logs hands them over, and worse."""

from __future__ import annotations

import base64
import gzip
import json
import random
from collections.abc import Iterator, Sequence
from typing import Any

from chalicelib.usage_ports import UsageStore


def packed(lines: Sequence[str]) -> dict[str, Any]:
    """An event of a subscription, with these lines in it."""
    document = {
        "messageType": "DATA_MESSAGE",
        "owner": "123456789012",
        "logGroup": "/roadstead/dev/api",
        "logStream": "2026/11/24/[1]abc",
        "subscriptionFilters": ["requests"],
        "logEvents": [
            {"id": f"{at:056d}", "timestamp": 1, "message": line} for at, line in enumerate(lines)
        ],
    }
    data = gzip.compress(json.dumps(document).encode())
    return {"awslogs": {"data": base64.b64encode(data).decode()}}


def came_back(event: dict[str, Any]) -> dict[str, Any]:
    """The same event as the queue of those that failed has it."""
    return {"Records": [{"body": json.dumps({"version": "1.0", "requestPayload": event})}]}


def deliveries(lines: Sequence[str], chance: random.Random) -> Iterator[dict[str, Any]]:
    """Every line twice at least: whole, in other cuts, out of order, and some by the queue."""
    batches: list[Sequence[str]] = []
    for most in (3, 7):
        at = 0
        while at < len(lines):
            size = chance.randint(1, most)
            batches.append(lines[at : at + size])
            at += size
    batches += chance.sample(batches, len(batches) // 3)
    chance.shuffle(batches)
    for batch in batches:
        event = packed(batch)
        yield came_back(event) if chance.random() < 0.2 else event


class Killed(BaseException):
    """The function's process ends here; no code of it runs any more."""


class Mortal:
    """A store under which the process is killed at its n-th call: before it, or right after it."""

    def __init__(self, store: UsageStore, at: int, *, after: bool) -> None:
        self._store, self._left, self._after = store, at, after
        self.died = False

    def __getattr__(self, name: str) -> Any:
        verb = getattr(self._store, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            self._left -= 1
            if self._left == 0 and not self._after:
                self.died = True
                raise Killed
            answer = verb(*args, **kwargs)
            if self._left == 0:
                self.died = True
                raise Killed
            return answer

        return call
