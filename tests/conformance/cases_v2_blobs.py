"""Blobs on their way out, and names. Spec: OCI Distribution 1.1, "Pulling blobs"; end-1, end-2."""

from __future__ import annotations

from chalicelib.domain.errors import ErrorCode
from chalicelib.domain.limits import DOWNLOAD_URL_TTL_S
from tests.conformance.bodies import LAYER, pushed
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
)

R = "acme/app"
BLOB = f"/v2/{R}/blobs/{of(LAYER)}"
TO_S3 = {"Docker-Content-Digest": of(LAYER), "Cache-Control": "no-store", "Location": ...}

BASE = (
    case("GET /v2/ says that this is a registry", "end-1", get("/v2/", answer_json={})),
    case("GET /v2 without a slash as well", "end-1", get("/v2", answer_json={})),
    case("HEAD /v2/ has no body", "end-1", head("/v2/")),
    case(
        "the base takes no other method",
        "end-1",
        refused(post("/v2/"), ErrorCode.UNSUPPORTED, Allow="GET, HEAD"),
        refused(put("/v2/"), ErrorCode.UNSUPPORTED, Allow="GET, HEAD"),
        refused(delete("/v2/"), ErrorCode.UNSUPPORTED, Allow="GET, HEAD"),
        refused(patch("/v2/"), ErrorCode.UNSUPPORTED, Allow="GET, HEAD"),
    ),
    case(
        "a path that is no endpoint answers 404 in the family's shape",
        "code-13",
        refused(get("/v2/acme/app"), ErrorCode.NOT_FOUND),
        refused(get("/v2/acme/app/manifests"), ErrorCode.NOT_FOUND),
        refused(get("/v2/acme/app/manifests/a/b"), ErrorCode.NOT_FOUND),
        refused(get("/v2/acme/app/tags"), ErrorCode.NOT_FOUND),
        refused(get("/v2//manifests/latest"), ErrorCode.NOT_FOUND),
        refused(get("/v3/"), ErrorCode.NOT_FOUND),
        refused(get("/nothing/at/all"), ErrorCode.NOT_FOUND),
        head("/v2/acme/app", status=404),
    ),
    case(
        "a method that an endpoint does not know answers 405 with those that it does",
        "code-13",
        refused(post("/v2/a/manifests/latest"), ErrorCode.UNSUPPORTED, Allow=...),
        refused(patch(f"/v2/a/blobs/{of(LAYER)}"), ErrorCode.UNSUPPORTED, Allow=...),
        refused(put("/v2/a/tags/list"), ErrorCode.UNSUPPORTED, Allow="GET, HEAD"),
        refused(delete("/v2/_catalog"), ErrorCode.UNSUPPORTED, Allow="GET, HEAD"),
    ),
    case("the service names itself", "ours", get("/"), head("/")),
    case("the ping of a v1 client finds a registry", "v1", get("/_ping"), head("/_ping")),
)

PULLS = (
    case(
        "GET of a blob leads to S3, which has it whole",
        "end-2",
        blob(R, LAYER),
        get(BLOB, status=307, answers=TO_S3, save={"at_s3": "header:Location"}),
        get("{at_s3}", answer_body=LAYER),
    ),
    case(
        "HEAD of a blob leads to S3 with a URL of its own",
        "end-2",
        blob(R, LAYER),
        head(BLOB, status=307, answers=TO_S3, save={"at_s3": "header:Location"}),
        head("{at_s3}"),
        Step("GET", "{at_s3}", status=403),
    ),
    case(
        "S3 serves a range of a blob",
        "end-2",
        blob(R, LAYER),
        get(BLOB, status=307, headers={"Range": "bytes=4-8"}, save={"at_s3": "header:Location"}),
        get("{at_s3}", headers={"Range": "bytes=4-8"}, status=206, answer_body=LAYER[4:9]),
    ),
    case(
        "a URL to S3 runs out",
        "end-2",
        blob(R, LAYER),
        get(BLOB, status=307, save={"at_s3": "header:Location"}),
        Step("GET", "{at_s3}", status=403, wait_s=DOWNLOAD_URL_TTL_S),
    ),
    case(
        "a blob that is not there",
        "end-2",
        refused(get(BLOB), ErrorCode.BLOB_UNKNOWN),
        head(BLOB, status=404),
    ),
    case(
        "a blob is not served by a repository that does not link it",
        "end-2",
        blob("acme/other", LAYER),
        refused(get(BLOB), ErrorCode.BLOB_UNKNOWN),
    ),
)


