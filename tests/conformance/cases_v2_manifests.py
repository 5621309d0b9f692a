"""Manifests and tags. Spec: OCI Distribution 1.1, end-3, end-7, end-8; "Content Discovery"."""

from __future__ import annotations

import json

from chalicelib.domain.errors import ErrorCode
from chalicelib.domain.limits import MAX_MANIFEST_BYTES, MIB
from tests.conformance.bodies import (
    CONFIG,
    DOCKER,
    DOCKER_LIST,
    LAYER,
    OCI,
    OCI_INDEX,
    OTHER,
    descriptor,
    image,
    index,
    push,
    pushed,
)
from tests.conformance.cases import ABSENT, Step, blob, case, get, head, of, put, refused

R = "acme/app"
MANIFESTS = f"/v2/{R}/manifests"
PARTS = (blob(R, CONFIG), blob(R, LAYER))
IMAGE = image()


def served(reference: str, raw: bytes, media_type: str) -> tuple[Step, ...]:
    """The manifest comes back byte for byte, with its type and digest."""
    answers = {
        "Content-Type": media_type,
        "Docker-Content-Digest": of(raw),
        "ETag": f'"{of(raw)}"',
        "Content-Length": str(len(raw)),
    }
    url = f"{MANIFESTS}/{reference}"
    return get(url, answers=answers, answer_body=raw), head(url, answers=answers)


def rejected(raw: bytes, code: ErrorCode = ErrorCode.MANIFEST_INVALID, kind: str = OCI) -> Step:
    return refused(put(f"{MANIFESTS}/bad", raw, headers={"Content-Type": kind}), code)


def nothing_at(reference: str) -> Step:
    return refused(get(f"{MANIFESTS}/{reference}"), ErrorCode.MANIFEST_UNKNOWN)


KINDS = tuple(
    case(
        f"{kind} is stored and served byte for byte, by tag and by digest",
        "end-3, end-7",
        PARTS,
        push(R, of(IMAGE), IMAGE),
        push(R, of(image(DOCKER)), image(DOCKER), DOCKER),
        push(R, "v1", raw, kind),
        served("v1", raw, kind),
        served(of(raw), raw, kind),
        push(R, of(raw), raw, kind),
        served(of(raw), raw, kind),
    )
    for kind, raw in {
        OCI: IMAGE,
        DOCKER: image(DOCKER),
        OCI_INDEX: index(OCI_INDEX, (IMAGE, OCI)),
        DOCKER_LIST: index(DOCKER_LIST, (image(DOCKER), DOCKER)),
    }.items()
)

ARTIFACT = image(
    artifactType="application/vnd.example+json",
    subject=descriptor(b"not pushed yet", OCI),
    annotations={"a": "\u00e4"},
)
FOREIGN = image(
    layers=[
        descriptor(b"windows", "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"),
        descriptor(b"else", "application/vnd.oci.image.layer.v1.tar", urls=["https://a.test/x"]),
    ]
)
LONG = image(annotations={"long": "x" * 400_000})

TAKEN = (
    case(
        "a manifest with a subject says so, whether or not the subject is there",
        "end-7, OCI-Subject",
        PARTS,
        put(
            f"{MANIFESTS}/{of(ARTIFACT)}",
            ARTIFACT,
            headers={"Content-Type": OCI},
            answers={"OCI-Subject": of(b"not pushed yet")},
        ),
        served(of(ARTIFACT), ARTIFACT, OCI),
        put(
            f"{MANIFESTS}/v1",
            IMAGE,
            headers={"Content-Type": OCI},
            answers={"OCI-Subject": ABSENT},
        ),
    ),
    case(
        "foreign layers need not be here",
        "end-7",
        blob(R, CONFIG),
        push(R, "v1", FOREIGN),
        served("v1", FOREIGN, OCI),
    ),
    case(
        "a manifest too long for a row is served byte for byte",
        "end-7",
        PARTS,
        push(R, "v1", LONG),
        served("v1", LONG, OCI),
        served(of(LONG), LONG, OCI),
    ),
    case(
        "a manifest of exactly 4 MiB is taken",
        "end-7",
        PARTS,
        push(R, "v1", IMAGE.ljust(MAX_MANIFEST_BYTES)),
    ),
    case(
        "without a Content-Type the document's own media type counts",
        "end-7",
        PARTS,
        put(f"{MANIFESTS}/v1", IMAGE),
        served("v1", IMAGE, OCI),
    ),
    case(
        "by a digest of sha512",
        "end-7",
        PARTS,
        put(f"{MANIFESTS}/{of(IMAGE, 'sha512')}", IMAGE, headers={"Content-Type": OCI}),
        get(f"{MANIFESTS}/{of(IMAGE, 'sha512')}", answer_body=IMAGE),
    ),
    case(
        "a tag moves, and what it pointed to stays by its digest",
        "end-7",
        PARTS,
        push(R, "v1", IMAGE),
        push(R, "v1", ARTIFACT),
        served("v1", ARTIFACT, OCI),
        served(of(IMAGE), IMAGE, OCI),
    ),
    case(
        "the same manifest twice is the same",
        "end-7",
        PARTS,
        push(R, "v1", IMAGE),
        push(R, "v1", IMAGE),
        served("v1", IMAGE, OCI),
    ),
    case(
        "If-None-Match of what is there answers 304 without a body",
        "RFC 9110, 13.1.2",
        pushed(R, "v1"),
        *(
            make(
                f"{MANIFESTS}/v1",
                headers={"If-None-Match": tag},
                status=304,
                answers={"ETag": f'"{of(IMAGE)}"', "Docker-Content-Digest": of(IMAGE)},
                answer_body=b"",
            )
            for make in (get, head)
            for tag in (f'"{of(IMAGE)}"', f'W/"{of(IMAGE)}"', f'"x", "{of(IMAGE)}"', "*")
        ),
        get(f"{MANIFESTS}/v1", headers={"If-None-Match": f'"{of(OTHER)}"'}, answer_body=IMAGE),
    ),
    case(
        "any Accept gets the manifest as it was pushed",
        "end-3",
        pushed(R, "v1"),
        *(
            get(f"{MANIFESTS}/v1", headers={"Accept": accept}, answer_body=IMAGE)
            for accept in ("*/*", OCI, "text/html", "garbage", f"{DOCKER}, {OCI};q=0.1")
        ),
    ),
)

