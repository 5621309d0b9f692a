"""oras-py: images blob by blob, artifacts in one call, and uploads in chunks; it knows no index."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from . import wire
from .commands import library
from .files import digests
from .images import DOCKER, OCI, Image, Shelf, noise
from .registry import Registry

pytestmark = pytest.mark.clients

CHUNK = 5 << 20


@pytest.fixture
def oras(registry: Registry, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client without the user's own logins; its default authentication hangs on Basic."""
    module = library("oras.provider", "oras")
    monkeypatch.setenv("HOME", str(folder))
    client = module.Registry(registry.host, insecure=True, auth_backend="basic")
    if registry.username is not None:
        client.auth.set_basic_auth(registry.username, registry.password)
    with contextlib.closing(client.session):
        yield client


def push(oras: Any, image: Image, target: str, *, chunked: bool) -> None:
    container = oras.get_container(target)
    for digest, size in image.blobs.items():
        layer = {"digest": digest, "size": size}
        path = str(image.path(digest))
        answer = oras.upload_blob(path, container, layer, do_chunked=chunked, chunk_size=CHUNK)
        assert answer.status_code in {200, 201}, answer.text
    if image.kind is OCI:
        answer = oras.upload_manifest(json.loads(image.read(image.top.digest)), container)
    else:  # its own call says OCI's type, whatever the manifest
        url = f"{oras.prefix}://{container.manifest_url()}"
        headers = {"Content-Type": image.top.media_type}
        answer = oras.do_request(url, "PUT", headers=headers, data=image.read(image.top.digest))
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize("chunked", [False, True], ids=["whole", "chunked"])
@pytest.mark.parametrize(
    "name", ["five", "docker-five", "thirty", "twenty-megabytes", "large", "empty-layer"]
)
def test_oras_pulls_the_bytes_it_pushed(
    oras: Any,
    registry: Registry,
    images: Shelf,
    repository: str,
    folder: Path,
    name: str,
    chunked: bool,
) -> None:
    image = images[name]
    target = f"{registry.host}/{repository}:latest"

    push(oras, image, target, chunked=chunked)
    found = oras.get_manifest(target, allowed_media_type=[OCI.manifest, DOCKER.manifest])
    pulled = [
        Path(oras.download_blob(target, digest, str(folder / "pulled" / digest[-64:])))
        for digest in image.blobs
    ]

    assert found == json.loads(image.read(image.top.digest))
    assert digests(pulled) == image.blobs
    wire.assert_holds(registry, repository, image)


def test_oras_keeps_artifacts(oras: Any, registry: Registry, repository: str, folder: Path) -> None:
    target = f"{registry.host}/{repository}:v1"
    files = {f"file-{size}.bin": b"".join(noise("artifact", size)) for size in (0, 1, 70_000)}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    listed = [f"{folder / name}:application/octet-stream" for name in files]

    oras.push(target, files=listed, disable_path_validation=True, quiet=True)
    pulled = oras.pull(target, outdir=str(folder / "pulled"))

    assert {Path(path).name: Path(path).read_bytes() for path in pulled} == files
    assert oras.get_tags(target) == ["v1"]


def test_oras_deletes_a_tag(oras: Any, registry: Registry, images: Shelf, repository: str) -> None:
    target = f"{registry.host}/{repository}:latest"
    image = images["empty-layer"]
    push(oras, image, target, chunked=False)

    assert oras.delete_tag(target, "latest")

    container = oras.get_container(target)
    url = f"http://{container.manifest_url('latest')}"
    assert oras.do_request(url, "GET").status_code == 404


def test_oras_attaches_artifacts(
    oras: Any, registry: Registry, images: Shelf, repository: str, folder: Path
) -> None:
    """The type of what it attaches is that of the config, as it was before OCI 1.1."""
    image = images["five"]
    target = f"{registry.host}/{repository}"
    push(oras, image, f"{target}:latest", chunked=False)
    (folder / "sbom.txt").write_text("what is in it\n")
    (folder / "config.json").write_text("{}")
    subject = library("oras.oci", "oras").Subject(*_descriptor(image))

    answer = oras.push(
        f"{target}:sbom",
        files=[f"{folder / 'sbom.txt'}:text/plain"],
        manifest_config=f"{folder / 'config.json'}:application/x.sbom",
        subject=subject,
        disable_path_validation=True,
        quiet=True,
    )

    assert answer.headers["OCI-Subject"] == image.top.digest
    found = [(answer.headers["Docker-Content-Digest"], "application/x.sbom")]
    assert wire.referrers(registry, repository, image.top.digest) == found


def _descriptor(image: Image) -> tuple[str, str, int]:
    return image.top.media_type, image.top.digest, image.top.size
