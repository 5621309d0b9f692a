"""What the note names as covered by no old test."""

from __future__ import annotations

import io

from chalicelib.domain.errors import ErrorCode
from tests.clients.v1images import tarsum
from tests.conformance.cases import Case, Step, case, get, head, login, refused
from tests.conformance.v1 import (
    AGENT,
    INDEX_CHALLENGE,
    NO_FACTS,
    REGISTRY_CHALLENGE,
    bearing,
    delete,
    describe,
    image,
    pushed,
    put,
    register,
    seal,
    send_layer,
    tag,
    tar_of,
    uploaded,
    with_accounts,
)

SPEC = "gap of the old tests"
ONE, TWO = image(1), image(2)
OTHER_JSON = image(1, comment="another json")
PACKED = image(4, layer=tar_of(("a", b"1")))
# As the tests' own client computes it, which is held against docker's vectors.
TARSUM = tarsum(PACKED.raw, io.BytesIO(PACKED.layer))
FOO = "/v1/repositories/foo/bar"
APP, PUBLIC = "alice/app", "alice/public"
# Half a character, which JSON can escape and nothing can say again.
HALF = b'{"description": "\\ud800"}'
PARTS = ("json", "layer", "ancestry", "files", "diff")


def gap(name: str, *steps: Step | tuple[Step, ...], **more: object) -> Case:
    return case(name, SPEC, *steps, **more)


def sums(text: str) -> dict[str, str]:
    return {"X-Docker-Checksum-Payload": text}


def summed(text: str) -> dict[str, str]:
    return {"X-Docker-Checksum": text}


def busy() -> tuple[Step, ...]:
    return tuple(
        refused(get(f"{ONE.url}/{part}"), ErrorCode.V1_IMAGE_BUSY, **{"Cache-Control": None})
        for part in PARTS
    )


