"""Accept headers, and manifests in the other family of types."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.convert import convert_image, convert_index
from chalicelib.domain.digest import digest_of
from chalicelib.domain.manifest import Manifest, parse_manifest
from chalicelib.domain.media_types import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    MANIFEST_SHAPES,
    OCI_INDEX,
    OCI_MANIFEST,
)
from chalicelib.domain.negotiate import TWINS, parse_accept
from tests.conformance.bodies import CONFIG, LAYER, OTHER, descriptor, image, index

ACCEPTS = [
    ([], None),
    (["*/*"], None),
    (["application/*;q=0.1, " + OCI_MANIFEST], None),
    (["application/json"], None),
    (["text/html"], None),
    ([""], None),
    ([OCI_MANIFEST], {OCI_MANIFEST}),
    ([f"{OCI_MANIFEST} , {DOCKER_LIST};q=0.5"], {OCI_MANIFEST, DOCKER_LIST}),
    ([OCI_MANIFEST, DOCKER_MANIFEST.upper(), "garbage/x"], {OCI_MANIFEST, DOCKER_MANIFEST}),
]


@pytest.mark.parametrize(("values", "wanted"), ACCEPTS, ids=[",".join(row[0]) for row in ACCEPTS])
def test_accept_names_types_or_takes_any(values: list[str], wanted: set[str] | None) -> None:
    accepted = parse_accept(values)
    for media_type in MANIFEST_SHAPES:
        assert accepted.takes(media_type) is (wanted is None or media_type in wanted)


@given(st.lists(st.text()))
def test_no_accept_is_an_error(values: list[str]) -> None:
    parse_accept(values)


def test_twins_are_twins_of_each_other_and_of_one_shape() -> None:
    assert set(TWINS) == set(MANIFEST_SHAPES)
    for one, other in TWINS.items():
        assert TWINS[other] == one != other
        assert MANIFEST_SHAPES[one] is MANIFEST_SHAPES[other]


def read(raw: bytes, media_type: str) -> Manifest:
    return parse_manifest(raw, media_type)


@pytest.mark.parametrize("kind", [OCI_MANIFEST, DOCKER_MANIFEST])
def test_an_image_there_and_back_names_the_same_parts(kind: str) -> None:
    first = read(image(kind, LAYER, OTHER), kind)
    there = convert_image(first)
    assert there is not None
    second = read(there, TWINS[kind])
    back = convert_image(second)
    assert back is not None
    third = read(back, kind)
    for made in (second, third):
        assert [layer.digest for layer in made.layers] == [layer.digest for layer in first.layers]
        assert made.config is not None
        assert first.config is not None
        assert made.config.digest == first.config.digest
    assert convert_image(first) == there, "the same again"
    assert convert_image(third) == there


def changed(**parts: Any) -> Manifest:
    return read(image(OCI_MANIFEST, **parts), OCI_MANIFEST)


ZSTD = descriptor(LAYER, "application/vnd.oci.image.layer.v1.tar+zstd")
NO_WORD = {
    "an artifact": {"artifactType": "application/vnd.example"},
    "a config of its own": {"config": descriptor(CONFIG, "application/vnd.example+json")},
    "zstd": {"layers": [ZSTD]},
    "a layer of its own": {"layers": [descriptor(LAYER, "text/plain")]},
}


@pytest.mark.parametrize("parts", NO_WORD.values(), ids=NO_WORD)
def test_what_the_other_family_has_no_word_for_is_not_converted(parts: dict[str, Any]) -> None:
    assert convert_image(changed(**parts)) is None


def test_what_docker_cannot_say_is_left_out_and_urls_are_kept() -> None:
    foreign = descriptor(
        LAYER,
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        urls=["https://layers.test/1"],
        annotations={"a": "b"},
    )
    subject = descriptor(OTHER, OCI_MANIFEST)
    raw = convert_image(changed(annotations={"k": "v"}, subject=subject, layers=[foreign]))
    assert raw is not None
    document = json.loads(raw)
    assert document.keys() == {"schemaVersion", "mediaType", "config", "layers"}
    assert document["layers"] == [
        descriptor(
            LAYER,
            "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
            urls=["https://layers.test/1"],
        )
    ]


def test_an_index_names_its_converted_children_and_drops_the_others() -> None:
    one, two = image(OCI_MANIFEST), image(OCI_MANIFEST, OTHER)
    whole = read(index(OCI_INDEX, (one, OCI_MANIFEST), (two, OCI_MANIFEST)), OCI_INDEX)
    made = convert_image(read(one, OCI_MANIFEST))
    assert made is not None
    raw = convert_index(whole, {digest_of(one): made})
    assert raw is not None
    document = json.loads(raw)
    assert document["mediaType"] == DOCKER_LIST
    assert document["manifests"] == [descriptor(made, DOCKER_MANIFEST)]
    assert convert_index(whole, {}) is None
    assert convert_image(whole) is None
