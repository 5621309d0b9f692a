"""Images that no client of good will sends: their json, their parents, the order of their parts."""

from __future__ import annotations

import json

from chalicelib.domain.errors import ErrorCode
from chalicelib.domain.limits import MAX_IMAGE_JSON_BYTES
from tests.conformance.cases import Case, Step, case, get, post, refused
from tests.conformance.v1 import (
    describe,
    image,
    put,
    seal,
    send_layer,
    uploaded,
)

SPEC = "v1 images, bad input"
ONE, TWO, NONE = image(1), image(2), image(99)
CHILD = image(3, ONE)
GRANDCHILD = image(4, CHILD)
SELF = image(5, image(5))

INVALID, MISSING = ErrorCode.V1_JSON_INVALID, ErrorCode.V1_JSON_ID_MISSING
ANOTHER, NO_PARENT = ErrorCode.V1_JSON_ID_INVALID, ErrorCode.V1_PARENT_INVALID


def bad(name: str, *steps: Step | tuple[Step, ...]) -> Case:
    return case(name, SPEC, *steps)


def refuses(name: str, code: ErrorCode, *documents: object) -> Case:
    """Bodies for ``ONE`` that are refused, and nothing of them stays."""
    return bad(
        name,
        *(refused(put(f"{ONE.url}/json", body), code) for body in documents),
        refused(get(f"{ONE.url}/json"), ErrorCode.V1_IMAGE_UNKNOWN),
    )


def padded(size_bytes: int) -> bytes:
    """The json of ``ONE``, exactly so long."""
    start = f'{{"id": "{ONE.id}", "comment": "'.encode()
    return start + b"x" * (size_bytes - len(start) - 2) + b'"}'


