"""The uploader's side door: bytes that go straight to S3. Spec: ours, architecture section 6."""

from __future__ import annotations

from typing import Any

from chalicelib.domain.errors import ErrorCode
from chalicelib.domain.limits import CLAIM_TTL_S
from tests.conformance.bodies import LARGE, LAYER
from tests.conformance.cases import Step, case, get, of, patch, post, put, refused, start

R = "acme/app"
DOOR = f"/v2/{R}/_roadstead/uploads/{{id}}"
NOWHERE = f"/v2/{R}/_roadstead/uploads/{'0' * 32}"
BEGUN = start(R, save={"location": "header:Location", "id": "header:Docker-Upload-UUID"})
INVALID = ErrorCode.BLOB_UPLOAD_INVALID

CLAIM = post(
    f"{DOOR}/claim",
    {},
    status=200,
    save={
        "claim": "json:claim",
        "part_url": "json:parts.0.url",
        "tail_key": "json:tail.key",
        "tail_url": "json:tail.url",
    },
)
STORE_PART = put("{part_url}", LARGE, status=200, save={"etag": "header:ETag"})
STORE_TAIL = put("{tail_url}", LAYER, status=200)


def advance(**report: Any) -> Step:
    """A report of one part, changed as the case wants it."""
    document = {
        "claim": "{claim}",
        "offset_bytes": len(LARGE),
        "stored": [[1, "{etag}", len(LARGE)]],
        **report,
    }
    return post(f"{DOOR}/advance", document, status=200)


def advance_tail(**report: Any) -> Step:
    tail = {"key": "{tail_key}", "size_bytes": len(LAYER)}
    return advance(**{"offset_bytes": len(LAYER), "stored": [], "tail": tail, **report})


def pulled(data: bytes) -> tuple[Step, ...]:
    return (
        get(f"/v2/{R}/blobs/{of(data)}", status=307, save={"at_s3": "header:Location"}),
        get("{at_s3}", answer_body=data),
    )


def whole(data: bytes, **changes: Any) -> Step:
    """Ask for a URL that takes these bytes and no others."""
    document = {"digest": of(data), "size_bytes": len(data), **changes}
    saved = {"whole_url": "json:url", "checksum": "json:headers.x-amz-checksum-sha256"}
    return post(f"{DOOR}/whole", document, status=200, save=saved)


def put_whole(data: bytes, status: int = 200, checksum: str = "{checksum}") -> Step:
    headers = {"x-amz-checksum-sha256": checksum} if checksum else {}
    return put("{whole_url}", data, status=status, headers=headers)


