"""`roadstead push` against nothing but Lambda and S3: sources, ways, refusals."""

from __future__ import annotations

import gzip
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from roadstead.client.errors import TransferError
from tests.clients.archives import docker_archive, oci_archive
from tests.clients.images import Builder, File, Image, Shelf
from tests.uploader.conftest import Command, Remote
from tests.uploader.driving import assert_served, digest_at, fetch, is_tagged, push_here

LARGE = ("ten", "thirty-mb")


@pytest.mark.parametrize(
    "name", ["five", "thirty", "two-platforms", "docker-two-platforms", "empty-layer", *LARGE]
)
def test_a_layout_comes_whole(remote: Remote, images: Shelf, repository: str, name: str) -> None:
    image = images[name]
    notes = push_here(f"oci:{image.folder}", f"{remote.host}/{repository}:v1")
    assert_served(remote, repository, image, "v1")
    assert notes.notes == dict.fromkeys(image.blobs, "pushed")
    assert notes.moved_bytes == image.blobs, "every byte is counted once"


def test_the_command_prints_the_digest_and_a_line_a_blob(
    remote: Remote, images: Shelf, repository: str, roadstead: Command
) -> None:
    image = images["thirty-mb"]
    status, out, err = roadstead.outcome(
        "push", f"oci:{image.folder}", f"{remote.host}/{repository}"
    )
    assert (status, out.strip()) == (0, image.top.digest)
    assert err.count(" pushed\n") == 2
    assert_served(remote, repository, image)
    again = roadstead.outcome(
        "push", "--quiet", f"oci:{image.folder}", f"{remote.host}/{repository}"
    )
    assert again == (0, f"{image.top.digest}\n", "")


def test_each_blob_goes_the_way_of_its_size(remote: Remote, images: Shelf, repository: str) -> None:
    push_here(f"oci:{images['thirty-mb'].folder}", f"{remote.host}/{repository}")
    assert (remote.api.count("POST"), remote.s3.count("PUT")) == (4, 4)
    remote.mend()
    push_here(f"oci:{images['ten'].folder}", f"{remote.host}/{repository}")
    whole = [line for line in remote.api.seen if "/whole" in line]
    assert (len(whole), remote.s3.count("PUT")) == (1, 1)


def test_what_is_there_is_not_sent_again(remote: Remote, images: Shelf, repository: str) -> None:
    source = f"oci:{images['thirty-mb'].folder}"
    push_here(source, f"{remote.host}/{repository}:v1")
    remote.mend()
    notes = push_here(source, f"{remote.host}/{repository}:v2")
    assert set(notes.notes.values()) == {"is there"}
    assert (remote.api.count("POST"), remote.s3.seen) == (0, [])
    assert is_tagged(remote, repository, "v2")


def test_a_blob_that_another_repository_is_known_to_have_is_mounted(
    remote: Remote, images: Shelf, repository: str, tmp_path: Path
) -> None:
    image = images["thirty-mb"]
    other = repository + "-other"
    push_here(f"oci:{image.folder}", f"{remote.host}/{repository}", tmp_path)
    remote.mend()
    notes = push_here(f"oci:{image.folder}", f"{remote.host}/{other}", tmp_path)
    assert set(notes.notes.values()) == {f"mounted from {repository}"}
    assert remote.s3.seen == []
    assert_served(remote, other, image)


def test_a_large_blob_that_the_registry_has_somewhere_is_mounted_without_being_told_where(
    remote: Remote, images: Shelf, repository: str
) -> None:
    image = images["thirty-mb"]
    push_here(f"oci:{image.folder}", f"{remote.host}/{repository}")
    before = len(remote.s3.seen)
    notes = push_here(f"oci:{image.folder}", f"{remote.host}/{repository}-other")
    assert sorted(notes.notes.values()) == ["mounted", "pushed"]
    assert len(remote.s3.seen) == before
    assert_served(remote, f"{repository}-other", image)


