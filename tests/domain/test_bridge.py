"""The bridge as functions over values: histories, empty layers, and the way there and back."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.bridge import (
    EMPTY_DIGEST,
    EMPTY_LAYER,
    UnpackedLayer,
    assemble,
    chain,
)
from chalicelib.domain.digest import digest_of
from chalicelib.domain.image import ImageState, StoredLayer, V1Image

TOP = "f" * 64
EMPTY = StoredLayer(EMPTY_DIGEST, len(EMPTY_LAYER), "team/empty")


def layer(number: int) -> StoredLayer:
    return StoredLayer(digest_of(b"layer %d" % number), 10 + number, f"team/{number}")


LAYERS = [layer(1), layer(2)]
HISTORY: list[dict[str, Any]] = [
    {"created": "2020-01-01T00:00:00Z", "created_by": "ADD file"},
    {"created_by": "ENV a=b", "empty_layer": True},
    {"created_by": "ENV a=b", "empty_layer": True},
    {"created_by": "RUN make", "author": "Ánna", "comment": "built"},
    {"created_by": 'CMD ["sh"]', "empty_layer": True},
]


def config(**parts: Any) -> bytes:
    return json.dumps({"architecture": "arm64", "os": "linux", **parts}).encode()


def images_of(raw_config: bytes, layers: list[StoredLayer] = LAYERS) -> tuple[V1Image, ...]:
    images = chain(TOP, layers, raw_config, EMPTY)
    assert images is not None
    return images


def test_the_empty_layer_is_a_tar_of_nothing() -> None:
    assert gzip.decompress(EMPTY_LAYER) == bytes(1024)
    assert EMPTY_DIGEST.hex == "a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4"


def test_each_step_of_a_history_is_an_image_the_root_first() -> None:
    images = images_of(config(history=HISTORY, config={"Cmd": ["sh"]}))
    assert [image.layer for image in images] == [layer(1), EMPTY, EMPTY, layer(2), EMPTY]
    assert images[-1].image_id == TOP
    assert images[-1].ancestry == tuple(image.image_id for image in reversed(images))
    assert len(set(images[-1].ancestry)) == 5, "two equal steps are two images"
    assert all(image.state is ImageState.SEALED for image in images)
    said = [json.loads(image.raw_json) for image in images]
    assert [each.get("throwaway", False) for each in said] == [False, True, True, False, True]
    assert said[0]["container_config"] == {"Cmd": ["ADD file"]}
    assert (said[3]["author"], said[3]["comment"]) == ("Ánna", "built")
    assert said[4]["config"] == {"Cmd": ["sh"]}
    assert said[4]["architecture"] == "arm64"
    assert [each.get("parent") for each in said] == [None, *images[-1].ancestry[:0:-1]]


UNFIT = {
    "none": None,
    "a text": "history",
    "of texts": ["ADD", "RUN"],
    "shorter than the layers": HISTORY[:1],
    "longer than the layers": [*HISTORY, {"created_by": "RUN more"}],
    "empty": [],
}


@pytest.mark.parametrize("history", UNFIT.values(), ids=UNFIT)
def test_a_history_that_does_not_fit_gives_one_image_a_layer(history: object) -> None:
    images = images_of(config(history=history))
    assert [image.layer for image in images] == LAYERS


def test_ids_go_by_layers_and_by_what_is_said_of_them() -> None:
    one, again = images_of(config(history=HISTORY)), images_of(config(history=HISTORY, x=1))
    assert [a.image_id for a in one] == [b.image_id for b in again]
    said_otherwise = [{**HISTORY[0], "comment": "else"}, *HISTORY[1:]]
    other = images_of(config(history=said_otherwise))
    assert not {a.image_id for a in one[:-1]} & {b.image_id for b in other[:-1]}
    swapped = images_of(config(history=HISTORY), [layer(2), layer(1)])
    assert one[0].image_id != swapped[0].image_id


@pytest.mark.parametrize("raw", [b"", b"[]", b"nothing", b"\xff", b"[" * 100_000, b'"x"'], ids=len)
def test_a_config_that_is_none_has_no_chain(raw: bytes) -> None:
    assert chain(TOP, LAYERS, raw, EMPTY) is None


def unpacked(images: tuple[V1Image, ...]) -> list[UnpackedLayer]:
    found = [image.layer for image in images if image.layer]
    return [UnpackedLayer(each, digest_of(str(each.digest).encode()), True) for each in found]


TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
STEPS = st.fixed_dictionaries(
    {},
    optional={
        "created": TEXTS,
        "created_by": TEXTS,
        "author": TEXTS,
        "comment": TEXTS,
        "empty_layer": st.just(True),
    },
)


@given(st.lists(STEPS, min_size=1, max_size=8))
def test_a_history_through_v1_and_back_is_the_same(steps: list[dict[str, Any]]) -> None:
    layers = [layer(n) for n, step in enumerate(steps) if "empty_layer" not in step]
    if not layers:
        return
    # What the top image says of itself stands in the config, not in its step.
    steps[-1] = {k: v for k, v in steps[-1].items() if k in ("created_by", "empty_layer")}
    images = images_of(config(history=steps), layers)
    raw_config, raw = assemble(images, unpacked(images))
    assert json.loads(raw_config)["history"] == steps
    assert [part["digest"] for part in json.loads(raw)["layers"]] == [
        str(each.digest) for each in layers
    ]
    diff_ids = json.loads(raw_config)["rootfs"]["diff_ids"]
    assert len(diff_ids) == len(layers)


def test_an_image_of_nothing_but_empty_layers_keeps_them() -> None:
    images = images_of(config(history=[{"empty_layer": True}]), [])
    raw_config, raw = assemble(images, unpacked(images))
    assert len(json.loads(raw)["layers"]) == 1
    assert "empty_layer" not in json.loads(raw_config)["history"][0]
