"""Manifests that are refused, hostile ones among them: always by a RegistryError."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain import limits
from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.manifest import parse_manifest
from chalicelib.domain.media_types import DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from tests.domain import documents
from tests.domain.documents import descriptor, raw
from tests.support.refusals import outcome_of, refusal_of


def with_layer(**changes: Any) -> dict[str, Any]:
    """An image whose one layer is changed; ``...`` leaves a key out."""
    layer = {**descriptor(b"layer"), **changes}
    return documents.image(layers=[{k: v for k, v in layer.items() if v is not ...}])


GOOD = raw(documents.image())
BYTES = {
    "empty": b"",
    "not JSON": b"{",
    "two documents": GOOD + GOOD,
    "not UTF-8": GOOD.replace(b"layer", b"\xff\xfe"),
    "UTF-16": GOOD.decode().encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf" + GOOD,
    "NUL behind": GOOD + b"\x00",
    "a list": b"[]",
    "a string": b'"manifest"',
    "a number": b"2",
    "null": b"null",
    "a duplicate key": GOOD[:-1] + b', "schemaVersion": 2}',
    "a duplicate key below": b'{"schemaVersion": 2, "config": {"size": 1, "size": 2}}',
    "a duplicate key spelled otherwise": GOOD[:-1] + b', "\\u0063onfig": {}}',
    "NaN": GOOD[:-1] + b', "x": NaN}',
    "Infinity": GOOD[:-1] + b', "x": -Infinity}',
    "a number of 5000 digits": GOOD[:-1] + b', "x": ' + b"1" * 5000 + b"}",
    "lists to the recursion limit": b"[" * sys.getrecursionlimit(),
    "lists far beyond the recursion limit": b"[" * 1_000_000,
    "lists closed again": b"[" * 100_000 + b"]" * 100_000,
    "objects far beyond the recursion limit": b'{"a":' * 500_000,
    "nested deeper than the limit": GOOD[:-1]
    + b', "x": '
    + b"[" * limits.MAX_MANIFEST_DEPTH
    + b"]" * limits.MAX_MANIFEST_DEPTH
    + b"}",
}

DOCUMENTS: dict[str, dict[str, Any]] = {
    "an empty object": {},
    "schemaVersion missing": documents.image(schemaVersion=...),
    "schemaVersion 1": documents.image(schemaVersion=1),
    "schemaVersion 3": documents.image(schemaVersion=3),
    "schemaVersion as text": documents.image(schemaVersion="2"),
    "schemaVersion true": documents.image(schemaVersion=True),
    "mediaType a number": documents.image(mediaType=7),
    "mediaType a list": documents.image(mediaType=[OCI_MANIFEST]),
    "mediaType another": documents.image(mediaType=DOCKER_MANIFEST),
    "mediaType of an index": documents.image(mediaType=OCI_INDEX),
    "config missing": documents.image(config=...),
    "config null": documents.image(config=None),
    "config a list": documents.image(config=[]),
    "config an empty object": documents.image(config={}),
    "layers an object": documents.image(layers={}),
    "layers a text": documents.image(layers="layers"),
    "a layer null": documents.image(layers=[None]),
    "a layer a list": documents.image(layers=[[]]),
    "an image with manifests": documents.image(manifests=[]),
    "subject a text": documents.image(subject="sha256:" + "0" * 64),
    "subject an empty object": documents.image(subject={}),
    "subject a list": documents.image(subject=[]),
    "subject false": documents.image(subject=False),
    "size missing": with_layer(size=...),
    "size null": with_layer(size=None),
    "size negative": with_layer(size=-1),
    "size a float": with_layer(size=5.0),
    "size a text": with_layer(size="5"),
    "size true": with_layer(size=True),
    "size 2**63": with_layer(size=2**63),
    "size of 4000 digits": with_layer(size=10**4000),
    "digest missing": with_layer(digest=...),
    "digest a number": with_layer(digest=5),
    "digest without algorithm": with_layer(digest="0" * 64),
    "digest in capitals": with_layer(digest="sha256:" + "A" * 64),
    "digest of md5": with_layer(digest="md5:" + "0" * 32),
    "digest half a character": with_layer(digest="sha256:" + "\ud800" * 64),
    "media type missing": with_layer(mediaType=...),
    "media type empty": with_layer(mediaType=""),
    "media type without slash": with_layer(mediaType="layer"),
    "media type with spaces": with_layer(mediaType="text / plain"),
    "media type with newline": with_layer(mediaType="text/plain\n"),
    "media type not ASCII": with_layer(mediaType="text/pl\u00e4in"),
    "media type of 300 characters": with_layer(mediaType="text/" + "a" * 300),
    "10,000 layers": documents.image(layers=[descriptor(b"x")] * 10_000),
    "a layer more than fit": documents.image(
        layers=[descriptor(b"x")] * (limits.MAX_MANIFEST_DESCRIPTORS + 1)
    ),
    "artifactType malformed": documents.image(artifactType="not a type"),
    "annotations a list": documents.image(annotations=[]),
    "annotations not texts": documents.image(annotations={"a": 1}),
    "annotations half a character": documents.image(annotations={"a": "\ud800"}),
    "an annotation's name half a character": documents.image(annotations={"\udfff": "a"}),
}
INDEXES: dict[str, dict[str, Any]] = {
    "manifests missing": documents.index(manifests=...),
    "manifests null": documents.index(manifests=None),
    "manifests an object": documents.index(manifests={}),
    "a child without digest": documents.index(manifests=[{"mediaType": OCI_MANIFEST, "size": 1}]),
    "an index with layers": documents.index(layers=[descriptor(b"x")]),
    "an index with a config": documents.index(config=descriptor(b"x")),
    "too many children": documents.index(manifests=[descriptor(b"x", OCI_MANIFEST)] * 2001),
}
CONTENT_TYPES = [
    "application/json",
    "text/plain",
    "application/vnd.docker.distribution.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
    "application/vnd.oci.image.config.v1+json",
    DOCKER_MANIFEST,
    OCI_INDEX,
    "*/*",
    "a" * 10_000,
    "\ud800",
]


@pytest.mark.parametrize("data", BYTES.values(), ids=BYTES)
def test_bytes_that_are_no_document_are_refused(data: bytes) -> None:
    error = refusal_of(parse_manifest, data, OCI_MANIFEST)
    assert (error.code, error.status) == (ErrorCode.MANIFEST_INVALID, 400)
    assert len(error.message) < 1000


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
def test_a_document_that_is_no_image_is_refused(document: dict[str, Any]) -> None:
    error = refusal_of(parse_manifest, raw(document), OCI_MANIFEST)
    assert (error.code, error.status) == (ErrorCode.MANIFEST_INVALID, 400)
    assert len(error.message) < 1000


@pytest.mark.parametrize("document", INDEXES.values(), ids=INDEXES)
def test_a_document_that_is_no_index_is_refused(document: dict[str, Any]) -> None:
    assert refusal_of(parse_manifest, raw(document), OCI_INDEX).code is ErrorCode.MANIFEST_INVALID


@pytest.mark.parametrize("content_type", CONTENT_TYPES, ids=lambda text: ascii(text)[:60])
def test_a_content_type_that_is_unknown_or_another_is_refused(content_type: str) -> None:
    error = refusal_of(parse_manifest, GOOD, content_type)
    assert error.code is ErrorCode.MANIFEST_INVALID
    assert len(error.message) < 1000


def test_without_any_media_type_a_manifest_is_refused() -> None:
    bare = raw(documents.image(mediaType=...))
    assert refusal_of(parse_manifest, bare, None).code is ErrorCode.MANIFEST_INVALID


def test_schema_1_is_told_what_to_do() -> None:
    signed = json.dumps({"schemaVersion": 1, "name": "a", "fsLayers": []}).encode()
    for content_type in (None, CONTENT_TYPES[2], CONTENT_TYPES[3]):
        assert "schema 2" in refusal_of(parse_manifest, signed, content_type).message


def test_a_byte_above_4_mib_is_too_large() -> None:
    error = refusal_of(parse_manifest, GOOD.ljust(limits.MAX_MANIFEST_BYTES + 1), OCI_MANIFEST)
    assert (error.code, error.status) == (ErrorCode.SIZE_EXCEEDED, 413)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=20,
)
# Documents that get past the first checks, so that the later ones are reached.
keys = st.sampled_from(
    ["config", "layers", "manifests", "subject", "annotations", "artifactType", "mediaType"]
)
near_misses = st.builds(
    lambda base, changes: {**base, **changes},
    st.sampled_from([documents.image(), documents.index(), documents.artifact()]),
    st.dictionaries(keys, json_values, max_size=3),
)
content_types = st.one_of(st.none(), st.text(), st.sampled_from([OCI_MANIFEST, OCI_INDEX]))


def parse_or_refuse(data: bytes, content_type: str | None) -> None:
    outcome = outcome_of(parse_manifest, data, content_type)
    if isinstance(outcome, RegistryError):
        assert outcome.code is ErrorCode.MANIFEST_INVALID
    else:
        assert outcome.raw == data


@given(st.binary(), content_types)
def test_no_bytes_do_worse_than_be_refused(data: bytes, content_type: str | None) -> None:
    parse_or_refuse(data, content_type)


@given(json_values, content_types)
def test_no_json_does_worse_than_be_refused(document: object, content_type: str | None) -> None:
    parse_or_refuse(raw(document), content_type)


@given(near_misses, content_types)
def test_no_near_miss_does_worse_than_be_refused(
    document: dict[str, Any], content_type: str | None
) -> None:
    parse_or_refuse(raw(document), content_type)