def test_a_mount_that_is_not_had_leads_to_a_push(
    remote: Remote, images: Shelf, repository: str, tmp_path: Path
) -> None:
    image = images["ten"]
    push_here(f"oci:{image.folder}", f"{remote.host}/{repository}", tmp_path)
    remote.mend()
    folder = tmp_path / "blobs"
    (known,) = folder.iterdir()
    known.write_text(json.dumps(dict.fromkeys(image.blobs, "nobody/nothing")))
    other = repository + "-other"
    notes = push_here(f"oci:{image.folder}", f"{remote.host}/{other}", tmp_path)
    assert set(notes.notes.values()) == {"pushed"}
    assert_served(remote, other, image)


@pytest.mark.parametrize("name", ["five", "thirty-mb", "foreign-names"])
def test_a_docker_save_of_before_25_goes_with_its_layers_as_they_are(
    remote: Remote, images: Shelf, repository: str, tmp_path: Path, name: str
) -> None:
    image = images[name]
    path = docker_archive(image, tmp_path / "saved.tar", "lab/app:one")
    push_here(str(path), f"{remote.host}/{repository}")
    manifest = json.loads(fetch(f"{remote.api.url}/v2/{repository}/manifests/latest")[1])
    assert manifest["config"]["digest"] == image.only.config.digest
    assert [layer["digest"] for layer in manifest["layers"]] == image.only.diff_ids
    kinds = {layer["mediaType"] for layer in manifest["layers"]}
    assert kinds == {"application/vnd.oci.image.layer.v1.tar"}
    for digest in (image.only.config.digest, *image.only.diff_ids):
        assert digest_at(remote, repository, digest) == digest


@pytest.mark.parametrize("name", ["five", "two-platforms", "thirty-mb"])
def test_a_docker_save_of_today_comes_whole(
    remote: Remote, images: Shelf, repository: str, tmp_path: Path, name: str
) -> None:
    image = images[name]
    path = oci_archive(image, tmp_path / "saved.tar", "docker.io/lab/app:one")
    push_here(f"docker-archive:{path}:one", f"{remote.host}/{repository}")
    assert_served(remote, repository, image)


def test_layers_of_a_tar_that_are_compressed_stay_so(
    remote: Remote, images: Shelf, repository: str, tmp_path: Path
) -> None:
    image = images["five"]
    path = tmp_path / "crane.tar"
    layers = [layer.blob.digest.removeprefix("sha256:") for layer in image.only.layers]
    with tarfile.open(path, "w") as archive:
        archive.add(image.path(image.only.config.digest), "config.json")
        for name in layers:
            archive.add(image.path(f"sha256:{name}"), f"{name}.tar.gz")
        listed = tmp_path / "manifest.json"
        entry = {
            "Config": "config.json",
            "RepoTags": None,
            "Layers": [f"{n}.tar.gz" for n in layers],
        }
        listed.write_text(json.dumps([entry]))
        archive.add(listed, "manifest.json")
    push_here(str(path), f"{remote.host}/{repository}")
    manifest = json.loads(fetch(f"{remote.api.url}/v2/{repository}/manifests/latest")[1])
    assert [layer["digest"] for layer in manifest["layers"]] == [f"sha256:{n}" for n in layers]
    assert manifest["layers"][0]["mediaType"].endswith("+gzip")


@pytest.mark.parametrize("name", ["two-platforms", "thirty-mb", "docker-five"])
def test_an_image_of_another_registry_comes_whole(
    remote: Remote, images: Shelf, repository: str, name: str
) -> None:
    image, first = images[name], f"{remote.host}/{repository}-first:v1"
    push_here(f"oci:{image.folder}", first)
    # The same registry by another name: nothing can be mounted.
    remote.mend()
    other = first.replace("127.0.0.1", "localhost")
    notes = push_here(f"docker://{other}", f"{remote.host}/{repository}")
    assert set(notes.notes.values()) == {"pushed"}
    assert_served(remote, repository, image)
    remote.mend()
    notes = push_here(f"docker://{first}", f"{remote.host}/{repository}-mounted")
    assert set(notes.notes.values()) == {f"mounted from {repository}-first"}


