"""``/files`` and ``/diff`` over the whole app in memory: answers, order, costs, refusals."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.memory.blobs import MemoryBlobs
from chalicelib.adapters.memory.metadata import MemoryMetadata
from chalicelib.domain import limits
from chalicelib.domain.access import OPEN_TEAM, Mode
from chalicelib.domain.errors import ErrorCode
from chalicelib.domain.tarsum import payload_checksum
from chalicelib.service import files, images
from roadstead.gateway.events import HttpResponse
from tests.files.archives import PACKINGS, header, member, record, special, tar
from tests.files.archives import files as tar_of
from tests.support.refusals import refusal_of
from tests.support.world import Registry, SettableClock, json_of, memory_world


class Counting:
    """A port that counts the calls of each verb."""

    def __init__(self, port: Any) -> None:
        self.port = port
        self.calls: Counter[str] = Counter()

    def __getattr__(self, verb: str) -> Any:
        found = getattr(self.port, verb)

        def counted(*args: Any, **kwargs: Any) -> Any:
            self.calls[verb] += 1
            return found(*args, **kwargs)

        return counted


class Pushing:
    """A registry with images in it, each of one layer on the one before."""

    def __init__(self, store: type[MemoryBlobs] = MemoryBlobs) -> None:
        clock = SettableClock()
        self.blobs, self.metadata = Counting(store(clock)), Counting(MemoryMetadata())
        self.world = memory_world(clock=clock, blobs=self.blobs, metadata=self.metadata)
        self.registry = Registry(self.world)
        self.count = 0
        self.last: str | None = None

    def push(self, layer: bytes, *, whole: bool = True) -> str:
        """Through the use cases, which other tests drive through the app."""
        self.count += 1
        image_id = f"{self.count:016x}"
        raw = json.dumps({"id": image_id, "parent": self.last}).encode()
        images.describe(self.world, OPEN_TEAM, image_id, raw)
        images.put_layer(self.world, OPEN_TEAM, image_id, layer)
        if whole:
            checksum = payload_checksum(raw, [layer])
            images.seal(self.world, OPEN_TEAM, image_id, checksum)
        self.last = image_id
        return image_id

    def get(self, image_id: str, what: str, method: str = "GET", **headers: str) -> HttpResponse:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.registry.send(method, f"/v1/images/{image_id}/{what}", headers=sent)

    def costs(self, act: Callable[[], object]) -> tuple[dict[str, int], dict[str, int]]:
        """Which calls to the stores it makes."""
        self.metadata.calls.clear()
        self.blobs.calls.clear()
        act()
        return dict(self.metadata.calls), dict(self.blobs.calls)


@pytest.fixture
def pushing() -> Pushing:
    return Pushing()


def names(response: HttpResponse) -> dict[str, list[str]]:
    assert response.status == 200
    return {group: sorted(rows) for group, rows in json_of(response).items()}


@pytest.mark.parametrize("packing", sorted(PACKINGS))
def test_files_lists_the_layer(pushing: Pushing, packing: str) -> None:
    image_id = pushing.push(PACKINGS[packing](tar_of("a", "./b/.wh.c")))
    for method in ("GET", "HEAD"):
        response = pushing.get(image_id, "files", method)
        assert response.status == 200
        assert response.header("content-type") == "application/json"
        assert response.header("cache-control") == "public, max-age=31536000"
        assert response.header("x-docker-registry-version")
        if method == "GET":
            assert json_of(response) == [
                ["/a", "f", False, 512, 0, 420, 0, 0],
                ["/b/c", "f", True, 512, 0, 420, 0, 0],
            ]


def test_case_63_diff_compares_with_the_layers_below(pushing: Pushing) -> None:
    pushing.push(tar_of("deleted", "changed"))
    pushing.push(tar_of("other"))
    image_id = pushing.push(tar_of(".wh.deleted", "changed", "created"))
    assert pushing.get(image_id, "diff", "HEAD").status == 200
    response = pushing.get(image_id, "diff")
    assert names(response) == {
        "changed": ["/changed"],
        "created": ["/created"],
        "deleted": ["/deleted"],
    }
    assert json_of(response)["deleted"]["/deleted"] == ["f", True, 512, 0, 420, 0, 0]
    assert response.header("cache-control") == "public, max-age=31536000"


def test_an_empty_layer_has_no_files(pushing: Pushing) -> None:
    image_id = pushing.push(b"")
    assert json_of(pushing.get(image_id, "files")) == []
    assert names(pushing.get(image_id, "diff")) == {"changed": [], "created": [], "deleted": []}


# --- the order of the checks ----------------------------------------------------------------------

SINCE = "Thu, 01 Jan 1970 00:00:00 GMT"


@pytest.mark.parametrize("what", ["files", "diff"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_checks_come_in_their_order(pushing: Pushing, what: str, method: str) -> None:
    busy = pushing.push(tar_of("a"), whole=False)
    pushing.last = None
    whole = pushing.push(b"no archive at all")

    def status(image_id: str, **headers: str) -> tuple[int, str]:
        response = pushing.get(image_id, what, method, **headers)
        is_error = method == "GET" and response.status >= 400
        return response.status, json_of(response)["error"] if is_error else ""

    def said(text: str) -> str:
        return text if method == "GET" else ""

    assert status("z" * 16, If_Modified_Since=SINCE) == (404, said("Invalid image ID"))
    assert status("f" * 16, If_Modified_Since=SINCE) == (404, said("Image not found"))
    assert status(busy, If_Modified_Since=SINCE) == (
        400,
        said("Image is being uploaded, retry later"),
    )
    assert status(whole, If_Modified_Since=SINCE) == (304, "")
    assert status(whole) == (400, said("Layer format not supported"))


@pytest.mark.parametrize("what", ["files", "diff"])
def test_nobody_is_told_without_a_name(what: str) -> None:
    registry = Registry(memory_world(Mode.ACCOUNTS))
    response = registry.send("GET", f"/v1/images/{'a' * 64}/{what}")
    assert response.status == 401
    assert json_of(response) == {"error": "Requires authorization"}


def test_a_304_costs_no_call_to_s3(pushing: Pushing) -> None:
    image_id = pushing.push(tar_of("a"))
    reads, calls = pushing.costs(lambda: pushing.get(image_id, "files", If_Modified_Since=SINCE))
    assert (reads, calls) == ({"find_images": 1}, {})


# --- what is kept ---------------------------------------------------------------------------------


def test_a_listing_is_made_once(pushing: Pushing) -> None:
    layer = tar_of("a")
    image_id = pushing.push(layer)
    first = pushing.costs(lambda: pushing.get(image_id, "files"))
    assert first == ({"find_images": 1}, {"get": 1, "read": 1, "put": 1})
    again = pushing.costs(lambda: pushing.get(image_id, "files", "HEAD"))
    assert again == ({"find_images": 1}, {"get": 1})
    equal = pushing.push(layer)
    assert pushing.costs(lambda: pushing.get(equal, "files")) == again


def test_a_diff_is_made_once_and_of_kept_listings(pushing: Pushing) -> None:
    below = [pushing.push(tar_of(name)) for name in ("a", "b", "a")]
    image_id = pushing.push(tar_of("c"))
    for each in (*below, image_id):
        pushing.get(each, "files")
    first = pushing.costs(lambda: pushing.get(image_id, "diff"))
    # The diff itself, its own listing and two below it: the layer that is there twice counts once.
    assert first == ({"find_images": 2}, {"get": 4, "put": 1})
    again = pushing.costs(lambda: pushing.get(image_id, "diff"))
    assert again == ({"find_images": 2}, {"get": 1})


def test_a_diff_goes_down_no_further_than_it_must(pushing: Pushing) -> None:
    pushing.push(b"no archive at all")
    pushing.push(tar_of("a", "b"))
    image_id = pushing.push(tar_of("a"))
    assert names(pushing.get(image_id, "diff"))["changed"] == ["/a"]


def test_a_refusal_is_kept_too(pushing: Pushing) -> None:
    image_id = pushing.push(special(b"x", record("path", "x" * 5000)) + header())
    told = {"error": "Layer has a file name that is too long"}
    first = pushing.get(image_id, "files")
    assert (first.status, json_of(first)) == (400, told)
    assert first.header("cache-control") is None
    assert pushing.costs(lambda: pushing.get(image_id, "files"))[1] == {"get": 1}
    child = pushing.push(tar_of("a"))
    for asked in ((image_id, "files"), (image_id, "diff"), (child, "diff")):
        response = pushing.get(*asked)
        assert (response.status, json_of(response)) == (400, told)


def test_equal_layers_on_other_layers_have_other_diffs(pushing: Pushing) -> None:
    layer = tar_of("a")
    alone = pushing.push(layer)
    pushing.last = None
    pushing.push(tar_of("a", "b"))
    above = pushing.push(layer)
    assert names(pushing.get(alone, "diff"))["created"] == ["/a"]
    assert names(pushing.get(above, "diff"))["changed"] == ["/a"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_an_answer_larger_than_lambda_takes_is_left_to_s3(pushing: Pushing, method: str) -> None:
    # A control character takes six in JSON.
    image_id = pushing.push(tar(*(member("\x01" * 4000 + str(n)) for n in range(200))))
    for what in ("files", "diff"):
        response = pushing.get(image_id, what, method)
        assert (response.status, response.header("cache-control")) == (302, "no-store")
        url = response.header("location")
        assert url is not None
        found = pushing.blobs.fetch(url, method)
        assert found.status == 200
        if method == "GET":
            assert len(found.body) > limits.MAX_INLINE_BODY_BYTES
            document = json.loads(found.body)
            assert len(document if what == "files" else document["created"]) == 200


# --- limits ---------------------------------------------------------------------------------------


def refused(pushing: Pushing, image_id: str, budget: files.Budget) -> ErrorCode:
    image = images.read(pushing.world, OPEN_TEAM, image_id)
    return refusal_of(files.diff, pushing.world, OPEN_TEAM, image, budget).code


def test_a_diff_that_unpacks_too_much_goes_on_when_it_is_asked_again(pushing: Pushing) -> None:
    for number in range(6):
        pushing.push(tar_of(f"file-{number}"))
    image_id = pushing.push(tar_of("top"))
    budget = files.Budget(unpacked_bytes=len(tar_of("x")))
    # Two layers fit in a request: seven of them take three requests, and the fourth answers.
    codes = [refused(pushing, image_id, budget) for _ in range(3)]
    assert codes == [ErrorCode.V1_DIFF_BUSY] * 3
    assert ErrorCode.V1_DIFF_BUSY.status == 400
    image = images.read(pushing.world, OPEN_TEAM, image_id)
    answer = files.diff(pushing.world, OPEN_TEAM, image, budget)
    assert list(json.loads(answer.body)["created"]) == ["/top"]


@pytest.mark.parametrize("budget", [files.Budget(layers=2), files.Budget(listing_bytes=60)])
def test_a_diff_over_too_much_is_refused(pushing: Pushing, budget: files.Budget) -> None:
    for number in range(3):
        pushing.push(tar_of(f"file-{number}"))
    image_id = pushing.push(tar_of("top"))
    assert refused(pushing, image_id, budget) is ErrorCode.V1_DIFF_TOO_LARGE


def test_a_diff_waits_for_ancestors_that_are_being_pushed(pushing: Pushing) -> None:
    busy = pushing.push(tar_of("a"), whole=False)
    image_id = pushing.push(tar_of("b"))
    response = pushing.get(image_id, "diff")
    assert response.status == 400
    assert json_of(response) == {"error": "Image is being uploaded, retry later"}
    assert pushing.get(busy, "files").status == 400
    assert pushing.get(image_id, "files").status == 200


def test_a_layer_is_read_no_further_than_it_must() -> None:
    taken: list[int] = []

    class Endless(MemoryBlobs):
        def read(self, key: str) -> Iterator[bytes]:
            for number in range(10):
                taken.append(number)
                yield tar_of("a") if number == 0 else bytes(1)

    pushing = Pushing(Endless)
    image_id = pushing.push(tar_of("a"))
    assert len(json_of(pushing.get(image_id, "files"))) == 1
    assert taken == [0]


@given(st.binary(max_size=2000))
def test_no_layer_makes_the_registry_fail(layer: bytes) -> None:
    pushing = Pushing()
    image_id = pushing.push(layer)
    for what in ("files", "diff"):
        response = pushing.get(image_id, what)
        assert response.status in (200, 400)
        if response.status == 400:
            assert json_of(response) == {"error": "Layer format not supported"}


def test_answers_lie_with_their_team(pushing: Pushing) -> None:
    layer = tar_of("a")
    image_id = pushing.push(layer)
    pushing.get(image_id, "files")
    key = f"{OPEN_TEAM}/answers/files-1/sha256/{hashlib.sha256(layer).hexdigest()}"
    assert pushing.blobs.port.size_bytes(key)
