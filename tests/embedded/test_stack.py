"""The life of a stack: what it starts, what it leaves, what survives, what it says."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from roadstead.embedded import EmbeddedStack, EmbeddedStackError

from .aws import dynamodb_client, read_both, s3_client, write_both
from .watch import (
    LOOPBACK_MAPPED_V6,
    LOOPBACK_V4,
    accepts,
    is_alive,
    kill,
    listening,
    recorded_pids,
    wait_until,
)

MakeStack = Callable[..., EmbeddedStack]

# Starts a durable stack, writes through it, says so, and waits to be killed.
_VICTIM = """
import sys, time
from pathlib import Path
from roadstead.embedded import EmbeddedStack
from tests_embedded.aws import write_both
endpoints = EmbeddedStack(Path(sys.argv[1]), log=lambda line: None).start()
write_both(endpoints, "kept")
print("written", flush=True)
time.sleep(600)
"""


def start_victim(data_folder: Path, package_folder: Path) -> "subprocess.Popen[str]":
    """Run a stack in a process of its own; return when it has written."""
    (package_folder / "tests_embedded").symlink_to(Path(__file__).parent)
    root = Path(__file__).parents[2]
    victim = subprocess.Popen(
        [sys.executable, "-c", _VICTIM, str(data_folder)],
        cwd=package_folder,
        env={"PYTHONPATH": f"{root}:{package_folder}", **_environment()},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert victim.stdout is not None
    assert victim.stdout.readline() == "written\n"
    return victim


def _environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}


def end(victim: "subprocess.Popen[str]") -> None:
    victim.kill()
    victim.communicate()


def test_listens_on_the_loopback_only_and_leaves_nothing(
    make_stack: MakeStack, tmp_path: Path
) -> None:
    stack = make_stack()
    stack.start()
    pids = recorded_pids(tmp_path / "data")
    sockets = [found for pid in pids.values() for found in listening(pid)]
    assert len(pids) == 2
    assert {address for address, _ in sockets} <= {LOOPBACK_V4, LOOPBACK_MAPPED_V6}
    assert len(sockets) >= 2
    assert stack.failed() is None

    stack.stop()
    stack.stop()
    assert not any(is_alive(pid) for pid in pids.values())
    assert not any(accepts(port) for _, port in sockets)
    assert not any(list(Path("/tmp").glob(f"seaweedfs-*{port}.sock")) for _, port in sockets)
    assert stack.failed() is None


def test_two_run_side_by_side(make_stack: MakeStack) -> None:
    one, other = make_stack("one").start(), make_stack("other").start()
    write_both(one, "one")
    write_both(other, "other")
    assert read_both(one) == ("one", "one")
    assert read_both(other) == ("other", "other")


def test_a_durable_stack_keeps_data_keys_and_urls_over_a_stop(
    make_stack: MakeStack, tmp_path: Path
) -> None:
    stack = make_stack(durable=True)
    before = stack.start()
    write_both(before, "kept")
    stack.stop()
    after = stack.start()
    assert after == before
    assert read_both(after) == ("kept", "kept")
    stack.stop()

    (tmp_path / "data" / "run" / "ports.json").unlink()
    elsewhere = stack.start()
    assert elsewhere.s3_access_key == before.s3_access_key
    assert read_both(elsewhere) == ("kept", "kept")


def test_survives_kill_9_of_the_parent_and_leaves_no_child(
    make_stack: MakeStack, tmp_path: Path
) -> None:
    victim = start_victim(tmp_path / "data", tmp_path)
    pids = recorded_pids(tmp_path / "data")
    end(victim)
    wait_until(lambda: not any(map(is_alive, pids.values())), "the end of the children")
    assert read_both(make_stack(durable=True).start()) == ("kept", "kept")


def test_survives_kill_9_of_everything(make_stack: MakeStack, tmp_path: Path) -> None:
    victim = start_victim(tmp_path / "data", tmp_path)
    for pid in recorded_pids(tmp_path / "data").values():
        kill(pid)
    end(victim)
    assert read_both(make_stack(durable=True).start()) == ("kept", "kept")


@pytest.mark.parametrize("name", ["SeaweedFS (S3)", "DynamoDB Local"])
def test_a_server_that_dies_is_told(make_stack: MakeStack, tmp_path: Path, name: str) -> None:
    stack = make_stack()
    stack.start()
    kill(recorded_pids(tmp_path / "data")[name])
    wait_until(lambda: stack.failed() is not None, "the news of its death")
    assert f"{name} was killed by signal 9" in str(stack.failed())
    assert str(tmp_path / "data" / "logs") in str(stack.failed())


def test_a_second_stack_on_the_folder_is_told_who_holds_it(make_stack: MakeStack) -> None:
    stack = make_stack()
    endpoints = stack.start()
    with pytest.raises(EmbeddedStackError, match=rf"in use by the process with pid {os.getpid()}"):
        make_stack().start()
    with s3_client(endpoints) as s3, dynamodb_client(endpoints) as dynamodb:
        assert [each["Name"] for each in s3.list_buckets()["Buckets"]] == ["roadstead-probe"]
        assert dynamodb.list_tables()["TableNames"] == []


def test_damaged_data_is_refused_and_told(make_stack: MakeStack, tmp_path: Path) -> None:
    stack = make_stack(durable=True)
    write_both(stack.start(), "kept")
    stack.stop()
    [database] = (tmp_path / "data" / "dynamodb").glob("*.db")
    # Behind the header, so that only DynamoDB Local itself can tell.
    database.write_bytes(database.read_bytes()[:100] + b"\xff" * 16000)
    with pytest.raises(EmbeddedStackError) as caught:
        stack.start()
    assert "DynamoDB Local answers with errors only. Start again; if it" in str(caught.value)
    assert "database disk image is malformed" in str(caught.value)
    assert not (tmp_path / "data" / "run" / "processes.json").exists()
