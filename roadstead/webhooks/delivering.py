"""The deliverer beside `roadstead up`: threads that do what the function does on AWS."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from chalicelib.bootstrap import webhook_work_of
from chalicelib.domain.receivers import Network
from chalicelib.ports import PortError, Unavailable
from chalicelib.service.deliver import Work, handle
from chalicelib.service.wakes import Listeners
from chalicelib.service.world import World
from roadstead.webhooks.queue import LocalQueue

log = logging.getLogger("roadstead.webhooks")

# So that a receiver that hangs holds up no other.
THREADS = 4
LOOK_EVERY_S = 0.5
# Shorter than a taken message's time and a lane's lease.
RUN_S = 45.0
# What has failed so often would fail for ever; the meter's hourly pass wakes what waits.
MAX_TAKEN = 20
# Whoever stops the registry does not wait for receivers: what is cut off comes again.
STOP_S = 2.0
FILE = "webhooks.db"


def work_off(work: Work, queue: LocalQueue, done: threading.Event) -> None:
    """Handle one message after the other until it is done."""
    while not done.is_set():
        try:
            step(work, queue, LOOK_EVERY_S)
        except Unavailable as error:
            log.warning("webhooks: %s", error)
            done.wait(LOOK_EVERY_S)


def step(work: Work, queue: LocalQueue, wait_s: float = 0.0) -> bool:
    """Handle the next message, if there is one. Raises: Unavailable."""
    message = queue.take(wait_s)
    if message is None:
        return False
    ends_at = time.monotonic() + RUN_S
    try:
        handle(work, message.wake, lambda: ends_at - time.monotonic())
    except PortError as error:
        log.warning("webhooks team=%s cause=%s", message.wake.team, error)
        if message.taken < MAX_TAKEN:
            return True
    except Exception:
        log.exception("webhooks team=%s", message.wake.team)
        if message.taken < MAX_TAKEN:
            return True
    queue.delete(message)
    return True


@contextmanager
def queueing(data: Path) -> Iterator[LocalQueue]:
    """The queue of a data folder, for the one process that uses it."""
    queue = LocalQueue(data / FILE)
    try:
        queue.begin_anew()
        yield queue
    finally:
        queue.close()


@contextmanager
def delivering(work: Work, queue: LocalQueue) -> Iterator[None]:
    """Tell webhooks what happens, while the block runs."""
    done = threading.Event()
    threads = [
        threading.Thread(
            target=work_off,
            args=(replace(work, queue=queue), queue, done),
            name=f"webhooks-{number}",
            daemon=True,
        )
        for number in range(THREADS)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        done.set()
        ends_at = time.monotonic() + STOP_S
        for thread in threads:
            thread.join(max(0.0, ends_at - time.monotonic()))


def listeners_of(world: World, queue: LocalQueue) -> Listeners | None:
    """What the meter beside this registry tells webhooks by."""
    return Listeners(world.webhooks, queue) if world.webhooks else None


@contextmanager
def telling(data: Path, world: World, networks: Sequence[Network]) -> Iterator[LocalQueue]:
    """The queue of a registry in this process, whose webhooks are told while the block runs."""
    with queueing(data) as queue, delivering(webhook_work_of(world, queue, networks), queue):
        yield queue
