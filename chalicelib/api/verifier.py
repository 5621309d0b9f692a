"""The verifier's own function: one run for each event ``{"team", "upload_id"}``."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from chalicelib.service import verify
from chalicelib.service.world import World

log = logging.getLogger("roadstead")


class FunctionContext(Protocol):
    """What Lambda passes beside an event."""

    def get_remaining_time_in_millis(self) -> int: ...


def verifier_of(
    world: Callable[[], World],
) -> Callable[[Mapping[str, Any], FunctionContext], dict[str, str]]:
    """The function around a world.

    Raises: Unavailable: Lambda calls it again, twice, and later whoever closes the upload does.
    """

    def run(event: Mapping[str, Any], context: FunctionContext) -> dict[str, str]:
        def time_left_s() -> float:
            return context.get_remaining_time_in_millis() / 1000

        team, upload_id = str(event["team"]), str(event["upload_id"])
        outcome = verify.run(world(), team, upload_id, time_left_s=time_left_s)
        log.info("verifier upload=%s outcome=%s", upload_id, outcome.name)
        return {"outcome": outcome.name}

    return run