CASES = (
    case(
        "a whole blob that S3 has checked is there at once",
        "ours",
        BEGUN,
        whole(LARGE),
        put_whole(LARGE),
        put(f"{{location}}?digest={of(LARGE)}"),
        pulled(LARGE),
    ),
    case(
        "a URL for a whole blob takes no other bytes, and none without the checksum",
        "ours",
        BEGUN,
        whole(LARGE),
        put_whole(LAYER, status=400),
        put_whole(LARGE, status=403, checksum=""),
        put_whole(LARGE, status=403, checksum="{id}"),
        refused(put(f"{{location}}?digest={of(LARGE)}"), ErrorCode.DIGEST_INVALID),
        put_whole(LARGE),
        refused(put(f"{{location}}?digest={of(LAYER)}"), ErrorCode.DIGEST_INVALID),
        put(f"{{location}}?digest={of(LARGE)}"),
    ),
    case(
        "a blob that another upload has brought cannot be had by its digest",
        "ours",
        BEGUN,
        whole(LARGE),
        put_whole(LARGE),
        put(f"{{location}}?digest={of(LARGE)}"),
        start(
            "acme/other", save={"location": "header:Location", "id": "header:Docker-Upload-UUID"}
        ),
        refused(put(f"{{location}}?digest={of(LARGE)}"), ErrorCode.DIGEST_INVALID),
    ),
    case(
        "a whole blob beside parts does not count: the parts do",
        "ours",
        BEGUN,
        whole(LAYER),
        put_whole(LAYER),
        CLAIM,
        STORE_PART,
        advance(),
        refused(put(f"{{location}}?digest={of(LAYER)}"), ErrorCode.DIGEST_INVALID),
        put(f"{{location}}?digest={of(LARGE)}"),
    ),
    case(
        "a whole blob that S3 cannot check is refused before it is sent",
        "ours",
        BEGUN,
        refused(whole(LARGE, size_bytes=5 * 1024**3 + 1), ErrorCode.SIZE_EXCEEDED),
        refused(whole(LARGE, digest=of(LARGE, "sha512")), ErrorCode.DIGEST_INVALID),
        refused(whole(LARGE, digest="x"), ErrorCode.DIGEST_INVALID),
        refused(whole(LARGE, size_bytes=-1), INVALID),
        refused(post(f"{DOOR}/whole", {}), INVALID),
        refused(
            post(f"{NOWHERE}/whole", {"digest": of(LAYER), "size_bytes": 1}),
            ErrorCode.BLOB_UPLOAD_UNKNOWN,
        ),
        whole(LARGE, size_bytes=5 * 1024**3),
    ),
    case(
        "an uploader that repeats the word of its claim gets the upload again",
        "ours",
        BEGUN,
        post(f"{DOOR}/claim", {"claim": "ab" * 16}, status=200),
        post(f"{DOOR}/claim", {"claim": "ab" * 16}, status=200),
        refused(post(f"{DOOR}/claim", {"claim": "cd" * 16}), ErrorCode.RANGE_INVALID),
        refused(post(f"{DOOR}/claim", {"claim": "../" * 10}), INVALID),
        refused(post(f"{DOOR}/claim", {"claim": "AB" * 16}), INVALID),
        refused(post(f"{DOOR}/claim", {"claim": 5}), INVALID),
    ),
    case(
        "a part that went to S3 is joined, read and proved at the end",
        "ours",
        BEGUN,
        CLAIM,
        STORE_PART,
        advance(),
        get("{location}", status=204, answers={"Range": f"0-{len(LARGE) - 1}"}),
        put(f"{{location}}?digest={of(LARGE)}"),
        pulled(LARGE),
    ),
    case(
        "bytes too few for a part go into the tail",
        "ours",
        BEGUN,
        CLAIM,
        STORE_TAIL,
        advance_tail(),
        put(f"{{location}}?digest={of(LAYER)}"),
        pulled(LAYER),
    ),
    case(
        "what the uploader says of a hash counts for nothing without a proof",
        "ours",
        BEGUN,
        CLAIM,
        STORE_PART,
        advance(digest=of(LAYER), proof="nobody's"),
        refused(put(f"{{location}}?digest={of(LAYER)}"), ErrorCode.DIGEST_INVALID),
    ),
    case(
        "an upload goes on inline where the uploader has let go of it",
        "ours",
        BEGUN,
        CLAIM,
        STORE_TAIL,
        advance_tail(),
        patch("{location}", LAYER),
        put(f"{{location}}?digest={of(LAYER + LAYER)}"),
        pulled(LAYER + LAYER),
    ),
    case(
        "more parts are asked for, and the claim lives on",
        "ours",
        BEGUN,
        CLAIM,
        post(
            f"{DOOR}/parts", {"claim": "{claim}", "first": 17}, status=200, wait_s=CLAIM_TTL_S - 1
        ),
        post(
            f"{DOOR}/parts", {"claim": "{claim}", "first": 33}, status=200, wait_s=CLAIM_TTL_S - 1
        ),
        refused(patch("{location}", LAYER), ErrorCode.RANGE_INVALID),
    ),
    case(
        "parts past S3's last are refused",
        "ours",
        BEGUN,
        CLAIM,
        refused(
            post(f"{DOOR}/parts", {"claim": "{claim}", "first": 10_000}), ErrorCode.SIZE_EXCEEDED
        ),
        post(f"{DOOR}/parts", {"claim": "{claim}", "first": 9_999}, status=200),
        refused(post(f"{DOOR}/parts", {"claim": "{claim}", "first": 0}), ErrorCode.SIZE_EXCEEDED),
    ),
    case(
        "a claim that another holds is refused, and taken when it has run out",
        "ours",
        BEGUN,
        CLAIM,
        refused(post(f"{DOOR}/claim", {}), ErrorCode.RANGE_INVALID),
        post(f"{DOOR}/claim", {}, status=200, wait_s=CLAIM_TTL_S),
        refused(advance_tail(), ErrorCode.RANGE_INVALID),
    ),
    case(
        "a chunk out of order is refused before it is sent, and the claim is let go",
        "ours",
        BEGUN,
        refused(
            post(f"{DOOR}/claim", {"content_range": "5-9", "length_bytes": 5}),
            ErrorCode.RANGE_INVALID,
            Range="0-0",
        ),
        refused(
            post(f"{DOOR}/claim", {"content_range": "0-9", "length_bytes": 5}),
            ErrorCode.SIZE_INVALID,
        ),
        refused(post(f"{DOOR}/claim", {"content_range": "x"}), INVALID),
        post(f"{DOOR}/claim", {"content_range": "0-4", "length_bytes": 5}, status=200),
    ),
    case(
        "an upload that is not there",
        "code-3",
        refused(post(f"{NOWHERE}/claim", {}), ErrorCode.BLOB_UPLOAD_UNKNOWN),
        refused(
            post(f"{NOWHERE}/parts", {"claim": "x", "first": 1}), ErrorCode.BLOB_UPLOAD_UNKNOWN
        ),
        refused(
            post(f"{NOWHERE}/advance", {"claim": "x", "offset_bytes": 0, "stored": []}),
            ErrorCode.BLOB_UPLOAD_UNKNOWN,
        ),
    ),
    *(
        case(
            f"a report {name} is refused, and the upload begins again",
            "ours",
            BEGUN,
            CLAIM,
            STORE_PART,
            refused(advance(**lie), INVALID),
            get("{location}", status=204, answers={"Range": "0-0"}),
        )
        for name, lie in {
            "of more bytes than parts": {"offset_bytes": len(LARGE) + 1},
            "of no parts": {"stored": []},
            "of a part twice": {"stored": [[1, "{etag}", len(LARGE)]] * 2},
            "of a part that is too small": {"stored": [[1, "{etag}", 5]], "offset_bytes": 5},
            "of a tail that lies elsewhere": {
                "stored": [],
                "offset_bytes": 5,
                "tail": {"key": "other/sha256/00/00", "size_bytes": 5},
            },
            "without parts": {"stored": None},
            "of parts that are none": {"stored": [[1, 2]]},
            "of a part numbered true": {"stored": [[True, "{etag}", len(LARGE)]]},
            "of negative bytes": {"offset_bytes": -1},
            "of half a byte": {"offset_bytes": 0.5},
            "of bytes that are true": {"offset_bytes": True},
            "of more digits than a row holds": {
                "stored": [[1, "{etag}", 10**40]],
                "offset_bytes": 10**40,
            },
            "whose state is not base64": {"digest": of(LARGE), "hash_state": "!"},
        }.items()
    ),
    case(
        "a report of an ETag that S3 never gave is refused at the end",
        "ours",
        BEGUN,
        CLAIM,
        STORE_PART,
        advance(stored=[[1, '"' + "0" * 32 + '"', len(LARGE)]]),
        refused(put(f"{{location}}?digest={of(LARGE)}"), INVALID),
    ),
    *(
        case(
            f"a body that is {name} is refused",
            "ours",
            BEGUN,
            refused(post(f"{DOOR}/claim", body), INVALID),
            refused(post(f"{DOOR}/parts", body), INVALID),
            refused(post(f"{DOOR}/advance", body), INVALID),
        )
        for name, body in {
            "not JSON": b"{",
            "a list": b"[]",
            "nested without end": b"[" * 200_000,
            "not UTF-8": b'{"claim": "\xff"}',
        }.items()
    ),
)
