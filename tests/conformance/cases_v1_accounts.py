"""Accounts, grants and deletion over HTTP; ``tests/accounts/`` has what needs a longer story."""

from __future__ import annotations

from chalicelib.domain.access import Mode
from chalicelib.domain.accounts import SignUp
from chalicelib.domain.errors import ErrorCode
from tests.conformance.cases import Case, Step, case, get, login, post, refused
from tests.conformance.v1 import (
    ASKING,
    INDEX_CHALLENGE,
    bearing,
    delete,
    image,
    pushed,
    put,
    read_token,
    register,
    with_accounts,
)

SPEC = "hub v1, users; grants are ours"
APP = "alice/app"
URL = f"/v1/repositories/{APP}"
ONE = image(1)
CAROL = {"username": "carol", "password": "carol-secret", "email": "carol@example.com"}
EXISTS = b'"Username or email already exists"'


def ours(name: str, *steps: Step | tuple[Step, ...], **more: object) -> Case:
    return with_accounts(name, *steps, spec=SPEC, **more)


def denied(step: Step) -> Step:
    return refused(step, ErrorCode.V1_DENIED)


def unknown(step: Step) -> Step:
    return refused(step, ErrorCode.V1_UNAUTHORIZED, **INDEX_CHALLENGE)


CASES: tuple[Case, ...] = (
    ours(
        "whoever signs up logs in, and the address is taken as well",
        post("/v1/users", CAROL, status=201, answer_json="User Created"),
        get("/v1/users", login="carol:carol-secret", answer_json="OK"),
        post("/v1/users/", CAROL, status=400, answer_body=EXISTS),
        post("/v1/users/", {**CAROL, "username": "dora"}, status=400, answer_body=EXISTS),
        unknown(get("/v1/users/", login="dora:carol-secret")),
        signup=SignUp.OPEN,
    ),
    ours(
        "without an invitation nobody signs up where one is needed",
        refused(post("/v1/users/", CAROL), ErrorCode.V1_INVITATION_UNKNOWN),
        refused(
            post("/v1/users/", {**CAROL, "invitation": "guess"}), ErrorCode.V1_INVITATION_UNKNOWN
        ),
        refused(post("/v1/users/", {**CAROL, "invitation": 1}), ErrorCode.V1_INVITATION_UNKNOWN),
        unknown(get("/v1/users/", login="carol:carol-secret")),
        signup=SignUp.INVITATION,
    ),
    ours(
        "nobody signs up where it is closed",
        refused(post("/v1/users/", CAROL), ErrorCode.V1_SIGN_UP_CLOSED),
    ),
    ours(
        "an account is changed by its owner and by administrators",
        put("/v1/users/alice/", {"password": "alice-second"}, login="alice", status=204),
        unknown(get("/v1/users/", login="alice")),
        get("/v1/users/", login="alice:alice-second"),
        put("/v1/users/alice/", {"password": "alice-third"}, login="root", status=204),
        get("/v1/users/", login="alice:alice-third"),
        denied(put("/v1/users/alice/", {"password": "bobs-choice"}, login="bob")),
        unknown(put("/v1/users/alice/", {"password": "anybodys-choice"})),
        refused(
            put("/v1/users/nobody/", {"password": "x" * 9}, login="root"),
            ErrorCode.V1_ACCOUNT_UNKNOWN,
        ),
        put("/v1/users/alice/", {}, login="root", status=204),
    ),
    ours(
        "a change that is none is refused",
        *(
            put("/v1/users/alice/", body, login="alice", status=400)
            for body in (b"{", b"[]", {"password": "short"}, {"password": 1}, {"email": "none"})
        ),
        get("/v1/users/", login="alice"),
    ),
    ours(
        "wrong passwords have to wait, and are told how long",
        *(unknown(get("/v1/users/", login="alice:wrong-password")) for _ in range(5)),
        refused(
            get("/v1/users/", login="alice:wrong-password"),
            ErrorCode.V1_TOO_MANY_FAILURES,
            **{"Retry-After": "2"},
        ),
        refused(get("/v1/users/", login="alice"), ErrorCode.V1_TOO_MANY_FAILURES),
        get("/v1/users/", login="alice", wait_s=2),
    ),
    ours(
        "grants are listed, changed and taken back by the owner",
        register(APP, login="alice"),
        login(
            "alice",
            get(f"{URL}/grants", answer_json={}),
            put(f"{URL}/grants/bob", {"access": "read"}, answer_json=True),
            get(f"{URL}/grants", answer_json={"bob": "read"}),
            put(f"{URL}/grants/bob", {"access": "write"}),
            get(f"{URL}/grants", answer_json={"bob": "write"}),
            delete(f"{URL}/grants/bob", answer_json=True),
            delete(f"{URL}/grants/bob"),
            get(f"{URL}/grants", answer_json={}),
        ),
        denied(get(f"{URL}/grants", login="bob")),
        unknown(get(f"{URL}/grants")),
        refused(
            put("/v1/repositories/alice/none/grants/bob", {"access": "read"}, login="alice"),
            ErrorCode.V1_REPOSITORY_UNKNOWN,
        ),
    ),
    ours(
        "a grant opens one repository, and closes with it",
        pushed(APP, ONE, by="alice"),
        denied(read_token(APP, login="bob")),
        login("alice", put(f"{URL}/grants/bob", {"access": "read"})),
        read_token(APP, login="bob"),
        denied(register(APP, ONE, login="bob")),
        denied(read_token("alice/other", login="bob")),
        login("alice", put(f"{URL}/grants/bob", {"access": "write"})),
        register(APP, ONE, login="bob"),
        login("bob", denied(delete(f"{URL}/"))),
        login("alice", delete(f"{URL}/"), register(APP, ONE)),
        denied(read_token(APP, login="bob")),
    ),
    ours(
        "the Hub deletes in three calls",
        pushed(APP, ONE, by="alice"),
        delete(
            f"{URL}/",
            headers=ASKING,
            login="alice",
            status=202,
            answer_json="",
            answers={"X-Docker-Endpoints": ..., "WWW-Authenticate": ...},
            save={"deleting": "header:X-Docker-Token"},
        ),
        login("alice", get(f"{URL}/tags", answer_json={"latest": ONE.id})),
        bearing(
            "Token {deleting}",
            put(f"{URL}/auth", answer_json="OK"),
            delete(f"{URL}/", answer_json=True),
        ),
        delete(f"{URL}/", headers={"X-Docker-Endpoints": "registry.test"}, login="alice"),
        refused(get(f"{URL}/tags", login="alice"), ErrorCode.V1_REPOSITORY_UNKNOWN),
    ),
    ours(
        "a repository is deleted in one call by whoever asks for no token",
        pushed(APP, ONE, by="alice"),
        denied(delete(f"{URL}/", login="bob")),
        unknown(delete(f"{URL}/")),
        delete(f"{URL}/", login="alice", answer_json=True),
        refused(delete(f"{URL}/", login="alice"), ErrorCode.V1_REPOSITORY_UNKNOWN),
    ),
    case(
        "an open registry has no accounts to change, and says so",
        SPEC,
        denied(put("/v1/users/alice/", {"password": "alice-secret"})),
        refused(post("/v1/users/", CAROL), ErrorCode.V1_SIGN_UP_CLOSED),
        get("/v1/users/", login="anybody:any-password", answer_json="OK"),
        mode=Mode.OPEN,
    ),
)
