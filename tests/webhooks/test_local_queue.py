"""The queue in the data folder: nothing is lost by a kill, and what nobody ended comes again."""

from __future__ import annotations

import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from chalicelib.ports import Unavailable
from chalicelib.webhook_ports import Wake
from roadstead.webhooks.queue import VISIBILITY_S, LocalQueue

ONE, TWO = Wake("acme", "acme/app"), Wake("acme", "acme/app", "h", 5)


class Hand:
    def __init__(self) -> None:
        self.at_s = 1_800_000_000.0

    def __call__(self) -> float:
        return self.at_s


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def queue(tmp_path: Path, hand: Hand) -> LocalQueue:
    return LocalQueue(tmp_path / "webhooks.db", now_s=hand)


def test_what_is_sent_is_taken_once_and_is_gone_when_it_is_deleted(
    queue: LocalQueue, hand: Hand
) -> None:
    queue.send([ONE, TWO])
    first, second = queue.take(), queue.take()
    assert first is not None
    assert second is not None
    assert (first.wake, second.wake) == (ONE, TWO)
    assert queue.take() is None
    queue.delete(first)
    hand.at_s += VISIBILITY_S
    again = queue.take()
    assert again is not None
    assert (again.wake, again.number, again.taken) == (TWO, second.number, 2)
    assert queue.take() is None


def test_what_is_delayed_comes_when_its_time_has_come(queue: LocalQueue, hand: Hand) -> None:
    queue.send([ONE], delay_s=10)
    queue.send([TWO])
    message = queue.take()
    assert message is not None
    assert message.wake == TWO
    assert queue.take() is None
    hand.at_s += 10
    message = queue.take()
    assert message is not None
    assert message.wake == ONE


def test_the_next_process_finds_what_the_last_one_had(
    queue: LocalQueue, hand: Hand, tmp_path: Path
) -> None:
    queue.send([ONE])
    queue.send([TWO], delay_s=60)
    assert queue.take() is not None
    queue.close()
    after = LocalQueue(tmp_path / "webhooks.db", now_s=hand)
    assert after.take() is None
    after.begin_anew()
    message = after.take()
    assert message is not None
    assert (message.wake, message.taken) == (ONE, 2)
    assert after.take() is None, "what was delayed stays so"
    after.close()


KILLED = """
import os, signal, sys
from pathlib import Path
from chalicelib.webhook_ports import Wake
from roadstead.webhooks.queue import LocalQueue
queue = LocalQueue(Path(sys.argv[1]))
for number in range(1000):
    queue.send([Wake("acme", str(number))])
    print(number, flush=True)
    if number == 20:
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_kill_loses_no_message(tmp_path: Path) -> None:
    path = tmp_path / "webhooks.db"
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert len(done.stdout.split()) == 21
    queue, found = LocalQueue(path), []
    while (message := queue.take()) is not None:
        found.append(message.wake.repository)
    queue.close()
    assert found == [str(number) for number in range(21)]


def test_nobody_else_may_read_it(queue: LocalQueue, tmp_path: Path) -> None:
    queue.send([ONE])
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_a_message_that_nobody_understands_is_passed_over(queue: LocalQueue) -> None:
    queue._connection.execute("INSERT INTO messages (body, due_s) VALUES ('x', 0)")
    queue.send([ONE])
    message = queue.take()
    assert message is not None
    assert message.wake == ONE


def test_a_queue_that_is_closed_is_unavailable(queue: LocalQueue) -> None:
    queue.send([ONE])
    queue.close()
    with pytest.raises(Unavailable):
        queue.send([ONE])
    with pytest.raises(Unavailable):
        queue.take()
