"""`respond` answers whatever happens, in the family's shape, and lets nothing slip."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator

import pytest

from chalicelib.adapters.memory.blobs import MemoryBlobs
from chalicelib.adapters.memory.metadata import MemoryMetadata
from chalicelib.domain.access import Action, Mode
from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.ports import Conflict, Missing, PartRefused, Unavailable
from chalicelib.web.endpoints import Endpoint, Family
from chalicelib.web.messages import Headers, Request, Response
from chalicelib.web.pipeline import HANDLERS, Call, refuse, respond
from chalicelib.web.render import V1_FAMILIES
from tests.support.world import Registry, SettableClock, basic, json_of, memory_world

SECRET = "correct-horse-battery"
NAME = "test.endpoint"

RAISED: dict[str, tuple[Exception, int, str]] = {
    "a refusal": (RegistryError(ErrorCode.BLOB_UNKNOWN), 404, "BLOB_UNKNOWN"),
    "a store that does not answer": (Unavailable("table"), 503, "UNAVAILABLE"),
    "something gone": (Missing("row"), 503, "UNAVAILABLE"),
    "something changed": (Conflict("row"), 503, "UNAVAILABLE"),
    "a part refused": (PartRefused("part"), 503, "UNAVAILABLE"),
    "a key error": (KeyError("name"), 500, "UNKNOWN"),
    "an assertion": (AssertionError("never"), 500, "UNKNOWN"),
    "no recursion left": (RecursionError(), 500, "UNKNOWN"),
    "no memory left": (MemoryError(), 500, "UNKNOWN"),
    "half a character": (UnicodeEncodeError("utf-8", "\ud800", 0, 1, "no"), 500, "UNKNOWN"),
    "an exception that cannot be shown": (Exception(object()), 500, "UNKNOWN"),
}

Answering = Callable[[Family, Callable[[Call], Response]], Response]


@pytest.fixture
def answering() -> Iterator[Answering]:
    """Answers a request by a handler of the test's own, on an endpoint of its own."""

    def answer(family: Family, handler: Callable[[Call], Response]) -> Response:
        endpoint = Endpoint(NAME, ("GET",), "/x", "test", Action.NONE, family, "For a test")
        HANDLERS[NAME] = handler
        request = Request(
            "GET",
            "/x",
            headers=Headers([("Authorization", basic("alice", SECRET))]),
            body=SECRET.encode(),
        )
        return respond(memory_world(), endpoint, request)

    yield answer
    HANDLERS.pop(NAME, None)


def raising(error: Exception) -> Callable[[Call], Response]:
    def handler(_: Call) -> Response:
        raise error

    return handler


@pytest.mark.parametrize("family", list(Family), ids=lambda family: family.value)
@pytest.mark.parametrize(("error", "status", "code"), RAISED.values(), ids=RAISED)
def test_whatever_a_handler_raises_is_answered(
    family: Family,
    error: Exception,
    status: int,
    code: str,
    answering: Answering,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.DEBUG):
        answer = answering(family, raising(error))

    assert answer.status == status
    assert b"Traceback" not in answer.body
    assert repr(error).encode() not in answer.body
    if family is Family.PAGE:
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert f'<p data-code="{code}">'.encode() in answer.body
        return
    assert answer.headers["Content-Type"] == "application/json"
    document = json.loads(answer.body)
    if family in V1_FAMILIES:
        assert list(document) == ["error"]
        assert isinstance(document["error"], str)
    else:
        assert document["errors"][0]["code"] == code
    assert SECRET not in caplog.text
    assert basic("alice", SECRET) not in caplog.text


def test_a_store_that_does_not_answer_says_when_to_come_back(answering: Answering) -> None:
    assert int(answering(Family.V2, raising(Unavailable("x"))).headers["Retry-After"]) > 0


def test_what_was_not_expected_is_logged_with_its_stack(
    answering: Answering, caplog: pytest.LogCaptureFixture
) -> None:
    answering(Family.V2, raising(ZeroDivisionError("a bug")))
    assert "ZeroDivisionError" in caplog.text
    assert NAME in caplog.text


