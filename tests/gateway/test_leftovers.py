"""What failed pushes leave in S3 and DynamoDB, where the collector has to find it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.gateway.client import MIB, assert_pulled, close, digest_of, payload, start
from tests.gateway.faults import Fault
from tests.gateway.places import Place
from tests.gateway.test_hangups import begin, held_by, is_free, until
from tests.gateway.v1 import describe, layer_path
from tests.gateway.wire import connected, send
from tests.support.stack import BUCKET, TABLE, Stack

TEAM = "open"
DATA = payload(9 * MIB, 9)


@dataclass(frozen=True)
class Found:
    """Everything of the team that lies in the bucket and waits in the table."""

    objects: frozenset[str]
    multiparts: frozenset[tuple[str, str]]
    uploads: frozenset[str]

    def beyond(self, before: Found) -> Found:
        return Found(
            self.objects - before.objects,
            self.multiparts - before.multiparts,
            self.uploads - before.uploads,
        )


@dataclass(frozen=True)
class Inspector:
    """Looks at the stores past the registry."""

    s3: Any
    dynamodb: Any

    def look(self) -> Found:
        objects = [
            entry["Key"]
            for page in self.s3.get_paginator("list_objects_v2").paginate(
                Bucket=BUCKET, Prefix=f"{TEAM}/"
            )
            for entry in page.get("Contents", [])
        ]
        listed = self.s3.list_multipart_uploads(Bucket=BUCKET, Prefix=f"{TEAM}/", MaxUploads=1000)
        multiparts = [(entry["Key"], entry["UploadId"]) for entry in listed.get("Uploads", [])]
        return Found(frozenset(objects), frozenset(multiparts), frozenset(self.rows()))

    def rows(self) -> dict[str, dict[str, Any]]:
        """The upload rows of the team, by their keys."""
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=TABLE)
        items = {item["PK"]["S"]: item for page in pages for item in page["Items"]}
        return {key: item for key, item in items.items() if key.startswith(f"UP#{TEAM}#")}


@pytest.fixture
def inspector(stack: Stack) -> Iterator[Inspector]:
    endpoints, region = stack.endpoints, stack.region
    s3 = stack.session.create_client("s3", region, endpoint_url=endpoints.s3_url)
    dynamodb = stack.session.create_client("dynamodb", region, endpoint_url=endpoints.dynamodb_url)
    yield Inspector(s3, dynamodb)
    s3.close()
    dynamodb.close()


# --- pushes that do not end well, each leaving what it leaves -----------------------------------


def abandoned_session(place: Place, repository: str) -> None:
    start(place, repository)


def abandoned_tail(place: Place, repository: str) -> None:
    assert send(place.host, "PATCH", start(place, repository), b"hello").status == 202


def abandoned_parts(place: Place, repository: str) -> None:
    location = start(place, repository)
    assert send(place.host, "PATCH", location, DATA, in_chunks=True).status == 202


def wrong_digest_of_a_stream(place: Place, repository: str) -> None:
    assert close(place, start(place, repository), digest_of(b"other"), DATA).status == 400


def wrong_digest_of_a_post(place: Place, repository: str) -> None:
    path = f"/v2/{repository}/blobs/uploads/?digest={digest_of(b'other')}"
    assert send(place.host, "POST", path, DATA).status == 400


def hung_up(place: Place, repository: str) -> None:
    location = start(place, repository)
    with connected(place.host) as wire:
        begin(wire, "PATCH", location, DATA + DATA, 15 * MIB, True)
        until(lambda: bool(held_by(place, location)), "the claim")
    until(lambda: is_free(place, location, 0), "the claim is let go")


def hung_up_layer(place: Place, repository: str) -> None:
    image_id = describe(place, 900)
    with connected(place.host) as wire:
        begin(wire, "PUT", layer_path(image_id), DATA + DATA, 10 * MIB, True)


def died_before(call: str) -> Callable[[Place, str], None]:
    """The process dies when it is about to make this call."""

    def push(place: Place, repository: str) -> None:
        location = start(place, repository)
        place.fuse.fault, place.fuse.at_name = Fault.DEAD, call
        assert close(place, location, digest_of(DATA), DATA).status == 500
        place.fuse.mend()

    return push


# How it fails, and whether that leaves a multipart upload that nobody will complete.
FAILURES: dict[str, tuple[Callable[[Place, str], None], bool]] = {
    "a session without bytes": (abandoned_session, False),
    "a session with a tail": (abandoned_tail, False),
    "a session with parts": (abandoned_parts, True),
    "a wrong digest": (wrong_digest_of_a_stream, True),
    "a wrong digest in one request": (wrong_digest_of_a_post, True),
    "a client that hung up": (hung_up, True),
    "a layer that broke off": (hung_up_layer, True),
    "died before the parts were recorded": (died_before("save_upload"), True),
    "died before the parts were joined": (died_before("complete_multipart"), True),
    "died before the blob was linked": (died_before("put_blob"), False),
}


@pytest.mark.parametrize(("fail", "leaves_parts"), FAILURES.values(), ids=FAILURES.keys())
def test_what_a_failed_push_leaves_can_be_found(
    embedded: Place,
    inspector: Inspector,
    repository: str,
    fail: Callable[[Place, str], None],
    leaves_parts: bool,
) -> None:
    before = inspector.look()
    fail(embedded, repository)
    left = inspector.look().beyond(before)
    assert len(left.uploads) == 1
    assert len(left.multiparts) == leaves_parts
    waiting = (f"{TEAM}/objects/", f"{TEAM}/uploads/")
    assert all(key.startswith(waiting) for key in left.objects), left
    assert all(key.startswith(waiting) for key, _ in left.multiparts), left
    rows = inspector.rows()
    for key in left.uploads:
        # DynamoDB's own expiry takes the row as well.
        assert int(rows[key]["expires_at_s"]["N"]) > time.time()
    # Each object and multipart upload is named by an upload id, so that its row tells its age.
    ids = {key.split("/")[2] for key in left.objects} | {
        key.split("/")[2] for key, _ in left.multiparts
    }
    assert {f"UP#{TEAM}#{upload_id}" for upload_id in ids} <= left.uploads, left


SUCCESSES = {
    "inline": ([], b"hello"),
    "streamed at once": ([], DATA),
    "streamed in pieces": ([DATA[: 6 * MIB], DATA[6 * MIB : 8 * MIB]], DATA[8 * MIB :]),
}


@pytest.mark.parametrize(("pieces", "last"), SUCCESSES.values(), ids=SUCCESSES.keys())
def test_a_push_that_ends_well_leaves_no_session_and_no_multipart_upload(
    embedded: Place, inspector: Inspector, repository: str, pieces: list[bytes], last: bytes
) -> None:
    before = inspector.look()
    location = start(embedded, repository)
    for piece in pieces:
        assert send(embedded.host, "PATCH", location, piece).status == 202
    whole = b"".join(pieces) + last
    assert close(embedded, location, digest_of(whole), last).status == 201
    left = inspector.look().beyond(before)
    assert (left.uploads, left.multiparts) == (frozenset(), frozenset())
    tails = [key for key in left.objects if not key.startswith(f"{TEAM}/uploads/")]
    assert len(tails) <= 1, "the blob itself, unless the team had it before"
    assert_pulled(embedded, repository, whole)


def test_a_cancelled_upload_leaves_no_session_and_no_parts(
    embedded: Place, inspector: Inspector, repository: str
) -> None:
    before = inspector.look()
    location = start(embedded, repository)
    assert send(embedded.host, "PATCH", location, DATA, in_chunks=True).status == 202
    assert send(embedded.host, "DELETE", location).status == 204
    left = inspector.look().beyond(before)
    assert (left.uploads, left.multiparts) == (frozenset(), frozenset())
    assert all(key.startswith(f"{TEAM}/uploads/") for key in left.objects)
