"""Uploads that no request has the time to prove: closed, read by the verifier, ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.domain.errors import ErrorCode
from chalicelib.domain.limits import CLAIM_TTL_S
from tests.conformance.bodies import CONFIG, LARGE, LAYER, OCI, OTHER, image
from tests.conformance.cases import (
    Case,
    Step,
    blob,
    case,
    delete,
    get,
    head,
    of,
    patch,
    post,
    put,
    refused,
    verified,
)
from tests.conformance.cases_uploader import (
    BEGUN,
    CLAIM,
    DOOR,
    STORE_PART,
    STORE_TAIL,
    R,
    advance,
    advance_tail,
    pulled,
)
from tests.support.world import Asked

SETTINGS: Mapping[str, Any] = {"verifier": Asked(), "inline_proof_bytes": 1000}
PENDING = {
    "Location": f"/v2/{R}/blobs/uploads/{{id}}",
    "Range": f"0-{len(LARGE) - 1}",
    "Docker-Upload-UUID": "{id}",
    "Retry-After": ...,
    "Docker-Content-Digest": None,
}
IN_S3 = (BEGUN, CLAIM, STORE_PART, advance())
PUT_LARGE = put(f"/v2/{R}/manifests/large", image(OCI, LARGE), headers={"Content-Type": OCI})


def proving(name: str, *steps: Step | tuple[Step, ...], **more: Any) -> Case:
    return case(name, "ours", *steps, **{"settings": SETTINGS, **more})


def close(data: bytes = LARGE, status: int = 202, **more: Any) -> Step:
    more = {"answers": PENDING, **more} if status == 202 else more
    return put(f"{{location}}?digest={of(data)}", status=status, **more)


def unseen(data: bytes) -> Step:
    return head(f"/v2/{R}/blobs/{of(data)}", status=404)


CASES = (
    proving(
        "an upload too large to be read in one request is there when it has been read",
        IN_S3,
        close(),
        unseen(LARGE),
        verified("{id}", "LINKED"),
        pulled(LARGE),
        refused(get("{location}"), ErrorCode.BLOB_UPLOAD_UNKNOWN),
    ),
    proving(
        "a manifest that needs what is being proved is refused until it is",
        blob(R, CONFIG),
        IN_S3,
        close(),
        refused(PUT_LARGE, ErrorCode.MANIFEST_BLOB_UNKNOWN),
        verified("{id}", "LINKED"),
        PUT_LARGE,
    ),
    proving(
        "a closing PUT may be repeated while the proof lasts, and is unknown after it",
        IN_S3,
        close(),
        close(),
        close(wait_s=CLAIM_TTL_S),
        get("{location}", status=204, answers={"Range": f"0-{len(LARGE) - 1}"}),
        verified("{id}", "LINKED"),
        refused(close(), ErrorCode.BLOB_UPLOAD_UNKNOWN),
    ),
    proving(
        "bytes of another digest are told to whoever closes again, and never seen",
        IN_S3,
        close(OTHER),
        verified("{id}", "REFUSED"),
        unseen(OTHER),
        unseen(LARGE),
        refused(close(OTHER), ErrorCode.DIGEST_INVALID),
        close(LARGE, status=201),
        pulled(LARGE),
    ),
    proving(
        "an upload that is being proved takes no more bytes and no other digest",
        IN_S3,
        close(),
        refused(patch("{location}", LAYER), ErrorCode.UPLOAD_CLOSED),
        refused(close(OTHER), ErrorCode.UPLOAD_CLOSED),
        refused(post(f"{DOOR}/claim", {}), ErrorCode.UPLOAD_CLOSED),
        refused(post(f"{DOOR}/parts", {"claim": "ab" * 16, "first": 1}), ErrorCode.UPLOAD_CLOSED),
        refused(advance(), ErrorCode.UPLOAD_CLOSED),
        verified("{id}", "LINKED"),
        pulled(LARGE),
    ),
    proving(
        "an upload that is cancelled while it is proved is gone",
        IN_S3,
        close(),
        delete("{location}"),
        verified("{id}", "GONE"),
        unseen(LARGE),
        refused(close(), ErrorCode.BLOB_UPLOAD_UNKNOWN),
    ),
    proving(
        "the verifier leaves alone what nobody has closed",
        verified("0" * 32, "GONE"),
        IN_S3,
        verified("{id}", "GONE"),
        close(),
        verified("{id}", "LINKED"),
        verified("{id}", "GONE"),
        pulled(LARGE),
    ),
    proving(
        "bytes that come with the close are proved with the others",
        IN_S3,
        put(f"{{location}}?digest={of(LARGE + LAYER)}", LAYER, status=202),
        verified("{id}", "LINKED"),
        pulled(LARGE + LAYER),
    ),
    proving(
        "what is small enough is proved by the request that closes it",
        BEGUN,
        CLAIM,
        STORE_TAIL,
        advance_tail(),
        put(f"{{location}}?digest={of(LAYER)}"),
        pulled(LAYER),
    ),
    proving(
        "parts that S3 will not join are refused at the close, and not later",
        BEGUN,
        CLAIM,
        STORE_PART,
        advance(stored=[[1, '"' + "0" * 32 + '"', len(LARGE)]]),
        refused(close(), ErrorCode.BLOB_UPLOAD_INVALID),
    ),
    proving(
        "sizes that were lied about are refused at the close, and not later",
        BEGUN,
        CLAIM,
        STORE_PART,
        advance(stored=[[1, "{etag}", len(LARGE) + 1]], offset_bytes=len(LARGE) + 1),
        refused(close(), ErrorCode.BLOB_UPLOAD_INVALID),
    ),
)
