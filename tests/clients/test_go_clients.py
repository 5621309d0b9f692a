"""crane, oras and regctl: the clients that come as Go modules, without accounts and with.

Each pushes, pulls byte for byte, lists, copies by mounting, deletes, and attaches and finds what
refers to an image, as far as it can; `verbs.py` holds the table of what each cannot.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from . import wire
from .commands import CommandError, not_run
from .crane import Crane
from .files import assert_among, assert_layout
from .images import Shelf, attached_to, fresh
from .middle import between
from .oras import Oras
from .regctl import Regctl
from .registry import PEER, Registry

pytestmark = pytest.mark.clients

CLIENTS: dict[str, Any] = {"crane": Crane, "oras": Oras, "regctl": Regctl}
REGISTRIES = {
    "open": "registry_without_accounts",
    "basic": "registry_with_accounts",
    "bearer": "registry_with_bearer",
}
IMAGES = ["five", "twenty-megabytes", "two-platforms", "docker-five", "docker-two-platforms"]
OCI_1_1 = pytest.mark.usefixtures("_oci_1_1")
SECURED = pytest.mark.parametrize("registry", ["basic", "bearer"], indirect=True)
SBOM, SIGNATURE = "application/x.roadstead.sbom", "application/x.roadstead.signature"


@pytest.fixture(params=list(REGISTRIES))
def registry(request: pytest.FixtureRequest) -> Registry:
    found: Registry = request.getfixturevalue(REGISTRIES[request.param])
    if request.param != "open" and found.credentials is None:
        not_run("this registry has no passwords")
    return found


@pytest.fixture
def _oci_1_1(registry: Registry) -> None:
    if not registry.speaks_oci_1_1:
        not_run("this registry is older than OCI Distribution 1.1")


@pytest.fixture(params=list(CLIENTS))
def client(request: pytest.FixtureRequest, folder: Path, registry: Registry) -> Any:
    return CLIENTS[request.param].here(folder, registry)


@pytest.fixture
def oras(folder: Path, registry: Registry) -> Oras:
    return Oras.here(folder, registry)


@pytest.fixture
def regctl(folder: Path, registry: Registry) -> Regctl:
    return Regctl.here(folder, registry)


@pytest.mark.parametrize("name", IMAGES)
def test_go_clients_pull_the_bytes_they_pushed(
    client: Any, registry: Registry, repository: str, folder: Path, name: str
) -> None:
    image = fresh(name, folder / "image", repository)

    client.push(image, repository)
    wire.assert_holds(registry, repository, image)

    client.pull(repository, "latest", folder / "by-tag")
    client.pull(repository, image.top.digest, folder / "by-digest")
    assert_layout(folder / "by-tag", image)
    assert_layout(folder / "by-digest", image)


def test_go_clients_list_tags(client: Any, images: Shelf, repository: str) -> None:
    names = ["latest", "v1", "v1.1", "V_2"]
    for tag in names:
        client.push(images["empty-layer"], repository, tag)

    assert client.tags(repository) == sorted(names)


def test_go_clients_list_repositories(client: Any, images: Shelf, repository: str) -> None:
    """With accounts they are told of what is theirs."""
    both = [repository, f"{repository}-other"]
    for name in both:
        client.push(images["empty-layer"], name)

    assert [name for name in client.catalog() if name.startswith(repository)] == both


def test_go_clients_copy_by_mounting(
    client: Any, registry: Registry, images: Shelf, repository: str, folder: Path
) -> None:
    image = images["twenty-megabytes"]
    client.push(image, repository)

    with between(registry) as (near, middle):
        (folder / "near").mkdir()
        type(client).here(folder / "near", near).copy_across(repository, f"{repository}-other")

    assert len(middle.asked("POST", "mount=sha256")) >= len(image.only.layers)
    assert middle.sent < 100_000
    wire.assert_holds(registry, f"{repository}-other", image)


@OCI_1_1
@pytest.mark.parametrize("tool", ["crane", "regctl"])
def test_go_clients_delete_a_tag_and_nothing_else(
    registry: Registry, images: Shelf, repository: str, folder: Path, tool: str
) -> None:
    client = CLIENTS[tool].here(folder, registry)
    image = images["two-platforms"]
    for tag in ("one", "two"):
        client.push(image, repository, tag)

    client.delete_tag(repository, "one")

    assert wire.gone(registry, f"{repository}/manifests/one")
    assert client.tags(repository) == ["two"]
    wire.assert_holds(registry, repository, image, "two")


def test_go_clients_delete_a_manifest(
    client: Any, registry: Registry, images: Shelf, repository: str
) -> None:
    kept, image = images["docker-five"], images["five"]
    client.push(kept, repository, "kept")
    for tag in ("one", "two"):
        client.push(image, repository, tag)

    client.delete_manifest(repository, image.top.digest)

    assert wire.gone(registry, f"{repository}/manifests/{image.top.digest}")
    assert client.tags(repository) == ["kept"]
    wire.assert_holds(registry, repository, kept, "kept")


def test_oras_deletes_the_manifest_behind_a_tag(
    oras: Oras, registry: Registry, images: Shelf, repository: str
) -> None:
    image = images["empty-layer"]
    for tag in ("one", "two"):
        oras.push(image, repository, tag)

    oras.delete_manifest(repository, "one")

    assert wire.gone(registry, f"{repository}/manifests/{image.top.digest}")
    assert oras.tags(repository) == []


@pytest.mark.parametrize("tool", ["oras", "regctl"])
def test_go_clients_delete_a_blob(
    registry: Registry, images: Shelf, repository: str, folder: Path, tool: str
) -> None:
    client = CLIENTS[tool].here(folder, registry)
    image = images["empty-layer"]
    client.push(image, repository)
    client.delete_manifest(repository, image.top.digest)

    for digest in image.blobs:
        client.delete_blob(repository, digest)

    assert all(wire.gone(registry, f"{repository}/blobs/{digest}") for digest in image.blobs)


@OCI_1_1
@pytest.mark.parametrize("name", ["five", "two-platforms", "docker-five"])
@pytest.mark.parametrize("tool", ["oras", "regctl"])
def test_go_clients_find_what_they_attached(
    registry: Registry, images: Shelf, repository: str, folder: Path, tool: str, name: str
) -> None:
    client = CLIENTS[tool].here(folder, registry)
    image = images[name]
    client.push(image, repository)
    assert client.referrers(repository, "latest") == []

    sbom = client.attach(repository, "latest", SBOM, b"what is in it\n")
    signature = client.attach(repository, "latest", SIGNATURE, b"who made it\n")

    both = sorted([(sbom, SBOM), (signature, SIGNATURE)])
    assert sorted(client.referrers(repository, "latest")) == both
    assert sorted(client.referrers(repository, image.top.digest)) == both
    assert client.referrers(repository, "latest", SIGNATURE) == [(signature, SIGNATURE)]
    assert client.referrers(repository, "latest", "application/x.roadstead.none") == []
    assert sorted(wire.referrers(registry, repository, image.top.digest)) == both
    # No tag says it in place of the API, as these clients do with an older registry.
    assert client.tags(repository) == ["latest"]


@OCI_1_1
def test_what_is_attached_to_an_attachment_is_found(
    regctl: Regctl, images: Shelf, repository: str
) -> None:
    regctl.push(images["five"], repository)
    sbom = regctl.attach(repository, "latest", SBOM, b"what is in it\n")
    signature = regctl.attach(repository, sbom, SIGNATURE, b"who says so\n")

    assert regctl.referrers(repository, sbom) == [(signature, SIGNATURE)]
    tree = regctl.tree(repository)
    assert tree.index(images["five"].top.digest) < tree.index(sbom) < tree.index(signature)
    assert regctl.content(repository, "latest", SBOM) == "what is in it\n"


@OCI_1_1
def test_a_referrer_that_is_deleted_is_no_longer_found(
    client: Any, registry: Registry, images: Shelf, repository: str, folder: Path
) -> None:
    image = images["five"]
    client.push(image, repository)
    artifact = attached_to(image, folder / "artifact", SBOM, b"what is in it\n")
    client.push(artifact, repository, "sbom")
    assert wire.referrers(registry, repository, image.top.digest) == [(artifact.top.digest, SBOM)]

    client.delete_manifest(repository, artifact.top.digest)

    assert wire.referrers(registry, repository, image.top.digest) == []
    wire.assert_holds(registry, repository, image)


@OCI_1_1
@pytest.mark.parametrize("tool", ["crane", "regctl"])  # oras wants the subject beside it
def test_an_artifact_that_is_pushed_before_its_subject_refers_to_it(
    registry: Registry, images: Shelf, repository: str, folder: Path, tool: str
) -> None:
    client = CLIENTS[tool].here(folder, registry)
    image = images["docker-two-platforms"]
    artifact = attached_to(image, folder / "artifact", SIGNATURE, b"who made it\n")

    client.push(artifact, repository, "signature")
    client.push(image, repository)

    assert wire.referrers(registry, repository, image.top.digest) == [
        (artifact.top.digest, SIGNATURE)
    ]
    assert client.tags(repository) == ["latest", "signature"]
    client.pull(repository, "signature", folder / "pulled")
    # regctl's layouts hold an index of what refers to what besides.
    assert_among(folder / "pulled" / "blobs" / "sha256", artifact)


def test_regctl_pushes_a_layer_in_chunks(
    regctl: Regctl, registry: Registry, repository: str, folder: Path
) -> None:
    image = fresh("twenty-megabytes", folder / "image", repository)
    with between(registry) as (near, middle):
        (folder / "near").mkdir()
        chunked = Regctl.here(folder / "near", near)
        chunked.setting("--blob-max", "1000000", "--blob-chunk", "3000000")
        chunked.push(image, repository)

    assert len(middle.asked("PATCH", "/blobs/uploads/")) >= 7
    wire.assert_holds(registry, repository, image)
    regctl.pull(repository, "latest", folder / "pulled")
    assert_layout(folder / "pulled", image)


@SECURED
def test_go_clients_with_a_wrong_password_are_refused(
    client: Any, registry: Registry, images: Shelf, repository: str
) -> None:
    client.push(images["empty-layer"], repository)
    # A name of its own: too many wrong passwords for one name close it for a while.
    whom = replace(registry, username=f"nobody-{client.folder.name}", password="wrong")
    wrong = replace(client, registry=whom)

    def log_in_and_list() -> None:
        wrong.login()  # crane's asks nothing of the registry
        wrong.tags(repository)

    with pytest.raises(CommandError, match=r"(?i)unauthorized|authenticat|credential"):
        log_in_and_list()


@SECURED
def test_go_clients_may_not_push_to_somebody_else(
    client: Any, registry: Registry, images: Shelf
) -> None:
    if PEER:
        not_run("this registry keeps no namespaces apart")
    with pytest.raises(CommandError, match=r"(?i)denied|forbidden|403|unauthorized|401"):
        client.push(images["empty-layer"], "somebody-else/app")
