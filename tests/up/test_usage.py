"""The meter beside `roadstead up`: what was answered is counted once, whoever is killed."""

from __future__ import annotations

import hashlib
import http.client
import json
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.up.test_up import Up, up

R = "acme/app"
BLOB = b"a layer" * 100
DIGEST = "sha256:" + hashlib.sha256(BLOB).hexdigest()
PATIENCE_S = 60


def ask(connection: http.client.HTTPConnection, method: str, url: str, body: bytes = b"") -> int:
    connection.request(method, url, body or None)
    answer = connection.getresponse()
    answer.read()
    return answer.status


class Crowd:
    """Clients that pull until the registry is gone; ``answered`` is how many answers they had."""

    def __init__(self, port: int) -> None:
        self._port, self._lock = port, threading.Lock()
        self.answered = 0
        self._threads = [threading.Thread(target=self._pull, daemon=True) for _ in range(4)]
        for thread in self._threads:
            thread.start()

    def _pull(self) -> None:
        connection = http.client.HTTPConnection("localhost", self._port, timeout=30)
        try:
            while ask(connection, "GET", f"/v2/{R}/blobs/{DIGEST}") == 307:
                with self._lock:
                    self.answered += 1
        except (OSError, http.client.HTTPException):
            return

    def wait_for(self, answers: int) -> None:
        while self.answered < answers:
            time.sleep(0.01)

    def join(self) -> int:
        for thread in self._threads:
            thread.join()
        return self.answered


def row_of(running: Up) -> dict[str, Any]:
    """What has been counted for the repository so far."""
    connection = http.client.HTTPConnection("localhost", running.port, timeout=30)
    connection.request("GET", "/v2/_roadstead/usage?by=repository&from=2026-01-01")
    document = json.loads(connection.getresponse().read())
    connection.close()
    return next((row for row in document["rows"] if row["repository"] == R), {})


def settled(running: Up, downloads: int) -> dict[str, Any]:
    """The counts once the spool is empty, or so many are there."""
    end = time.monotonic() + PATIENCE_S
    row = row_of(running)
    while row.get("downloads", 0) < downloads and time.monotonic() < end:
        time.sleep(0.2)
        row = row_of(running)
    return row


@pytest.mark.timeout(600)
def test_what_was_answered_is_counted_once_through_kills(tmp_path: Path) -> None:
    least, at_most = 0, 0
    for life in range(3):
        with up(tmp_path / "data") as running:
            if life == 0:
                connection = http.client.HTTPConnection("localhost", running.port, timeout=30)
                url = f"/v2/{R}/blobs/uploads/?digest={DIGEST}"
                assert ask(connection, "POST", url, BLOB) == 201
                connection.close()
            crowd = Crowd(running.port)
            # Some seconds of it, so that the meter is at work when it is killed.
            crowd.wait_for(300 * (life + 1))
            running.end(signal.SIGKILL)
            least += crowd.join()
            # Each of four clients may have had an answer on its way when the process ended.
            at_most = least + 4 * (life + 1)
    with up(tmp_path / "data") as running:
        row = settled(running, least)
        assert least <= row["downloads"] <= at_most
        assert row["bytes_pulled"] == row["downloads"] * len(BLOB)
        assert (row["bytes_pushed"], row["bytes_in"]) == (len(BLOB), len(BLOB))
        before = row["downloads"]
    with up(tmp_path / "data") as running:
        assert settled(running, before)["downloads"] == before
        assert row_of(running)["linked_byte_hours"] % len(BLOB) == 0
        # Files whose lines are counted go; this process is writing one of its own.
        end = time.monotonic() + PATIENCE_S
        while len(list((tmp_path / "data" / "usage").iterdir())) > 1:
            assert time.monotonic() < end
            time.sleep(0.2)


def test_a_clean_stop_leaves_nothing_uncounted(tmp_path: Path) -> None:
    with up(tmp_path / "data") as running:
        connection = http.client.HTTPConnection("localhost", running.port, timeout=30)
        url = f"/v2/{R}/blobs/uploads/"
        assert [ask(connection, "POST", url) for _ in range(5)] == [202] * 5
        connection.close()
        running.end(signal.SIGINT)
    with up(tmp_path / "data") as running:
        assert row_of(running)["requests"] == 5


def test_without_the_log_option_no_request_is_said(tmp_path: Path) -> None:
    with up(tmp_path / "data") as running:
        connection = http.client.HTTPConnection("localhost", running.port, timeout=30)
        assert ask(connection, "GET", "/v2/") == 200
        connection.close()
        running.process.send_signal(signal.SIGINT)
        said, _ = running.process.communicate(timeout=60)
    assert '"kind"' not in said
