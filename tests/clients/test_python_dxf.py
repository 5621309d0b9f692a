"""python-dxf: one PUT for each blob, and mounts."""

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from . import wire
from .commands import library
from .images import RECIPES, Image, Shelf, attached_to
from .registry import Registry

pytestmark = pytest.mark.clients


@contextlib.contextmanager
def client(registry: Registry, repository: str) -> Iterator[Any]:
    """dxf takes no password over plain http: its own hook for credentials stands in for TLS."""
    dxf = library("dxf", "python-dxf")

    def sign_in(session: Any, _: object) -> None:
        session._headers = wire.basic(registry)

    auth = sign_in if registry.credentials else None
    with dxf.DXF(registry.host, repository, auth=auth, insecure=True, timeout=60) as session:
        yield session


def push(session: Any, image: Image, tag: str = "latest") -> None:
    for digest in image.blobs:
        session.push_blob(str(image.path(digest)))
    for manifest in image.manifests if image.is_index else ():
        digest = manifest.blob.digest
        session.set_manifest(digest, image.read(digest).decode())
    session.set_manifest(tag, image.read(image.top.digest).decode())


@pytest.mark.parametrize("name", RECIPES)
def test_dxf_pulls_the_bytes_it_pushed(
    registry: Registry, images: Shelf, repository: str, name: str
) -> None:
    image = images[name]

    with client(registry, repository) as session:
        push(session, image)
        manifest, _ = session.get_manifest_and_response("latest")
        pulled = dict(_pulled(session, digest) for digest in image.blobs)
        tags = session.list_aliases()

    assert manifest.encode() == image.read(image.top.digest)
    assert pulled == image.blobs
    assert tags == ["latest"]


def _pulled(session: Any, digest: str) -> tuple[str, int]:
    """Digest and size of what arrives for `digest`."""
    found, size = hashlib.sha256(), 0
    for piece in session.pull_blob(digest, chunk_size=1 << 20):
        found.update(piece)
        size += len(piece)
    return f"sha256:{found.hexdigest()}", size


def test_dxf_mounts_from_another_repository(
    registry: Registry, images: Shelf, repository: str
) -> None:
    image = images["five"]
    with client(registry, repository) as session:
        push(session, image)

    with client(registry, f"{repository}-other") as session:
        for digest in image.blobs:
            assert session.mount_blob(repository, digest) == digest
        session.set_manifest("latest", image.read(image.top.digest).decode())

    wire.assert_holds(registry, f"{repository}-other", image)


def test_dxf_lists_and_deletes(registry: Registry, images: Shelf, repository: str) -> None:
    image = images["empty-layer"]
    with client(registry, repository) as session:
        push(session, image, "one")
        push(session, image, "two")

        assert sorted(session.list_aliases(batch_size=1)) == ["one", "two"]
        assert repository in session.list_repos(batch_size=2)
        assert session.get_digest("one") == image.only.config.digest

        session._request("delete", f"manifests/{image.top.digest}")
        assert session.list_aliases() == []


def test_dxf_deletes_the_manifest_behind_a_tag_and_blobs(
    registry: Registry, images: Shelf, repository: str
) -> None:
    image, kept = images["five"], images["docker-five"]
    with client(registry, repository) as session:
        push(session, kept, "kept")
        push(session, image, "one")

        layers = [layer.blob.digest for layer in image.only.layers]
        assert session.del_alias("one") == layers
        for digest in layers:
            session.del_blob(digest)
        assert session.list_aliases() == ["kept"]

    assert all(wire.gone(registry, f"{repository}/blobs/{digest}") for digest in layers)
    wire.assert_holds(registry, repository, kept, "kept")


def test_dxf_attaches_by_pushing_what_names_a_subject(
    registry: Registry, images: Shelf, repository: str, folder: Path
) -> None:
    image = images["two-platforms"]
    artifact = attached_to(image, folder / "artifact", "application/x.sbom", b"what is in it\n")
    with client(registry, repository) as session:
        push(session, image)
        push(session, artifact, "sbom")

    found = [(artifact.top.digest, "application/x.sbom")]
    assert wire.referrers(registry, repository, image.top.digest) == found
    wire.assert_holds(registry, repository, artifact, "sbom")
