"""The verifier of a registry on a person's machine: threads of the process that serves it.

What a stop or a crash cuts off goes on when the upload is closed again, as on AWS.
"""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from threading import Lock, Thread

from chalicelib.ports import PortError
from chalicelib.service import verify
from chalicelib.service.world import World

log = logging.getLogger("roadstead")

# As Lambda's: so that saving and going on is what happens here as well.
RUN_S = 900.0
# Each holds four pieces of 16 MiB.
RUNS_AT_ONCE = 2


class ThreadVerifier:
    """Verifier over a world that has this very verifier; see ``with_verifier``."""

    def __init__(self, *, run_s: float = RUN_S) -> None:
        self._run_s = run_s
        self._lock = Lock()
        self._waiting: dict[tuple[str, str], None] = {}
        self._threads = 0
        self.world: World | None = None

    def ask(self, team: str, upload_id: str) -> None:
        with self._lock:
            self._waiting[team, upload_id] = None
            if self._threads == RUNS_AT_ONCE:
                return
            self._threads += 1
        # A daemon: whoever stops the registry does not wait for gigabytes to be read.
        Thread(target=self._work, name="verifier", daemon=True).start()

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._threads -= 1
                    return
                team, upload_id = next(iter(self._waiting))
                del self._waiting[team, upload_id]
            self._run(team, upload_id)

    def _run(self, team: str, upload_id: str) -> None:
        assert self.world is not None, "with_verifier gives it its world"
        ends_at = time.monotonic() + self._run_s
        try:
            outcome = verify.run(
                self.world, team, upload_id, time_left_s=lambda: ends_at - time.monotonic()
            )
        except PortError as error:
            log.warning("verifier upload=%s cause=%s", upload_id, error)
        except Exception:
            log.exception("verifier upload=%s", upload_id)
        else:
            log.info("verifier upload=%s outcome=%s", upload_id, outcome.name)


def with_verifier(world: World, verifier: ThreadVerifier | None = None) -> World:
    """The same world with a verifier in this process."""
    made = verifier or ThreadVerifier()
    made.world = replace(world, verifier=made)
    return made.world
