"""S3's refusals: each a case, asked of the door and of SeaweedFS alone, so that what the door adds
is measured and not believed.
"""

from __future__ import annotations

import base64
import hashlib
import re
import socket
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest

from chalicelib.adapters.clock import SystemClock
from chalicelib.adapters.s3 import S3Blobs
from roadstead.awslimits import oac
from roadstead.awslimits.exchange import Address
from roadstead.awslimits.limits import MIB, OacSwitches
from roadstead.awslimits.s3door import S3Door
from roadstead.awslimits.s3rules import METHODS, Head, refusal_of
from tests.awslimits.wire import Said, ask, pieces, served
from tests.support.stack import BUCKET, Stack

BODY = b"hello"
HEX = hashlib.sha256(BODY).hexdigest()
OTHER = hashlib.sha256(b"other").hexdigest()
GIB = 1024 * MIB


def checksum(hex_digest: str) -> str:
    return base64.b64encode(bytes.fromhex(hex_digest)).decode()


@dataclass(frozen=True)
class Store:
    """An S3 server, asked with the stack's key."""

    address: Address
    stack: Stack

    def send(
        self,
        method: str,
        target: str,
        signed: Mapping[str, str] | None = None,
        body: bytes | Iterable[bytes] | None = None,
        *,
        unsigned: Mapping[str, str] | None = None,
        declared: int | None = None,
    ) -> Said:
        """Signed by header, the ``signed`` ones among them; ``unsigned`` are put beside."""
        endpoints = self.stack.endpoints
        keys = (endpoints.s3_access_key, endpoints.s3_secret_key)
        url = f"http://{self.address.netloc}{target}"
        headers = oac.signed(method, url, signed or {}, keys, self.stack.region, OacSwitches())
        headers.pop("host", None)
        return ask(
            self.address, method, target, {**headers, **(unsigned or {})}, body, declared=declared
        )

    def holds(self, key: str) -> bool:
        return self.send("HEAD", f"/{BUCKET}/{key}").status == 200


@pytest.fixture(scope="module")
def seaweed(stack: Stack) -> Store:
    parts = urlsplit(stack.endpoints.s3_url)
    assert parts.hostname
    assert parts.port
    return Store(Address(parts.hostname, parts.port), stack)


@pytest.fixture(scope="module")
def door(seaweed: Store) -> Iterator[Store]:
    with served(S3Door(seaweed.address)) as address:
        yield Store(address, seaweed.stack)


def code_of(said: Said) -> str:
    found = re.search(rb"<Error><Code>(\w+)</Code>", said.body)
    return found[1].decode() if found else ""


@dataclass(frozen=True)
class Case:
    """What is sent, what S3 answers (so the door), and what SeaweedFS alone answers."""

    name: str
    door: tuple[int, str]
    alone: tuple[int, str]
    method: str = "PUT"
    query: str = ""
    signed: Mapping[str, str] = field(default_factory=dict)
    unsigned: Mapping[str, str] = field(default_factory=dict)
    body: Any = BODY
    declared: int | None = None


WHOLE_SHA256 = {"x-amz-checksum-algorithm": "SHA256", "x-amz-checksum-type": "FULL_OBJECT"}
PRESIGNED = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-SignedHeaders=host&X-Amz-Signature=0"
CASES = [
    Case("a good one", (200, ""), (200, "")),
    Case("right hash", (200, ""), (200, ""), signed={"x-amz-content-sha256": HEX}),
    Case(
        "wrong hash",
        (400, "XAmzContentSHA256Mismatch"),
        (200, ""),
        signed={"x-amz-content-sha256": OTHER},
    ),
    Case("right checksum", (200, ""), (200, ""), signed={"x-amz-checksum-sha256": checksum(HEX)}),
    Case(
        "wrong checksum",
        (400, "BadDigest"),
        (400, "BadDigest"),
        signed={"x-amz-checksum-sha256": checksum(OTHER)},
    ),
    Case("chunked", (501, "NotImplemented"), (200, ""), body=[BODY]),
    Case("no length", (411, "MissingContentLength"), (200, ""), body=None),
    Case("PATCH", (405, "MethodNotAllowed"), (405, "MethodNotAllowed"), method="PATCH"),
    Case(
        "over 5 GiB",
        (400, "EntityTooLarge"),
        (0, ""),
        body=b"",
        declared=5 * GIB + 1,
    ),
    Case(
        "unsigned x-amz header",
        (403, "AccessDenied"),
        (403, "SignatureDoesNotMatch"),
        unsigned={"x-amz-meta-more": "1"},
    ),
    Case("two logins", (400, "InvalidArgument"), (200, ""), query=PRESIGNED),
    Case(
        "parts under one SHA-256",
        (400, "InvalidRequest"),
        (400, "InvalidRequest"),
        method="POST",
        query="uploads=",
        signed=WHOLE_SHA256,
        body=b"",
    ),
]
REFUSED = [case for case in CASES if case.door[0] >= 400]


