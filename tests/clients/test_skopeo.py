"""skopeo over every image: pushed and pulled with not one byte changed."""

import json
from pathlib import Path

import pytest

from . import wire
from .archives import docker_archive, identity, saved
from .files import assert_directory, assert_layout
from .images import OCI, RECIPES, Shelf, attached_to
from .registry import Registry
from .skopeo import Skopeo

pytestmark = pytest.mark.clients


@pytest.mark.parametrize("name", RECIPES)
def test_skopeo_pulls_the_bytes_it_pushed(
    skopeo: Skopeo, registry: Registry, images: Shelf, repository: str, folder: Path, name: str
) -> None:
    image = images[name]

    skopeo.push(image, repository)
    wire.assert_holds(registry, repository, image)

    if image.kind is OCI:
        skopeo.pull(repository, "latest", f"oci:{folder / 'pulled'}:latest")
        assert_layout(folder / "pulled", image)
    else:
        skopeo.pull(repository, "latest", f"dir:{folder / 'pulled'}")
        assert_directory(folder / "pulled", image)


@pytest.mark.parametrize("name", ["five", "two-platforms", "docker-two-platforms"])
def test_skopeo_pulls_by_digest(
    skopeo: Skopeo, images: Shelf, repository: str, folder: Path, name: str
) -> None:
    image = images[name]
    skopeo.push(image, repository)

    skopeo.pull(repository, image.top.digest, f"dir:{folder / 'pulled'}")

    assert_directory(folder / "pulled", image)


@pytest.mark.parametrize("name", ["five", "empty-layer", "foreign-names"])
def test_skopeo_pushes_what_docker_saved(
    skopeo: Skopeo, registry: Registry, images: Shelf, repository: str, folder: Path, name: str
) -> None:
    image = images[name]
    archive = docker_archive(image, folder / "saved.tar", "local/image:latest")

    skopeo.copy_in(f"docker-archive:{archive}", repository)
    wire.assert_holds_content(registry, repository, image)

    skopeo.copy_out(repository, f"docker-archive:{folder / 'pulled.tar'}:local/image:latest")
    assert saved(folder / "pulled.tar") == identity(image.only)


def test_skopeo_inspects_and_lists_tags(skopeo: Skopeo, images: Shelf, repository: str) -> None:
    image = images["foreign-names"]
    for tag in ("latest", "v1", "v1.1", "V_2"):
        skopeo.push(image, repository, tag)

    raw = skopeo.inspect(repository, "v1", "--raw")
    found = skopeo.inspect(repository, "v1.1")

    assert raw == json.loads(image.read(image.top.digest))
    assert found["Digest"] == image.top.digest
    assert found["Labels"]["ort"] == "Reede vor Wangerooge, 港"
    assert sorted(found["RepoTags"]) == skopeo.tags(repository) == ["V_2", "latest", "v1", "v1.1"]


def test_skopeo_deletes_by_digest_of_the_tag(
    skopeo: Skopeo, registry: Registry, images: Shelf, repository: str
) -> None:
    skopeo.push(images["empty-layer"], repository)

    skopeo.delete(repository)

    url = f"{registry.url}/v2/{repository}/manifests/latest"
    assert wire.send("GET", url, {"Accept": wire.ACCEPT, **wire.basic(registry)}).status == 404


def test_skopeo_attaches_by_pushing_what_names_a_subject(
    skopeo: Skopeo, registry: Registry, images: Shelf, repository: str, folder: Path
) -> None:
    image = images["two-platforms"]
    artifact = attached_to(image, folder / "artifact", "application/x.sbom", b"what is in it\n")
    skopeo.push(image, repository)

    skopeo.push(artifact, repository, "sbom")

    found = [(artifact.top.digest, "application/x.sbom")]
    assert wire.referrers(registry, repository, image.top.digest) == found
    skopeo.pull(repository, "sbom", f"oci:{folder / 'pulled'}:latest")
    assert_layout(folder / "pulled", artifact)
