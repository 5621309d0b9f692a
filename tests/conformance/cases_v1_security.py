"""Cases 91 to 96: who may do what, as Quay has it."""

from __future__ import annotations

from chalicelib.domain.access import Mode
from chalicelib.domain.errors import ErrorCode
from tests.conformance.cases import Case, Step, get, login, post, refused
from tests.conformance.v1 import (
    ASKING,
    INDEX_CHALLENGE,
    REGISTRY_CHALLENGE,
    bearing,
    delete,
    image,
    numbered,
    pushed,
    put,
    read_token,
    register,
    tag,
    uploaded,
)

SECURITY = "Quay test/test_v1_endpoint_security.py"
APP, PUBLIC = "alice/app", "alice/public"
URL, PUBLIC_URL = f"/v1/repositories/{APP}", f"/v1/repositories/{PUBLIC}"
ONE, OTHER = image(1), image(9)

UNAUTHORIZED, DENIED = ErrorCode.V1_UNAUTHORIZED, ErrorCode.V1_DENIED


def quay(
    number: int, name: str, spec: str, *steps: Step | tuple[Step, ...], **more: object
) -> Case:
    return numbered(number, name, spec, *steps, **{"mode": Mode.ACCOUNTS, **more})


def unknown(step: Step, challenge: dict[str, str] = INDEX_CHALLENGE) -> Step:
    return refused(step, UNAUTHORIZED, **challenge)


def no_token(step: Step) -> Step:
    return unknown(step, REGISTRY_CHALLENGE)


def denied(step: Step) -> Step:
    return refused(step, DENIED)


CASES: tuple[Case, ...] = (
    quay(
        91,
        "an unknown image is a 404 for whoever may read, a refusal for others",
        SECURITY,
        *(no_token(get(f"{OTHER.url}/{part}")) for part in ("layer", "json", "ancestry")),
        register(PUBLIC, login="alice"),
        read_token(PUBLIC),
        bearing(
            "{token}",
            *(
                refused(get(f"{OTHER.url}/{part}"), ErrorCode.V1_IMAGE_UNKNOWN)
                for part in ("layer", "json", "ancestry")
            ),
        ),
        public=(PUBLIC,),
        differs="401 without a token, as docker-registry: an image's URL names no repository",
    ),
    quay(
        92,
        "images are put by writers",
        SECURITY,
        *(no_token(step) for step in uploaded(ONE)),
        *login("bob", *(no_token(step) for step in uploaded(ONE))),
        register(APP, ONE, login="alice"),
        read_token(APP, save="reading", login="alice"),
        bearing("{reading}", *(denied(step) for step in uploaded(ONE))),
        bearing("{token}", uploaded(ONE)),
        differs="401 without a token, Basic or not; 403 with a read token; there is no push "
        "session beside the token",
    ),
    quay(
        93,
        "repositories are registered by those who may push",
        SECURITY,
        unknown(register(APP, ONE, headers=ASKING)),
        denied(register(APP, ONE, login="bob")),
        register(APP, ONE, login="alice"),
        register(APP, ONE, login="root"),
        login("alice", put(f"{URL}/grants/bob", {"access": "write"})),
        register(APP, ONE, login="bob"),
        differs="200 and not 201; a writer needs not be an administrator of the repository",
    ),
    quay(
        94,
        "image lists are put by writers, and a login is checked",
        SECURITY,
        unknown(put(f"{URL}/images", [])),
        denied(put(f"{URL}/images", [], login="bob")),
        put(f"{URL}/images", [], login="alice", status=204),
        unknown(get("/v1/users/")),
        get("/v1/users/", login="alice", answer_json="OK"),
        differs="401 where nobody logged in, for the list and for the login; a writer gets 204",
    ),
    quay(
        95,
        "accounts are changed by their owners",
        SECURITY,
        refused(post("/v1/users/", b"no json"), ErrorCode.V1_JSON_UNREADABLE),
        denied(put("/v1/users/bob/", {"email": "b@example.com"}, login="alice")),
        delete(f"{URL}/images", login="alice", status=204),
        unknown(put(f"{URL}/auth")),
        register(APP, login="alice"),
        bearing("{token}", put(f"{URL}/auth", answer_json="OK")),
        get("/v1/search?q=x"),
        get("/v1/_ping"),
        differs="DELETE images and PUT auth are answered as docker-registry did, not by 501",
    ),
    quay(
        96,
        "tags are read, set and deleted by those who may",
        SECURITY,
        pushed(PUBLIC, ONE, by="alice"),
        get(f"{PUBLIC_URL}/tags"),
        no_token(get(f"{URL}/tags")),
        login("bob", denied(get(f"{URL}/tags"))),
        refused(get(f"{PUBLIC_URL}/tags/none"), ErrorCode.V1_TAG_UNKNOWN),
        refused(tag(PUBLIC, "latest", OTHER, login="alice"), ErrorCode.V1_IMAGE_UNKNOWN),
        refused(delete(f"{PUBLIC_URL}/tags/none", login="alice"), ErrorCode.V1_TAG_UNKNOWN),
        public=(PUBLIC,),
        differs="a tag on an unknown image is a 404, as from docker-registry",
    ),
)