def searched(
    query: str, *names: str, total: int | None = None, page: int = 1, size: int = 25
) -> Step:
    count = len(names) if total is None else total
    return get(
        f"/v1/search?{query}",
        answer_json={
            "query": query.partition("q=")[2].partition("&")[0],
            "num_results": count,
            "num_pages": -(-count // size),
            "page": page,
            "page_size": size,
            "results": [
                {
                    "name": name,
                    "description": "",
                    "star_count": 0,
                    "is_official": name.startswith("library/"),
                    "is_automated": False,
                    "is_trusted": False,
                }
                for name in names
            ],
        },
    )


MANY = tuple(f"many/r{number:03}" for number in range(103))

CASES: tuple[Case, ...] = (
    with_accounts(
        "a registry's 401 asks for a token, the index's for a login or a token",
        *(
            refused(get(url), ErrorCode.V1_UNAUTHORIZED, **challenge)
            for url, challenge in (
                *((f"{ONE.url}/{part}", REGISTRY_CHALLENGE) for part in PARTS),
                (f"/v1/repositories/{APP}/tags", REGISTRY_CHALLENGE),
                (f"/v1/repositories/{APP}/images", INDEX_CHALLENGE),
                ("/v1/users/", INDEX_CHALLENGE),
            )
        ),
        head(f"/v1/repositories/{APP}/tags", status=401, answers=REGISTRY_CHALLENGE),
        spec=SPEC,
    ),
    gap(
        "a client that sends no payload checksum is told to upgrade",
        describe(ONE),
        send_layer(ONE),
        refused(put(f"{ONE.url}/checksum"), ErrorCode.V1_CHECKSUM_HEADER_MISSING),
        refused(put(f"{ONE.url}/checksum", headers=sums("")), ErrorCode.V1_CHECKSUM_MISSING),
        refused(put(f"{ONE.url}/checksum", headers=sums("  ")), ErrorCode.V1_CHECKSUM_MISSING),
    ),
    gap(
        "a checksum that does not match is refused, and the right one is still taken",
        describe(ONE),
        send_layer(ONE),
        *(
            refused(put(f"{ONE.url}/checksum", headers=sums(text)), ErrorCode.V1_CHECKSUM_MISMATCH)
            for text in (
                TWO.checksum,
                "sha256:",
                ONE.checksum.upper(),
                ONE.checksum.removeprefix("sha256:"),
                "\u00e4",
            )
        ),
        busy(),
        seal(ONE),
    ),
    gap(
        "a tarsum ends the push of docker before 0.10, when it matches",
        describe(PACKED),
        send_layer(PACKED),
        *(
            refused(put(f"{PACKED.url}/checksum", headers=summed(text)), code)
            for text, code in (
                ("", ErrorCode.V1_CHECKSUM_MISSING),
                ("tarsum+sha256:" + "0" * 64, ErrorCode.V1_CHECKSUM_MISMATCH),
                ("tarsum.v9+sha256:" + "0" * 64, ErrorCode.V1_CHECKSUM_MISMATCH),
            )
        ),
        put(f"{PACKED.url}/checksum", headers=summed(TARSUM)),
        get(f"{PACKED.url}/json", answers={"X-Docker-Checksum-Payload": PACKED.checksum}),
    ),
    gap(
        "a tarsum of what is no archive is refused",
        describe(ONE),
        send_layer(ONE),
        refused(put(f"{ONE.url}/checksum", headers=summed(TARSUM)), ErrorCode.V1_LAYER_UNSUPPORTED),
        seal(ONE),
    ),
    gap(
        "a complete image takes neither json nor layer, in the words by which docker skips it",
        uploaded(ONE),
        *(
            refused(step, ErrorCode.V1_IMAGE_EXISTS, status=409)
            for step in (describe(ONE), describe(OTHER_JSON), send_layer(ONE))
        ),
        get(f"{ONE.url}/json", answer_body=ONE.raw),
    ),
    gap(
        "a repository is shown to the public and hidden again",
        register("foo/bar"),
        get(f"{FOO}/properties", answer_json={"access": "private"}),
        put(f"{FOO}/properties", {"access": "public"}, answer_json=True),
        get(f"{FOO}/properties", answer_json={"access": "public"}),
        put(f"{FOO}/properties", {"access": "secret"}),
        get(f"{FOO}/properties", answer_json={"access": "public"}),
        put(f"{FOO}/properties", {"access": "private", "description": "ships"}),
        get(f"{FOO}/properties", answer_json={"access": "private", "description": "ships"}),
        head(f"{FOO}/properties"),
    ),
    gap(
        "properties that say nothing are refused",
        register("foo/bar"),
        *(
            refused(put(f"{FOO}/properties", body), ErrorCode.V1_DATA_INVALID)
            for body in (
                b"",
                b"{}",
                b"[]",
                b'"public"',
                b"public",
                {"visible": True},
                HALF,
                b"\xff",
            )
        ),
        refused(
            put("/v1/repositories/foo/none/properties", {"access": "public"}),
            ErrorCode.V1_REPOSITORY_UNKNOWN,
        ),
    ),
    gap(
        "image lists are merged, and the first checksum of an image stays",
        put(f"{FOO}/", [{"id": ONE.id, "Tag": "latest"}]),
        put(f"{FOO}/images", [{"id": ONE.id, "checksum": "sha256:aa"}], status=204),
        put(f"{FOO}/images", [{"id": ONE.id, "checksum": "sha256:bb"}], status=204),
        put(f"{FOO}/images", [{"id": TWO.id}], status=204),
        put(f"{FOO}/images", [], status=204),
        get(
            f"{FOO}/images",
            answer_json=[{"id": ONE.id, "checksum": "sha256:aa"}, {"id": TWO.id}],
        ),
    ),
    gap(
        "a repository without images has an empty list, one that is not there none",
        register("foo/bar"),
        get(f"{FOO}/images", answer_json=[]),
        refused(get("/v1/repositories/foo/none/images"), ErrorCode.V1_IMAGES_UNKNOWN),
    ),
    gap(
        "search is answered in pages, with honest counts",
        *(register(name) for name in MANY),
        searched("q=many", *MANY[:25], total=103),
        searched("q=many&n=2&page=2", *MANY[2:4], total=103, page=2, size=2),
        searched("q=many&n=100&page=2", *MANY[100:], total=103, page=2, size=100),
        searched("q=many&page=9", total=103, page=9),
        searched("q=many&n=0", MANY[0], total=103, size=1),
        searched("q=many&n=1000", *MANY[:100], total=103, size=100),
        searched("q=many&n=x&page=x", *MANY[:25], total=103),
        searched("q=r102", MANY[102]),
        searched("q=nowhere"),
    ),
    gap(
        "search without a word lists all, and every name has its namespace",
        register("busybox"),
        register("foo/bar"),
        searched("q=", "foo/bar", "library/busybox"),
        get("/v1/search", answers={"Content-Type": "application/json"}),
        searched("q=library/busybox", "library/busybox"),
    ),
    gap(
        "HEAD says what GET says",
        uploaded(PACKED),
        tag("foo/bar", "latest", PACKED, headers={"User-Agent": AGENT}),
        *(
            head(url, answers={"X-Docker-Registry-Version": ...})
            for url in (
                *(f"{PACKED.url}/{part}" for part in ("json", "ancestry", "files", "diff")),
                *(f"{FOO}/{part}" for part in ("tags", "tags/latest", "tags/latest/json")),
                *(f"{FOO}/{part}" for part in ("json", "images", "properties", "grants")),
                "/v1/search",
                "/v1/users",
                "/v1/_ping",
                "/_ping",
            )
        ),
        head(f"{PACKED.url}/layer", status=302),
        head(f"{TWO.url}/json", status=404),
    ),
    gap(
        "an image that is being pushed is not read, part by part",
        describe(ONE),
        busy(),
        send_layer(ONE),
        busy(),
        seal(ONE),
        get(f"{ONE.url}/ancestry", answer_json=[ONE.id]),
    ),
    gap(
        "a push that broke off begins again",
        describe(ONE),
        send_layer(ONE),
        describe(OTHER_JSON),
        refused(seal(OTHER_JSON), ErrorCode.V1_LAYER_MISSING),
        send_layer(image(1, layer=b"half")),
        send_layer(OTHER_JSON),
        refused(seal(ONE), ErrorCode.V1_CHECKSUM_MISMATCH),
        seal(OTHER_JSON),
        get(f"{ONE.url}/json", answer_body=OTHER_JSON.raw),
    ),
    gap(
        "a tag may be set while its image is being pushed",
        describe(ONE),
        tag("foo/bar", "latest", ONE),
        get(f"{FOO}/tags/latest", answer_json=ONE.id),
    ),
    gap(
        "a tag that nobody set has the facts of nobody",
        get(f"{FOO}/json", answer_json=NO_FACTS),
        get(f"{FOO}/tags/none/json", answer_json=NO_FACTS),
        uploaded(ONE),
        tag("foo/bar", "latest", ONE, headers={"User-Agent": "curl"}),
        get(f"{FOO}/json", answer_json={"last_update": 1_800_000_000}),
    ),
    gap(
        "a deleted repository leaves its images",
        uploaded(ONE),
        register("foo/bar", ONE),
        tag("foo/bar", "latest", ONE),
        delete(f"{FOO}/tags", answer_json=True),
        refused(get(f"{FOO}/images"), ErrorCode.V1_IMAGES_UNKNOWN),
        get(f"{ONE.url}/json", answer_body=ONE.raw),
        tag("foo/again", "latest", ONE),
    ),
    with_accounts(
        "docker of old without a login sends an empty token or empty Basic, and is nobody",
        pushed(PUBLIC, ONE, by="alice"),
        *(
            bearing(text, get(f"/v1/repositories/{PUBLIC}/images"))
            for text in ("Token ", "Basic Og==", "token", "")
        ),
        public=(PUBLIC,),
        spec=SPEC,
    ),
    with_accounts(
        "a cookie is tolerated and means nothing",
        pushed(APP, ONE, by="alice"),
        refused(
            get(f"{ONE.url}/json", headers={"Cookie": "session=alice"}),
            ErrorCode.V1_UNAUTHORIZED,
            **REGISTRY_CHALLENGE,
        ),
        login("alice", get(f"/v1/repositories/{APP}/tags", headers={"Cookie": "session=bob"})),
        spec=SPEC,
    ),
    gap(
        "the health of the service is asked for at the root",
        get("/", answer_json="Roadstead"),
        head("/"),
    ),
)
