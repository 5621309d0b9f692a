"""The uploader's API, used by somebody who lies: the registry believes its own eyes and no word."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from chalicelib.adapters.memory import MemoryBlobs
from chalicelib.domain.digest import parse_digest
from chalicelib.domain.upload import RunningHash
from chalicelib.service.remote import make_layer_proof, make_proof
from tests.gateway.client import MIB, digest_of, payload
from tests.gateway.v1 import checksum_of, image_id_of, json_of
from tests.support.world import GATEWAY_KEY, Registry, SettableClock, memory_world
from tests.support.world import json_of as document_of

NAME = "team/app"
FIRST, REST = payload(5 * MIB), payload(1000)
BOTH = FIRST + REST
EVIL = payload(1000, 666)


@dataclass
class Uploader:
    """Somebody with permission to push, who talks to the API and to S3 as it pleases."""

    registry: Registry
    blobs: MemoryBlobs
    location: str
    claimed: dict[str, Any] = field(default_factory=dict)

    def post(self, verb: str, document: object, status: int = 200) -> dict[str, Any]:
        upload_id = self.location.rsplit("/", 1)[-1]
        raw = document if isinstance(document, bytes) else json.dumps(document).encode()
        path = f"/v2/{NAME}/_roadstead/uploads/{upload_id}/{verb}"
        answer = self.registry.send("POST", path, raw)
        found: dict[str, Any] = document_of(answer)
        assert answer.status == status, found
        if status >= 400:
            assert set(found) == {"errors"}
            assert found["errors"][0]["message"]
        return found

    def claim(self, **asked: object) -> dict[str, Any]:
        self.claimed = self.post("claim", asked)
        return self.claimed

    def put(self, url: str, data: bytes) -> str:
        answer = self.blobs.fetch(url, "PUT", data)
        assert answer.status == 200
        return answer.headers["ETag"]

    def put_part(self, number: int, data: bytes) -> list[object]:
        urls = {part["number"]: part["url"] for part in self.claimed["parts"]}
        return [number, self.put(urls[number], data), len(data)]

    def put_tail(self, data: bytes) -> dict[str, object]:
        self.put(self.claimed["tail"]["url"], data)
        return {"key": self.claimed["tail"]["key"], "size_bytes": len(data)}

    def report(self, stored: list[list[object]], **more: object) -> dict[str, object]:
        """A report whose numbers add up, unless ``more`` says otherwise."""
        tail: Any = more.get("tail")
        total = sum(int(str(part[2])) for part in stored) + (tail["size_bytes"] if tail else 0)
        return {"claim": self.claimed["claim"], "offset_bytes": total, "stored": stored, **more}

    def close(self, data: bytes) -> int:
        path = f"{self.location}?digest={digest_of(data)}"
        return self.registry.send("PUT", path).status

    def is_visible(self, data: bytes) -> bool:
        path = f"/v2/{NAME}/blobs/{digest_of(data)}"
        answer = self.registry.send("GET", path)
        if answer.status == 307:
            assert self.blobs.fetch(answer.header("location") or "").body == data
        return answer.status == 307


@pytest.fixture
def uploader() -> Uploader:
    clock = SettableClock()
    blobs = MemoryBlobs(clock)
    registry = Registry(memory_world(clock=clock, blobs=blobs))
    opened = registry.send("POST", f"/v2/{NAME}/blobs/uploads/")
    return Uploader(registry, blobs, opened.header("location") or "")


def proof_of(uploader: Uploader, data: bytes, **changes: Any) -> dict[str, object]:
    """The proof that a gateway would make of these bytes, or of something a little different."""
    said = {
        "key": GATEWAY_KEY,
        "upload_id": uploader.claimed["upload_id"],
        "word": uploader.claimed["claim"],
        "offset_bytes": len(data),
        **changes,
    }
    running = RunningHash("sha256", parse_digest(digest_of(data)))
    proof = make_proof(said["key"], said["upload_id"], said["word"], said["offset_bytes"], running)
    return {"digest": digest_of(data), "proof": proof}


def test_an_honest_report_without_a_proof_is_read_and_believed(uploader: Uploader) -> None:
    uploader.claim()
    stored, tail = [uploader.put_part(1, FIRST)], uploader.put_tail(REST)
    uploader.post("advance", uploader.report(stored, tail=tail))
    assert uploader.close(BOTH) == 201
    assert uploader.is_visible(BOTH)


def test_an_honest_report_with_a_proof_is_believed_unread(uploader: Uploader) -> None:
    uploader.claim()
    stored, tail = [uploader.put_part(1, FIRST)], uploader.put_tail(REST)
    uploader.post("advance", uploader.report(stored, tail=tail, **proof_of(uploader, BOTH)))
    assert uploader.close(BOTH) == 201
    assert uploader.is_visible(BOTH)


FORGED: Mapping[str, dict[str, Any]] = {
    "another key": {"key": b"x" * 32},
    "another upload": {"upload_id": "other"},
    "another claim": {"word": "other"},
    "another offset": {"offset_bytes": 7},
}


@pytest.mark.parametrize("changes", FORGED.values(), ids=FORGED.keys())
def test_a_forged_proof_counts_for_nothing(uploader: Uploader, changes: dict[str, Any]) -> None:
    uploader.claim()
    stored = [uploader.put_part(1, FIRST)]
    claimed = proof_of(uploader, BOTH[: 5 * MIB][::-1], **changes)
    uploader.post("advance", uploader.report(stored, **claimed))
    # The digest that was claimed is refused, the one that the bytes have is taken.
    assert uploader.close(FIRST[::-1]) == 400
    assert not uploader.is_visible(FIRST[::-1])
    assert uploader.close(FIRST) == 201
    assert uploader.is_visible(FIRST)


def test_a_proof_does_not_hold_for_another_digest_or_for_a_later_claim(
    uploader: Uploader,
) -> None:
    uploader.claim()
    proof = proof_of(uploader, FIRST)
    stored = [uploader.put_part(1, FIRST[::-1])]
    swapped = {**proof, "digest": digest_of(FIRST[::-1])}
    uploader.post("advance", uploader.report(stored, **swapped))
    uploader.claim()
    stored.append(uploader.put_part(2, FIRST))
    uploader.post("advance", uploader.report(stored, **proof))
    assert uploader.close(FIRST) == 400
    assert uploader.close(FIRST[::-1] + FIRST) == 201


def test_a_proved_hash_does_not_cover_a_tail_that_is_swapped_afterwards(
    uploader: Uploader,
) -> None:
    # Part and tail are proved; a second claim then reports no progress but a tail of its own.
    uploader.claim()
    stored, tail = [uploader.put_part(1, FIRST)], uploader.put_tail(REST)
    uploader.post("advance", uploader.report(stored, tail=tail, **proof_of(uploader, BOTH)))
    uploader.claim()
    other = uploader.put_tail(EVIL)
    uploader.post("advance", uploader.report(stored, tail=other))
    assert uploader.close(BOTH) == 400
    assert not uploader.is_visible(BOTH)


def test_a_proved_hash_does_not_cover_a_part_that_is_replaced_afterwards(
    uploader: Uploader,
) -> None:
    first = uploader.claim()
    stored = [uploader.put_part(1, FIRST)]
    uploader.post("advance", uploader.report(stored, **proof_of(uploader, FIRST)))
    uploader.put(first["parts"][0]["url"], FIRST[::-1])
    assert uploader.close(FIRST) == 400
    assert not uploader.is_visible(FIRST)


def test_sizes_that_lie_are_found_out_when_the_bytes_are_read(uploader: Uploader) -> None:
    uploader.claim()
    stored = [uploader.put_part(1, FIRST), [2, uploader.put_part(2, FIRST)[1], 6 * MIB]]
    uploader.post("advance", uploader.report(stored))
    # The digest is right; a blob of a wrong size would make every honest manifest a liar.
    assert uploader.close(FIRST + FIRST) == 400
    assert not uploader.is_visible(FIRST + FIRST)


def test_a_tail_that_is_not_as_large_as_reported_is_found_out(uploader: Uploader) -> None:
    uploader.claim()
    stored, tail = [uploader.put_part(1, FIRST)], uploader.put_tail(REST)
    uploader.post("advance", uploader.report(stored, tail={**tail, "size_bytes": 999}))
    assert uploader.close(BOTH) == 400
    assert not uploader.is_visible(BOTH)


def test_parts_that_were_never_stored_do_not_make_a_blob(uploader: Uploader) -> None:
    uploader.claim()
    etag = f'"{hashlib.md5(FIRST, usedforsecurity=False).hexdigest()}"'
    uploader.post("advance", uploader.report([[1, etag, len(FIRST)]]))
    assert uploader.close(FIRST) == 400
    assert not uploader.is_visible(FIRST)


def test_a_tail_that_was_never_stored_does_not_make_a_blob(uploader: Uploader) -> None:
    claimed = uploader.claim()
    tail = {"key": claimed["tail"]["key"], "size_bytes": 1000}
    uploader.post("advance", uploader.report([], tail=tail))
    assert uploader.close(REST) == 400
    assert not uploader.is_visible(REST)


TAIL_KEYS = [
    "open/sha256/aa/" + "a" * 64,
    "other-team/uploads/x/y",
    "",
    "../../etc/passwd",
    "{key}/..",
    "\x00",
]


@pytest.mark.parametrize("key", TAIL_KEYS)
def test_a_tail_lies_where_the_claim_said_and_nowhere_else(uploader: Uploader, key: str) -> None:
    claimed = uploader.claim()
    place = key.format(key=claimed["tail"]["key"])
    report = uploader.report([], tail={"key": place, "size_bytes": 1000})
    refused = uploader.post("advance", report, 400)
    assert refused["errors"][0]["code"] == "BLOB_UPLOAD_INVALID"
    # The refusal has let go of the claim.
    assert uploader.registry.send("PATCH", uploader.location, b"hello").status == 202


@pytest.mark.parametrize("word", ["", "other", "x" * 5000, "\x00", "ä"])
@pytest.mark.parametrize("verb", ["parts", "advance"])
def test_the_claim_of_another_is_not_to_be_had_by_guessing(
    uploader: Uploader, verb: str, word: str
) -> None:
    uploader.claim()
    document = {"claim": word, "first": 1, "offset_bytes": 0, "stored": []}
    refused = uploader.post(verb, document, 416)
    assert refused["errors"][0]["code"] == "RANGE_INVALID"
    uploader.post("advance", uploader.report([uploader.put_part(1, FIRST)]))
    assert uploader.close(FIRST) == 201


@pytest.mark.parametrize(("first", "status"), [(0, 413), (1, 200), (9_999, 200), (10_000, 413),
                                               (10_001, 413), (10**30, 413)])  # fmt: skip
def test_urls_are_given_for_the_numbers_that_s3_takes(
    uploader: Uploader, first: int, status: int
) -> None:
    claimed = uploader.claim()
    answer = uploader.post("parts", {"claim": claimed["claim"], "first": first}, status)
    if status == 200:
        numbers = [part["number"] for part in answer["parts"]]
        assert numbers == list(range(first, min(first + 16, 10_000)))


STORED: Mapping[str, list[list[object]]] = {
    "number 0": [[0, "e", 5 * MIB]],
    "number 2 first": [[2, "e", 5 * MIB]],
    "number 10001": [[10_001, "e", 5 * MIB]],
    "a number twice": [[1, "e", 5 * MIB], [1, "e", 5 * MIB]],
    "a part too small": [[1, "e", 5 * MIB - 1]],
    "a negative size": [[1, "e", -5]],
    "a size beyond reason": [[1, "e", 10**40]],
    "an ETag beyond reason": [[1, "e" * 5000, 5 * MIB]],
}


@pytest.mark.parametrize("stored", STORED.values(), ids=STORED.keys())
def test_parts_that_make_no_sense_are_refused(
    uploader: Uploader, stored: list[list[object]]
) -> None:
    uploader.claim()
    total = sum(int(str(part[2])) for part in stored)
    report = {**uploader.report([]), "offset_bytes": max(total, 0), "stored": stored}
    assert uploader.post("advance", report, 400)["errors"][0]["code"] == "BLOB_UPLOAD_INVALID"
    assert uploader.registry.send("PATCH", uploader.location, b"hello").status == 202


MALFORMED: list[Any] = [
    b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000, {"claim": 1}, {"claim": None},
    {"claim": "w"}, {"claim": "w", "stored": 1}, {"claim": "w", "stored": [1]},
    {"claim": "w", "stored": [[1]], "offset_bytes": 0}, {"claim": "w", "stored": [["1", "e", 1]]},
    {"claim": "w", "stored": [[1, "e", True]], "offset_bytes": 1},
    {"claim": "w", "stored": [[1, "e", 1, 1]], "offset_bytes": 1},
    {"claim": "w", "stored": [], "offset_bytes": -1},
    {"claim": "w", "stored": [], "offset_bytes": True},
    {"claim": "w", "stored": [], "offset_bytes": "0"},
    {"claim": "w", "stored": [], "offset_bytes": 1.5},
    {"claim": "w", "stored": [], "offset_bytes": 0, "tail": {"key": 1}},
    {"claim": "w", "stored": [], "offset_bytes": 0, "tail": {"key": "k", "size_bytes": "1"}},
    {"claim": "w", "stored": [], "offset_bytes": 0, "digest": "md5:00"},
    {"claim": "w", "stored": [], "offset_bytes": 0, "digest": digest_of(b""), "hash_state": "*"},
]  # fmt: skip


@pytest.mark.parametrize("verb", ["claim", "parts", "advance"])
@pytest.mark.parametrize("document", MALFORMED, ids=lambda value: repr(value)[:50])
def test_a_malformed_document_is_a_refusal_and_no_error_of_ours(
    uploader: Uploader, verb: str, document: Any
) -> None:
    upload_id = uploader.location.rsplit("/", 1)[-1]
    raw = document if isinstance(document, bytes) else json.dumps(document).encode()
    path = f"/v2/{NAME}/_roadstead/uploads/{upload_id}/{verb}"
    answer = uploader.registry.send("POST", path, raw)
    assert answer.status in ((200, 400) if verb == "claim" else (400, 413, 416))
    if answer.status >= 400:
        assert document_of(answer)["errors"][0]["code"]


def test_a_hash_state_that_openssl_must_not_be_handed_is_not_resumed(uploader: Uploader) -> None:
    uploader.claim()
    state = base64.b64encode(b"\x01sha256:little\n" + b"\xff" * 112).decode()
    report = uploader.report([uploader.put_part(1, FIRST)], **proof_of(uploader, FIRST))
    uploader.post("advance", {**report, "hash_state": state})
    assert uploader.registry.send("PATCH", uploader.location, REST).status == 202
    assert uploader.close(BOTH) == 201


# --- v1 ---------------------------------------------------------------------------------------


def test_a_layer_with_a_forged_proof_is_read_and_gets_its_own_checksum(
    uploader: Uploader,
) -> None:
    registry, image_id = uploader.registry, image_id_of(1)
    raw = json_of(1)
    assert registry.send("PUT", f"/v1/images/{image_id}/json", raw).status == 200
    layer_path = f"/v1/images/{image_id}/layer"
    claimed = document_of(registry.send("POST", f"{layer_path}/claim", b"{}"))
    uploader.claimed = claimed
    stored, tail = [uploader.put_part(1, FIRST)], uploader.put_tail(REST)
    wrong = checksum_of(raw, EVIL)
    proof = make_layer_proof(
        b"x" * 32, claimed["upload_id"], claimed["claim"], parse_digest(digest_of(EVIL)), wrong
    )
    said = {"digest": digest_of(EVIL), "proof": proof, "payload_checksum": wrong}
    report = {**uploader.report(stored, tail=tail, **said), "upload_id": claimed["upload_id"]}
    finish = f"{layer_path}/finish"
    assert registry.send("POST", finish, json.dumps(report).encode()).status == 200
    seal = f"/v1/images/{image_id}/checksum"
    assert registry.send("PUT", seal, b"", {"X-Docker-Checksum-Payload": wrong}).status == 400
    right = {"X-Docker-Checksum-Payload": checksum_of(raw, BOTH)}
    assert registry.send("PUT", seal, b"", right).status == 200
    url = registry.send("GET", layer_path).header("location")
    assert uploader.blobs.fetch(url or "").body == BOTH


def test_the_session_of_a_layer_is_not_to_be_reached_through_v2_nor_the_other_way(
    uploader: Uploader,
) -> None:
    registry, image_id = uploader.registry, image_id_of(2)
    assert registry.send("PUT", f"/v1/images/{image_id}/json", json_of(2)).status == 200
    layer_path = f"/v1/images/{image_id}/layer"
    claimed = document_of(registry.send("POST", f"{layer_path}/claim", b"{}"))
    for name in (NAME, "library/.layers", ".layers"):
        path = f"/v2/{name}/blobs/uploads/{claimed['upload_id']}"
        for method in ("GET", "PATCH", "PUT", "DELETE"):
            assert registry.send(method, f"{path}?digest={digest_of(b'')}").status in (
                400,
                404,
                416,
            )
    foreign = {"upload_id": uploader.location.rsplit("/", 1)[-1], "claim": "w", "first": 1}
    answer = registry.send("POST", f"{layer_path}/parts", json.dumps(foreign).encode())
    assert answer.status == 404
    # Knocking at the wrong door has not locked the right one.
    assert registry.send("PATCH", uploader.location, b"hello").status == 202
