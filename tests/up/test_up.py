"""`roadstead up` as people run it: a process of its own, its words, its data, its end."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOB = b"what survives" * 1000
DIGEST = "sha256:" + hashlib.sha256(BLOB).hexdigest()


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "roadstead", *words]


class Up:
    """A running `roadstead up`; ``lines`` is what it said until it was ready."""

    def __init__(self, data: Path, port: int, *options: str) -> None:
        words = command("up", "--port", str(port), "--data", str(data), *options)
        self.port, self.data = port, data
        self.process = subprocess.Popen(
            words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.lines: list[str] = []
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if line.startswith("ready"):
                return
        self.process.communicate(timeout=60)
        raise AssertionError("it ended before it was ready: " + "\n".join(self.lines))

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def servers(self) -> list[int]:
        """The pids of the servers that it started."""
        text = (self.data / "run" / "processes.json").read_text()
        return [int(record["pid"]) for record in json.loads(text)["processes"]]

    def end(self, how: signal.Signals) -> int:
        self.process.send_signal(how)
        self.process.communicate(timeout=60)
        return self.process.returncode


@contextmanager
def up(data: Path, *options: str, port: int | None = None) -> Iterator[Up]:
    running = Up(data, port or free_port(), *options)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.end(signal.SIGINT)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class Refused(Exception):
    def __init__(self, status: int, challenge: str) -> None:
        super().__init__(f"status {status}")
        self.status, self.challenge = status, challenge


def send(url: str, method: str = "GET", body: bytes | None = None, login: str = "") -> bytes:
    request = urllib.request.Request(url, data=body, method=method)
    if login:
        encoded = base64.b64encode(login.encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {encoded}")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            read: bytes = answer.read()
            return read
    except urllib.error.HTTPError as error:
        with error:
            raise Refused(error.code, error.headers.get("WWW-Authenticate", "")) from None


def put_blob(running: Up) -> None:
    send(f"{running.url}/v2/a/b/blobs/uploads/?digest={DIGEST}", "POST", BLOB)


def test_it_serves_says_so_and_leaves_nothing_running(tmp_path: Path) -> None:
    with up(tmp_path / "data") as running:
        assert running.lines[-1] == f"ready {running.url}"
        assert any(f"docker push localhost:{running.port}/" in line for line in running.lines)
        put_blob(running)
        assert send(f"{running.url}/v2/a/b/blobs/{DIGEST}") == BLOB
        servers = running.servers()
        assert len(servers) == 2
        assert all(alive(pid) for pid in servers)
        assert running.end(signal.SIGINT) == 0
        assert not any(alive(pid) for pid in servers)


def wait_for_commit(data: Path) -> None:
    """DynamoDB Local answers some milliseconds before SQLite has committed; its journal tells."""
    deadline = time.monotonic() + 20
    while any((data / "dynamodb").glob("*-journal")):
        assert time.monotonic() < deadline, "DynamoDB Local does not commit"
        time.sleep(0.01)


def test_what_was_pushed_survives_the_death_of_everything(tmp_path: Path) -> None:
    with up(tmp_path / "data") as running:
        put_blob(running)
        wait_for_commit(tmp_path / "data")
        for pid in [*running.servers(), running.process.pid]:
            os.kill(pid, signal.SIGKILL)
        running.process.communicate(timeout=60)
    with up(tmp_path / "data") as again:
        assert send(f"{again.url}/v2/a/b/blobs/{DIGEST}") == BLOB


def test_servers_end_with_a_gateway_that_was_killed(tmp_path: Path) -> None:
    with up(tmp_path / "data") as running:
        servers = running.servers()
        running.end(signal.SIGKILL)
    with up(tmp_path / "data") as again:
        assert not any(alive(pid) for pid in servers)
        assert again.lines[-1].startswith("ready")


def test_it_ends_with_a_sentence_when_a_server_dies(tmp_path: Path) -> None:
    with up(tmp_path / "data") as running:
        os.kill(running.servers()[0], signal.SIGKILL)
        said, _ = running.process.communicate(timeout=60)
        assert running.process.returncode == 1
        assert "roadstead:" in said
        assert "Start again" in said


def test_two_run_side_by_side_and_share_nothing(tmp_path: Path) -> None:
    with up(tmp_path / "one") as one, up(tmp_path / "two") as two:
        put_blob(one)
        assert send(f"{one.url}/v2/a/b/blobs/{DIGEST}") == BLOB
        with pytest.raises(Refused) as refused:
            send(f"{two.url}/v2/a/b/blobs/{DIGEST}")
        assert refused.value.status == 404


def test_a_taken_port_is_a_sentence(tmp_path: Path) -> None:
    with closing(socket.socket()) as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        ended = subprocess.run(
            command("up", "--port", str(port), "--data", str(tmp_path / "data")),
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    assert ended.returncode == 1
    assert f"Port {port} cannot be had" in ended.stderr
    assert "PORT=" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_folder_keeps_its_mode(tmp_path: Path) -> None:
    with up(tmp_path / "data"):
        pass
    ended = subprocess.run(
        command("up", "--port", "0", "--data", str(tmp_path / "data"), "--auth", "on"),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert "AUTH=off" in ended.stderr


def test_the_first_administrator_comes_from_the_command(tmp_path: Path) -> None:
    create = command(
        "admin", "create", "anna", "--password-stdin", "--data", str(tmp_path / "data")
    )

    def created() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            create, cwd=ROOT, input="long enough\n", capture_output=True, text=True, check=False
        )

    with up(tmp_path / "data", "--auth", "on") as running:
        with pytest.raises(Refused) as refused:
            send(f"{running.url}/v2/")
        assert refused.value.status == 401
        assert refused.value.challenge.startswith("Basic")
        assert created().returncode == 0
        assert send(f"{running.url}/v2/", login="anna:long enough") == b"{}"
        again = created()
        assert again.returncode == 1
        assert "already exists" in again.stderr


def test_an_administrator_can_be_made_before_the_first_start(tmp_path: Path) -> None:
    ended = subprocess.run(
        command("admin", "create", "anna", "--password-stdin", "--data", str(tmp_path / "data")),
        cwd=ROOT,
        input="short\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert "8 to 1024 characters" in ended.stderr


def sign_up(running: Up, name: str, **more: str) -> int:
    """What the registry says to somebody who wants an account."""
    asked = {"username": name, "password": "long enough", "email": f"{name}@example.test", **more}
    try:
        send(f"{running.url}/v1/users/", "POST", json.dumps(asked).encode())
    except Refused as refused:
        return refused.status
    return 201


def test_an_invitation_makes_one_account(tmp_path: Path) -> None:
    with up(tmp_path / "data", "--auth", "on", "--signup", "invitation") as running:
        assert sign_up(running, "berta") == 403
        invited = subprocess.run(
            command("admin", "invite", "--data", str(tmp_path / "data")),
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        code = invited.stdout.strip()
        assert sign_up(running, "berta", invitation=code) == 201
        assert sign_up(running, "carla", invitation=code) == 403
        assert send(f"{running.url}/v1/users/", login="berta:long enough") == b'"OK"'


def test_a_v1_host_hides_v2(tmp_path: Path) -> None:
    with up(tmp_path / "data", "--v1-host", "localhost") as running:
        with pytest.raises(Refused) as refused:
            send(f"{running.url}/v2/")
        assert refused.value.status == 404
        assert send(f"{running.url}/v1/_ping") == b"true"
        assert send(f"http://127.0.0.1:{running.port}/v2/") == b"{}"
