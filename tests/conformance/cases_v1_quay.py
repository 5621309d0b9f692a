"""Cases 64 to 90: what Quay's tests ask of a v1 registry."""

from __future__ import annotations

from chalicelib.domain.access import Mode
from chalicelib.domain.errors import ErrorCode
from tests.conformance import bodies
from tests.conformance.cases import Case, Step, get, head, login, post, refused
from tests.conformance.v1 import (
    INDEX_CHALLENGE,
    bearing,
    delete,
    describe,
    fetched,
    image,
    numbered,
    pushed,
    put,
    read_token,
    register,
    seal,
    send_layer,
    tag,
    uploaded,
)

PROTOCOL = "Quay test/registry/protocol_v1.py"
TESTS = "Quay test/registry/registry_tests.py"
APP, PUBLIC = "alice/app", "alice/public"
URL, PUBLIC_URL = f"/v1/repositories/{APP}", f"/v1/repositories/{PUBLIC}"
ONE, TWO = image(1), image(2)
CHILD = image(3, ONE)

UNAUTHORIZED, DENIED = ErrorCode.V1_UNAUTHORIZED, ErrorCode.V1_DENIED
NO_SUCH_STATE = "there is no such state of a registry; who may push is decided by access alone"
ANONYMOUS_401 = "whoever has not said who they are is asked (401); a 403 is for those who have"


def quay(
    number: int, name: str, spec: str, *steps: Step | tuple[Step, ...], **more: object
) -> Case:
    return numbered(number, name, spec, *steps, **{"mode": Mode.ACCOUNTS, **more})


def unknown(step: Step, challenge: dict[str, str] = INDEX_CHALLENGE) -> Step:
    return refused(step, UNAUTHORIZED, **challenge)


def denied(step: Step) -> Step:
    return refused(step, DENIED)


def account(name: str, password: str, email: str) -> dict[str, str]:
    return {"username": name, "password": password, "email": email}


