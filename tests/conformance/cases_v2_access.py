"""v2 with accounts: who is asked who they are, and who is told no. Spec: OCI code-11, code-12."""

from __future__ import annotations

from chalicelib.domain.access import Mode
from chalicelib.domain.errors import ErrorCode
from tests.conformance.bodies import CONFIG, LAYER, image, pushed
from tests.conformance.cases import (
    Case,
    Step,
    blob,
    case,
    delete,
    get,
    head,
    login,
    of,
    patch,
    post,
    put,
    refused,
    start,
)

PRIVATE, PUBLIC, BOBS = "alice/private", "alice/public", "bob/app"
CHALLENGE = {"WWW-Authenticate": 'Basic realm="Roadstead"'}


def secured(name: str, *steps: Step | tuple[Step, ...], spec: str = "code-11, code-12") -> Case:
    return case(name, spec, *steps, mode=Mode.ACCOUNTS, public=(PUBLIC,))


def unknown(step: Step) -> Step:
    """Asked who they are."""
    return refused(step, ErrorCode.UNAUTHORIZED, **CHALLENGE)


def denied(step: Step) -> Step:
    return refused(step, ErrorCode.DENIED)


def reads(repository: str) -> tuple[Step, ...]:
    return (
        get(f"/v2/{repository}/manifests/latest"),
        get(f"/v2/{repository}/manifests/{of(image())}"),
        get(f"/v2/{repository}/tags/list"),
        get(f"/v2/{repository}/blobs/{of(LAYER)}", status=307),
    )


def writes(repository: str) -> tuple[Step, ...]:
    upload = f"/v2/{repository}/blobs/uploads/{'0' * 32}"
    return (
        put(f"/v2/{repository}/manifests/latest", image()),
        post(f"/v2/{repository}/blobs/uploads/"),
        blob(repository, LAYER),
        post(f"/v2/{repository}/blobs/uploads/?mount={of(LAYER)}&from={PUBLIC}"),
        get(upload),
        patch(upload, LAYER),
        put(f"{upload}?digest={of(LAYER)}", LAYER),
        delete(upload),
    )


GIVEN = login("alice", pushed(PRIVATE, "latest"), pushed(PUBLIC, "latest"))

GRANT = put("/v1/repositories/alice/common/grants/bob", {"access": "write"}, status=200)

# A mount that may not be answered looks like this: an upload, and no word of the blob.
LIKE_ANY_UPLOAD = {"Range": "0-0", "Docker-Content-Digest": None, "Location": ...}


def mount(repository: str, source: str, **more: object) -> Step:
    url = f"/v2/{repository}/blobs/uploads/?mount={of(LAYER)}&from={source}"
    return post(url, **more)


