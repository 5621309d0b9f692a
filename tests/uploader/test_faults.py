"""Something fails at each request in turn: the push outwaits it, or fails whole and is repeated."""

from __future__ import annotations

from pathlib import Path

import pytest

from roadstead.client.errors import TransferError
from tests.clients.images import Shelf
from tests.uploader.conftest import Remote
from tests.uploader.driving import Notes, assert_served, is_tagged, pull_here, push_here

API_FAULTS = ("busy", "drop", "unheard")
S3_FAULTS = ("busy", "drop", "unheard", "expired")


def push_of(remote: Remote, images: Shelf, name: str, repository: str, cache: Path) -> Notes:
    return push_here(f"oci:{images[name].folder}", f"{remote.host}/{repository}", cache)


def requests_of(remote: Remote, images: Shelf, name: str, repository: str, cache: Path) -> int:
    """How many requests the API gets when nothing fails."""
    push_of(remote, images, name, f"{repository}-counted", cache / "counted")
    total = len(remote.api.seen)
    remote.mend()
    return total


@pytest.mark.parametrize("name", ["ten", "thirty-mb"])
@pytest.mark.parametrize("fault", API_FAULTS)
def test_the_api_may_fail_once_at_any_request(
    remote: Remote, images: Shelf, repository: str, tmp_path: Path, name: str, fault: str
) -> None:
    total = requests_of(remote, images, name, repository, tmp_path)
    assert total >= 8
    # The first request asks whether anybody is there, and is not repeated.
    for number in range(2, total + 1):
        remote.mend()
        remote.api.at = {number: fault}
        each = f"{repository}-{number}"
        notes = push_of(remote, images, name, each, tmp_path / str(number))
        assert_served(remote, each, images[name])
        assert notes.moved_bytes == images[name].blobs, f"request {number}"


@pytest.mark.parametrize("name", ["ten", "thirty-mb"])
@pytest.mark.parametrize("fault", S3_FAULTS)
def test_s3_may_fail_once_at_any_part(
    remote: Remote, images: Shelf, repository: str, tmp_path: Path, name: str, fault: str
) -> None:
    for number in range(1, 5 if name == "thirty-mb" else 2):
        remote.mend()
        remote.s3.at = {number: fault}
        each = f"{repository}-{number}"
        notes = push_of(remote, images, name, each, tmp_path / str(number))
        assert_served(remote, each, images[name])
        assert notes.moved_bytes == images[name].blobs, f"part {number}"


@pytest.mark.parametrize("name", ["ten", "thirty-mb"])
def test_a_push_that_dies_at_any_request_is_repeated_with_success(
    remote: Remote, images: Shelf, repository: str, tmp_path: Path, name: str
) -> None:
    total = requests_of(remote, images, name, repository, tmp_path)
    for number in range(1, total + 1):
        remote.mend()
        remote.api.at = dict.fromkeys(range(number, 1000), "unheard")
        each, cache = f"{repository}-{number}", tmp_path / str(number)
        with pytest.raises(TransferError):
            push_of(remote, images, name, each, cache)
        remote.mend()
        push_of(remote, images, name, each, cache)
        assert_served(remote, each, images[name])


@pytest.mark.parametrize("name", ["ten", "thirty-mb"])
def test_an_s3_that_takes_nothing_is_told_and_nothing_is_seen(
    remote: Remote, images: Shelf, repository: str, tmp_path: Path, name: str
) -> None:
    remote.s3.at = dict.fromkeys(range(1, 1000), "busy")
    with pytest.raises(TransferError, match=r"did not take the bytes: 503 SlowDown\. Repeat"):
        push_of(remote, images, name, repository, tmp_path)
    assert not is_tagged(remote, repository)


def test_a_close_that_never_answers_leads_to_a_whole_blob(
    remote: Remote, images: Shelf, repository: str, tmp_path: Path
) -> None:
    """Reading back takes too long: S3 proves the blob instead, and nothing is read back."""
    image = images["thirty-mb"]
    closes = 0

    def busy_at_close(line: str) -> None:
        nonlocal closes
        if line.startswith("PUT") and image.only.layers[0].blob.digest in line:
            closes += 1
            if closes <= 4:
                remote.api.at[len(remote.api.seen)] = "busy"

    remote.api.on_request = busy_at_close
    notes = push_of(remote, images, "thirty-mb", repository, tmp_path)
    assert closes == 5
    assert any("/whole" in line for line in remote.api.seen)
    assert notes.moved_bytes == image.blobs
    assert_served(remote, repository, image)


@pytest.mark.parametrize("fault", ["busy", "drop", "cut"])
def test_a_pull_outlives_a_fault_at_any_request(
    remote: Remote, images: Shelf, repository: str, tmp_path: Path, fault: str
) -> None:
    image = images["thirty-mb"]
    push_of(remote, images, "thirty-mb", repository, tmp_path / "cache")
    for number in range(1, 4):
        remote.mend()
        remote.s3.at = {number: fault}
        notes = pull_here(f"{remote.host}/{repository}", f"oci:{tmp_path / str(number)}")
        assert notes.moved_bytes == image.blobs
    for number in range(1, 4) if fault != "cut" else ():
        remote.mend()
        remote.api.at = {number: fault}
        pull_here(f"{remote.host}/{repository}", f"oci:{tmp_path / f'api-{number}'}")
