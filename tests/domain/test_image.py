"""v1 images: every cell of the state table, the json's checks in their order, ancestry."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain import limits
from chalicelib.domain.digest import digest_of
from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.image import (
    ImageDescription,
    ImageState,
    StoredLayer,
    V1Image,
    check_image_id,
    check_readable,
    check_seal,
    check_takes_layer,
    described,
    parse_image_json,
    payload_prefix,
)
from tests.support.refusals import refusal_of

ID, PARENT = "a" * 64, "b" * 64
RAW = json.dumps({"id": ID}).encode()
CHECKSUM = "sha256:" + "c" * 64


def image(state: ImageState) -> V1Image:
    bare = V1Image(ID, RAW, (ID,), ImageState.DESCRIBED)
    if state is ImageState.DESCRIBED:
        return bare
    layer = StoredLayer(digest_of(b"layer"), 5, "team/objects/layer")
    return replace(bare, state=state, layer=layer, payload_checksum=CHECKSUM)


STATES: dict[str, V1Image | None] = {
    "absent": None,
    **{state.value: image(state) for state in ImageState},
}
REQUESTS: dict[str, Callable[[V1Image | None], V1Image]] = {
    "PUT json": lambda known: described(ImageDescription(ID, None), RAW, known, None),
    "PUT layer": check_takes_layer,
    "PUT checksum": lambda known: check_seal(known, CHECKSUM),
    "PUT wrong checksum": lambda known: check_seal(known, "sha256:" + "0" * 64),
    "GET": check_readable,
}
OK = None
TABLE: dict[str, dict[str, ErrorCode | None]] = {
    "absent": {
        "PUT json": OK,
        "PUT layer": ErrorCode.V1_IMAGE_UNKNOWN,
        "PUT checksum": ErrorCode.V1_IMAGE_UNKNOWN,
        "PUT wrong checksum": ErrorCode.V1_IMAGE_UNKNOWN,
        "GET": ErrorCode.V1_IMAGE_UNKNOWN,
    },
    "described": {
        "PUT json": OK,
        "PUT layer": OK,
        "PUT checksum": ErrorCode.V1_LAYER_MISSING,
        "PUT wrong checksum": ErrorCode.V1_LAYER_MISSING,
        "GET": ErrorCode.V1_IMAGE_BUSY,
    },
    "uploaded": {
        "PUT json": OK,
        "PUT layer": OK,
        "PUT checksum": OK,
        "PUT wrong checksum": ErrorCode.V1_CHECKSUM_MISMATCH,
        "GET": ErrorCode.V1_IMAGE_BUSY,
    },
    "sealed": {
        "PUT json": ErrorCode.V1_IMAGE_EXISTS,
        "PUT layer": ErrorCode.V1_IMAGE_EXISTS,
        "PUT checksum": ErrorCode.V1_CHECKSUM_CONFLICT,
        "PUT wrong checksum": ErrorCode.V1_CHECKSUM_CONFLICT,
        "GET": OK,
    },
}
CELLS = list(product(STATES, REQUESTS))
STATUSES = {
    ErrorCode.V1_IMAGE_UNKNOWN: 404,
    ErrorCode.V1_LAYER_MISSING: 400,
    ErrorCode.V1_IMAGE_BUSY: 400,
    ErrorCode.V1_CHECKSUM_MISMATCH: 400,
    ErrorCode.V1_IMAGE_EXISTS: 409,
    ErrorCode.V1_CHECKSUM_CONFLICT: 409,
}


@pytest.mark.parametrize(("state", "request_name"), CELLS, ids=str)
def test_every_cell_of_the_state_table(state: str, request_name: str) -> None:
    wanted = TABLE[state][request_name]
    if wanted is None:
        assert REQUESTS[request_name](STATES[state]).image_id == ID
    else:
        error = refusal_of(REQUESTS[request_name], STATES[state])
        assert (error.code, error.status) == (wanted, STATUSES[wanted])


def test_describing_anew_forgets_layer_and_checksum() -> None:
    again = described(ImageDescription(ID, None), b'{"id":"x"}', image(ImageState.UPLOADED), None)
    assert again == V1Image(ID, b'{"id":"x"}', (ID,), ImageState.DESCRIBED)


@pytest.mark.parametrize("text", ["0" * 16, "0" * 64, "deadbeefdeadbeef"])
def test_an_image_id_is_16_or_64_hex(text: str) -> None:
    assert check_image_id(text) == text


BAD_IDS = ["", "0" * 15, "0" * 17, "0" * 63, "0" * 65, "A" * 64, "g" * 16, "0" * 64 + "\n"]


@pytest.mark.parametrize(
    "text", [*BAD_IDS, "\u0661" * 16, "0" * 15 + "/", "\ud800" * 16], ids=ascii
)
def test_any_other_image_id_is_unknown_by_its_form(text: str) -> None:
    error = refusal_of(check_image_id, text)
    assert (error.code, error.status) == (ErrorCode.V1_IMAGE_ID_INVALID, 404)


def as_json(**document: object) -> bytes:
    return json.dumps(document).encode()


GOOD_JSON = {
    "root": (as_json(id=ID), None),
    "child": (as_json(id=ID, parent=PARENT), PARENT),
    "short parent": (as_json(id=ID, parent="0" * 16), "0" * 16),
    "null parent": (as_json(id=ID, parent=None), None),
    "empty parent": (as_json(id=ID, parent=""), None),
    "everything else is the client's": (as_json(id=ID, config={"Cmd": ["\u00e4"]}, Size=1.5), None),
    "spaces around": (b"\n " + as_json(id=ID) + b"\n", None),
}
BAD_JSON = {
    "empty": (b"", ErrorCode.V1_JSON_INVALID),
    "not JSON": (b"{", ErrorCode.V1_JSON_INVALID),
    "not UTF-8": (b'{"id": "\xff"}', ErrorCode.V1_JSON_INVALID),
    "with a byte order mark": (b"\xef\xbb\xbf" + RAW, ErrorCode.V1_JSON_INVALID),
    "a list": (b"[]", ErrorCode.V1_JSON_INVALID),
    "a string": (b'"id"', ErrorCode.V1_JSON_INVALID),
    "null": (b"null", ErrorCode.V1_JSON_INVALID),
    "an empty object": (b"{}", ErrorCode.V1_JSON_INVALID),
    "nested too deep": (b"[" * 200_000, ErrorCode.V1_JSON_INVALID),
    "a number too long": (b'{"id": ' + b"1" * 5000 + b"}", ErrorCode.V1_JSON_INVALID),
    "no id": (as_json(parent=PARENT), ErrorCode.V1_JSON_ID_MISSING),
    "another id": (as_json(id=PARENT), ErrorCode.V1_JSON_ID_INVALID),
    "null id": (as_json(id=None), ErrorCode.V1_JSON_ID_INVALID),
    "an id that is a list": (as_json(id=[ID]), ErrorCode.V1_JSON_ID_INVALID),
    "a parent that is no id": (as_json(id=ID, parent="latest"), ErrorCode.V1_PARENT_INVALID),
    "a parent that is a number": (as_json(id=ID, parent=7), ErrorCode.V1_PARENT_INVALID),
    "its own parent": (as_json(id=ID, parent=ID), ErrorCode.V1_PARENT_INVALID),
    "id before parent": (as_json(id=PARENT, parent="x"), ErrorCode.V1_JSON_ID_INVALID),
    "a byte too long": (
        as_json(id=ID).ljust(limits.MAX_IMAGE_JSON_BYTES + 1),
        ErrorCode.V1_JSON_TOO_LARGE,
    ),
}


@pytest.mark.parametrize(("raw", "parent"), GOOD_JSON.values(), ids=GOOD_JSON)
def test_the_json_gives_id_and_parent(raw: bytes, parent: str | None) -> None:
    assert parse_image_json(ID, raw) == ImageDescription(ID, parent)


def test_json_of_exactly_the_limit_is_taken() -> None:
    assert parse_image_json(ID, RAW.ljust(limits.MAX_IMAGE_JSON_BYTES)).image_id == ID


@pytest.mark.parametrize(("raw", "code"), BAD_JSON.values(), ids=BAD_JSON)
def test_bad_json_is_refused_in_the_old_servers_order(raw: bytes, code: ErrorCode) -> None:
    assert refusal_of(parse_image_json, ID, raw).code is code


def test_ancestry_begins_with_the_image_and_ends_with_the_root() -> None:
    root = described(ImageDescription(PARENT, None), b"{}", None, None)
    child = described(ImageDescription(ID, PARENT), b"{}", None, root)
    assert (child.ancestry, child.parent, root.parent) == ((ID, PARENT), PARENT, None)


def test_a_parent_that_is_not_here_is_refused() -> None:
    error = refusal_of(described, ImageDescription(ID, PARENT), b"{}", None, None)
    assert (error.code, error.status) == (ErrorCode.V1_PARENT_UNKNOWN, 400)


def test_a_parent_that_descends_from_the_image_is_refused() -> None:
    parent = V1Image(PARENT, b"{}", (PARENT, ID), ImageState.SEALED)
    error = refusal_of(described, ImageDescription(ID, PARENT), b"{}", None, parent)
    assert error.code is ErrorCode.V1_PARENT_INVALID


@pytest.mark.parametrize(("length", "fits"), [(limits.MAX_ANCESTRY - 1, True), (1024, False)])
def test_ancestry_has_an_end(length: int, fits: bool) -> None:
    line = tuple(f"{number:064x}" for number in range(length))
    parent = V1Image(line[0], b"{}", line, ImageState.SEALED)
    describe = (ImageDescription(ID, line[0]), b"{}", None, parent)
    if fits:
        assert len(described(*describe).ancestry) == limits.MAX_ANCESTRY
    else:
        assert refusal_of(described, *describe).code is ErrorCode.V1_ANCESTRY_TOO_LONG


def test_the_payload_checksum_covers_json_newline_layer() -> None:
    assert payload_prefix(RAW) == RAW + b"\n"


@given(st.one_of(st.binary(), st.text().map(str.encode)))
def test_no_bytes_do_worse_than_be_refused(raw: bytes) -> None:
    with pytest.raises(RegistryError):
        parse_image_json(ID, raw)
