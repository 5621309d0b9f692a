"""Blobs on their way in. Spec: OCI Distribution 1.1, "Pushing Blobs"; end-4 to 6, 11, 13, 14."""

from __future__ import annotations

from chalicelib.domain.errors import ErrorCode
from tests.conformance.bodies import CHUNK, LARGE, LAYER, OTHER
from tests.conformance.cases import (
    ABSENT,
    PRESENT,
    Step,
    blob,
    case,
    get,
    of,
    patch,
    post,
    put,
    refused,
    start,
)

R = "acme/app"
UPLOADS = f"/v2/{R}/blobs/uploads/"
UNKNOWN = f"{UPLOADS}{'0' * 32}"
CREATED = {"Docker-Content-Digest": of(LAYER), "Location": f"/v2/{R}/blobs/{of(LAYER)}"}
RECEIVED = {"Location": "{location}", "Docker-Upload-UUID": PRESENT}


def chunk(data: bytes, first: int, **more: object) -> Step:
    """A chunk with its Content-Range."""
    headers = {
        "Content-Range": f"{first}-{first + len(data) - 1}",
        "Content-Type": "application/octet-stream",
    }
    answers = {**RECEIVED, "Range": f"0-{first + len(data) - 1}"}
    return patch("{location}", data, headers=headers, answers=answers, **more)


def close(data: bytes, last: bytes = b"", **more: object) -> Step:
    return put(f"{{location}}?digest={of(data)}", last, **more)


def pulled(data: bytes, repository: str = R) -> tuple[Step, ...]:
    """The blob is there, whole."""
    save = {"at_s3": "header:Location"}
    return (
        get(f"/v2/{repository}/blobs/{of(data)}", status=307, save=save),
        get("{at_s3}", answer_body=data),
    )


def absent(data: bytes, repository: str = R) -> Step:
    return refused(get(f"/v2/{repository}/blobs/{of(data)}"), ErrorCode.BLOB_UNKNOWN)


WHOLE = (
    case(
        "POST, then PUT with the whole blob (dialect B)",
        "end-4a, end-6",
        start(R, answers={"Range": "0-0", "Docker-Upload-UUID": PRESENT}),
        close(LAYER, LAYER, answers=CREATED, answer_body=b""),
        pulled(LAYER),
    ),
    case(
        "POST, one PATCH without a range, an empty PUT (dialect A)",
        "end-4a, end-5, end-6",
        start(R),
        patch("{location}", LAYER, answers={**RECEIVED, "Range": f"0-{len(LAYER) - 1}"}),
        close(LAYER, answers=CREATED),
        pulled(LAYER),
    ),
    case("one POST with the digest", "end-4b", blob(R, LAYER, answers=CREATED), pulled(LAYER)),
    case("a blob of no bytes", "end-4b", blob(R, b""), pulled(b"")),
    case("a blob of no bytes by POST and PUT", "end-6", start(R), close(b""), pulled(b"")),
    case("a blob of one byte", "end-4b", blob(R, b"\x00"), pulled(b"\x00")),
    case("the same blob twice", "end-4b", blob(R, LAYER), blob(R, LAYER), pulled(LAYER)),
    case(
        "a blob pushed into two repositories is in both",
        "end-4b",
        blob(R, LAYER),
        absent(LAYER, "acme/other"),
        blob("acme/other", LAYER),
        pulled(LAYER),
        pulled(LAYER, "acme/other"),
    ),
    case(
        "sha512, one POST",
        "end-4b",
        post(f"{UPLOADS}?digest={of(LAYER, 'sha512')}", LAYER, status=201),
        get(f"/v2/{R}/blobs/{of(LAYER, 'sha512')}", status=307, save={"at": "header:Location"}),
        get("{at}", answer_body=LAYER),
    ),
    case(
        "sha512 asked for at the start, then in chunks",
        "end-4a, digest-algorithm",
        post(f"{UPLOADS}?digest-algorithm=sha512", save={"location": "header:Location"}),
        chunk(LAYER, 0),
        put(f"{{location}}?digest={of(LAYER, 'sha512')}"),
    ),
    case(
        "a digest of another algorithm than was hashed so far still is proved",
        "end-6",
        start(R),
        chunk(LARGE[:CHUNK], 0),
        chunk(LARGE[CHUNK:], CHUNK),
        put(f"{{location}}?digest={of(LARGE, 'sha512')}"),
    ),
    case(
        "an upload URL without a slash at its end",
        "end-4a",
        post(UPLOADS[:-1], save={"location": "header:Location"}),
        close(LAYER, LAYER),
    ),
    case(
        "the digest may be percent-encoded",
        "end-6",
        start(R),
        put(f"{{location}}?digest={of(LAYER).replace(':', '%3A')}", LAYER),
        pulled(LAYER),
    ),
)

