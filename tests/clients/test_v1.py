"""Docker 1.12 against the registry under test, alone and across the bridge to v2."""

import json
from pathlib import Path

import pytest

from . import v1push, v1wire, wire
from .commands import not_run
from .images import Shelf
from .registry import Registry
from .skopeo import Skopeo
from .v1images import from_image, unpacked_digest
from .v1pull import Pulled, all_tags, pull

pytestmark = pytest.mark.clients


@pytest.fixture
def v1(registry: Registry) -> Registry:
    if not registry.speaks_v1:
        not_run("this registry does not speak v1")
    return registry


def assert_pulled(pulled: list[Pulled], sent: dict[str, v1push.Sent]) -> None:
    """Exactly the bytes that went over the wire, json and layer, and their sums."""
    assert {one.id for one in pulled} == set(sent)
    for one in pulled:
        pushed = sent[one.id]
        assert (one.json, one.sha256, one.size) == (pushed.json, pushed.sha256, pushed.size)
        assert one.claimed_sums == [one.payload_sum] == [pushed.payload_sum]


@pytest.mark.parametrize("name", ["five", "thirty", "large", "empty-layer", "foreign-names"])
def test_v1_pulls_the_bytes_it_pushed(
    v1: Registry, images: Shelf, repository: str, folder: Path, name: str
) -> None:
    image = from_image(images[name], repository)

    sent = v1push.push(v1, repository, image, ["latest", "other"])
    pulled = pull(v1, repository, "latest", folder / "pulled")

    assert_pulled(pulled, sent)
    assert [one.id for one in pulled] == [layer.id for layer in image.chain]
    assert [unpacked_digest(one.layer) for one in pulled] == images[name].only.diff_ids
    assert all_tags(v1, repository) == {"latest": image.top.id, "other": image.top.id}


def test_v1_push_of_the_same_image_sends_nothing(
    v1: Registry, images: Shelf, repository: str
) -> None:
    image = from_image(images["five"], repository)
    v1push.push(v1, repository, image)

    assert v1push.push(v1, repository, image) == {}


def test_v1_json_of_a_complete_image_is_refused_in_the_exact_words(
    v1: Registry, images: Shelf, repository: str
) -> None:
    """The daemon that may not GET with its write token learns only so that it can skip."""
    image = from_image(images["foreign-names"], repository)
    v1push.push(v1, repository, image)
    session = v1wire.Session(v1)
    places = v1push.register(session, repository, image, ["latest"])

    assert v1push.push_image(session, places[0], image.top) is None


@pytest.mark.parametrize(("name", "cut_every"), [("five", 300_000), ("large", 100_000_000)])
def test_v1_pull_resumes_where_it_was_cut(
    v1: Registry, images: Shelf, repository: str, folder: Path, name: str, cut_every: int
) -> None:
    sent = v1push.push(v1, repository, from_image(images[name], repository))

    pulled = pull(v1, repository, "latest", folder / "pulled", cut_every)

    assert_pulled(pulled, sent)
    assert all(one.resumed > 1 for one in pulled)


def test_v1_resumption_at_the_end_is_an_empty_416(
    v1: Registry, images: Shelf, repository: str, folder: Path
) -> None:
    sent = v1push.push(v1, repository, from_image(images["foreign-names"], repository))
    (one,) = sent.values()

    pulled = pull(v1, repository, "latest", folder / "pulled", cut_every=one.size)

    assert_pulled(pulled, sent)


@pytest.mark.parametrize("name", ["five", "empty-layer", "foreign-names"])
def test_what_v1_pushed_is_pulled_over_v2(
    v1: Registry, images: Shelf, repository: str, name: str
) -> None:
    image = images[name]
    v1push.push(v1, repository, from_image(image, repository))

    assert wire.content_digests(v1, repository) == image.only.diff_ids


@pytest.mark.parametrize("name", ["five", "empty-layer", "foreign-names", "docker-five"])
def test_what_v2_pushed_is_pulled_over_v1(
    v1: Registry, images: Shelf, skopeo: Skopeo, repository: str, folder: Path, name: str
) -> None:
    image = images[name]
    skopeo.push(image, repository)

    pulled = pull(v1, repository, "latest", folder / "pulled")

    # A step of the history that changed no file is an image of its own, with the empty layer.
    layers = [one for one in pulled if not json.loads(one.json).get("throwaway")]
    assert [unpacked_digest(one.layer) for one in layers] == image.only.diff_ids
    config = json.loads(image.read(image.only.config.digest))
    assert len(pulled) == len(config.get("history") or image.only.layers)
