"""Manifests that are taken. Spec: OCI Image 1.1; Docker Image Manifest V2, Schema 2."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.domain import limits
from chalicelib.domain.digest import digest_of
from chalicelib.domain.manifest import parse_manifest
from chalicelib.domain.media_types import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from tests.domain import documents
from tests.domain.documents import descriptor, raw

KINDS = {
    OCI_MANIFEST: documents.image(),
    DOCKER_MANIFEST: documents.docker_image(),
    OCI_INDEX: documents.index(),
    DOCKER_LIST: documents.docker_list(),
}
ONE_LEVEL = 2  # the document itself, and the object that holds what is nested


@pytest.mark.parametrize(("media_type", "document"), KINDS.items(), ids=KINDS)
def test_each_kind_is_read_with_its_content_type_and_without(
    media_type: str, document: dict[str, Any]
) -> None:
    data = raw(document)
    for content_type in (
        media_type,
        None,
        "",
        ";",
        f"{media_type}; charset=utf-8",
        media_type.upper(),
    ):
        manifest = parse_manifest(data, content_type)
        assert manifest.media_type == media_type
        assert manifest.raw is data
        assert manifest.digest == digest_of(data)


@pytest.mark.parametrize(("media_type", "document"), KINDS.items(), ids=KINDS)
def test_a_document_without_media_type_takes_that_of_the_request(
    media_type: str, document: dict[str, Any]
) -> None:
    bare = {key: value for key, value in document.items() if key != "mediaType"}
    assert parse_manifest(raw(bare), media_type).media_type == media_type


def test_an_image_names_config_and_layers() -> None:
    manifest = parse_manifest(raw(documents.image()), None)
    assert manifest.config is not None
    assert manifest.config.digest == digest_of(b"{}")
    assert [layer.digest for layer in manifest.layers] == [
        digest_of(b"layer 1"),
        digest_of(b"layer 2"),
    ]
    assert manifest.children == ()
    assert manifest.required_blobs == (manifest.config, *manifest.layers)


def test_an_index_names_its_children_and_requires_no_blob() -> None:
    manifest = parse_manifest(raw(documents.index()), None)
    assert (manifest.config, manifest.layers, manifest.required_blobs) == (None, (), ())
    assert [child.platform for child in manifest.children] == ["linux/amd64", "linux/arm/v7"]


def test_an_artifact_names_its_subject_its_type_and_each_blob_once() -> None:
    manifest = parse_manifest(raw(documents.artifact()), None)
    assert manifest.subject is not None
    assert manifest.subject.digest == digest_of(b"the image")
    assert manifest.artifact_type == "application/vnd.example.sbom+json"
    assert manifest.annotations == {"org.example.key": "value"}
    assert [blob.digest for blob in manifest.required_blobs] == [digest_of(b"{}")]


def test_without_artifact_type_that_of_the_config_counts() -> None:
    assert parse_manifest(raw(documents.image()), None).artifact_type == documents.OCI_CONFIG
    assert parse_manifest(raw(documents.index()), None).artifact_type is None


FOREIGN = {
    "docker's type": descriptor(b"windows", documents.DOCKER_FOREIGN),
    "OCI's type": descriptor(b"windows", documents.OCI_FOREIGN),
    "urls": descriptor(b"windows", urls=["https://example.test/windows.tar.gz"]),
}


@pytest.mark.parametrize("layer", FOREIGN.values(), ids=FOREIGN)
def test_a_foreign_layer_is_named_but_not_required(layer: dict[str, Any]) -> None:
    manifest = parse_manifest(raw(documents.image(layers=[layer])), None)
    assert len(manifest.layers) == 1
    assert [blob.digest for blob in manifest.required_blobs] == [digest_of(b"{}")]


TAKEN: dict[str, dict[str, Any]] = {
    "no layers": documents.image(layers=[]),
    "layers left out": documents.image(layers=...),
    "an index of nothing": documents.index(manifests=[]),
    "a layer of no bytes": documents.image(layers=[descriptor(b"")]),
    "the largest size": documents.image(layers=[{**descriptor(b"x"), "size": 2**63 - 1}]),
    "sha512": documents.image(
        layers=[{**descriptor(b"x"), "digest": str(digest_of(b"x", "sha512"))}]
    ),
    "null annotations": documents.image(annotations=None),
    "null subject": documents.image(subject=None),
    "keys that nobody knows": documents.image(**{"x-mine": {"a": [1.5, None, True]}}),
    "an index that refers to a subject": documents.index(subject=descriptor(b"x", OCI_MANIFEST)),
    "as many layers as fit": documents.image(
        layers=[descriptor(b"x")] * limits.MAX_MANIFEST_DESCRIPTORS
    ),
    "a platform of odd form": documents.index(
        manifests=[descriptor(b"x", OCI_MANIFEST, platform="linux")]
    ),
}


@pytest.mark.parametrize("document", TAKEN.values(), ids=TAKEN)
def test_an_unusual_manifest_is_taken(document: dict[str, Any]) -> None:
    parse_manifest(raw(document), None)


def test_a_manifest_of_exactly_4_mib_is_taken() -> None:
    data = raw(documents.image())
    assert parse_manifest(data.ljust(limits.MAX_MANIFEST_BYTES), None).layers


def test_nesting_is_taken_as_deep_as_the_limit() -> None:
    nested: object = 1
    for _ in range(limits.MAX_MANIFEST_DEPTH - ONE_LEVEL):
        nested = {"a": nested}
    parse_manifest(raw(documents.image(**{"x-nested": nested})), None)


def test_the_bytes_are_kept_as_they_came() -> None:
    data = json.dumps(documents.image(), indent=7).replace(",", " ,").encode() + b"\n\n"
    assert parse_manifest(data, OCI_MANIFEST).raw == data


def test_the_digest_is_of_the_algorithm_asked_for() -> None:
    data = raw(documents.image())
    assert parse_manifest(data, None, "sha512").digest == digest_of(data, "sha512")
