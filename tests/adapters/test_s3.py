"""The S3 adapter keeps the contract, within its budget, and says what S3 says."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
import urllib3

from chalicelib.adapters.aws import open_session
from chalicelib.adapters.memory import Answer
from chalicelib.adapters.s3 import S3Blobs, create_bucket
from chalicelib.adapters.s3.store import ATTEMPTS
from chalicelib.blob_ports import BlobStore
from chalicelib.domain.upload import Part
from chalicelib.ports import (
    Conflict,
    Missing,
    PartRefused,
    PortError,
    Throttled,
    Unavailable,
)
from tests.adapters.scripted import Say, s3_error, scripted
from tests.contracts.blob_contract import BlobContract, Fetch
from tests.contracts.collect_blobs import CollectBlobsContract
from tests.support.stack import BUCKET, Stack
from tests.support.world import SettableClock


@pytest.fixture(scope="module")
def fetch() -> Fetch:
    pool = urllib3.PoolManager()

    def fetch(
        url: str, method: str = "GET", body: bytes = b"", headers: dict[str, str] | None = None
    ) -> Answer:
        sent = body if method == "PUT" else None
        answer = pool.request(method, url, body=sent, headers=headers, redirect=False)
        return Answer(answer.status, answer.data, answer.headers)

    return fetch


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(int(time.time()))


class TestS3Blobs(BlobContract, CollectBlobsContract):
    @pytest.fixture
    def store(self, stack: Stack, clock: SettableClock) -> S3Blobs:
        return stack.blobs(clock)


def test_creating_the_bucket_again_is_no_error(stack: Stack) -> None:
    create_bucket(BUCKET, stack.region, stack.endpoints.s3_url, session=stack.session)


def test_a_url_signed_with_the_wrong_secret_is_refused(
    stack: Stack, team: str, fetch: Fetch
) -> None:
    store = stack.blobs()
    store.put(f"{team}/k", b"data")
    forger = stack.blobs(session=open_session(stack.endpoints.s3_access_key, "wrong"))
    assert fetch(store.presign_get(f"{team}/k", ttl_s=60)).status == 200
    assert fetch(forger.presign_get(f"{team}/k", ttl_s=60)).status == 403
    assert fetch(forger.presign_put(f"{team}/k", ttl_s=60), "PUT", b"x").status == 403
    with pytest.raises(PortError) as raised:
        forger.get(f"{team}/k")
    assert type(raised.value) is PortError


def test_urls_lead_where_clients_reach_the_server(stack: Stack) -> None:
    store = stack.blobs(public_endpoint_url="https://s3.example.com")
    url = store.presign_get("team/k", ttl_s=60)
    assert url.startswith(f"https://s3.example.com/{BUCKET}/team/k?")


# --- budgets -----------------------------------------------------------------------------------

Verb = Callable[[BlobStore, str, str], object]

BUDGETS: dict[str, tuple[Verb, list[str]]] = {
    "presign_get": (lambda s, k, u: s.presign_get(k, ttl_s=60), []),
    "presign_part": (lambda s, k, u: s.presign_part(k, u, 1, ttl_s=60), []),
    "presign_put": (lambda s, k, u: s.presign_put(k, ttl_s=60), []),
    "put": (lambda s, k, u: s.put(k, b"data", sha256_hex=None), ["PutObject"]),
    "get": (lambda s, k, u: s.get(k, start=1, end=2), ["GetObject"]),
    "read": (lambda s, k, u: list(s.read(k)), ["GetObject"]),
    "size_bytes": (lambda s, k, u: s.size_bytes(k), ["HeadObject"]),
    "checked_size_bytes": (
        lambda s, k, u: s.checked_size_bytes(k, sha256_hex="0" * 64),
        ["HeadObject"],
    ),
    "copy": (lambda s, k, u: s.copy(k, f"{k}.copy"), ["CopyObject"]),
    "create_multipart": (lambda s, k, u: s.create_multipart(k), ["CreateMultipartUpload"]),
    "put_part": (lambda s, k, u: s.put_part(k, u, 1, b"x"), ["UploadPart"]),
    "copy_part": (lambda s, k, u: s.copy_part(k, k, u, 1, 4), ["UploadPartCopy"]),
    "abort_multipart": (lambda s, k, u: s.abort_multipart(k, u), ["AbortMultipartUpload"]),
}


@pytest.mark.parametrize("name", BUDGETS)
def test_a_verb_costs_what_its_port_says(stack: Stack, team: str, name: str) -> None:
    verb, expected = BUDGETS[name]
    calls: list[str] = []
    store, key = stack.blobs(on_request=calls.append), f"{team}/k"
    stack.blobs().put(key, b"data")
    multipart_id = stack.blobs().create_multipart(key)
    verb(store, key, multipart_id)
    assert calls == expected


def test_completing_costs_one_call(stack: Stack, team: str) -> None:
    calls: list[str] = []
    store, key = stack.blobs(on_request=calls.append), f"{team}/k"
    multipart_id = store.create_multipart(key)
    part = store.put_part(key, multipart_id, 1, b"x")
    calls.clear()
    store.complete_multipart(key, multipart_id, [part])
    assert calls == ["CompleteMultipartUpload"]


def test_every_verb_of_the_port_has_a_budget() -> None:
    verbs = {name for name in vars(BlobStore) if not name.startswith("_")}
    assert {*BUDGETS, "complete_multipart"} == verbs


# --- what S3 says ------------------------------------------------------------------------------


def _store(url: str, read_timeout_s: float = 5) -> S3Blobs:
    return S3Blobs(
        "bucket",
        "us-east-1",
        url,
        clock=SettableClock(),
        session=open_session("key", "secret"),
        read_timeout_s=read_timeout_s,
    )


def _complete(store: BlobStore) -> None:
    store.complete_multipart("k", "u", [Part(1, '"x"', 1)])


@pytest.mark.parametrize(
    ("answer", "expected", "requests"),
    [
        (s3_error("NoSuchUpload", 404), Missing, 1),
        (s3_error("EntityTooSmall", 400), PartRefused, 1),
        (s3_error("InvalidPart", 400), PartRefused, 1),
        (s3_error("InvalidPartOrder", 400), PartRefused, 1),
        (s3_error("BadDigest", 400), Conflict, 1),
        (s3_error("SlowDown", 503), Throttled, ATTEMPTS),
        (s3_error("InternalError", 500), Unavailable, ATTEMPTS),
        (s3_error("InternalError", 200), Unavailable, ATTEMPTS),
        (Say(502, b"<html>no XML of S3's</html>"), Unavailable, ATTEMPTS),
        (s3_error("AccessDenied", 403), PortError, 1),
        (s3_error("NoSuchBucket", 404), PortError, 1),
    ],
    ids=lambda value: getattr(value, "body", None) and value.body.decode()[13:32],
)
def test_an_answer_of_s3_becomes_one_of_the_port(
    answer: Say, expected: type[PortError], requests: int
) -> None:
    with scripted([answer]) as server, pytest.raises(PortError) as raised:
        _complete(_store(server.url))
    assert type(raised.value) is expected
    assert len(server.bodies) == requests


def test_a_dead_port_is_unavailable_at_once() -> None:
    store = _store("http://127.0.0.1:9")
    for verb in (
        lambda: store.get("k"),
        lambda: store.read("k"),
        lambda: store.put("k", b"x"),
        lambda: store.size_bytes("k"),
        lambda: store.abort_multipart("k", "u"),
    ):
        with pytest.raises(Unavailable):
            verb()


def test_a_server_that_says_nothing_is_unavailable_in_time() -> None:
    with scripted([Say(silent=True)]) as server, pytest.raises(Unavailable):
        _store(server.url, read_timeout_s=0.5).get("k")
    assert len(server.bodies) == ATTEMPTS


def test_bytes_that_break_off_are_unavailable() -> None:
    cut = Say(body=b"0123456789", cut_off=True)
    with scripted([cut]) as server:
        store = _store(server.url)
        with pytest.raises(Unavailable):
            store.get("k")
        with pytest.raises(Unavailable):
            list(store.read("k"))


def test_a_checksum_goes_out_only_where_it_is_asked_for() -> None:
    with scripted([Say(body=b"")]) as server:
        store = _store(server.url)
        store.put("k", b"data")
        store.put("k", b"data", sha256_hex="ab" * 32)
        store.size_bytes("k")
    plain, proved, head = server.headers
    assert not [name for name in plain if "checksum" in name]
    assert "x-amz-content-sha256" not in plain
    assert proved["x-amz-checksum-sha256"] == "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s="
    assert "x-amz-checksum-mode" not in head


def test_nothing_is_built_until_a_call_needs_it() -> None:
    calls: list[str] = []
    store = S3Blobs(
        "bucket",
        "eu-west-1",
        clock=SettableClock(),
        session=open_session("key", "secret"),
        on_request=calls.append,
    )
    assert store.presign_get("k", ttl_s=60).startswith(
        "https://bucket.s3.eu-west-1.amazonaws.com/k?"
    )
    assert store._made is None
    assert calls == []
