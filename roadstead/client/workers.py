"""Threads that the one at the keyboard need not wait for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager

TURN_S = 0.5


def settle(tasks: Iterable[Future[None]]) -> None:
    """Wait for all; the first failure is raised as soon as it is there.

    In turns: a Ctrl-C that comes in the moment before a wait begins interrupts no wait, and is
    heard only when Python runs again.
    """
    left = set(tasks)
    while left:
        done, left = wait(left, timeout=TURN_S, return_when=FIRST_EXCEPTION)
        for task in done:
            task.result()


@contextmanager
def working(number: int, name: str) -> Iterator[ThreadPoolExecutor]:
    """So many threads; what is under way comes to its end, and what has not begun never does.

    After Ctrl-C nobody waits for them: a registry that does not answer may take minutes.
    """
    workers, waits = ThreadPoolExecutor(number, thread_name_prefix=name), True
    try:
        yield workers
    except KeyboardInterrupt:
        waits = False
        raise
    finally:
        workers.shutdown(wait=waits, cancel_futures=True)
