"""Only what is ours is stopped, and what is ours does not linger."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from signal import SIGKILL, SIGTERM

import pytest

from roadstead.embedded import EmbeddedStackError
from roadstead.embedded.processes import (
    Server,
    ServerCommand,
    remember,
    stop_left_over,
)

from .watch import is_alive, wait_until


def command(tmp_path: Path, *argv: str) -> ServerCommand:
    return ServerCommand("a server", argv, dict(os.environ), tmp_path, tmp_path / "server.log")


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[Server]:
    server = Server(command(tmp_path, "sleep", "600"), stop_signal=SIGKILL)
    wait_until(server.record.is_alive, "the start of sleep")
    yield server
    server.ask_to_stop()
    server.wait_stopped()


def ignore(line: str) -> None:
    pass


def test_a_left_over_server_is_stopped(sleeper: Server, tmp_path: Path) -> None:
    remember(tmp_path / "processes.json", [sleeper.record])
    said: list[str] = []
    stop_left_over(tmp_path / "processes.json", said.append)
    assert not sleeper.is_running()
    assert said == [f"Stopping a server (pid {sleeper.pid}), left over from an earlier run."]
    assert not (tmp_path / "processes.json").exists()


def test_a_process_that_only_has_the_pid_is_left_alone(sleeper: Server, tmp_path: Path) -> None:
    remember(
        tmp_path / "processes.json",
        [
            replace(sleeper.record, started_at="another-boot/1"),
            replace(sleeper.record, started_at=""),
            replace(sleeper.record, argv=("sleep", "601")),
        ],
    )
    stop_left_over(tmp_path / "processes.json", ignore)
    assert sleeper.is_running()


@pytest.mark.parametrize("text", ["", "[]", '{"processes": [{}, 1, {"name": "x", "pid": "y"}]}'])
def test_a_damaged_record_stops_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "processes.json").write_text(text)
    stop_left_over(tmp_path / "processes.json", ignore)


def test_a_server_outlives_the_thread_that_asked_for_it(tmp_path: Path) -> None:
    started: list[Server] = []
    thread = threading.Thread(
        target=lambda: started.append(
            Server(command(tmp_path, "sleep", "600"), stop_signal=SIGKILL)
        )
    )
    thread.start()
    thread.join()
    [server] = started
    wait_until(server.record.is_alive, "the start of sleep")
    assert server.is_running()
    server.ask_to_stop()
    server.wait_stopped()
    assert server.end() == "was killed by signal 9"


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_a_server_ends_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from signal import SIGTERM\n"
        "from roadstead.embedded.processes import Server, ServerCommand\n"
        "folder = Path(sys.argv[1])\n"
        "made = ServerCommand('s', ('sleep', '600'), {'PATH': sys.argv[2]}, folder, folder / 'l')\n"
        "server = Server(made, stop_signal=SIGTERM)\n"
        "while Path(f'/proc/{server.pid}/comm').read_text() != 'sleep\\n': time.sleep(0.01)\n"
        "print(server.pid, flush=True); time.sleep(600)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path), os.environ["PATH"]],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert is_alive(pid)
    parent.kill()
    parent.communicate()
    wait_until(lambda: not is_alive(pid), "the end of sleep")


def test_a_server_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    deaf = "trap '' TERM; echo ready; while :; do sleep 1; done"
    server = Server(command(tmp_path, "sh", "-c", deaf), stop_signal=SIGTERM)
    wait_until(lambda: server.last_words() == "ready", "its first words")
    server.ask_to_stop()
    server.wait_stopped(timeout_s=0.2)
    assert server.end() == "was killed by signal 9"


def test_last_words_are_those_of_this_run(tmp_path: Path) -> None:
    for words in ("first", "second"):
        server = Server(command(tmp_path, "sh", "-c", f"echo {words}; exit 3"), stop_signal=SIGTERM)
        server.wait_stopped()
        assert server.last_words() == words
        assert server.end() == "ended with status 3"


def test_running_out_of_space_is_recognised(tmp_path: Path) -> None:
    words = "echo 'write /x.dat: no space left on device'"
    server = Server(command(tmp_path, "sh", "-c", words), stop_signal=SIGTERM)
    server.wait_stopped()
    assert server.ran_out_of_space()


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    missing = replace(command(tmp_path, "sleep", "1"), log=tmp_path / "gone" / "server.log")
    with pytest.raises(EmbeddedStackError, match=r"a server cannot be started"):
        Server(missing, stop_signal=SIGTERM)
