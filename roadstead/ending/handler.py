"""The function of infra/end.json: AWS calls it every few minutes from the end on."""

from __future__ import annotations

import os
import time
from typing import Any

from roadstead.ending import aws
from roadstead.ending.cloud import Bound
from roadstead.ending.removal import Run, remove

# What is left of a run's time when no further page is begun: a page takes seconds.
RESERVE_MS = 60_000


def handler(_event: object, context: Any) -> None:
    """One run. What it says goes to its log."""
    bound = Bound.of(os.environ)
    cloud = aws.AwsCloud(bound.region, aws.clients())

    def has_time() -> bool:
        return int(context.get_remaining_time_in_millis()) > RESERVE_MS

    remove(Run(cloud, bound, int(time.time()), has_time, say))


def say(line: str) -> None:
    print(line, flush=True)