# --- refusals ---------------------------------------------------------------------------------


def layout(image: Image, tmp_path: Path) -> Path:
    folder = tmp_path / "spoiled"
    shutil.copytree(image.folder, folder)
    return folder


def without_index(image: Image, tmp_path: Path) -> str:
    folder = layout(image, tmp_path)
    (folder / "index.json").unlink()
    return f"oci:{folder}"


def with_index(text: str) -> Callable[[Image, Path], str]:
    def spoil(image: Image, tmp_path: Path) -> str:
        folder = layout(image, tmp_path)
        (folder / "index.json").write_text(text)
        return f"oci:{folder}"

    return spoil


def two_images(image: Image, tmp_path: Path) -> str:
    folder = layout(image, tmp_path)
    builder = Builder(folder)
    other = builder.image("other", builder.manifest([builder.layer("b", [File("b", "b")])]))
    names = ("one", "two")
    entries = [
        {**top.descriptor, "annotations": {"org.opencontainers.image.ref.name": name}}
        for name, top in zip(names, (image.top, other.top), strict=True)
    ]
    (folder / "index.json").write_text(json.dumps({"manifests": entries}))
    return f"oci:{folder}"


def spoiled(part: str, size_change: int) -> Callable[[Image, Path], str]:
    def spoil(image: Image, tmp_path: Path) -> str:
        folder = layout(image, tmp_path)
        blobs = {"layer": image.only.layers[0].blob, "config": image.only.config, "top": image.top}
        path = folder / "blobs" / blobs[part].digest.replace(":", "/")
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data + b"x" * size_change if size_change >= 0 else data[:size_change])
        return f"oci:{folder}"

    return spoil


def lacks_layer(image: Image, tmp_path: Path) -> str:
    folder = layout(image, tmp_path)
    (folder / "blobs" / image.only.layers[0].blob.digest.replace(":", "/")).unlink()
    return f"oci:{folder}"


