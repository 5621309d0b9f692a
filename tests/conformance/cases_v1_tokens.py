"""Tokens that are spelled oddly, replayed, expired, forged, swapped; schemes that nobody knows;
images of other repositories. All of it with accounts."""

from __future__ import annotations

from chalicelib.domain.errors import ErrorCode
from chalicelib.domain.limits import V1_ANONYMOUS_TOKEN_TTL_S, V1_TOKEN_TTL_S
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.tokens import V1Token, render_v1_token
from tests.conformance.cases import Case, Step, get, login, refused
from tests.conformance.v1 import (
    ASKING,
    INDEX_CHALLENGE,
    REGISTRY_CHALLENGE,
    bearing,
    delete,
    describe,
    fetched,
    image,
    pushed,
    put,
    read_token,
    register,
    seal,
    send_layer,
    tag,
    uploaded,
    with_accounts,
)
from tests.support.world import SIGNING_KEY, SettableClock

APP, OTHER, SHARED, PUBLIC = "alice/app", "alice/other", "alice/shared", "alice/public"
URL = f"/v1/repositories/{APP}"
SHARED_URL = f"/v1/repositories/{SHARED}"
ONE, TWO, SECRET = image(1), image(2), image(7)
CHILD_OF_SECRET = image(8, SECRET)
NOW_S = SettableClock().at_s

FORGED = render_v1_token(
    b"x" * 32, V1Token(RepositoryName(APP), "write", "alice", NOW_S + V1_TOKEN_TTL_S)
)
# Signed by the registry, but for an account that never was, or that has gone.
OF_NOBODY = render_v1_token(
    SIGNING_KEY, V1Token(RepositoryName(APP), "write", "nobody", NOW_S + V1_TOKEN_TTL_S, 3)
)


def unknown(step: Step) -> Step:
    return refused(step, ErrorCode.V1_UNAUTHORIZED, **REGISTRY_CHALLENGE)


def denied(step: Step) -> Step:
    return refused(step, ErrorCode.V1_DENIED)


def absent(step: Step) -> Step:
    return refused(step, ErrorCode.V1_IMAGE_UNKNOWN)


def refusing(name: str, text: str, *steps: Step | tuple[Step, ...]) -> Case:
    """This Authorization opens nothing, after these steps."""
    return with_accounts(
        name,
        *steps,
        bearing(
            text,
            unknown(get(f"{ONE.url}/json")),
            unknown(describe(TWO)),
            unknown(get(f"{URL}/tags")),
            unknown(tag(APP, "latest", ONE)),
            refused(get(f"{URL}/images"), ErrorCode.V1_UNAUTHORIZED, **INDEX_CHALLENGE),
            refused(put(f"{URL}/auth"), ErrorCode.V1_UNAUTHORIZED, **INDEX_CHALLENGE),
        ),
        public=(APP,),
    )


def spelled(name: str, text: str) -> Case:
    """This Authorization is the token that was given."""
    return with_accounts(
        f"a token is taken {name}",
        pushed(APP, ONE, by="alice"),
        bearing(text, get(f"{ONE.url}/json", answer_body=ONE.raw)),
    )


GIVEN = pushed(APP, ONE, by="alice")
ASKED_DELETE = delete(
    f"{URL}/",
    headers=ASKING,
    login="alice",
    status=202,
    save={"deleting": "header:X-Docker-Token"},
)