CASES: tuple[Case, ...] = (
    refuses("json that is none is refused", INVALID, b"", b"{", b"no json", b"{'id': 1}", b"\x00"),
    refuses(
        "json that is no object is refused",
        INVALID,
        b"[]",
        b"1",
        b'"text"',
        b"null",
        b"true",
        b"{}",
    ),
    refuses(
        "json that is not UTF-8 is refused",
        INVALID,
        f'{{"id": "{ONE.id}", "comment": "\u00e4"}}'.encode("latin-1"),
        f'{{"id": "{ONE.id}"}}'.encode("utf-16"),
        b"\xef\xbb\xbf" + ONE.raw,
        b"\xff\xfe",
    ),
    refuses("json that nests without end is refused", INVALID, b"[" * 100_000, b'{"a":' * 100_000),
    refuses("json without an id is refused", MISSING, {"ID": ONE.id}, {"comment": "none"}),
    refuses(
        "json of another image is refused",
        ANOTHER,
        {"id": TWO.id},
        {"id": ONE.id.upper()},
        {"id": ONE.id + "\n"},
        {"id": ""},
        {"id": None},
        {"id": 1},
        {"id": [ONE.id]},
        {"id": {"id": ONE.id}},
        {"id": ONE.id[:16]},
    ),
    refuses(
        "json of more than 1 MB is refused",
        ErrorCode.V1_JSON_TOO_LARGE,
        padded(MAX_IMAGE_JSON_BYTES + 1),
        b"x" * 2_000_000,
    ),
    bad(
        "json of 1 MB is taken and comes back",
        put(f"{ONE.url}/json", padded(MAX_IMAGE_JSON_BYTES)),
        get(f"{ONE.url}/json", status=400),
    ),
    refuses(
        "a parent that is no id is refused",
        NO_PARENT,
        {"id": ONE.id, "parent": "parent"},
        {"id": ONE.id, "parent": TWO.id + "\n"},
        {"id": ONE.id, "parent": 1},
        {"id": ONE.id, "parent": [TWO.id]},
        {"id": ONE.id, "parent": {"id": TWO.id}},
        {"id": ONE.id, "parent": "\u0661" * 16},
    ),
    refuses(
        "a parent that is not here is refused",
        ErrorCode.V1_PARENT_UNKNOWN,
        {"id": ONE.id, "parent": NONE.id},
        {"id": ONE.id, "parent": "0" * 16},
    ),
    bad(
        "a parent that is empty is none",
        put(f"{ONE.url}/json", {"id": ONE.id, "parent": ""}),
        put(f"{ONE.url}/json", {"id": ONE.id, "parent": None}),
        send_layer(ONE),
    ),
    bad(
        "an image is not its own parent",
        refused(describe(SELF), NO_PARENT),
        describe(image(5)),
        refused(describe(SELF), NO_PARENT),
    ),
    bad(
        "an image is not its own ancestor",
        describe(ONE),
        describe(CHILD),
        describe(GRANDCHILD),
        *(
            put(
                f"{ONE.url}/json",
                {"id": ONE.id, "parent": below.id},
                status=400,
                answer_json={"error": "Image is its own ancestor"},
            )
            for below in (CHILD, GRANDCHILD)
        ),
        send_layer(ONE),
        seal(ONE),
        get(f"{ONE.url}/ancestry", answer_json=[ONE.id]),
    ),
    bad(
        "a child that is described again under another parent has the ancestry of that",
        uploaded(ONE, TWO),
        describe(CHILD),
        uploaded(image(3, TWO)),
        get(f"{CHILD.url}/ancestry", answer_json=[CHILD.id, TWO.id]),
    ),
    bad(
        "a checksum before its layer is refused, and comes again after it",
        refused(seal(ONE), ErrorCode.V1_IMAGE_UNKNOWN),
        describe(ONE),
        refused(seal(ONE), ErrorCode.V1_LAYER_MISSING),
        send_layer(ONE),
        seal(ONE),
    ),
    bad(
        "a layer before its json is refused",
        refused(send_layer(ONE), ErrorCode.V1_IMAGE_UNKNOWN),
        refused(put(f"{ONE.url}/layer"), ErrorCode.V1_IMAGE_UNKNOWN),
    ),
    bad(
        "what is no archive is stored as it is, and not listed",
        uploaded(ONE),
        refused(get(f"{ONE.url}/files"), ErrorCode.V1_LAYER_UNSUPPORTED),
        refused(get(f"{ONE.url}/diff"), ErrorCode.V1_LAYER_UNSUPPORTED),
    ),
    bad(
        "a layer in parts is refused where a layer is",
        refused(post(f"{NONE.url}/layer/claim", {}), ErrorCode.V1_IMAGE_UNKNOWN),
        uploaded(ONE),
        refused(post(f"{ONE.url}/layer/claim", {}), ErrorCode.V1_IMAGE_EXISTS),
        refused(post("/v1/images/none/layer/claim", {}), ErrorCode.V1_IMAGE_ID_INVALID),
    ),
    bad(
        "parts of a layer that nobody has begun are refused",
        describe(ONE),
        *(
            post(f"{ONE.url}/layer/{verb}", document, status=400)
            for verb in ("parts", "finish")
            for document in (b"", b"[]", b"{", {"upload_id": 1, "claim": 2, "first": 3})
        ),
        refused(
            post(f"{ONE.url}/layer/parts", {"upload_id": "0" * 32, "claim": "x", "first": 1}),
            ErrorCode.BLOB_UPLOAD_UNKNOWN,
        ),
    ),
    bad(
        "parts of one image's layer are none of another's",
        describe(ONE),
        describe(TWO),
        post(
            f"{ONE.url}/layer/claim",
            {},
            status=200,
            save={"upload": "json:upload_id", "claim": "json:claim"},
        ),
        refused(
            post(
                f"{TWO.url}/layer/parts", {"upload_id": "{upload}", "claim": "{claim}", "first": 1}
            ),
            ErrorCode.BLOB_UPLOAD_UNKNOWN,
        ),
        post(
            f"{ONE.url}/layer/parts",
            {"upload_id": "{upload}", "claim": "{claim}", "first": 1},
            status=200,
        ),
    ),
    bad(
        "a tag on what is no image is refused",
        uploaded(ONE),
        *(
            refused(put("/v1/repositories/foo/bar/tags/latest", body), ErrorCode.V1_DATA_INVALID)
            for body in (
                b"",
                b'""',
                b"null",
                b"1",
                b"[]",
                json.dumps([ONE.id]).encode(),
                {"id": ONE.id},
                ONE.id.encode(),
                b"\xff",
                "\ud800",
            )
        ),
        *(
            refused(put("/v1/repositories/foo/bar/tags/latest", body), ErrorCode.V1_IMAGE_UNKNOWN)
            for body in (TWO.id, "none", ONE.id + "\n", ONE.id.upper())
        ),
        refused(get("/v1/repositories/foo/bar/tags"), ErrorCode.V1_REPOSITORY_UNKNOWN),
    ),
)
