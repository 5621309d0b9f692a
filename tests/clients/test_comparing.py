"""One wrong byte anywhere, and the comparisons that all tests rest on say so."""

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from .archives import directory, docker_archive, identity, saved
from .files import assert_among, assert_directory, assert_layout
from .images import Image, Shelf
from .v1images import from_image

pytestmark = pytest.mark.clients


def flip(path: Path) -> None:
    """Change the last byte but eight: no size, no name, no gzip header."""
    content = bytearray(path.read_bytes())
    content[-9] ^= 1
    path.unlink()  # it may be a hard link to the image itself
    path.write_bytes(content)


@pytest.fixture
def image(images: Shelf) -> Image:
    return images["foreign-names"]


def _layout(image: Image, folder: Path) -> Path:
    shutil.copytree(image.folder, folder)
    return folder


@pytest.mark.parametrize(
    ("make", "check", "blobs"),
    [
        (_layout, assert_layout, "blobs/sha256"),
        (directory, assert_directory, "."),
        (
            _layout,
            lambda folder, image: assert_among(folder / "blobs/sha256", image),
            "blobs/sha256",
        ),
    ],
    ids=["layout", "directory", "among"],
)
def test_a_changed_blob_is_seen(
    image: Image,
    folder: Path,
    make: Callable[[Image, Path], Path],
    check: Callable[[Path, Image], None],
    blobs: str,
) -> None:
    for digest in image.blobs:
        place = make(image, folder / digest[-8:])
        check(place, image)

        flip(place / blobs / digest.removeprefix("sha256:"))

        with pytest.raises(AssertionError):
            check(place, image)


def test_a_changed_layer_is_seen_in_a_saved_image(image: Image, folder: Path) -> None:
    archive = docker_archive(image, folder / "image.tar", "a/b:latest")
    assert saved(archive) == identity(image.only)
    content = archive.read_bytes()

    archive.write_bytes(content.replace(b"moin\n", b"main\n"))

    assert saved(archive) != identity(image.only)


def test_v1_images_are_the_same_image(image: Image) -> None:
    (layer,) = from_image(image).chain

    assert f"sha256:{layer.id}" == image.only.config.digest
    assert json.loads(layer.json)["config"]["Labels"] == {"ort": "Reede vor Wangerooge, 港"}
    with layer.plain() as plain:
        assert gzip.decompress(b"".join(layer.stream())) == plain.read()