CASES: tuple[Case, ...] = (
    spelled("as it was given", "{token}"),
    spelled("with the word Token twice", "Token {token}"),
    spelled("with a scheme in lower case", "token {token}"),
    spelled("with a scheme in upper case", "TOKEN {token}"),
    spelled("with spaces around it", "Token   {token}  "),
    spelled("twice, joined by a comma", "Token {token},{token}"),
    with_accounts(
        "a token that came in WWW-Authenticate is the same",
        register(APP, ONE, login="alice", save={"token": "header:WWW-Authenticate"}),
        bearing("Token {token}", uploaded(ONE)),
    ),
    with_accounts(
        "a token may be replayed while it lasts, because a push has many calls",
        GIVEN,
        bearing("{token}", *(get(f"{ONE.url}/json") for _ in range(3))),
        refused(
            get(f"{ONE.url}/json", headers={"Authorization": "{token}"}, wait_s=V1_TOKEN_TTL_S),
            ErrorCode.V1_UNAUTHORIZED,
            **REGISTRY_CHALLENGE,
        ),
    ),
    refusing(
        "a token that has expired opens nothing",
        "{token}",
        GIVEN,
        get("/v1/_ping", wait_s=V1_TOKEN_TTL_S),
    ),
    with_accounts(
        "a token that names nobody lasts an hour",
        pushed(PUBLIC, ONE, by="alice"),
        read_token(PUBLIC),
        bearing("{token}", get(f"{ONE.url}/json", wait_s=V1_ANONYMOUS_TOKEN_TTL_S - 1)),
        bearing("{token}", unknown(get(f"{ONE.url}/json", wait_s=1))),
        public=(PUBLIC,),
    ),
    refusing("a token of another registry opens nothing", FORGED, GIVEN),
    refusing("a token of an account that is not there opens nothing", OF_NOBODY, GIVEN),
    refusing(
        "a token with another repository in it opens nothing",
        f'{{token}},repository="{APP}"',
        pushed(OTHER, TWO, by="alice"),
    ),
    refusing("a token with another access in it opens nothing", "{token},access=delete", GIVEN),
    refusing("a token with an access that is none opens nothing", "{token},access=all", GIVEN),
    refusing("a token with another signature opens nothing", "{token},signature=x", GIVEN),
    refusing(
        "a token without a signature opens nothing",
        f'Token repository="{APP}",access=write',
    ),
    *(
        refusing(f"an Authorization of {text!r} opens nothing", text, GIVEN)
        for text in (
            "Token x",
            "Token signature=x,repository=alice/app,access=read",
            f'Token signature=.,repository="{APP}",access=write',
            'Token signature=x.y,repository="\u00e4",access=write',
            "Token " + "=" * 3000,
            "Token " + "a" * 6000,
            "Bearer abc",
            "Bearer {token}",
            "Digest username=alice",
            "Negotiate",
            "AWS4-HMAC-SHA256 Credential=x",
            "alice:alice-secret",
            "Basic",
            "Basic !!!",
            "Basic YWxpY2U=",
            "Basic gIA6gIA=",
        )
    ),
    with_accounts(
        "a token for one repository opens no other",
        GIVEN,
        register(OTHER, TWO, login="alice", save={"other": "header:X-Docker-Token"}),
        bearing(
            "{other}",
            absent(get(f"{ONE.url}/json")),
            absent(get(f"{ONE.url}/layer")),
            denied(get(f"{URL}/tags")),
            denied(get(f"{URL}/images")),
            denied(tag(APP, "latest", ONE)),
            denied(put(f"{URL}/images", [])),
            denied(put(f"{URL}/auth")),
            denied(delete(f"{URL}/")),
            absent(put(f"/v1/repositories/{OTHER}/tags/latest", ONE.id)),
        ),
        bearing("{token}", get(f"{ONE.url}/json")),
    ),
    with_accounts(
        "a read token reads",
        GIVEN,
        read_token(APP, login="alice", save="reading"),
        bearing(
            "{reading}",
            get(f"{ONE.url}/json"),
            get(f"{URL}/tags"),
            *(denied(step) for step in uploaded(TWO)),
            denied(tag(APP, "latest", ONE)),
            denied(delete(f"{URL}/tags/latest")),
            denied(delete(f"{URL}/")),
            denied(put(f"{URL}/properties", {"access": "public"})),
        ),
    ),
    with_accounts(
        "a write token writes, reads, and deletes nothing",
        GIVEN,
        bearing(
            "{token}",
            get(f"{ONE.url}/json"),
            get(f"{URL}/tags"),
            tag(APP, "again", ONE),
            denied(delete(f"{URL}/tags/again")),
            denied(delete(f"{URL}/tags")),
            denied(delete(f"{URL}/")),
            denied(put(f"{URL}/properties", {"access": "public"})),
            denied(put(f"{URL}/grants/bob", {"access": "read"})),
        ),
    ),
    with_accounts(
        "a delete token deletes, and writes nothing",
        GIVEN,
        ASKED_DELETE,
        bearing(
            "{deleting}",
            denied(tag(APP, "again", ONE)),
            denied(describe(TWO)),
            get(f"{URL}/tags"),
            put(f"{URL}/auth", answer_json="OK"),
            delete(f"{URL}/tags/latest"),
            delete(f"{URL}/"),
        ),
        refused(get(f"{URL}/tags", login="alice"), ErrorCode.V1_REPOSITORY_UNKNOWN),
    ),
    with_accounts(
        "a token is no login",
        GIVEN,
        bearing(
            "{token}",
            refused(get("/v1/users/"), ErrorCode.V1_DENIED),
            refused(put("/v1/users/alice/", {"password": "new-secret"}), ErrorCode.V1_DENIED),
        ),
        get("/v1/users/", login="alice"),
    ),
    with_accounts(
        "json of an image that the repository does not list is refused",
        register(APP, ONE, login="alice"),
        bearing(
            "{token}",
            refused(describe(TWO), ErrorCode.V1_IMAGE_NOT_LISTED),
            absent(send_layer(TWO)),
            absent(seal(TWO)),
            describe(ONE),
        ),
    ),
    with_accounts(
        "a layer for another repository's image is refused",
        register(APP, SECRET, login="alice", save={"token": "header:X-Docker-Token"}),
        bearing("{token}", describe(SECRET)),
        register(OTHER, ONE, login="alice", save={"other": "header:X-Docker-Token"}),
        bearing("{other}", absent(send_layer(SECRET)), absent(seal(SECRET))),
        bearing("{token}", send_layer(SECRET), seal(SECRET)),
    ),
    with_accounts(
        "an image under a parent that the repository does not list is refused",
        pushed(APP, SECRET, by="alice"),
        register(OTHER, CHILD_OF_SECRET, login="alice"),
        bearing("{token}", refused(describe(CHILD_OF_SECRET), ErrorCode.V1_PARENT_NOT_LISTED)),
    ),
    with_accounts(
        "who may write one repository gets no image out of another",
        pushed(APP, SECRET, by="alice"),
        register(SHARED, login="alice"),
        login("alice", put(f"{SHARED_URL}/grants/bob", {"access": "write"})),
        register(SHARED, SECRET, CHILD_OF_SECRET, login="bob"),
        bearing(
            "{token}",
            *(absent(get(f"{SECRET.url}/{part}")) for part in ("json", "layer", "ancestry")),
            refused(describe(SECRET), ErrorCode.V1_IMAGE_NOT_LISTED),
            refused(describe(CHILD_OF_SECRET), ErrorCode.V1_PARENT_NOT_LISTED),
            absent(tag(SHARED, "latest", SECRET)),
        ),
        login("bob", put(f"{SHARED_URL}/images", [{"id": SECRET.id}], status=204)),
        login("bob", get(f"{SHARED_URL}/images", answer_json=[{"id": CHILD_OF_SECRET.id}])),
    ),
    with_accounts(
        "one id is two images for two teams",
        pushed(APP, ONE, by="alice"),
        pushed("bob/app", image(1, layer=b"bob's"), by="bob"),
        bearing("{token}", fetched(image(1, layer=b"bob's"))[0]),
        fetched(image(1, layer=b"bob's"))[1],
    ),
)