WRONG = (
    case(
        "a POST whose digest is not the body's leaves nothing",
        "code-4",
        refused(post(f"{UPLOADS}?digest={of(OTHER)}", LAYER), ErrorCode.DIGEST_INVALID),
        absent(OTHER),
        absent(LAYER),
    ),
    case(
        "a PUT whose digest is not the body's can be tried again",
        "code-4",
        start(R),
        refused(close(OTHER, LAYER), ErrorCode.DIGEST_INVALID),
        absent(OTHER),
        absent(LAYER),
        close(LAYER, LAYER),
        pulled(LAYER),
    ),
    case(
        "a PUT whose digest is not that of the chunks can be tried again",
        "code-4",
        start(R),
        chunk(LARGE[:CHUNK], 0),
        chunk(LARGE[CHUNK:], CHUNK),
        refused(close(OTHER), ErrorCode.DIGEST_INVALID),
        close(LARGE),
        pulled(LARGE),
    ),
    case(
        "a PUT without a digest can be tried again",
        "end-6",
        start(R),
        refused(put("{location}", LAYER), ErrorCode.DIGEST_INVALID),
        refused(put("{location}?digest=", LAYER), ErrorCode.DIGEST_INVALID),
        close(LAYER, LAYER),
    ),
    *(
        case(
            f"a digest {name} is refused wherever it stands",
            "code-4",
            start(R),
            refused(put(f"{{location}}?digest={text}", LAYER), ErrorCode.DIGEST_INVALID),
            refused(post(f"{UPLOADS}?digest={text}", LAYER), ErrorCode.DIGEST_INVALID),
            refused(post(f"{UPLOADS}?mount={text}&from=acme/b"), ErrorCode.DIGEST_INVALID),
            refused(get(f"/v2/{R}/blobs/{text}"), ErrorCode.DIGEST_INVALID),
        )
        for name, text in {
            "without a colon": "0" * 64,
            "of an unknown algorithm": "md5:" + "0" * 32,
            "in capitals": "sha256:" + "A" * 64,
            "one character short": "sha256:" + "0" * 63,
        }.items()
    ),
    case(
        "an algorithm that is not known is refused at the start",
        "digest-algorithm",
        refused(post(f"{UPLOADS}?digest-algorithm=md5"), ErrorCode.DIGEST_INVALID),
    ),
)

MOUNTS = (
    case(
        "a blob is mounted from a repository that has it",
        "end-11",
        blob("acme/base", LAYER),
        post(f"{UPLOADS}?mount={of(LAYER)}&from=acme/base", status=201, answers=CREATED),
        pulled(LAYER),
    ),
    case(
        "a mount of itself is no mistake",
        "end-11",
        blob(R, LAYER),
        post(f"{UPLOADS}?mount={of(LAYER)}&from={R}", status=201),
    ),
    case(
        "a mount without from finds what another repository of the registry has",
        "end-11",
        blob("acme/base", LAYER),
        post(f"{UPLOADS}?mount={of(LAYER)}", status=201, answers=CREATED),
        pulled(LAYER),
    ),
    *(
        case(
            f"a mount {name} becomes an upload like any other",
            "end-11",
            blob("acme/base", LAYER),
            post(
                f"{UPLOADS}?mount={query}",
                answers={"Range": "0-0", "Docker-Content-Digest": ABSENT},
                save={"location": "header:Location"},
            ),
            absent(LAYER),
            close(LAYER, LAYER),
            pulled(LAYER),
        )
        for name, query in {
            "of a blob that is not there": f"{of(OTHER)}&from=acme/base",
            "from a repository that is not there": f"{of(LAYER)}&from=acme/nothing",
            "from a name that is none": f"{of(LAYER)}&from=Acme/Base",
            "of what nobody has, without from": of(OTHER),
            "with an empty from": f"{of(LAYER)}&from=",
        }.items()
    ),
)

CASES = (*WHOLE, *WRONG, *MOUNTS)