CASES: tuple[Case, ...] = (
    quay(64, "a ping is answered", PROTOCOL, get("/v1/_ping"), head("/v1/_ping"), get("/_ping")),
    quay(
        65,
        "WWW-Authenticate of a registered repository is an Authorization",
        PROTOCOL,
        register(APP, ONE, login="alice", save={"token": "header:WWW-Authenticate"}),
        bearing("token {token}", describe(ONE)),
        differs="200 and not 201: every client takes both, docker-registry and the Hub said 200",
    ),
    quay(
        66,
        "a checksum comes before the layer, or after it",
        PROTOCOL,
        describe(ONE),
        refused(
            put(f"{ONE.url}/checksum", headers={"X-Docker-Checksum": "tarsum+sha256:00"}),
            ErrorCode.V1_LAYER_MISSING,
        ),
        send_layer(ONE),
        seal(ONE),
        mode=Mode.OPEN,
        differs="a checksum seals the image, so that it comes last, as docker itself sends it",
    ),
    quay(
        67,
        "a push may end without a body",
        PROTOCOL,
        pushed(APP, ONE, by="alice"),
        put(f"{URL}/images", login="alice", status=204),
    ),
    quay(
        68,
        "a public image list asks nobody who they are",
        PROTOCOL,
        pushed(PUBLIC, ONE, by="alice"),
        get(f"{PUBLIC_URL}/images", answers={"WWW-Authenticate": None}),
        public=(PUBLIC,),
    ),
    quay(
        69,
        "HEAD of a layer is answered, and GET has its bytes",
        PROTOCOL,
        uploaded(ONE),
        head(f"{ONE.url}/layer", status=302, save={"location": "header:Location"}),
        head("{location}", answers={"Content-Length": str(len(ONE.layer))}),
        fetched(ONE),
        mode=Mode.OPEN,
        differs="302 to S3, for HEAD as for GET",
    ),
    quay(
        70,
        "the map of tags says what each tag says",
        PROTOCOL,
        uploaded(ONE),
        tag("foo/bar", "latest", ONE),
        get("/v1/repositories/foo/bar/tags", answer_json={"latest": ONE.id}),
        get("/v1/repositories/foo/bar/tags/latest", answer_json=ONE.id),
        mode=Mode.OPEN,
    ),
    quay(
        71,
        "signing up under a name that exists is a 400 with the very words",
        PROTOCOL,
        *(
            post(
                "/v1/users/",
                account("alice", password, "alice@example.com"),
                status=400,
                answer_body=b'"Username or email already exists"',
            )
            for password in ("alice-secret", "wrong-password")
        ),
        refused(
            post("/v1/users/", account("carol", "carol-secret", "carol@example.com")),
            ErrorCode.V1_SIGN_UP_CLOSED,
        ),
        differs="also for a wrong password, which the GET that follows tells; others get a 403 "
        "where sign-up is closed",
    ),
    quay(
        72,
        "a push with a wrong password is a 401",
        TESTS,
        unknown(register(APP, ONE, login="alice:wrong-password")),
    ),
    quay(
        73,
        "a pull with a wrong password",
        TESTS,
        pushed(PUBLIC, ONE, by="alice"),
        unknown(read_token(PUBLIC, login="alice:wrong-password")),
        public=(PUBLIC,),
        differs="401 and not 403, so that docker asks for the password again",
    ),
    quay(
        74,
        "a private repository is read by others once it is public",
        TESTS,
        pushed(APP, ONE, by="alice"),
        unknown(read_token(APP)),
        denied(read_token(APP, login="bob")),
        put(f"{URL}/properties", {"access": "public"}, login="alice"),
        read_token(APP),
        read_token(APP, login="bob"),
        differs=ANONYMOUS_401,
    ),
    quay(
        75,
        "the anonymous read nothing that is not public",
        TESTS,
        pushed(APP, ONE, by="alice"),
        unknown(read_token(APP)),
        differs="there is no switch for the anonymous: repositories begin private, and show "
        "themselves one by one",
    ),
    quay(
        76,
        "a name without a namespace and the same below library are one repository",
        TESTS,
        pushed("newrepo", ONE, by="root"),
        *(
            login("root", get(f"/v1/repositories/{name}/tags", answer_json={"latest": ONE.id}))
            for name in ("newrepo", "library/newrepo")
        ),
        *(read_token(name, login="root") for name in ("newrepo", "library/newrepo")),
    ),
    quay(
        77,
        "names without a namespace are for administrators",
        TESTS,
        *(denied(register(name, ONE, login="alice")) for name in ("newrepo", "library/newrepo")),
        register("library/newrepo", ONE, login="root"),
        differs="library cannot be switched off; who may push to it is decided by access, for "
        "both spellings alike",
    ),
    quay(
        78,
        "a name has 255 characters at the most",
        TESTS,
        register("a" * 255, ONE),
        refused(register("a" * 256, ONE), ErrorCode.V1_REPOSITORY_INVALID),
        register("test/" + "a" * 250, ONE),
        refused(register("test/" + "a" * 251, ONE), ErrorCode.V1_REPOSITORY_INVALID),
        mode=Mode.OPEN,
    ),
    quay(
        79,
        "a name may have more components than two",
        TESTS,
        *(
            step
            for name in ("test/some/slash", "test/some/more/slash")
            for step in (
                register(name, ONE),
                put(f"/v1/repositories/{name}/images", [{"id": TWO.id}], status=204),
                uploaded(ONE)[0],
                tag(name, "latest", ONE),
                get(f"/v1/repositories/{name}/tags", answer_json={"latest": ONE.id}),
            )
        ),
        mode=Mode.OPEN,
        differs="names of v2 have any number of components, and each is reachable by v1 as well",
    ),
    quay(
        80,
        "tags are words of 128 characters at the most",
        TESTS,
        uploaded(ONE),
        *(tag("foo/bar", good, ONE) for good in ("l", "1", "x" * 128)),
        *(
            refused(tag("foo/bar", bad, ONE), ErrorCode.V1_TAG_INVALID)
            for bad in ("x" * 129, ".fail", "-fail")
        ),
        refused(put("/v1/repositories/foo/bar/tags/", ONE.id), ErrorCode.V1_DATA_INVALID),
        mode=Mode.OPEN,
        differs="an empty tag is a 400: without it, the path is that of a repository foo/bar/tags",
    ),
    quay(
        81,
        "an image whose parent is not there is refused",
        TESTS,
        refused(describe(CHILD), ErrorCode.V1_PARENT_UNKNOWN),
        mode=Mode.OPEN,
    ),
    quay(
        82,
        "a tag that is set again leads to the new image",
        TESTS,
        pushed(APP, ONE, by="alice"),
        pushed(APP, TWO, by="alice"),
        read_token(APP, login="alice"),
        bearing("{token}", get(f"{URL}/tags", answer_json={"latest": TWO.id}), fetched(TWO)[0]),
        fetched(TWO)[1],
    ),
    quay(
        83,
        "a deleted tag leaves its sibling",
        TESTS,
        pushed(APP, ONE, by="alice", tags=("latest", "other")),
        login("alice", delete(f"{URL}/tags/latest")),
        refused(login("alice", get(f"{URL}/tags/latest"))[0], ErrorCode.V1_TAG_UNKNOWN),
        login("alice", get(f"{URL}/tags", answer_json={"other": ONE.id})),
    ),
    quay(
        84,
        "a tag is set on an image that is there, without a push",
        TESTS,
        pushed(APP, ONE, by="alice"),
        register(APP, login="alice"),
        bearing("{token}", tag(APP, "again", ONE)),
        login("alice", get(f"{URL}/tags/again", answer_json=ONE.id)),
    ),
    quay(
        85,
        "two images with the same bytes are two images",
        TESTS,
        *(uploaded(image(number, layer=b"the same")) for number in (7, 8)),
        *(
            step
            for number in (7, 8)
            for step in (
                *fetched(image(number, layer=b"the same")),
                get(f"{image(number).url}/ancestry", answer_json=[image(number).id]),
            )
        ),
        mode=Mode.OPEN,
    ),
    quay(86, "a disabled namespace takes and gives nothing", TESTS, differs=NO_SUCH_STATE),
    quay(87, "a registry that is read-only is still pulled from", TESTS, differs=NO_SUCH_STATE),
    quay(
        88,
        "json comes back with every character that it had",
        TESTS,
        *(
            step
            for number, text in (
                (5, "\u00e4\u00f6\u00fc \u6f22\u5b57"),
                (6, "\U0001f433 ships \u2693"),
            )
            for one in (image(number, comment=text),)
            for step in (*uploaded(one), get(f"{one.url}/json", answer_body=one.raw))
        ),
        mode=Mode.OPEN,
    ),
    quay(89, "a repository that is read-only takes no push", TESTS, differs=NO_SUCH_STATE),
    quay(
        90,
        "a tag that v2 has set is read by v1",
        TESTS,
        bodies.pushed("foo/bar", "latest"),
        get("/v1/repositories/foo/bar/tags/latest", answers={"Content-Type": "application/json"}),
        mode=Mode.OPEN,
        differs="what v2 pushed is shown to v1 as images of its own, where Quay says 404",
    ),
)
