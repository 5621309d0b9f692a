"""Refusals that need no body: said before the client has sent it, and so that it can read them."""

from __future__ import annotations

import pytest

from chalicelib.domain.access import Mode
from chalicelib.service import accounts
from tests.gateway.client import MIB, code_of, digest_of, payload, start
from tests.gateway.places import Place, memory_place
from tests.gateway.wire import chunked, connected, cut, head, send
from tests.support.world import basic

WAIT = ("Expect", "100-continue")


def test_the_body_is_asked_for_before_it_is_sent(memory: Place, repository: str) -> None:
    location = start(memory, repository)
    with connected(memory.host) as wire:
        wire.send(head("PATCH", location, [WAIT, ("Content-Length", "5")]))
        assert wire.answer().status == 100
        wire.send(b"hello")
        answer = wire.answer()
        assert (answer.status, answer.header("range")) == (202, "0-4")


def test_a_streamed_body_is_asked_for_once(memory: Place, repository: str) -> None:
    location, data = start(memory, repository), payload(9 * MIB)
    with connected(memory.host) as wire:
        length = ("Content-Length", str(len(data)))
        wire.send(head("PUT", f"{location}?digest={digest_of(data)}", [WAIT, length]))
        assert wire.answer().status == 100
        wire.send(*cut(data))
        assert wire.answer().status == 201


# Method, path, declared length, status, code. {u} is a session that is there.
UNWANTED = [
    ("PATCH", "/v2/{r}/blobs/uploads/none", 20_000_000, 404, "BLOB_UPLOAD_UNKNOWN"),
    ("PUT", "/v2/{r}/blobs/uploads/none?digest={d}", 20_000_000, 404, "BLOB_UPLOAD_UNKNOWN"),
    ("PUT", "/v2/{r}/manifests/latest", 20_000_000, 413, "SIZE_INVALID"),
    ("PUT", "/v2/{r}/manifests/latest", 10_485_761, 413, "SIZE_INVALID"),
    ("POST", "/v2/{r}/blobs/uploads/", 20_000_000, 413, "SIZE_INVALID"),
    ("PUT", "/v2/UPPER/manifests/latest", 20_000_000, 413, "SIZE_INVALID"),
    ("PATCH", "/v2/UPPER/blobs/uploads/none", 20_000_000, 400, "NAME_INVALID"),
    ("POST", "/nothing/here", 20_000_000, 413, "SIZE_INVALID"),
]


@pytest.mark.parametrize(("method", "target", "length", "status", "code"), UNWANTED)
def test_a_refusal_comes_without_the_body_being_asked_for(
    memory: Place, repository: str, method: str, target: str, length: int, status: int, code: str
) -> None:
    path = target.format(r=repository, d=digest_of(b""))
    with connected(memory.host) as wire:
        wire.send(head(method, path, [WAIT, ("Content-Length", str(length))]))
        answer = wire.answer()
        assert (answer.status, code_of(answer)) == (status, code)
        assert answer.header("connection") == "close"
        # Closed at once: nothing was asked for, so nothing is waited for.
        wire.link.settimeout(5)
        assert wire.closed()


def test_a_gap_is_refused_without_the_body_being_asked_for(memory: Place, repository: str) -> None:
    location = start(memory, repository)
    far = [("Content-Range", "7-20000006"), ("Content-Length", "20000000"), WAIT]
    with connected(memory.host) as wire:
        wire.send(head("PATCH", location, far))
        answer = wire.answer()
        assert (answer.status, code_of(answer)) == (416, "RANGE_INVALID")
        assert (answer.header("range"), answer.location) == ("0-0", location)


ACCOUNTS = [
    ("PATCH", "/v2/ann/app/blobs/uploads/none", None, 401, "UNAUTHORIZED"),
    ("POST", "/v2/ann/app/blobs/uploads/?digest={d}", None, 401, "UNAUTHORIZED"),
    ("PATCH", "/v2/bob/app/blobs/uploads/none", ("ann", "pass word"), 403, "DENIED"),
    ("PUT", "/v2/ann/app/blobs/uploads/none?digest={d}", ("ann", "wrong"), 401, "UNAUTHORIZED"),
    ("PUT", "/v1/images/" + "a" * 64 + "/layer", None, 401, None),
]


@pytest.mark.parametrize(("method", "target", "login", "status", "code"), ACCOUNTS)
def test_who_may_not_push_is_told_so_before_the_bytes(
    accounts_place: Place,
    method: str,
    target: str,
    login: tuple[str, str] | None,
    status: int,
    code: str | None,
) -> None:
    headers = [WAIT, ("Content-Length", "50000000")]
    headers += [("Authorization", basic(*login))] if login else []
    with connected(accounts_place.host) as wire:
        wire.send(head(method, target.format(d=digest_of(b"")), headers))
        answer = wire.answer()
        assert answer.status == status
        assert (answer.header("www-authenticate") is not None) == (status == 401)
        if code:
            assert code_of(answer) == code


@pytest.fixture(scope="module")
def accounts_place() -> Place:
    with memory_place(Mode.ACCOUNTS) as place:
        accounts.create(place.world, "ann", "pass word", administrator=False)
        yield place


# A client that does not wait, and reads only when it has sent all, or when sending fails.
STUBBORN = {
    "a manifest with a length": ("PUT", "/v2/{r}/manifests/latest", False, 413),
    "a manifest in chunks": ("PUT", "/v2/{r}/manifests/latest", True, 413),
    "a v1 json in chunks": ("PUT", "/v1/images/" + "b" * 64 + "/json", True, 413),
    "an unknown upload with a length": ("PATCH", "/v2/{r}/blobs/uploads/none", False, 404),
    "an unknown upload in chunks": ("PATCH", "/v2/{r}/blobs/uploads/none", True, 404),
    "a layer of an unknown image": ("PUT", "/v1/images/" + "c" * 64 + "/layer", True, 404),
}


@pytest.mark.parametrize(
    ("method", "target", "in_chunks", "status"), STUBBORN.values(), ids=STUBBORN.keys()
)
def test_a_client_that_sends_all_before_it_reads_still_reads_the_refusal(
    memory: Place, repository: str, method: str, target: str, in_chunks: bool, status: int
) -> None:
    data = payload(24 * MIB)
    path = target.format(r=repository)
    with connected(memory.host) as wire:
        if in_chunks:
            wire.send(head(method, path, [("Transfer-Encoding", "chunked")]))
            wire.send(*chunked(cut(data)))
        else:
            wire.send(head(method, path, [("Content-Length", str(len(data)))]), *cut(data))
        answer = wire.answer()
        assert answer.status == status
        assert b"error" in answer.body


def test_a_refusal_can_be_read_in_the_middle_of_sending(memory: Place, repository: str) -> None:
    path = f"/v2/{repository}/manifests/latest"
    with connected(memory.host) as wire:
        wire.send(head("PUT", path, [("Content-Length", "50000000")]), bytes(1000))
        assert (answer := wire.answer()).status == 413
        assert code_of(answer) == "SIZE_INVALID"
    assert send(memory.host, "GET", path).status == 404


def test_documents_up_to_ten_megabytes_are_for_the_app_to_judge(
    memory: Place, repository: str
) -> None:
    path = f"/v2/{repository}/manifests/latest"
    answer = send(memory.host, "PUT", path, b"{" + b" " * (10 * MIB - 1), in_chunks=True)
    assert answer.status in (400, 413)
    assert code_of(answer) in ("MANIFEST_INVALID", "SIZE_INVALID")
