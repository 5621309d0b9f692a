"""Taking away. Spec: OCI Distribution 1.1, "Content Management"; end-9, end-10."""

from __future__ import annotations

from chalicelib.domain.access import Mode
from chalicelib.domain.errors import ErrorCode
from tests.conformance.bodies import CONFIG, LAYER, OCI, OCI_INDEX, image, index, push, pushed
from tests.conformance.cases import (
    Step,
    blob,
    case,
    delete,
    get,
    head,
    login,
    of,
    refused,
)

R = "acme/app"
MANIFESTS, BLOBS = f"/v2/{R}/manifests", f"/v2/{R}/blobs"
IMAGE = image()


def gone(reference: str) -> tuple[Step, ...]:
    url = f"{MANIFESTS}/{reference}"
    return refused(get(url), ErrorCode.MANIFEST_UNKNOWN), head(url, status=404)


def taken(url: str, **more: object) -> Step:
    return delete(url, status=202, answer_body=b"", **more)


def tags(*names: str) -> Step:
    return get(f"/v2/{R}/tags/list", answer_json={"name": R, "tags": list(names)})


CASES = (
    case(
        "a tag that is deleted leaves the manifest and its other tags",
        "end-9",
        pushed(R, "v1", "v2"),
        taken(f"{MANIFESTS}/v1"),
        gone("v1"),
        get(f"{MANIFESTS}/v2"),
        get(f"{MANIFESTS}/{of(IMAGE)}"),
        tags("v2"),
    ),
    case(
        "a manifest that is deleted takes all its tags along, and no other",
        "end-9",
        pushed(R, "v1", "v2"),
        push(R, "other", image(annotations={"a": "b"})),
        taken(f"{MANIFESTS}/{of(IMAGE)}"),
        gone("v1"),
        gone("v2"),
        gone(of(IMAGE)),
        tags("other"),
        get(f"{MANIFESTS}/other"),
        get(f"{BLOBS}/{of(LAYER)}", status=307),
    ),
    case(
        "a repository whose last tag is deleted lists none",
        "end-9",
        pushed(R, "v1"),
        taken(f"{MANIFESTS}/v1"),
        tags(),
    ),
    case(
        "what was deleted can be pushed again",
        "end-9",
        pushed(R, "v1"),
        taken(f"{MANIFESTS}/{of(IMAGE)}"),
        push(R, "v1", IMAGE),
        get(f"{MANIFESTS}/v1", answer_body=IMAGE),
    ),
    case(
        "a deletion in one repository is none in another",
        "end-9, end-10",
        pushed(R, "v1"),
        pushed("acme/other", "v1"),
        taken(f"{MANIFESTS}/{of(IMAGE)}"),
        taken(f"{BLOBS}/{of(LAYER)}"),
        get("/v2/acme/other/manifests/v1"),
        get(f"/v2/acme/other/blobs/{of(LAYER)}", status=307),
    ),
    case(
        "an index whose image was deleted cannot be pushed",
        "end-9, end-7",
        pushed(R, "v1"),
        taken(f"{MANIFESTS}/{of(IMAGE)}"),
        refused(
            push(R, "all", index(OCI_INDEX, (IMAGE, OCI)), OCI_INDEX),
            ErrorCode.MANIFEST_BLOB_UNKNOWN,
        ),
    ),
    case(
        "a blob that is deleted is not served, and no manifest can name it",
        "end-10",
        blob(R, CONFIG),
        blob(R, LAYER),
        taken(f"{BLOBS}/{of(LAYER)}"),
        refused(get(f"{BLOBS}/{of(LAYER)}"), ErrorCode.BLOB_UNKNOWN),
        refused(push(R, "v1", IMAGE), ErrorCode.MANIFEST_BLOB_UNKNOWN),
        blob(R, LAYER),
        push(R, "v1", IMAGE),
    ),
    case(
        "what is not there cannot be deleted",
        "end-9, end-10",
        pushed(R, "v1"),
        refused(delete(f"{MANIFESTS}/v2"), ErrorCode.MANIFEST_UNKNOWN),
        refused(delete(f"{MANIFESTS}/{of(b'x')}"), ErrorCode.MANIFEST_UNKNOWN),
        refused(delete(f"{BLOBS}/{of(b'x')}"), ErrorCode.BLOB_UNKNOWN),
        refused(delete("/v2/acme/other/manifests/v1"), ErrorCode.MANIFEST_UNKNOWN),
        taken(f"{MANIFESTS}/v1"),
        refused(delete(f"{MANIFESTS}/v1"), ErrorCode.MANIFEST_UNKNOWN),
        refused(delete(f"{MANIFESTS}/.v1"), ErrorCode.TAG_INVALID),
        refused(delete(f"{MANIFESTS}/sha256:1"), ErrorCode.DIGEST_INVALID),
        refused(delete(f"{BLOBS}/sha256:1"), ErrorCode.DIGEST_INVALID),
    ),
    case(
        "only who may write deletes",
        "code-11, code-12",
        login("alice", pushed("alice/public", "v1")),
        refused(delete("/v2/alice/public/manifests/v1"), ErrorCode.UNAUTHORIZED),
        login("bob", refused(delete("/v2/alice/public/manifests/v1"), ErrorCode.DENIED)),
        login("bob", refused(delete(f"/v2/alice/public/blobs/{of(LAYER)}"), ErrorCode.DENIED)),
        login("alice", taken("/v2/alice/public/manifests/v1")),
        mode=Mode.ACCOUNTS,
        public=("alice/public",),
    ),
)
