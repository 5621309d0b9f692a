"""Referrers, and tags that come along with a manifest. Spec: end-12a, end-12b, end-7."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from chalicelib.domain.digest import digest_of
from chalicelib.domain.errors import ErrorCode
from chalicelib.domain.records import referrer_order
from tests.conformance.bodies import (
    CONFIG,
    DOCKER,
    LAYER,
    OCI,
    OCI_INDEX,
    descriptor,
    image,
    index,
    push,
    pushed,
)
from tests.conformance.cases import (
    ABSENT,
    Step,
    blob,
    case,
    delete,
    get,
    head,
    of,
    put,
    refused,
)

R = "acme/app"
SUBJECT = image()
SIGNATURE, SBOM = "application/vnd.example.signature", "application/vnd.example.sbom+json"
LIST = f"/v2/{R}/referrers/{of(SUBJECT)}"
FILTERED = f"{LIST}?artifactType={quote(SBOM, safe='')}"
NOT_HERE = "the subject is not in this repository; it is listed as soon as it comes"


def referrer(number: int, artifact_type: str | None = SIGNATURE, **changes: Any) -> bytes:
    more = {"artifactType": artifact_type} if artifact_type else {}
    parts = {"subject": descriptor(SUBJECT, OCI), "annotations": {"n": str(number)}}
    return image(OCI, **{**parts, **more, **changes})


def attach(raw: bytes, reference: str | None = None, **answers: Any) -> Step:
    url = f"/v2/{R}/manifests/{reference or of(raw)}"
    wanted = {"OCI-Subject": of(SUBJECT), **answers}
    return put(url, raw, headers={"Content-Type": OCI}, answers=wanted)


def described(raw: bytes, artifact_type: str | None = SIGNATURE) -> dict[str, Any]:
    document = json.loads(raw)
    kind = artifact_type or document["config"]["mediaType"]
    annotations = document.get("annotations")
    shown = {"annotations": annotations} if annotations else {}
    return {**descriptor(raw, OCI), "artifactType": kind, **shown}


def listed(url: str, *wanted: dict[str, Any], **more: Any) -> Step:
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(wanted)}
    answers = {"Content-Type": OCI_INDEX, "Link": ABSENT, **more}
    return get(url, answers=answers, answer_json=document)


def order(raw: bytes, artifact_type: str = SIGNATURE) -> str:
    return referrer_order(digest_of(raw), artifact_type)


ONE, OTHER, BILL = referrer(1), referrer(2), referrer(3, SBOM)
PARTS = (blob(R, CONFIG), blob(R, LAYER))
ALL = sorted(
    [(ONE, SIGNATURE), (OTHER, SIGNATURE), (BILL, SBOM)], key=lambda pair: order(pair[0], pair[1])
)
SORTED = [described(raw, kind) for raw, kind in ALL]


def link(n: int, last: str, more: str = "") -> str:
    return f'<{LIST}?n={n}&last={quote(last)}{more}>; rel="next"'


REFERRERS = (
    case(
        "a manifest with a subject is listed as its referrer",
        "end-12a",
        pushed(R, "v1"),
        attach(ONE, Warning=ABSENT),
        attach(BILL),
        attach(OTHER, "signed"),
        listed(LIST, *SORTED, **{"OCI-Filters-Applied": ABSENT}),
        head(LIST, answers={"Content-Type": OCI_INDEX}),
    ),
    case(
        "a subject that is not here yet is taken, with a warning",
        "end-7, Warnings",
        PARTS,
        attach(ONE, Warning=f'299 - "{NOT_HERE}"'),
        listed(LIST, described(ONE)),
    ),
    case(
        "nobody refers to what nobody has pushed: an empty list, and no 404",
        "end-12a",
        listed(f"/v2/{R}/referrers/{of(b'nothing')}"),
        listed(f"/v2/nobody/here/referrers/{of(b'nothing', 'sha512')}"),
    ),
    case(
        "a list of one artifact type",
        "end-12b",
        pushed(R, "v1"),
        attach(ONE),
        attach(BILL),
        listed(FILTERED, described(BILL, SBOM), **{"OCI-Filters-Applied": "artifactType"}),
        listed(f"{LIST}?artifactType=none/such", **{"OCI-Filters-Applied": "artifactType"}),
        listed(
            f"{LIST}?artifactType=",
            *(described(raw, kind) for raw, kind in ALL if raw is not OTHER),
            **{"OCI-Filters-Applied": ABSENT},
        ),
    ),
    case(
        "without an artifact type the config's type counts, and an index has none",
        "end-12a",
        pushed(R, "v1"),
        attach(referrer(5, None)),
        listed(LIST, described(referrer(5, None), None)),
        delete(f"/v2/{R}/manifests/{of(referrer(5, None))}", status=202),
        put(
            f"/v2/{R}/manifests/list",
            json.dumps(
                {
                    "schemaVersion": 2,
                    "mediaType": OCI_INDEX,
                    "manifests": [],
                    "subject": descriptor(SUBJECT, OCI),
                }
            ).encode(),
            headers={"Content-Type": OCI_INDEX},
            answers={"OCI-Subject": of(SUBJECT)},
            save={"digest": "header:Docker-Content-Digest"},
        ),
        get(LIST, save={"first": "json:manifests.0.digest"}),
        get(f"/v2/{R}/manifests/{{first}}", answers={"Docker-Content-Digest": "{digest}"}),
    ),
    case(
        "referrers page by Link, which keeps the filter",
        "end-12a",
        pushed(R, "v1"),
        attach(ONE),
        attach(OTHER),
        attach(BILL),
        listed(f"{LIST}?n=2", *SORTED[:2], Link=link(2, order(*ALL[1]))),
        listed(f"{LIST}?n=2&last={order(*ALL[1])}", SORTED[2]),
        listed(f"{LIST}?n=0"),
        listed(
            f"{LIST}?n=1&artifactType={SIGNATURE}",
            next(entry for entry in SORTED if entry["artifactType"] == SIGNATURE),
            Link=...,
        ),
    ),
    case(
        "a referrer that is deleted is not listed",
        "end-9, end-12a",
        pushed(R, "v1"),
        attach(ONE),
        attach(BILL),
        delete(f"/v2/{R}/manifests/{of(ONE)}", status=202, answers={"Warning": ABSENT}),
        listed(LIST, described(BILL, SBOM)),
    ),
    case(
        "a subject is deleted while it has referrers: they stay listed, and a warning says so",
        "end-9, Warnings",
        pushed(R, "v1"),
        attach(ONE),
        delete(
            f"/v2/{R}/manifests/{of(SUBJECT)}",
            status=202,
            answers={
                "Warning": '299 - "manifests that refer to this one stay, and are still listed"'
            },
        ),
        get(f"/v2/{R}/manifests/{of(SUBJECT)}", status=404, code=ErrorCode.MANIFEST_UNKNOWN),
        listed(LIST, described(ONE)),
    ),
    case(
        "referrers belong to their repository",
        "end-12a",
        pushed(R, "v1"),
        attach(ONE),
        listed(f"/v2/acme/other/referrers/{of(SUBJECT)}"),
    ),
    case(
        "a page of referrers ends where it would grow too large",
        "end-12a",
        PARTS,
        *(attach(referrer(n, annotations={"n": str(n), "big": "\\" * 190_000})) for n in range(14)),
        get(LIST, answers={"Link": ...}, save={"first": "json:manifests.9.digest"}),
    ),
    case(
        "annotations that are too large to be listed are left out, with a warning",
        "end-12a, Warnings",
        pushed(R, "v1"),
        attach(
            referrer(1, annotations={"big": "x" * 250_000}),
            Warning='299 - "the annotations are too large for a list of referrers"',
        ),
        listed(
            LIST,
            {
                **descriptor(referrer(1, annotations={"big": "x" * 250_000}), OCI),
                "artifactType": SIGNATURE,
            },
        ),
    ),
    case(
        "a subject, a digest or a number that is none",
        "code-4, code-6",
        PARTS,
        *(
            refused(
                put(f"/v2/{R}/manifests/x", image(subject=bad), headers={"Content-Type": OCI}),
                ErrorCode.MANIFEST_INVALID,
            )
            for bad in ("text", {}, {**descriptor(SUBJECT, OCI), "digest": "sha256:ABC"}, [])
        ),
        *(
            refused(get(f"/v2/{R}/referrers/{digest}"), ErrorCode.DIGEST_INVALID)
            for digest in ("latest", "md5:abc", f"sha256:{'A' * 64}", "sha256:1")
        ),
        refused(get(f"{LIST}?n=-1"), ErrorCode.PAGINATION_NUMBER_INVALID),
    ),
)


def tagged(query: str, raw: bytes = SUBJECT, reference: str | None = None, **more: Any) -> Step:
    url = f"/v2/{R}/manifests/{reference or of(raw)}?{query}"
    return put(url, raw, headers={"Content-Type": OCI}, **more)


MANY = "&".join(f"tag=t{n:02}" for n in range(30))

TAGS = (
    case(
        "tags come along with a manifest by digest",
        "end-7",
        PARTS,
        tagged("tag=b&tag=a&tag=b", answers={"OCI-Tag": "b, a", "Docker-Content-Digest": ...}),
        get(f"/v2/{R}/manifests/a", answer_body=SUBJECT),
        get(f"/v2/{R}/tags/list", answer_json={"name": R, "tags": ["a", "b"]}),
    ),
    case(
        "tags come along with a digest of sha512",
        "end-7",
        PARTS,
        tagged("tag=v1", reference=of(SUBJECT, "sha512"), answers={"OCI-Tag": "v1"}),
        get(f"/v2/{R}/manifests/v1", answers={"Docker-Content-Digest": of(SUBJECT, "sha512")}),
    ),
    case(
        "thirty tags at once, and not one more",
        "end-7",
        PARTS,
        tagged(MANY),
        get(f"/v2/{R}/manifests/t29", answer_body=SUBJECT),
        refused(tagged(f"{MANY}&tag=t30"), ErrorCode.TOO_MANY_TAGS),
    ),
    case(
        "a large manifest under many tags",
        "end-7",
        PARTS,
        tagged(MANY, image(annotations={"big": "x" * 290_000})),
        get(f"/v2/{R}/manifests/t07", answer_body=image(annotations={"big": "x" * 290_000})),
    ),
    case(
        "tag parameters that are no tags, or stand beside a tag",
        "code-12",
        PARTS,
        refused(tagged("tag=-x"), ErrorCode.TAG_INVALID),
        refused(tagged("tag="), ErrorCode.TAG_INVALID),
        refused(tagged("tag=v2", reference="v1"), ErrorCode.TAG_INVALID),
        refused(get(f"/v2/{R}/tags/list"), ErrorCode.NAME_UNKNOWN),
    ),
)

PARTS_HELD = (
    case(
        "a manifest that an index names is not deleted before the index",
        "end-9",
        pushed(R, "v1"),
        push(R, "list", index(OCI_INDEX, (SUBJECT, OCI)), OCI_INDEX),
        refused(delete(f"/v2/{R}/manifests/{of(SUBJECT)}"), ErrorCode.MANIFEST_NAMED),
        get(f"/v2/{R}/manifests/v1", answer_body=SUBJECT),
        delete(f"/v2/{R}/manifests/v1", status=202),
        delete(f"/v2/{R}/manifests/{of(index(OCI_INDEX, (SUBJECT, OCI)))}", status=202),
        delete(f"/v2/{R}/manifests/{of(SUBJECT)}", status=202),
    ),
    case(
        "a child in another repository is none of this one's",
        "code-5",
        pushed("acme/other", "v1"),
        refused(
            put(
                f"/v2/{R}/manifests/list",
                index(OCI_INDEX, (SUBJECT, OCI)),
                headers={"Content-Type": OCI_INDEX},
            ),
            ErrorCode.MANIFEST_BLOB_UNKNOWN,
        ),
    ),
    case(
        "a registry that takes sparse manifests says what is missing, and checks what is there",
        "Warnings",
        blob(R, CONFIG),
        put(
            f"/v2/{R}/manifests/v1",
            SUBJECT,
            headers={"Content-Type": OCI},
            answers={"Warning": '299 - "1 parts of this manifest are not in this repository"'},
        ),
        push(R, "list", index(OCI_INDEX, (SUBJECT, OCI), (image(DOCKER), DOCKER)), OCI_INDEX),
        get(f"/v2/{R}/manifests/v1", answer_body=SUBJECT),
        refused(
            put(
                f"/v2/{R}/manifests/v2",
                image(config={**descriptor(CONFIG, "a/b"), "size": 1}),
                headers={"Content-Type": OCI},
            ),
            ErrorCode.MANIFEST_INVALID,
        ),
        refused(delete(f"/v2/{R}/manifests/{of(SUBJECT)}"), ErrorCode.MANIFEST_NAMED),
        sparse=True,
    ),
)

CASES = (*REFERRERS, *TAGS, *PARTS_HELD)
