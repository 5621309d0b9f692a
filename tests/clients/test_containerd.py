"""containerd's ctr: the content store keeps the registry's own bytes."""

from pathlib import Path

import pytest

from . import wire
from .containerd import Ctr
from .files import assert_among
from .images import RECIPES, Shelf, attached_to
from .registry import Registry

pytestmark = pytest.mark.clients


@pytest.mark.parametrize("name", RECIPES)
def test_ctr_fetches_the_bytes_it_pushed(
    ctr: Ctr, registry: Registry, images: Shelf, repository: str, name: str
) -> None:
    image = images[name]
    ctr.take(image, repository)
    ctr.push(repository)
    wire.assert_holds(registry, repository, image)

    ctr.wipe()
    ctr.fetch(repository)

    assert_among(ctr.store, image)


@pytest.mark.parametrize("name", ["five", "thirty", "docker-five"])
def test_ctr_unpacks_what_it_pulls(ctr: Ctr, images: Shelf, repository: str, name: str) -> None:
    image = images[name]
    ctr.take(image, repository)
    ctr.push(repository)

    ctr.wipe()
    ctr.pull(repository)

    assert_among(ctr.store, image)
    assert len(ctr.snapshots()) == len(image.only.layers)


def test_ctr_fetches_by_digest(ctr: Ctr, images: Shelf, repository: str) -> None:
    image = images["five"]
    ctr.take(image, repository)
    ctr.push(repository)

    ctr.wipe()
    ctr.fetch(repository, image.top.digest)

    assert_among(ctr.store, image)


def test_ctr_attaches_by_pushing_what_names_a_subject(
    ctr: Ctr, registry: Registry, images: Shelf, repository: str, folder: Path
) -> None:
    image = images["five"]
    artifact = attached_to(image, folder / "artifact", "application/x.sbom", b"what is in it\n")
    for one, tag in ((image, "latest"), (artifact, "sbom")):
        ctr.take(one, repository, tag)
        ctr.push(repository, tag)

    found = [(artifact.top.digest, "application/x.sbom")]
    assert wire.referrers(registry, repository, image.top.digest) == found
    wire.assert_holds(registry, repository, artifact, "sbom")