def round_trip(name: str, description: str) -> Case:
    """Everything that a client does, in a repository of this name."""
    save = {"location": "header:Location"}
    return case(
        f"push and pull in a repository {description}",
        "name",
        post(f"/v2/{name}/blobs/uploads/", save=save),
        patch("{location}", LAYER, save=save),
        get("{location}", status=204),
        put(f"{{location}}?digest={of(LAYER)}", answers={"Location": ...}),
        pushed(name, "latest"),
        get(f"/v2/{name}/manifests/latest"),
        get(f"/v2/{name}/tags/list", answer_json={"name": name, "tags": ["latest"]}),
        get(f"/v2/{name}/blobs/{of(LAYER)}", status=307),
        post(f"/v2/{name}/blobs/uploads/", save=save),
        delete("{location}"),
    )


NAMES = (
    *(round_trip("/".join("abcdef"[:count]), f"of {count} components") for count in range(1, 7)),
    *(
        round_trip(name, f"named {name}")
        for name in (
            "blobs",
            "manifests/tags",
            "blobs/uploads",
            "uploads/blobs/uploads",
            "tags/list",
            "a/manifests/latest",
            "a/blobs/uploads/b",
            "a/tags/list/b",
            "v2/v1",
            "library/tags",
            "a.b/c_d/e__f/g--h",
        )
    ),
    round_trip("a/" + "b" * 253, "of 255 characters"),
    case(
        "both spellings of library are one repository",
        "name",
        pushed("busybox", "one"),
        pushed("library/busybox", "two"),
        get("/v2/busybox/manifests/two"),
        get("/v2/library/busybox/manifests/one"),
        get(f"/v2/library/busybox/blobs/{of(LAYER)}", status=307),
        get("/v2/busybox/tags/list", answer_json={"name": "busybox", "tags": ["one", "two"]}),
        get("/v2/_catalog", answer_json={"repositories": ["busybox"]}),
    ),
    case(
        "a slash of a name may be percent-encoded",
        "name",
        pushed("acme/app", "latest"),
        get("/v2/acme%2Fapp/manifests/latest"),
        get("/v2/acme%2fapp/tags/list"),
    ),
    case(
        "what is encoded twice is decoded once",
        "name",
        pushed("acme/app", "latest"),
        refused(get("/v2/acme%252Fapp/manifests/latest"), ErrorCode.NAME_INVALID),
    ),
    *(
        case(
            f"a name {description} is refused by every endpoint",
            "code-8",
            refused(get(f"/v2/{name}/manifests/latest"), ErrorCode.NAME_INVALID),
            refused(put(f"/v2/{name}/manifests/latest", b"{}"), ErrorCode.NAME_INVALID),
            refused(get(f"/v2/{name}/tags/list"), ErrorCode.NAME_INVALID),
            refused(get(f"/v2/{name}/blobs/{of(LAYER)}"), ErrorCode.NAME_INVALID),
            refused(post(f"/v2/{name}/blobs/uploads/"), ErrorCode.NAME_INVALID),
            head(f"/v2/{name}/manifests/latest", status=400),
        )
        for name, description in {
            "Acme/app": "with a capital",
            "acme//app": "with an empty component",
            "acme/app.": "that ends with a dot",
            "acme/-app": "that begins with a dash",
            "acme/a___b": "with three underscores",
            "acme/%C3%A4pp": "with a letter that is not ASCII",
            "acme/a%0Ab": "with a newline",
            "acme/..": "that climbs",
            "acme/a%00": "with a NUL",
            "acme/%FF": "that is not UTF-8",
            "a/" + "b" * 254: "of 256 characters",
        }.items()
    ),
)

CASES = (*BASE, *PULLS, *NAMES)
