"""Blobs in chunks, and the sessions that take them. Spec: OCI Distribution 1.1, end-5, 13, 14."""

from __future__ import annotations

from chalicelib.domain.errors import ErrorCode
from chalicelib.domain.limits import CLAIM_TTL_S, UPLOAD_TTL_S
from tests.conformance.bodies import CHUNK, LARGE, LAYER
from tests.conformance.cases import case, delete, get, head, of, patch, post, put, refused, start
from tests.conformance.cases_v2_uploads import (
    RECEIVED,
    UNKNOWN,
    UPLOADS,
    R,
    absent,
    chunk,
    close,
    pulled,
)

SEND_AGAIN = {"Range": ..., "Location": "{location}"}

CHUNKED = (
    case(
        "chunks with Content-Range, the last one with the PUT",
        "end-5, end-6",
        start(R),
        chunk(LAYER[:5], 0),
        chunk(LAYER[5:10], 5),
        put(
            f"{{location}}?digest={of(LAYER)}",
            LAYER[10:],
            headers={"Content-Range": f"10-{len(LAYER) - 1}"},
        ),
        pulled(LAYER),
    ),
    case(
        "chunks that are larger than a tail become parts",
        "end-5",
        start(R),
        chunk(LARGE[:CHUNK], 0),
        chunk(LARGE[CHUNK : 2 * CHUNK], CHUNK),
        chunk(LARGE[2 * CHUNK :], 2 * CHUNK),
        close(LARGE),
        pulled(LARGE),
    ),
    case(
        "a chunk whose range ends one past its last byte, as regctl writes it",
        "end-5",
        start(R),
        patch("{location}", LAYER[:5], headers={"Content-Range": "0-5"}, answers={"Range": "0-4"}),
        patch(
            "{location}", LAYER[5:], headers={"Content-Range": f"5-{len(LAYER)}"}, answers=RECEIVED
        ),
        close(LAYER),
    ),
    case(
        "a range in the spelling of RFC 9110",
        "end-5",
        start(R),
        patch("{location}", b"abc", headers={"Content-Range": "bytes 0-2/3"}),
        close(b"abc"),
    ),
    case(
        "an empty PATCH changes nothing",
        "end-5",
        start(R),
        patch("{location}", answers={"Range": "0-0"}),
        patch("{location}", LAYER),
        patch("{location}", answers={"Range": f"0-{len(LAYER) - 1}"}),
        close(LAYER),
    ),
    case(
        "a gap answers 416 and the upload goes on",
        "end-5",
        start(R),
        chunk(LAYER[:5], 0),
        refused(chunk(LAYER[6:], 6), ErrorCode.RANGE_INVALID, Range="0-4", Location="{location}"),
        chunk(LAYER[5:], 5),
        close(LAYER),
    ),
    case(
        "an overlap answers 416 and the upload goes on",
        "end-5",
        start(R),
        chunk(LAYER[:5], 0),
        refused(chunk(LAYER[4:], 4), ErrorCode.RANGE_INVALID, Range="0-4", Location="{location}"),
        chunk(LAYER[5:], 5),
        close(LAYER),
    ),
    case(
        "the same chunk twice answers 416 the second time",
        "end-5",
        start(R),
        chunk(LAYER, 0),
        refused(chunk(LAYER, 0), ErrorCode.RANGE_INVALID, **SEND_AGAIN),
        close(LAYER),
    ),
    case(
        "a first chunk that does not begin at 0 answers 416",
        "end-5",
        start(R),
        refused(chunk(LAYER, 1), ErrorCode.RANGE_INVALID, Range="0-0"),
    ),
    case(
        "a PUT out of order answers 416 and the upload goes on",
        "end-6",
        start(R),
        chunk(LAYER[:5], 0),
        refused(
            put(f"{{location}}?digest={of(LAYER)}", LAYER[9:], headers={"Content-Range": "9-19"}),
            ErrorCode.RANGE_INVALID,
            Range="0-4",
        ),
        close(LAYER, LAYER[5:]),
    ),
    case(
        "a length that is not the range's is refused",
        "end-5",
        start(R),
        refused(
            patch("{location}", b"abc", headers={"Content-Range": "0-9"}), ErrorCode.SIZE_INVALID
        ),
        chunk(LAYER, 0),
    ),
    *(
        case(
            f"a Content-Range of {text!r} is refused",
            "end-5",
            start(R),
            refused(
                patch("{location}", b"abc", headers={"Content-Range": text}),
                ErrorCode.BLOB_UPLOAD_INVALID,
            ),
            close(LAYER, LAYER),
        )
        for text in ("0", "2-0", "-1-1", "a-b", "0-1,2-3", "bytes */3")
    ),
)