REFUSED = (
    case(
        "a manifest that is not there",
        "code-7",
        nothing_at("v1"),
        nothing_at(of(IMAGE)),
        head(f"{MANIFESTS}/v1", status=404),
        pushed(R, "v1"),
        nothing_at("v2"),
        nothing_at("v"),
        nothing_at("v11"),
        nothing_at("V1"),
        refused(get(f"/v2/acme/other/manifests/{of(IMAGE)}"), ErrorCode.MANIFEST_UNKNOWN),
    ),
    case(
        "a manifest whose blobs are not there names each of them, and nothing is stored",
        "code-5",
        put(
            f"{MANIFESTS}/v1",
            image(OCI, LAYER, OTHER),
            headers={"Content-Type": OCI},
            status=404,
            code=ErrorCode.MANIFEST_BLOB_UNKNOWN,
            answer_json={
                "errors": [
                    {
                        "code": "MANIFEST_BLOB_UNKNOWN",
                        "message": ErrorCode.MANIFEST_BLOB_UNKNOWN.value.message,
                        "detail": {"digest": of(data)},
                    }
                    for data in (CONFIG, LAYER, OTHER)
                ]
            },
        ),
        nothing_at("v1"),
        refused(get(f"/v2/{R}/tags/list"), ErrorCode.NAME_UNKNOWN),
    ),
    case(
        "a blob of another repository is not here",
        "code-5",
        blob("acme/other", CONFIG),
        blob("acme/other", LAYER),
        rejected(IMAGE, ErrorCode.MANIFEST_BLOB_UNKNOWN),
    ),
    case(
        "an index whose manifests are not there",
        "code-5",
        PARTS,
        rejected(index(OCI_INDEX, (IMAGE, OCI)), ErrorCode.MANIFEST_BLOB_UNKNOWN, OCI_INDEX),
    ),
    case(
        "a descriptor whose size is not its blob's",
        "code-6",
        PARTS,
        rejected(IMAGE.replace(f'"size": {len(LAYER)}'.encode(), b'"size": 1')),
        nothing_at("bad"),
    ),
    case(
        "a manifest pushed by another's digest",
        "code-4",
        PARTS,
        refused(
            put(f"{MANIFESTS}/{of(OTHER)}", IMAGE, headers={"Content-Type": OCI}),
            ErrorCode.DIGEST_INVALID,
        ),
        nothing_at(of(IMAGE)),
    ),
    case(
        "a manifest above 4 MiB",
        "413",
        PARTS,
        rejected(IMAGE.ljust(MAX_MANIFEST_BYTES + 1), ErrorCode.SIZE_EXCEEDED),
        rejected(IMAGE.ljust(11 * MIB), ErrorCode.SIZE_EXCEEDED),
        nothing_at("bad"),
    ),
    *(
        case(f"a manifest that is {name}", "code-6", rejected(raw, kind=kind))
        for name, (raw, kind) in {
            "empty": (b"", OCI),
            "not JSON": (b"{", OCI),
            "not UTF-8": (b'{"a": "\xff"}', OCI),
            "a list": (b"[]", OCI),
            "nested without end": (b"[" * 200_000, OCI),
            "of schema 1": (b'{"schemaVersion": 1}', OCI),
            "of another type than its header says": (IMAGE, DOCKER),
            "of a type that nobody knows": (IMAGE, "application/json"),
            "without config": (b'{"schemaVersion": 2, "layers": []}', OCI),
            "an index with layers": (
                json.dumps({"schemaVersion": 2, "manifests": [], "layers": []}).encode(),
                OCI_INDEX,
            ),
            "twice the same key": (IMAGE.replace(b'"layers"', b'"config": {}, "layers"'), OCI),
            "of 10,000 layers": (image(OCI, *[LAYER] * 10_000), OCI),
        }.items()
    ),
    *(
        case(
            f"a tag {name} is refused",
            "tag",
            PARTS,
            refused(put(f"{MANIFESTS}/{tag}", IMAGE), ErrorCode.TAG_INVALID),
            refused(get(f"{MANIFESTS}/{tag}"), ErrorCode.TAG_INVALID),
        )
        for name, tag in {
            "of 129 characters": "a" * 129,
            "that begins with a dot": ".a",
            "that begins with a dash": "-a",
            "with a space": "a%20b",
            "that is not ASCII": "%C3%A4",
            "with a newline": "a%0A",
        }.items()
    ),
    case(
        "a reference with a colon that is no digest",
        "code-4",
        refused(get(f"{MANIFESTS}/sha256:abc"), ErrorCode.DIGEST_INVALID),
        refused(put(f"{MANIFESTS}/a:b", IMAGE), ErrorCode.DIGEST_INVALID),
        head(f"{MANIFESTS}/sha256:abc", status=400),
    ),
)

CASES = (*KINDS, *TAKEN, *REFUSED)