CASES = (
    secured("an owner pushes and pulls", GIVEN, login("alice", reads(PRIVATE), reads(PUBLIC))),
    secured("an administrator reads all", GIVEN, login("root", reads(PRIVATE), reads(PUBLIC))),
    secured("an administrator pushes anywhere", login("root", pushed(BOBS, "latest"))),
    secured("anybody reads what is public", GIVEN, reads(PUBLIC), login("bob", reads(PUBLIC))),
    secured(
        "the anonymous are asked who they are",
        GIVEN,
        *(unknown(step) for step in (*reads(PRIVATE), *writes(PRIVATE), *writes(PUBLIC))),
        head(f"/v2/{PRIVATE}/manifests/latest", status=401, answers=CHALLENGE),
    ),
    secured(
        "a known user is told no",
        GIVEN,
        login("bob", *map(denied, (*reads(PRIVATE), *writes(PRIVATE), *writes(PUBLIC)))),
        head(f"/v2/{PRIVATE}/manifests/latest", login="bob", status=403),
    ),
    secured(
        "a private repository answers a stranger as one that is not there",
        GIVEN,
        *(
            step
            for name in (PRIVATE, "alice/nothing")
            for step in (
                unknown(get(f"/v2/{name}/manifests/latest")),
                login("bob", denied(get(f"/v2/{name}/manifests/latest")))[0],
                login("bob", denied(get(f"/v2/{name}/tags/list")))[0],
            )
        ),
    ),
    secured(
        "the base is for those who say who they are",
        unknown(get("/v2/")),
        head("/v2/", status=401, answers=CHALLENGE),
        get("/v2/", login="alice"),
        unknown(get("/v2/", login="alice:wrong-password")),
        unknown(get("/v2/", login="nobody:alice-secret")),
        spec="end-1",
    ),
    secured(
        "wrong credentials are asked again, also where none are needed",
        GIVEN,
        unknown(get(f"/v2/{PUBLIC}/manifests/latest", login="alice:wrong-password")),
    ),
    *(
        secured(
            f"an Authorization of {text!r} is asked again",
            unknown(get("/v2/", headers={"Authorization": text})),
        )
        for text in (
            "Basic",
            "Basic !!!",
            "Basic YWxpY2U=",
            "Bearer abc",
            "Digest username=alice",
            "Token signature=x,repository=alice/private,access=read",
            "Basic gIA6gIA=",
        )
    ),
    secured(
        "empty credentials are none",
        unknown(get("/v2/", headers={"Authorization": "Basic Og=="})),
        unknown(get("/v2/", headers={"Authorization": ""})),
        GIVEN,
        get(f"/v2/{PUBLIC}/manifests/latest", headers={"Authorization": "Basic Og=="}),
    ),
    secured(
        "an owner mounts from a repository of their own",
        GIVEN,
        login("alice", mount("alice/other", PRIVATE, status=201)),
        spec="end-11",
    ),
    secured(
        "a mount from a repository that one may not read looks like any upload",
        GIVEN,
        login("bob", mount(BOBS, PRIVATE, answers=LIKE_ANY_UPLOAD)),
        login("bob", refused(get(f"/v2/{BOBS}/blobs/{of(LAYER)}"), ErrorCode.BLOB_UNKNOWN)),
        login("bob", mount(BOBS, "alice/nothing", answers=LIKE_ANY_UPLOAD)),
        spec="end-11",
    ),
    secured(
        "who was let into one repository of a team mounts nothing from another",
        GIVEN,
        login("alice", pushed("alice/common", "latest")),
        login("alice", GRANT),
        login("bob", mount("alice/common", PRIVATE, answers=LIKE_ANY_UPLOAD)),
        login("bob", mount("alice/common", PUBLIC, status=201)),
        spec="end-11",
    ),
    secured(
        "a grant of writing is for pushing, pulling and deleting",
        GIVEN,
        login("alice", pushed("alice/common", "latest")),
        login("bob", *map(denied, reads("alice/common"))),
        login("alice", GRANT),
        login("bob", reads("alice/common")),
        login("bob", pushed("alice/common", "other")),
        login("bob", delete("/v2/alice/common/manifests/other", status=202)),
        spec="ours",
    ),
    secured(
        "the catalog tells nobody the names of others",
        GIVEN,
        unknown(get("/v2/_catalog")),
        login("bob", get("/v2/_catalog", answer_json={"repositories": []})),
        spec="Docker v2",
    ),
    secured(
        "a mount without from is the owner's, who may read all of the namespace",
        GIVEN,
        login("alice", pushed("alice/common", "latest")),
        login("alice", GRANT),
        login("alice", post(f"/v2/alice/common/blobs/uploads/?mount={of(LAYER)}", status=201)),
        login("root", post(f"/v2/alice/common/blobs/uploads/?mount={of(CONFIG)}", status=201)),
        login(
            "bob",
            post(f"/v2/alice/common/blobs/uploads/?mount={of(LAYER)}", answers=LIKE_ANY_UPLOAD),
            post(f"/v2/bob/app/blobs/uploads/?mount={of(LAYER)}", answers=LIKE_ANY_UPLOAD),
        ),
        spec="end-11",
    ),
    secured(
        "an upload is its owner's alone",
        login("alice", start(PRIVATE)),
        unknown(patch("{location}", LAYER)),
        login("bob", denied(patch("{location}", LAYER))),
        login("bob", denied(delete("{location}"))),
        login("alice", patch("{location}", LAYER)),
        login("alice", put(f"{{location}}?digest={of(LAYER)}")),
    ),
    secured(
        "library is the administrators'",
        login("alice", denied(post("/v2/busybox/blobs/uploads/"))),
        login("alice", denied(post("/v2/library/busybox/blobs/uploads/"))),
        login("root", pushed("busybox", "latest")),
        login("bob", denied(get("/v2/busybox/manifests/latest"))),
    ),
    secured(
        "a namespace that begins with one's name is another's",
        login("alice", denied(post("/v2/alice2/app/blobs/uploads/"))),
        login("alice", denied(post("/v2/ali/app/blobs/uploads/"))),
        login("alice", post("/v2/alice/deep/er/blobs/uploads/")),
    ),
    secured(
        "a malformed name is refused before anybody is asked who they are",
        refused(get("/v2/Alice/app/manifests/latest"), ErrorCode.NAME_INVALID),
        spec="code-8",
    ),
    secured(
        "an error tells nothing of a blob that a stranger may not see",
        login("alice", blob(PRIVATE, CONFIG)),
        login("bob", denied(get(f"/v2/{PRIVATE}/blobs/{of(CONFIG)}"))),
        login("bob", refused(get(f"/v2/{BOBS}/blobs/{of(CONFIG)}"), ErrorCode.BLOB_UNKNOWN)),
    ),
)