SESSIONS = (
    case(
        "the status says how much has arrived",
        "end-13",
        start(R),
        get("{location}", status=204, answers={**RECEIVED, "Range": "0-0"}),
        chunk(LAYER, 0),
        get("{location}", status=204, answers={"Range": f"0-{len(LAYER) - 1}"}, answer_body=b""),
        head("{location}", status=204, answers={"Range": f"0-{len(LAYER) - 1}"}),
    ),
    case(
        "a cancelled upload is forgotten",
        "end-14",
        start(R),
        chunk(LARGE[:CHUNK], 0),
        chunk(LARGE[CHUNK:], CHUNK),
        delete("{location}"),
        refused(get("{location}"), ErrorCode.BLOB_UPLOAD_UNKNOWN),
        refused(delete("{location}"), ErrorCode.BLOB_UPLOAD_UNKNOWN),
        absent(LARGE),
    ),
    case(
        "an upload that has ended is unknown",
        "end-6",
        start(R),
        close(LAYER, LAYER),
        refused(close(LAYER, LAYER), ErrorCode.BLOB_UPLOAD_UNKNOWN),
        refused(patch("{location}", LAYER), ErrorCode.BLOB_UPLOAD_UNKNOWN),
        refused(get("{location}"), ErrorCode.BLOB_UPLOAD_UNKNOWN),
    ),
    case(
        "an upload that has expired is unknown",
        "end-6",
        start(R),
        refused(get("{location}", wait_s=UPLOAD_TTL_S), ErrorCode.BLOB_UPLOAD_UNKNOWN),
        refused(patch("{location}", LAYER), ErrorCode.BLOB_UPLOAD_UNKNOWN),
        refused(close(LAYER, LAYER), ErrorCode.BLOB_UPLOAD_UNKNOWN),
        refused(delete("{location}"), ErrorCode.BLOB_UPLOAD_UNKNOWN),
    ),
    case(
        "every chunk renews the life of its upload",
        "end-5",
        start(R),
        chunk(LAYER[:5], 0, wait_s=UPLOAD_TTL_S - 1),
        chunk(LAYER[5:], 5, wait_s=UPLOAD_TTL_S - 1),
        close(LAYER, wait_s=UPLOAD_TTL_S - 1),
    ),
    case(
        "an upload of another repository is unknown in this one",
        "end-5",
        post(UPLOADS, save={"id": "header:Docker-Upload-UUID", "location": "header:Location"}),
        refused(get("/v2/acme/b/blobs/uploads/{id}"), ErrorCode.BLOB_UPLOAD_UNKNOWN),
        refused(patch("/v2/acme/b/blobs/uploads/{id}", LAYER), ErrorCode.BLOB_UPLOAD_UNKNOWN),
        refused(
            put(f"/v2/acme/b/blobs/uploads/{{id}}?digest={of(LAYER)}", LAYER),
            ErrorCode.BLOB_UPLOAD_UNKNOWN,
        ),
        refused(delete("/v2/acme/b/blobs/uploads/{id}"), ErrorCode.BLOB_UPLOAD_UNKNOWN),
        close(LAYER, LAYER),
    ),
    *(
        case(f"{step.method} to an upload that never began", "code-3", refused(step, code))
        for code in [ErrorCode.BLOB_UPLOAD_UNKNOWN]
        for step in (
            get(UNKNOWN),
            patch(UNKNOWN, LAYER),
            put(f"{UNKNOWN}?digest={of(LAYER)}", LAYER),
            delete(UNKNOWN),
        )
    ),
    case(
        "an upload that another request holds answers 416 until the claim has run out",
        "end-5",
        start(R, save={"id": "header:Docker-Upload-UUID", "location": "header:Location"}),
        post(f"/v2/{R}/_roadstead/uploads/{{id}}/claim", status=200),
        refused(patch("{location}", LAYER), ErrorCode.RANGE_INVALID, Range="0-0"),
        refused(close(LAYER, LAYER), ErrorCode.RANGE_INVALID, Range="0-0"),
        refused(delete("{location}"), ErrorCode.RANGE_INVALID),
        get("{location}", status=204),
        chunk(LAYER, 0, wait_s=CLAIM_TTL_S),
        close(LAYER),
    ),
)

CASES = (*CHUNKED, *SESSIONS)
