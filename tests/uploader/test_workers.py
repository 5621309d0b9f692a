"""Waiting for threads, and being called away from it."""

from __future__ import annotations

import signal
import threading
from concurrent.futures import Future

import pytest

from roadstead.client.workers import settle


def test_a_ctrl_c_that_interrupts_no_wait_is_heard_all_the_same() -> None:
    """As when it comes in the moment before the wait begins: here another thread takes it."""
    never: Future[None] = Future()
    heard = threading.Event()

    def press() -> None:
        # By then the wait has begun; a Ctrl-C that is earlier shows nothing.
        heard.wait(0.3)
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        if not heard.wait(20):
            never.set_result(None)

    pressing = threading.Thread(target=press)
    pressing.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            settle([never])
        assert not never.done(), "it was heard only when the wait was over"
    finally:
        heard.set()
        pressing.join()


def test_the_first_failure_is_raised_while_others_go_on() -> None:
    never: Future[None] = Future()
    failed: Future[None] = Future()
    failed.set_exception(ValueError("one"))
    with pytest.raises(ValueError, match="one"):
        settle([never, failed])