def put(store: Store, case: Case, key: str) -> Said:
    target = f"/{BUCKET}/{key}" + (f"?{case.query}" if case.query else "")
    return store.send(
        case.method,
        target,
        case.signed,
        case.body,
        unsigned=case.unsigned,
        declared=case.declared,
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_door_answers_as_s3_does(door: Store, case: Case, team: str) -> None:
    said = put(door, case, team)

    assert (said.status, code_of(said)) == case.door
    assert door.holds(team) == (case.door[0] == 200)
    if case.door[0] >= 400:
        assert said.headers["Content-Type"] == "application/xml"


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.alone[0]], ids=lambda case: case.name
)
def test_seaweedfs_alone_answers_as_it_was_measured(seaweed: Store, case: Case, team: str) -> None:
    said = put(seaweed, case, team)

    assert (said.status, code_of(said)) == case.alone


@pytest.mark.parametrize("size", [5, 70_000, MIB - 1, MIB, MIB + 1, 40 * MIB])
def test_a_body_with_a_wrong_hash_leaves_nothing(door: Store, team: str, size: int) -> None:
    body = b"".join(pieces(size))

    said = door.send("PUT", f"/{BUCKET}/{team}", {"x-amz-content-sha256": OTHER}, body)

    assert (said.status, code_of(said)) == (400, "XAmzContentSHA256Mismatch")
    assert not door.holds(team)


def test_a_replacement_with_a_wrong_hash_leaves_what_was_there(door: Store, team: str) -> None:
    door.send("PUT", f"/{BUCKET}/{team}", {}, BODY)

    door.send("PUT", f"/{BUCKET}/{team}", {"x-amz-content-sha256": OTHER}, BODY)

    assert door.send("GET", f"/{BUCKET}/{team}").body == BODY


@pytest.mark.parametrize("size", [5, 70_000, MIB + 70_000])
def test_a_client_that_hangs_up_leaves_nothing(door: Store, team: str, size: int) -> None:
    endpoints = door.stack.endpoints
    keys = (endpoints.s3_access_key, endpoints.s3_secret_key)
    url = f"http://{door.address.netloc}/{BUCKET}/{team}"
    headers = oac.signed("PUT", url, {}, keys, door.stack.region, OacSwitches())
    headers["host"] = door.address.netloc
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"PUT /{BUCKET}/{team} HTTP/1.1\r\n{lines}Content-Length: {size}\r\n\r\n"
    with socket.create_connection((door.address.host, door.address.port)) as client:
        client.sendall(head.encode() + b"\0" * (size - 1))

    # By the time that this is answered the door has seen the other hang up.
    assert not door.holds(f"{team}-other")
    assert not door.holds(team)


def test_a_whole_checksum_is_told_with_its_type(door: Store, team: str) -> None:
    door.send("PUT", f"/{BUCKET}/{team}", {"x-amz-checksum-sha256": checksum(HEX)}, BODY)

    said = door.send("HEAD", f"/{BUCKET}/{team}", {"x-amz-checksum-mode": "ENABLED"})

    assert said.headers["x-amz-checksum-sha256"] == checksum(HEX)
    assert said.headers["x-amz-checksum-type"] == "FULL_OBJECT"
    assert not [name for name in said.headers if name.lower().startswith("seaweed")]


def multipart(door: Store, key: str, parts: list[bytes]) -> Said:
    """An object in parts, each with its SHA-256; the answer to its completion."""
    target = f"/{BUCKET}/{key}"
    begun = door.send("POST", f"{target}?uploads=", {"x-amz-checksum-algorithm": "SHA256"}, b"")
    upload = re.search(rb"<UploadId>(\w+)</UploadId>", begun.body)
    assert upload
    listed = ""
    for number, part in enumerate(parts, 1):
        total = checksum(hashlib.sha256(part).hexdigest())
        where = f"{target}?partNumber={number}&uploadId={upload[1].decode()}"
        answer = door.send("PUT", where, {"x-amz-checksum-sha256": total}, part)
        listed += f"<Part><PartNumber>{number}</PartNumber><ETag>{answer.headers['ETag']}</ETag>"
        listed += f"<ChecksumSHA256>{total}</ChecksumSHA256></Part>"
    body = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>".encode()
    return door.send("POST", f"{target}?uploadId={upload[1].decode()}", {}, body)


