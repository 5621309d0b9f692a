"""Cases 48 to 57: a push and a pull as docker-registry's workflow test does them, and 97 to 102,
what docker itself expects. With accounts: only there are tokens worth anything."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.domain.access import Mode
from chalicelib.domain.errors import ErrorCode
from tests.conformance.cases import Case, Step, get, head, refused
from tests.conformance.cases import case as flat
from tests.conformance.v1 import (
    ASKING,
    REGISTRY_CHALLENGE,
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

WORKFLOW = "docker-registry tests/workflow.py"
CLIENT = "moby registry/registry_test.go, endpoint_test.go, search_endpoint_v1_test.go"
APP = "alice/app"
URL = f"/v1/repositories/{APP}"
ONE, TWO = image(1), image(2)
LARGE = image(3, layer=bytes(range(256)) * (7 * 4096))
UNAUTHORIZED = ErrorCode.V1_UNAUTHORIZED

NO_COOKIES = "there are no cookies; every call carries its token"
IMAGES_NEED_TOKENS = (
    "an image's URL names no repository, so that with accounts its reader needs a token that does; "
    "GET images gives one to everybody for a public repository. In an open registry none is needed"
)
ON_THE_CLIENT = "a rule of the client's own code; what we can do for it is shown"


def played(number: int, name: str, *steps: Step | tuple[Step, ...], **more: object) -> Case:
    return numbered(number, name, WORKFLOW, *steps, mode=Mode.ACCOUNTS, **more)


def expected(number: int, name: str, *steps: Step | tuple[Step, ...], **more: object) -> Case:
    return numbered(number, name, CLIENT, *steps, **more)


def asked(*steps: Step | tuple[Step, ...]) -> tuple[Step, ...]:
    """The same steps without credentials, each answered by a 401 of the registry."""
    return tuple(
        refused(replace(step, headers={}), UNAUTHORIZED, **REGISTRY_CHALLENGE)
        for step in flat("", "", *steps).steps
    )


CASES: tuple[Case, ...] = (
    played(
        48,
        "registering with Basic and X-Docker-Token gives a token",
        register(
            APP,
            ONE,
            login="alice",
            answers={"X-Docker-Token": ..., "WWW-Authenticate": ..., "X-Docker-Endpoints": ...},
        ),
    ),
    played(
        49,
        "the token is taken with the word Token twice, as docker sends it",
        register(APP, ONE, login="alice"),
        bearing("Token {token}", describe(ONE, headers={"X-Docker-Checksum": "tarsum+sha256:00"})),
    ),
    played(
        50,
        "a layer of 7 MiB is put in chunks, and sealed",
        register(APP, LARGE, login="alice"),
        bearing(
            "Token {token}",
            describe(LARGE),
            send_layer(LARGE, headers={"Transfer-Encoding": "chunked"}),
            seal(LARGE),
            fetched(LARGE)[0],
        ),
        fetched(LARGE)[1],
    ),
    played(
        51,
        "a tag is put within a session and without Authorization",
        register(APP, ONE, login="alice"),
        bearing("{token}", uploaded(ONE)),
        asked(tag(APP, "latest", ONE)),
        bearing("{token}", tag(APP, "latest", ONE)),
        differs=NO_COOKIES,
    ),
    played(
        52,
        "an image list is put at the end of the push",
        register(APP, ONE, login="alice"),
        put(
            f"{URL}/images",
            [{"id": ONE.id}],
            headers={"X-Endpoints": "registry.test"},
            login="alice",
            status=204,
        ),
    ),
    played(
        53,
        "an image list is read by anybody, and comes with a token when one asks",
        pushed(APP, ONE, by="alice"),
        get(f"{URL}/images", answers={"X-Docker-Token": None}, answer_json=[{"id": ONE.id}]),
        read_token(APP, login="alice"),
        public=(APP,),
    ),
    played(
        54,
        "a tag is read with a token and without",
        pushed(APP, ONE, by="alice"),
        read_token(APP),
        get(f"{URL}/tags/latest", answer_json=ONE.id),
        bearing("Token {token}", get(f"{URL}/tags/latest", answer_json=ONE.id)),
        public=(APP,),
    ),
    played(
        55,
        "ancestry, json and layer are read without a token",
        pushed(APP, ONE, by="alice"),
        asked(*(get(f"{ONE.url}/{part}") for part in ("ancestry", "json", "layer"))),
        read_token(APP),
        bearing(
            "Token {token}",
            get(f"{ONE.url}/ancestry", answer_json=[ONE.id]),
            get(f"{ONE.url}/json", answer_body=ONE.raw),
            fetched(ONE)[0],
        ),
        fetched(ONE)[1],
        public=(APP,),
        differs=IMAGES_NEED_TOKENS,
    ),
    played(
        56,
        "json comes with the payload checksum under its other name",
        pushed(APP, ONE, by="alice"),
        bearing(
            "{token}",
            get(f"{ONE.url}/json", answers={"X-Docker-Payload-Checksum": ONE.checksum}),
        ),
    ),
    played(
        57,
        "the image list is deleted with the owner's login",
        pushed(APP, ONE, by="alice"),
        delete(f"{URL}/images", login="alice", status=204),
    ),
    expected(
        97,
        "without a header of its own a registry is standalone",
        get("/v1/_ping", answers={"X-Docker-Registry-Standalone": "False"}, answer_json=True),
        differs=f"{ON_THE_CLIENT}: the header is always there, and says False for token mode",
    ),
    expected(
        98,
        "a ping that is refused still shows a registry",
        get("/v1/_ping", answers={"X-Docker-Registry-Version": ...}),
        refused(get("/v1/_ping", login="alice:wrong-password"), UNAUTHORIZED, **REGISTRY_CHALLENGE),
        head("/_ping"),
        mode=Mode.ACCOUNTS,
    ),
    expected(
        99,
        "the endpoints are one host in one header",
        replace(
            register(APP, ONE, answers={"X-Docker-Endpoints": "hub.test:5000"}),
            headers={**ASKING, "Host": "hub.test:5000"},
        ),
        differs=f"{ON_THE_CLIENT}: one host is what every version of it can read",
    ),
    expected(
        100,
        "what is not there is a 404, and a size is an integer",
        refused(get("/v1/repositories/foo/none/tags"), ErrorCode.V1_REPOSITORY_UNKNOWN),
        uploaded(ONE),
        get(f"{ONE.url}/json", answers={"X-Docker-Size": str(len(ONE.layer))}),
        refused(get(f"{TWO.url}/json"), ErrorCode.V1_IMAGE_UNKNOWN),
    ),
    expected(
        101,
        "a push begins with 200 and endpoints, ends with 204, and is found",
        register("foo/bar", ONE, answers={"X-Docker-Endpoints": ...}),
        put("/v1/repositories/foo/bar/images", [], status=204),
        get(
            "/v1/search?q=foo&n=25",
            answer_json={
                "query": "foo",
                "num_results": 1,
                "num_pages": 1,
                "page": 1,
                "page_size": 25,
                "results": [
                    {
                        "name": "foo/bar",
                        "description": "",
                        "star_count": 0,
                        "is_official": False,
                        "is_automated": False,
                        "is_trusted": False,
                    }
                ],
            },
        ),
    ),
    expected(
        102,
        "a redirect leads to where no Authorization is needed",
        pushed(APP, ONE, by="alice"),
        bearing("{token}", fetched(ONE)[0]),
        fetched(ONE)[1],
        mode=Mode.ACCOUNTS,
    ),
)
