"""Webhooks of `roadstead up`: real pushes, a real receiver, and kills of the registry."""

from __future__ import annotations

import base64
import json
import signal
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from chalicelib.domain.signatures import read_secret, sign
from tests.clients.images import Shelf
from tests.clients.registry import Registry
from tests.clients.skopeo import Skopeo
from tests.up.test_up import ROOT, Up, command, up

NAME, PASSWORD, TEAM = "anna", "anna-has-a-password", "crew"
REPOSITORIES = ("crew/app", "crew/tool")
PUSHES = 6
PATIENCE_S = 120
OPTIONS = ("--auth", "on", "--webhook-networks", "127.0.0.0/8")


class Receiver:
    """Takes what it is sent when it is in the mood: every seventh time it says 503, or nothing."""

    def __init__(self) -> None:
        self.seen: list[tuple[dict[str, str], bytes, int]] = []
        self.attempts = 0
        self._lock = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                status = receiver.take(dict(self.headers.items()), body)
                if status == 0:
                    return
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook?key=word"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def take(self, headers: dict[str, str], body: bytes) -> int:
        with self._lock:
            self.attempts += 1
            status = (503, 0)[self.attempts % 2] if self.attempts % 7 == 3 else 200
            lowered = {name.lower(): value for name, value in headers.items()}
            self.seen.append((lowered, body, status))
            return status

    def events(self) -> dict[str, dict[str, Any]]:
        """What it has taken, by id, in the order in which it was taken first."""
        with self._lock:
            taken = [each for each in self.seen if each[2] == 200]
        return {headers["webhook-id"]: json.loads(body) for headers, body, _ in taken}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()
    try:
        yield receiver
    finally:
        receiver.close()


def ask(running: Up, method: str, path: str, asked: object = None) -> Any:
    login = base64.b64encode(f"{NAME}:{PASSWORD}".encode()).decode()
    data = None if asked is None else json.dumps(asked).encode()
    headers = {"Authorization": f"Basic {login}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{running.url}{path}", data, headers, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read() or b"null")


def wait_until(what: str, holds: Any) -> None:
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.1)


@pytest.mark.timeout(600)
def test_every_push_is_told_in_order_through_kills(tmp_path: Path) -> None:
    data, hooks = tmp_path / "data", f"/v2/_roadstead/teams/{TEAM}/webhooks"
    subprocess.run(
        command("admin", "create", NAME, "--password-stdin", "--data", str(data)),
        cwd=ROOT,
        input=PASSWORD,
        text=True,
        check=True,
        capture_output=True,
    )
    image = Shelf(tmp_path / "images")["five"]
    with receiving() as receiver:
        hook: dict[str, Any] = {}
        pushed: list[tuple[str, str]] = []
        for life in range(3):
            with up(data, *OPTIONS) as running:
                if life == 0:
                    ask(running, "POST", "/v2/_roadstead/teams", {"name": TEAM})
                    hook = ask(running, "POST", hooks, {"url": receiver.url, "kinds": ["push"]})
                registry = Registry(f"localhost:{running.port}", running.url, NAME, PASSWORD, NAME)
                skopeo = Skopeo.here(tmp_path, registry)
                for number in range(PUSHES // 2):
                    for repository in REPOSITORIES:
                        tag = f"{life}.{number}"
                        skopeo.push(image, repository, tag)
                        pushed.append((repository, tag))
                if life == 0:
                    # While some are on their way.
                    wait_until("it was told of nothing", lambda: receiver.attempts > 1)
                running.end(signal.SIGKILL)
        with up(data, *OPTIONS) as running:

            def told() -> list[tuple[str, str]]:
                found = [each["data"] for each in receiver.events().values()]
                return [(each["repository"], tag) for each in found for tag in each["tags"]]

            wait_until("not all is told", lambda: set(told()) == set(pushed))
            for repository in REPOSITORIES:
                assert [e for e in told() if e[0] == repository] == [
                    each for each in pushed if each[0] == repository
                ]
            secret = read_secret(hook["secret"])
            for headers, body, _ in receiver.seen:
                stamp = int(headers["webhook-timestamp"])
                signature = sign(secret, headers["webhook-id"], stamp, body)
                assert headers["webhook-signature"] == signature
                assert headers["user-agent"].startswith("Roadstead/")
            bodies: dict[str, set[bytes]] = {}
            for headers, body, _ in receiver.seen:
                bodies.setdefault(headers["webhook-id"], set()).add(body)
            assert {len(each) for each in bodies.values()} == {1}, "the same bytes at each attempt"

            def outcomes() -> list[str]:
                found = ask(running, "GET", f"{hooks}/{hook['id']}?n=100")
                return [each["outcome"] for each in found["deliveries"]]

            wait_until("counted", lambda: outcomes() == ["delivered"] * len(pushed))
            assert len(receiver.events()) == len(pushed)

            ask(running, "POST", f"{hooks}/{hook['id']}/ping")
            wait_until(
                "no ping came",
                lambda: "ping" in {each["type"] for each in receiver.events().values()},
            )


def test_without_the_setting_loopback_is_refused(tmp_path: Path) -> None:
    data, hooks = tmp_path / "data", f"/v2/_roadstead/teams/{TEAM}/webhooks"
    subprocess.run(
        command("admin", "create", NAME, "--password-stdin", "--data", str(data)),
        cwd=ROOT,
        input=PASSWORD,
        text=True,
        check=True,
        capture_output=True,
    )
    with receiving() as receiver, up(data, "--auth", "on") as running:
        ask(running, "POST", "/v2/_roadstead/teams", {"name": TEAM})
        # A name that the API cannot judge: where it leads is seen when it is told.
        port = receiver.url.rpartition(":")[2].partition("/")[0]
        made = ask(running, "POST", hooks, {"url": f"https://localhost:{port}/"})
        ask(running, "POST", f"{hooks}/{made['id']}/ping")

        def answer() -> str:
            (delivery,) = ask(running, "GET", f"{hooks}/{made['id']}")["deliveries"]
            return delivery["answer"]["problem"] if delivery["answer"] else ""

        wait_until("it was not tried", answer)
        assert "not in the public internet" in answer()
    assert receiver.attempts == 0
    words = command("up", "--data", str(data), "--webhook-networks", "10.0.0.1/8")
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "--webhook-networks" in done.stderr
