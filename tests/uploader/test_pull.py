"""`roadstead pull`: layouts and tars, broken streams, spoiled bytes, killed and repeated."""

from __future__ import annotations

import json
import tarfile
import time
from pathlib import Path

import pytest

from roadstead.client.commands import parse_destination
from roadstead.client.errors import TransferError
from tests.clients.archives import saved
from tests.clients.images import Shelf
from tests.uploader.conftest import Command, Remote
from tests.uploader.driving import assert_same_layout, pull_here, push_here


@pytest.mark.parametrize(
    "name", ["five", "two-platforms", "docker-two-platforms", "empty-layer", "thirty-mb"]
)
def test_an_image_comes_back_byte_for_byte(
    remote: Remote, images: Shelf, repository: str, tmp_path: Path, name: str
) -> None:
    image = images[name]
    push_here(f"oci:{image.folder}", f"{remote.host}/{repository}:v1")
    notes = pull_here(f"{remote.host}/{repository}:v1", f"oci:{tmp_path / 'out'}")
    assert_same_layout(tmp_path / "out", image)
    assert notes.moved_bytes == image.blobs
    pull_here(f"{remote.host}/{repository}@{image.top.digest}", f"oci:{tmp_path / 'digest'}:chosen")
    assert_same_layout(tmp_path / "digest", image)


def test_what_is_there_is_not_fetched_again_and_other_images_stay(
    remote: Remote, images: Shelf, repository: str, tmp_path: Path
) -> None:
    for name in ("five", "ten"):
        push_here(f"oci:{images[name].folder}", f"{remote.host}/{repository}:{name}")
    target = f"oci:{tmp_path / 'out'}"
    pull_here(f"{remote.host}/{repository}:five", target)
    pull_here(f"{remote.host}/{repository}:ten", target)
    remote.mend()
    notes = pull_here(f"{remote.host}/{repository}:five", target)
    assert set(notes.notes.values()) == {"is there"}
    assert remote.s3.seen == []
    entries = json.loads((tmp_path / "out" / "index.json").read_text())["manifests"]
    assert [entry["annotations"]["org.opencontainers.image.ref.name"] for entry in entries] == [
        "ten",
        "five",
    ]


def test_a_blob_on_disk_that_is_spoiled_is_fetched_again(
    remote: Remote, images: Shelf, repository: str, tmp_path: Path
) -> None:
    image = images["ten"]
    push_here(f"oci:{image.folder}", f"{remote.host}/{repository}")
    folder = tmp_path / "out"
    pull_here(f"{remote.host}/{repository}", str(folder))
    path = folder / "blobs" / image.only.layers[0].blob.digest.replace(":", "/")
    data = bytearray(path.read_bytes())
    data[5] ^= 1
    path.write_bytes(data)
    pull_here(f"{remote.host}/{repository}", str(folder))
    assert_same_layout(folder, image)


def test_a_pull_that_is_killed_goes_on_by_range(
    remote: Remote, images: Shelf, repository: str, roadstead: Command, tmp_path: Path
) -> None:
    image = images["120-mb"]
    push_here(f"oci:{image.folder}", f"{remote.host}/{repository}")
    folder = tmp_path / "out"
    words = ("pull", f"{remote.host}/{repository}", folder)
    remote.mend()
    remote.s3.at = {1: "stall", 2: "stall"}
    process = roadstead.start(*words)
    partial = folder / ".roadstead" / image.only.layers[0].blob.digest.replace(":", "-")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if partial.exists() and partial.stat().st_size > 20 << 20:
            break
        time.sleep(0.02)
    process.kill()
    process.communicate()
    kept = partial.stat().st_size
    assert 20 << 20 < kept < 120 << 20
    assert not (folder / "index.json").exists()

    remote.mend()
    roadstead.run(*words)
    assert f"bytes={kept}-" in remote.s3.ranges
    assert_same_layout(folder, image)


def test_an_earlier_trys_bytes_that_are_spoiled_are_fetched_again(
    remote: Remote, images: Shelf, repository: str, tmp_path: Path
) -> None:
    image = images["ten"]
    push_here(f"oci:{image.folder}", f"{remote.host}/{repository}")
    folder = tmp_path / "out"
    (folder / ".roadstead").mkdir(parents=True)
    for digest, content in zip(image.blobs, (b"x" * 1000, b"x" * 20_000_000), strict=True):
        (folder / ".roadstead" / digest.replace(":", "-")).write_bytes(content)
    pull_here(f"{remote.host}/{repository}", str(folder))
    assert_same_layout(folder, image)


def test_bytes_that_are_not_the_digests_never_get_its_name(
    remote: Remote, images: Shelf, repository: str, tmp_path: Path
) -> None:
    image = images["ten"]
    push_here(f"oci:{image.folder}", f"{remote.host}/{repository}")
    remote.s3.at = {1: "spoil", 2: "spoil"}
    with pytest.raises(TransferError, match="other bytes than its name says"):
        pull_here(f"{remote.host}/{repository}", str(tmp_path / "out"))
    assert not (tmp_path / "out" / "index.json").exists()
    remote.mend()
    pull_here(f"{remote.host}/{repository}", str(tmp_path / "out"))
    assert_same_layout(tmp_path / "out", image)


@pytest.mark.parametrize("name", ["five", "two-platforms", "thirty-mb"])
def test_a_tar_is_one_that_docker_load_takes(
    remote: Remote, images: Shelf, repository: str, roadstead: Command, tmp_path: Path, name: str
) -> None:
    image = images[name]
    push_here(f"oci:{image.folder}", f"{remote.host}/{repository}:v1")
    path = tmp_path / "out.tar"
    roadstead.run("pull", "--quiet", f"{remote.host}/{repository}:v1", path)
    with tarfile.open(path) as archive:
        listed = json.load(archive.extractfile("manifest.json"))  # type: ignore[arg-type]
    assert listed[0]["RepoTags"] == [f"{remote.host}/{repository}:v1"]
    config, diff_ids = saved(path)
    known = {manifest.config.digest: manifest.diff_ids for manifest in image.manifests}
    assert diff_ids == known[config]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["home", "out.tar"]
    # And it is one that we take.
    push_here(f"docker-archive:{path}:v1", f"{remote.host}/{repository}-again")


def test_a_folder_of_other_things_is_left_alone(
    remote: Remote, images: Shelf, repository: str, tmp_path: Path
) -> None:
    push_here(f"oci:{images['ten'].folder}", f"{remote.host}/{repository}")
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(TransferError, match="holds other things"):
        pull_here(f"{remote.host}/{repository}", f"oci:{tmp_path}")
    with pytest.raises(TransferError, match="is a file"):
        pull_here(f"{remote.host}/{repository}", f"oci:{tmp_path / 'thesis.tex'}")


def test_an_image_that_is_not_there_is_told(
    remote: Remote, repository: str, tmp_path: Path
) -> None:
    with pytest.raises(TransferError, match=r"answered 404: .*\(MANIFEST_UNKNOWN\)"):
        pull_here(f"{remote.host}/{repository}:none", str(tmp_path / "out"))


DESTINATIONS = {
    "out": ("oci", "out", None),
    "oci:out": ("oci", "out", None),
    "oci:out:v1": ("oci", "out", "v1"),
    "out.tar": ("docker-archive", "out.tar", None),
    "docker-archive:out": ("docker-archive", "out", None),
}


@pytest.mark.parametrize("text", DESTINATIONS)
def test_destinations_are_read(text: str) -> None:
    scheme, path, reference = DESTINATIONS[text]
    assert parse_destination(text) == (scheme, Path(path), reference)