def test_the_checksum_of_parts_is_composite(door: Store, team: str) -> None:
    assert multipart(door, team, [b"x" * 5 * MIB, b"y"]).status == 200

    said = door.send("HEAD", f"/{BUCKET}/{team}", {"x-amz-checksum-mode": "ENABLED"})

    assert said.headers["x-amz-checksum-sha256"].endswith("-2")
    assert said.headers["x-amz-checksum-type"] == "COMPOSITE"


def test_a_part_under_5_mib_that_is_not_the_last_is_refused(door: Store, team: str) -> None:
    said = multipart(door, team, [b"x" * (5 * MIB - 1), b"y"])

    assert code_of(said) == "EntityTooSmall"
    assert not door.holds(team)


def test_presigned_urls_of_the_door_are_taken_by_the_server_behind(
    door: Store, stack: Stack, team: str
) -> None:
    blobs = S3Blobs(
        BUCKET,
        stack.region,
        stack.endpoints.s3_url,
        f"http://{door.address.netloc}",
        clock=SystemClock(),
        session=stack.session,
    )
    url = urlsplit(blobs.presign_put(f"{team}/a", ttl_s=60, sha256_hex=HEX))
    assert url.netloc == door.address.netloc
    target = f"{url.path}?{url.query}"
    wanted = {"x-amz-checksum-sha256": checksum(HEX)}

    refused = ask(door.address, "PUT", target, {**wanted, "x-amz-meta-more": "1"}, BODY)
    changed = ask(door.address, "PUT", target, wanted, b"other")
    taken = ask(door.address, "PUT", target, wanted, BODY)

    assert (refused.status, code_of(refused)) == (403, "AccessDenied")
    assert b"<HeadersNotSigned>x-amz-meta-more</HeadersNotSigned>" in refused.body
    assert (changed.status, taken.status) == (400, 200)
    got = urlsplit(blobs.presign_get(f"{team}/a", ttl_s=60))
    assert ask(door.address, "GET", f"{got.path}?{got.query}").body == BODY


@pytest.mark.parametrize("shares", [False, True], ids=["a host of its own", "the registry's"])
def test_a_login_that_came_along_is_forgiven_only_on_the_registrys_own_host(
    seaweed: Store, stack: Stack, team: str, shares: bool
) -> None:
    with served(S3Door(seaweed.address, shares_host=shares)) as address:
        blobs = S3Blobs(
            BUCKET,
            stack.region,
            f"http://{address.netloc}",
            clock=SystemClock(),
            session=stack.session,
        )
        blobs.put(f"{team}/a", BODY)
        url = urlsplit(blobs.presign_get(f"{team}/a", ttl_s=60))
        login = {"Authorization": "Basic eA=="}
        said = ask(address, "GET", f"{url.path}?{url.query}", login)

    assert said.status == (200 if shares else 400)


def test_a_door_before_nothing_says_so(seaweed: Store) -> None:
    with served(S3Door(Address("127.0.0.1", 1))) as address:
        said = ask(address, "GET", "/bucket/key")

    assert (said.status, code_of(said)) == (503, "ServiceUnavailable")


@pytest.mark.parametrize("method", METHODS)
def test_methods_of_s3_pass_the_door(method: str) -> None:
    assert refusal_of(Head(method, "/b/k", "", {"content-length": "0"})) is None


@pytest.mark.parametrize(
    ("length", "is_refused"), [(5 * GIB, False), (5 * GIB + 1, True)], ids=["5 GiB", "a byte more"]
)
def test_exactly_5_gib_pass(length: int, is_refused: bool) -> None:
    head = Head("PUT", "/b/k", "", {"content-length": str(length)})

    assert (refusal_of(head) is not None) == is_refused


def test_error_documents_are_escaped() -> None:
    refused = refusal_of(Head("PATCH", "/<&>", "", {}))

    assert refused is not None
    assert b"<Resource>/&lt;&amp;&gt;</Resource>" in refused.document("/<&>")