def tar_of(content: bytes | None) -> Callable[[Image, Path], str]:
    def make(image: Image, tmp_path: Path) -> str:
        path = tmp_path / "saved.tar"
        docker_archive(image, path, "lab/app:one")
        data = path.read_bytes()
        path.write_bytes(content if content is not None else data[: len(data) // 2])
        return str(path)

    return make


def zipped_tar(image: Image, tmp_path: Path) -> str:
    path = docker_archive(image, tmp_path / "saved.tar", "lab/app:one")
    path.write_bytes(gzip.compress(path.read_bytes(), 1))
    return str(path)


REFUSALS: dict[str, tuple[Callable[[Image, Path], str], str]] = {
    "no such folder": (lambda *_: "oci:no-such-folder:v1", "no such file or folder"),
    "no source at all": (lambda *_: "what", "is no source"),
    "no image name": (lambda *_: "docker://alpine", "names no registry"),
    "a folder that is no layout": (without_index, "is no OCI layout"),
    "an index that is no JSON": (with_index("{"), "index.json is damaged"),
    "an index without images": (with_index("{}"), "holds no image"),
    "an index of nonsense": (
        with_index('{"manifests": [5]}'),
        "holds no image|no descriptor|several",
    ),
    "two images, none chosen": (two_images, "several images; choose by :REF. It has: one, two"),
    "an image that is not there": (
        lambda image, _: f"oci:{image.folder}:v9",
        "no image 'v9'; choose by :REF. It has: latest",
    ),
    "a manifest of other bytes": (spoiled("top", 0), "other bytes than its name says"),
    "a layer of other bytes": (spoiled("layer", 0), "the source's bytes are not those of"),
    "a config of other bytes": (spoiled("config", 0), "provided digest did not match"),
    "a layer that is too short": (spoiled("layer", -1), "and its manifest says"),
    "a layer that is missing": (lacks_layer, "the source lacks sha256:"),
    "a tar that is cut off": (tar_of(None), "is cut off|cannot be read as a tar|lacks"),
    "a tar that is none": (tar_of(b"x" * 2000), "cannot be read as a tar"),
    "a tar of something else": (tar_of(b"\0" * 10240), "is not what `docker save` writes"),
    "a tar that is compressed": (zipped_tar, "is compressed; unpack it first"),
}


@pytest.mark.parametrize("size", ["ten", "thirty-mb"])
@pytest.mark.parametrize("name", REFUSALS)
def test_a_source_that_is_not_sound_is_refused_with_a_sentence(
    remote: Remote, images: Shelf, repository: str, tmp_path: Path, name: str, size: str
) -> None:
    make, sentence = REFUSALS[name]
    with pytest.raises(TransferError, match=sentence):
        push_here(make(images[size], tmp_path), f"{remote.host}/{repository}", tmp_path / "cache")
    assert not is_tagged(remote, repository)
    kept = tmp_path / "cache" / "uploads"
    assert not kept.exists() or not list(kept.glob("*.json")), "a repetition begins anew"


TARGETS = {
    "no registry": ("team/app", "names no registry"),
    "a name in capitals": ("127.0.0.1:1/Team/app", "invalid repository name"),
    "a tag that is none": ("127.0.0.1:1/team/app:-x", "invalid tag"),
    "a digest of another image": (
        "{host}/{repository}@sha256:" + "0" * 64,
        "the source's image is",
    ),
    "plain http elsewhere": ("http://registry.example.test/team/app", "say --insecure"),
    "nobody there": ("127.0.0.1:1/team/app", "does not answer"),
}


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_that_cannot_be_is_refused_with_a_sentence(
    remote: Remote, images: Shelf, repository: str, name: str
) -> None:
    target, sentence = TARGETS[name]
    with pytest.raises(TransferError, match=sentence):
        push_here(
            f"oci:{images['ten'].folder}", target.format(host=remote.host, repository=repository)
        )


def test_a_tag_ends_when_the_push_says_so(
    remote: Remote, images: Shelf, repository: str, roadstead: Command
) -> None:
    source, target = f"oci:{images['five'].folder}", f"{remote.host}/{repository}"
    pushed = roadstead.outcome("push", "--quiet", source, f"{target}:brief", "--expires", "2h")
    assert pushed == (0, f"{images['five'].top.digest}\n", "")
    kept = roadstead.outcome("push", "--quiet", source, f"{target}:kept", "--expires", "never")
    assert kept[0] == 0
    ends = {
        tag: json.loads(
            fetch(f"http://{remote.host}/v2/{repository}/_roadstead/tags/{tag}/expiry")[1]
        )
        for tag in ("brief", "kept")
    }
    assert ends["brief"]["expires_at"] is not None
    assert ends["kept"] == {"expires_at": None}


@pytest.mark.parametrize(
    ("expires", "said"), [("2020-01-01T00:00:00Z", "must lie in the future"), ("soon", "like 90s")]
)
def test_an_end_that_cannot_be_is_refused_and_no_tag_is_set(
    remote: Remote, images: Shelf, repository: str, roadstead: Command, expires: str, said: str
) -> None:
    source, target = f"oci:{images['five'].folder}", f"{remote.host}/{repository}:brief"
    status, out, err = roadstead.outcome("push", "--quiet", source, target, "--expires", expires)
    assert (status != 0, out) == (True, "")
    assert said in err
    assert not is_tagged(remote, repository, "brief")


def test_a_digest_has_no_end(
    remote: Remote, images: Shelf, repository: str, roadstead: Command
) -> None:
    image = images["five"]
    target = f"{remote.host}/{repository}@{image.top.digest}"
    status, _, err = roadstead.outcome("push", f"oci:{image.folder}", target, "--expires", "2h")
    assert status != 0
    assert "only a tag has an end" in err
