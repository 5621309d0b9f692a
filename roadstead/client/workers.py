"""Threads that the one at the keyboard need not wait for."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager


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
