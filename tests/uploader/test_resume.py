"""A push that is killed half way, and repeated: only what S3 lacks is sent."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

import pytest

from roadstead.client.errors import TransferError
from roadstead.client.memory import Memory
from roadstead.uploader.planned import plan_parts
from tests.clients.images import Image, Shelf
from tests.uploader.conftest import Command, Remote
from tests.uploader.driving import assert_served, is_tagged, push_here


def kept_parts(cache: Path) -> int:
    """How many parts a push has written down."""
    total = 0
    for path in cache.glob("uploads/*.json"):
        try:
            total += len(json.loads(path.read_text())["parts"])
        except FileNotFoundError:
            continue
    return total


@dataclass
class Killer:
    """Kills a process by its pid when S3 is sent the part after the ``after``-th.

    The parts before it are written down by then: the door holds this one until they are.
    """

    cache: Path
    after: int
    process: object = None
    puts: int = 0
    _lock: Lock = field(default_factory=Lock)

    def __call__(self, line: str) -> None:
        if not line.startswith("PUT"):
            return
        with self._lock:
            self.puts += 1
            number = self.puts
        if number <= self.after:
            return
        deadline = time.monotonic() + 60
        while kept_parts(self.cache) < self.after and time.monotonic() < deadline:
            time.sleep(0.01)
        self.process.kill()  # type: ignore[attr-defined]
        raise ConnectionError("by the test")


@pytest.mark.parametrize(("name", "after"), [("thirty-mb", 2), ("120-mb", 7)])
def test_a_push_that_is_killed_goes_on_where_it_was(
    remote: Remote, images: Shelf, repository: str, roadstead: Command, name: str, after: int
) -> None:
    image = images[name]
    total = len(plan_parts(image.only.layers[0].blob.size))
    words = ("push", f"oci:{image.folder}", f"{remote.host}/{repository}:v1")
    cache = roadstead.home / ".cache" / "roadstead"
    killer = Killer(cache, after)
    remote.s3.on_request = killer
    process = killer.process = roadstead.start(*words)
    assert process.wait(120) == -9
    process.communicate()
    assert after <= kept_parts(cache) < total
    assert not is_tagged(remote, repository, "v1")

    kept = kept_parts(cache)
    remote.mend()
    assert roadstead.run(*words) == [image.top.digest]
    assert remote.s3.count("PUT") == total - kept, "only the missing parts"
    assert sum("/claim" in line for line in remote.api.seen) == 1
    assert_served(remote, repository, image, "v1")
    assert list(cache.glob("uploads/*")) == [], "nothing is left"


def test_the_largest_number_of_parts_is_kept_whichever_came_first(
    remote: Remote, images: Shelf, repository: str, tmp_path: Path
) -> None:
    image = images["120-mb"]
    total = len(plan_parts(image.only.layers[0].blob.size))
    # The very first part never gets through; all others of the first round do.
    remote.s3.at = {1: "busy", **dict.fromkeys(range(7, 60), "busy")}
    with pytest.raises(TransferError, match="Repeat the command"):
        push_here(f"oci:{image.folder}", f"{remote.host}/{repository}", tmp_path, tries=1)
    kept = kept_parts(tmp_path)
    assert kept >= 1
    remote.mend()
    push_here(f"oci:{image.folder}", f"{remote.host}/{repository}", tmp_path)
    assert remote.s3.count("PUT") == total - kept
    assert_served(remote, repository, image)


def broken_push(remote: Remote, image: Image, repository: str, cache: Path) -> None:
    """Leave an upload of which some parts are in S3."""
    remote.s3.at = {1: "busy"}
    with pytest.raises(TransferError):
        push_here(f"oci:{image.folder}", f"{remote.host}/{repository}", cache, tries=1)
    remote.mend()


def test_a_session_that_the_registry_has_forgotten_begins_anew(
    remote: Remote, images: Shelf, repository: str, tmp_path: Path
) -> None:
    image = images["thirty-mb"]
    broken_push(remote, image, repository, tmp_path)
    (path,) = tmp_path.glob("uploads/*.json")
    document = json.loads(path.read_text())
    document["upload_id"] = "0" * 32
    path.write_text(json.dumps(document))
    push_here(f"oci:{image.folder}", f"{remote.host}/{repository}", tmp_path)
    assert remote.s3.count("PUT") == 4
    assert_served(remote, repository, image)


SPOILED = {
    "an ETag that S3 never gave": lambda d: {**d, "parts": [[1, '"' + "0" * 32 + '"', 8 << 20]]},
    "a part of another size": lambda d: {**d, "parts": [[1, "x", 5]]},
    "another's claim": lambda d: {**d, "word": "0" * 32},
    "no claim at all": lambda d: {**d, "word": "../x"},
    "parts that are none": lambda d: {**d, "parts": [5]},
    "nothing": lambda _: {},
    "a list": lambda _: [],
}


@pytest.mark.parametrize("name", SPOILED)
def test_a_memory_that_is_spoiled_costs_time_and_nothing_else(
    remote: Remote, images: Shelf, repository: str, tmp_path: Path, name: str
) -> None:
    image = images["thirty-mb"]
    broken_push(remote, image, repository, tmp_path)
    (path,) = tmp_path.glob("uploads/*.json")
    path.write_text(json.dumps(SPOILED[name](json.loads(path.read_text()))))
    push_here(f"oci:{image.folder}", f"{remote.host}/{repository}", tmp_path)
    assert_served(remote, repository, image)


def test_a_memory_holds_no_login_and_no_url(
    remote: Remote, images: Shelf, repository: str, tmp_path: Path
) -> None:
    broken_push(remote, images["thirty-mb"], repository, tmp_path)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert path.stat().st_mode & 0o077 == 0, path
            text = path.read_text()
            assert "http" not in text
            assert "Signature" not in text


def test_a_whole_blob_that_had_arrived_is_not_sent_again(
    remote: Remote, images: Shelf, repository: str, tmp_path: Path
) -> None:
    image = images["ten"]

    def die_before_close(line: str) -> None:
        if line.startswith("PUT") and "/blobs/uploads/" in line:
            raise ConnectionError("by the test")

    remote.api.on_request = die_before_close
    with pytest.raises(TransferError, match="does not answer"):
        push_here(f"oci:{image.folder}", f"{remote.host}/{repository}", tmp_path, tries=1)
    assert remote.s3.count("PUT") == 1
    remote.mend()
    push_here(f"oci:{image.folder}", f"{remote.host}/{repository}", tmp_path)
    assert remote.s3.count("PUT") == 0
    assert_served(remote, repository, image)


def test_a_whole_blob_that_had_not_arrived_is_sent(
    remote: Remote, images: Shelf, repository: str, tmp_path: Path
) -> None:
    image = images["ten"]
    remote.s3.at = {1: "drop"}
    with pytest.raises(TransferError, match="did not take the bytes"):
        push_here(f"oci:{image.folder}", f"{remote.host}/{repository}", tmp_path, tries=1)
    remote.mend()
    push_here(f"oci:{image.folder}", f"{remote.host}/{repository}", tmp_path)
    assert_served(remote, repository, image)


def test_two_pushes_of_one_image_at_once_both_succeed(
    remote: Remote, images: Shelf, repository: str, roadstead: Command
) -> None:
    image = images["thirty-mb"]
    words = ("push", "--quiet", f"oci:{image.folder}", f"{remote.host}/{repository}")
    running = [roadstead.start(*words) for _ in range(2)]
    ended = [process.communicate(timeout=120) for process in running]
    assert [process.returncode for process in running] == [0, 0], ended
    assert_served(remote, repository, image)


def test_an_upload_is_one_pushs_at_a_time(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    with memory.upload("h", "r", "d") as first, memory.upload("h", "r", "d") as second:
        first.begin("one")
        assert second.path is None
        second.begin("two")
        with memory.upload("h", "r", "e") as other:
            assert other.path is not None
    with memory.upload("h", "r", "d") as later:
        assert later.upload_id == "one"