def test_a_refusal_is_not_logged(answering: Answering, caplog: pytest.LogCaptureFixture) -> None:
    answering(Family.V2, raising(RegistryError(ErrorCode.BLOB_UNKNOWN)))
    assert caplog.text == ""


@pytest.mark.parametrize(
    "response",
    [Response(headers={"Size": 5}), Response(body="text"), Response(headers={"A": "b\nc"})],  # type: ignore[dict-item, arg-type]
    ids=["a number for a header", "a text for a body", "a newline in a header"],
)
def test_an_answer_that_chalice_cannot_render_becomes_a_500(
    response: Response, caplog: pytest.LogCaptureFixture
) -> None:
    kept = HANDLERS["v2.base"]
    HANDLERS["v2.base"] = lambda _: response
    try:
        answer = Registry(memory_world()).send("GET", "/v2/", headers={"Authorization": SECRET})
    finally:
        HANDLERS["v2.base"] = kept
    assert answer.status in (200, 500)
    assert json_of(answer)["errors"][0]["code"] == "UNKNOWN" if answer.status == 500 else True
    assert SECRET not in caplog.text


class Broken:
    """A port that answers nothing: every verb raises."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Callable[..., object]:
        def verb(*_: object, **__: object) -> object:
            raise self._error

        return verb


REQUESTS = [
    ("GET", "/v2/a/manifests/latest"),
    ("GET", "/v2/a/blobs/sha256:" + "0" * 64),
    ("GET", "/v2/a/tags/list"),
    ("POST", "/v2/a/blobs/uploads/"),
    ("PATCH", "/v2/a/blobs/uploads/" + "0" * 32),
    ("GET", "/v1/images/" + "0" * 64 + "/json"),
    ("GET", "/v1/repositories/a/tags"),
]


@pytest.mark.parametrize(("method", "url"), REQUESTS, ids=[f"{m} {u[:30]}" for m, u in REQUESTS])
@pytest.mark.parametrize(
    ("error", "status"), [(Unavailable("x"), 503), (RuntimeError(SECRET), 500)], ids=str
)
def test_a_broken_store_is_a_clear_answer(
    method: str, url: str, error: Exception, status: int
) -> None:
    broken = Broken(error)
    world = memory_world(metadata=broken, accounts=broken, search=broken)
    answer = Registry(world).send(method, url)
    assert answer.status == status
    assert SECRET.encode() not in answer.body
    assert ("errors" in json_of(answer)) is url.startswith("/v2/")


@pytest.mark.parametrize("error", [Unavailable("x"), RuntimeError("x")], ids=str)
def test_a_store_that_breaks_at_login_lets_nobody_in(error: Exception) -> None:
    world = memory_world(Mode.ACCOUNTS, accounts=Broken(error))
    assert Registry(world).send("GET", "/v2/", login=("alice", SECRET)).status in (500, 503)


def test_a_broken_blob_store_leaves_no_blob_behind() -> None:
    clock, metadata = SettableClock(), MemoryMetadata()
    world = memory_world(clock=clock, metadata=metadata, blobs=Broken(Unavailable("s3")))
    digest = "sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
    url = f"/v2/a/blobs/uploads/?digest={digest}"
    assert Registry(world).send("POST", url, b"x").status == 503
    mended = memory_world(clock=clock, metadata=metadata, blobs=MemoryBlobs(clock))
    assert Registry(mended).send("GET", f"/v2/a/blobs/{digest}").status == 404
    assert Registry(mended).send("POST", url, b"x").status == 201


def test_a_path_without_endpoint_is_refused_in_the_familys_shape() -> None:
    assert json.loads(refuse(Family.V2, ()).body)["errors"][0]["code"] == "UNSUPPORTED"
    assert list(json.loads(refuse(Family.V1_REGISTRY, ()).body)) == ["error"]
    refused = refuse(Family.V2, ("GET", "HEAD"))
    assert (refused.status, refused.headers["Allow"]) == (405, "GET, HEAD")
