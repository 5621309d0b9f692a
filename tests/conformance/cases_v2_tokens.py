"""Bearer tokens, API tokens, the catalog with accounts. Spec: Docker token authentication."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from chalicelib.domain.access import Mode
from chalicelib.domain.bearer import Challenge
from chalicelib.domain.errors import ErrorCode
from chalicelib.domain.limits import BEARER_TTL_S
from tests.conformance.bodies import CONFIG, LAYER, OCI, image, pushed
from tests.conformance.cases import (
    ABSENT,
    Case,
    Step,
    blob,
    case,
    delete,
    get,
    login,
    of,
    post,
    put,
    refused,
)

PRIVATE, PUBLIC = "alice/private", "alice/public"
TAG = f"/v2/{PRIVATE}/manifests/latest"
GIVEN = login("alice", pushed(PRIVATE, "latest"), pushed(PUBLIC, "latest"))
BEARER = {"Authorization": "Bearer {token}"}
TOKENS = "/v2/_roadstead/tokens"
ANY = {"label": "x", "scopes": ["repository:*:*"]}
READ = {"access": "read"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def secured(name: str, *steps: Step | tuple[Step, ...], **more: Any) -> Case:
    values = {"challenge": Challenge.BEARER, **more}
    spec = values.pop("spec", "Docker token")
    return case(name, spec, *steps, mode=Mode.ACCOUNTS, public=(PUBLIC,), **values)


def token(*scopes: str, by: str | None = None, granted: str | None = None, **more: Any) -> Step:
    """Get a token, and keep it as ``{token}``."""
    query = urlencode([("service", "roadstead"), *(("scope", scope) for scope in scopes)])
    step = get(f"/v2/token?{query}", **{"save": {"token": "json:token"}, "login": by, **more})
    if granted is None:
        return step
    return Step(**{**vars(step), "save": {**step.save, "scope": "json:scope"}})


def form(status: int = 200, **fields: Any) -> Step:
    body = urlencode(fields, doseq=True).encode()
    return post("/v2/token", body, headers=FORM, status=status)


def challenge(scope: str | None, error: str | None = None) -> dict[str, Any]:
    parts = ['realm="{origin}/v2/token"', 'service="roadstead"']
    parts += [f'scope="{scope}"'] if scope else []
    parts += [f'error="{error}"'] if error else []
    return {"WWW-Authenticate": "Bearer " + ",".join(parts)}


def unknown(step: Step, scope: str | None, error: str | None = None) -> Step:
    return refused(step, ErrorCode.UNAUTHORIZED, **challenge(scope, error))


def by_token(step: Step) -> Step:
    return Step(**{**vars(step), "headers": {**step.headers, **BEARER}})


def made(status: int = 201, by: str = "alice", **asked: Any) -> Step:
    document = {"label": "ci", "scopes": [f"repository:{PRIVATE}:pull"], **asked}
    save = {"secret": "json:secret", "id": "json:id"} if status == 201 else {}
    return post(TOKENS, document, status=status, login=by, save=save)


def as_ci(step: Step, name: str = "alice") -> Step:
    """The step by the API token that was made last."""
    return Step(**{**vars(step), "login": f"{name}:{{secret}}"})


BASIC = {"WWW-Authenticate": 'Basic realm="Roadstead"'}
PULL = f"repository:{PRIVATE}:pull"
PUSH = f"repository:{PRIVATE}:pull,push"

BEARERS = (
    secured(
        "a challenge says where a token is got and for what",
        GIVEN,
        unknown(get("/v2/"), None),
        unknown(get(TAG), PULL),
        unknown(put(TAG, image()), PUSH),
        unknown(delete(TAG), f"repository:{PRIVATE}:delete"),
        unknown(get("/v2/_catalog"), "registry:catalog:*"),
        unknown(
            post(f"/v2/{PRIVATE}/blobs/uploads/?mount={of(LAYER)}&from={PUBLIC}"),
            f"{PUSH} repository:{PUBLIC}:pull",
        ),
    ),
    secured(
        "a token opens what it was given for, and the base",
        GIVEN,
        token(PUSH, by="alice"),
        by_token(get("/v2/")),
        by_token(get(TAG)),
        by_token(put(TAG, image(), headers={"Content-Type": OCI})),
        unknown(by_token(delete(TAG)), f"repository:{PRIVATE}:delete", "insufficient_scope"),
        unknown(by_token(get("/v2/_catalog")), "registry:catalog:*", "insufficient_scope"),
        unknown(
            by_token(get(f"/v2/{PUBLIC}/manifests/latest")),
            f"repository:{PUBLIC}:pull",
            "insufficient_scope",
        ),
    ),
    secured(
        "Basic works beside Bearer",
        GIVEN,
        login("alice", get(TAG), get("/v2/")),
        refused(get(TAG, login="bob"), ErrorCode.DENIED),
    ),
    secured(
        "what was asked for and not allowed is a no, and not asked for again",
        GIVEN,
        token(PUSH, by="bob", answers={"Cache-Control": "no-store"}),
        refused(by_token(get(TAG)), ErrorCode.DENIED),
        refused(by_token(put(TAG, image())), ErrorCode.DENIED),
    ),
    secured(
        "nobody gets a token for what is public, and is asked who they are for the rest",
        GIVEN,
        token(f"repository:{PUBLIC}:pull,push", PULL),
        by_token(get(f"/v2/{PUBLIC}/manifests/latest")),
        unknown(
            by_token(put(f"/v2/{PUBLIC}/manifests/x", image())),
            f"repository:{PUBLIC}:pull,push",
            "insufficient_scope",
        ),
        unknown(by_token(get(TAG)), PULL, "insufficient_scope"),
    ),
    secured(
        "several scopes, in one parameter or in many, and what is not understood passed over",
        GIVEN,
        token(
            f"{PULL} repository:{PUBLIC}:pull",
            "repository:alice/new:*",
            "registry:catalog:*",
            "repository(plugin):alice/plugin:pull",
            "repository:UPPER:pull",
            "garbage",
            "repository:alice/new:fly",
            by="alice",
        ),
        by_token(get(TAG)),
        by_token(get(f"/v2/{PUBLIC}/manifests/latest")),
        by_token(blob("alice/new", LAYER)),
        by_token(delete(f"/v2/alice/new/blobs/{of(LAYER)}", status=202)),
        by_token(get("/v2/_catalog", answer_json={"repositories": [PRIVATE, PUBLIC]})),
    ),
    secured(
        "a token of no scope says who somebody is",
        token(by="alice"),
        by_token(get("/v2/")),
        unknown(by_token(get(TAG)), PULL, "insufficient_scope"),
    ),
    secured(
        "a token mounts from what it may pull",
        GIVEN,
        token(PUSH, f"repository:{PUBLIC}:pull", "repository:alice/new:pull,push", by="alice"),
        by_token(post(f"/v2/alice/new/blobs/uploads/?mount={of(LAYER)}&from={PUBLIC}", status=201)),
        by_token(post(f"/v2/alice/new/blobs/uploads/?mount={of(LAYER)}")),
        unknown(
            by_token(post(f"/v2/alice/new/blobs/uploads/?mount={of(LAYER)}&from=alice/other")),
            "repository:alice/new:pull,push repository:alice/other:pull",
            "insufficient_scope",
        ),
    ),
    secured(
        "a mount from what a token was refused is an upload like any other",
        GIVEN,
        token("repository:bob/app:pull,push", PULL, by="bob"),
        by_token(
            post(
                f"/v2/bob/app/blobs/uploads/?mount={of(LAYER)}&from={PRIVATE}",
                answers={"Range": "0-0", "Docker-Content-Digest": ABSENT},
            )
        ),
    ),
    secured(
        "a token ends",
        GIVEN,
        token(PULL, by="alice"),
        Step(**{**vars(by_token(get(TAG))), "wait_s": BEARER_TTL_S - 1}),
        unknown(Step(**{**vars(by_token(get(TAG))), "wait_s": 1}), PULL, "insufficient_scope"),
    ),
    secured(
        "a token ends with its password",
        GIVEN,
        token(PULL, by="alice"),
        put("/v1/users/alice", {"password": "another-long-one"}, login="alice", status=204),
        unknown(by_token(get(TAG)), PULL, "insufficient_scope"),
    ),
    secured(
        "a token that is none",
        *(
            unknown(get("/v2/", headers={"Authorization": f"Bearer {text}"}), None, "invalid_token")
            for text in ("abc", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", "x" * 20_000, "..", "\u00e9")
        ),
        unknown(get("/v2/", headers={"Authorization": "Bearer"}), None),
    ),
    secured(
        "a wrong password gets no token",
        refused(
            get("/v2/token", login="alice:wrong"),
            ErrorCode.UNAUTHORIZED,
            **BASIC,
        ),
        refused(
            form(grant_type="password", username="alice", password="wrong"), ErrorCode.UNAUTHORIZED
        ),
    ),
    secured(
        "a token gets no further token",
        token(by="alice"),
        refused(by_token(get("/v2/token")), ErrorCode.UNAUTHORIZED),
        refused(by_token(get(TOKENS)), ErrorCode.DENIED),
    ),
    secured(
        "tokens by a form, and again by a refresh token",
        GIVEN,
        Step(
            **{
                **vars(
                    form(
                        grant_type="password",
                        username="alice",
                        password="alice-secret",
                        access_type="offline",
                        client_id="docker",
                        scope=PULL,
                    )
                ),
                "save": {"token": "json:access_token", "refresh": "json:refresh_token"},
            }
        ),
        by_token(get(TAG)),
        refused(get(TAG, headers={"Authorization": "Bearer {refresh}"}), ErrorCode.UNAUTHORIZED),
        post(
            "/v2/token",
            b"grant_type=refresh_token&refresh_token=%s",
            headers=FORM,
            status=401,
        ),
        spec="Docker oauth2",
    ),
    secured(
        "a form that asks for nothing that there is",
        *(
            refused(post("/v2/token", body, headers=FORM), ErrorCode.BAD_REQUEST)
            for body in (b"", b"grant_type=code", b"\xff\xfe", b"{}", b"a=1&" * 300)
        ),
        form(grant_type="password"),
        spec="Docker oauth2",
    ),
    case(
        "an open registry gives tokens as well, to whoever asks",
        "Docker token",
        pushed("acme/app", "v1"),
        token("repository:acme/app:pull"),
        by_token(get("/v2/acme/app/manifests/v1")),
        get("/v2/acme/app/manifests/v1", headers={"Authorization": "Bearer abc"}),
    ),
    secured(
        "by default the challenge is Basic, a constant",
        refused(
            get(TAG), ErrorCode.UNAUTHORIZED, **{"WWW-Authenticate": 'Basic realm="Roadstead"'}
        ),
        challenge=Challenge.BASIC,
    ),
)

API_TOKENS = (
    secured(
        "an API token is a password with limits, shown once",
        GIVEN,
        made(expires_in_days=30),
        as_ci(get(TAG)),
        refused(as_ci(put(TAG, image())), ErrorCode.DENIED),
        refused(as_ci(get(f"/v2/{PUBLIC}/blobs/{of(CONFIG)}")), ErrorCode.DENIED),
        as_ci(get("/v2/")),
        as_ci(get("/v2/_catalog", answer_json={"repositories": [PRIVATE]})),
        get(
            TOKENS,
            login="alice",
            save={"seen": "json:tokens.0.label"},
            answers={"Cache-Control": "no-store"},
        ),
    ),
    secured(
        "an API token gets Bearer tokens within its limits",
        GIVEN,
        made(scopes=["repository:alice/pri*:pull,push"]),
        as_ci(token(PUSH, f"repository:{PUBLIC}:pull", "registry:catalog:*")),
        by_token(get(TAG)),
        by_token(blob(PRIVATE, b"by a machine")),
        refused(by_token(get(f"/v2/{PUBLIC}/manifests/latest")), ErrorCode.DENIED),
        refused(by_token(get("/v2/_catalog")), ErrorCode.UNAUTHORIZED),
    ),
    secured(
        "a revoked API token ends, with all that was got with it",
        GIVEN,
        made(),
        as_ci(token(PULL)),
        by_token(get(TAG)),
        delete(f"{TOKENS}/{{id}}", login="alice"),
        refused(as_ci(get(TAG)), ErrorCode.UNAUTHORIZED),
        refused(by_token(get(TAG)), ErrorCode.UNAUTHORIZED),
        get(TOKENS, login="alice", answer_json={"tokens": []}),
        refused(delete(f"{TOKENS}/{{id}}", login="alice"), ErrorCode.NOT_FOUND),
    ),
    secured(
        "an API token ends at its second",
        GIVEN,
        made(expires_in_days=1),
        as_ci(token(PULL)),
        Step(**{**vars(as_ci(get(TAG))), "wait_s": 24 * 3600 - 31}),
        as_ci(token(PULL)),
        Step(**{**vars(refused(as_ci(get(TAG)), ErrorCode.UNAUTHORIZED)), "wait_s": 31}),
        refused(by_token(get(TAG)), ErrorCode.UNAUTHORIZED),
        get(TOKENS, login="alice", answer_json={"tokens": []}),
    ),
    secured(
        "an API token never gives more than its account has",
        GIVEN,
        made(by="bob", scopes=["repository:*:*"]),
        refused(as_ci(get(TAG), "bob"), ErrorCode.DENIED),
        as_ci(get(f"/v2/{PUBLIC}/manifests/latest"), "bob"),
        as_ci(blob("bob/app", LAYER), "bob"),
    ),
    secured(
        "an API token changes no account and makes no token",
        made(scopes=["repository:*:*"]),
        refused(as_ci(post(TOKENS, ANY)), ErrorCode.DENIED),
        refused(as_ci(get(TOKENS)), ErrorCode.DENIED),
        as_ci(put("/v1/users/alice", {"password": "another-long-one"}, status=403)),
    ),
    secured(
        "an API token is its account's alone",
        GIVEN,
        made(),
        refused(as_ci(get(TAG), "bob"), ErrorCode.UNAUTHORIZED),
        refused(delete(f"{TOKENS}/{{id}}", login="bob"), ErrorCode.NOT_FOUND),
        get(TOKENS, login="bob", answer_json={"tokens": []}),
        refused(get(TAG, login="alice:rst_0123456789abcdef_" + "A" * 43), ErrorCode.UNAUTHORIZED),
    ),
    secured(
        "an API token that is asked for wrongly",
        *(
            refused(made(status=400, **asked), ErrorCode.BAD_REQUEST)
            for asked in (
                {"label": ""},
                {"label": 7},
                {"label": "x" * 101},
                {"label": "a\nb"},
                {"scopes": []},
                {"scopes": "repository:a/b:pull"},
                {"scopes": ["repository:a/b:fly"]},
                {"scopes": ["registry:catalog:*"]},
                {"scopes": ["repository:A/b:pull"]},
                {"scopes": ["repository:a/b:"]},
                {"scopes": [7]},
                {"scopes": ["repository:a/b:pull"] * 21},
                {"expires_in_days": 0},
                {"expires_in_days": -1},
                {"expires_in_days": 1.5},
                {"expires_in_days": True},
                {"expires_in_days": 4000},
                {"expires_in_days": "30"},
            )
        ),
        refused(post(TOKENS, b"{", login="alice"), ErrorCode.BAD_REQUEST),
        refused(post(TOKENS, b"[]", login="alice"), ErrorCode.BAD_REQUEST),
    ),
    case(
        "an open registry has no API tokens",
        "ours",
        refused(get(TOKENS), ErrorCode.UNSUPPORTED),
        refused(post(TOKENS, ANY), ErrorCode.UNSUPPORTED),
        refused(delete(f"{TOKENS}/abc"), ErrorCode.UNSUPPORTED),
    ),
)

CATALOG = (
    secured(
        "the catalog shows one's own repositories and what one was granted",
        GIVEN,
        login("bob", pushed("bob/app", "v1"), pushed("bob/zoo", "v1")),
        put(f"/v1/repositories/{PRIVATE}/grants/bob", READ, login="alice", status=200),
        get("/v2/_catalog", login="alice", answer_json={"repositories": [PRIVATE, PUBLIC]}),
        get(
            "/v2/_catalog",
            login="bob",
            answer_json={"repositories": [PRIVATE, "bob/app", "bob/zoo"]},
        ),
        get(
            "/v2/_catalog?n=1",
            login="bob",
            answer_json={"repositories": [PRIVATE]},
            answers={"Link": '</v2/_catalog?n=1&last=alice%2Fprivate>; rel="next"'},
        ),
        get(
            f"/v2/_catalog?n=1&last={PRIVATE}",
            login="bob",
            answer_json={"repositories": ["bob/app"]},
            answers={"Link": ...},
        ),
        get(
            "/v2/_catalog?n=1&last=bob/app",
            login="bob",
            answer_json={"repositories": ["bob/zoo"]},
            answers={"Link": ABSENT},
        ),
        spec="Docker v2",
    ),
    secured(
        "an administrator's catalog has the library",
        login("root", pushed("library/busybox", "v1"), pushed("root/own", "v1")),
        get("/v2/_catalog", login="root", answer_json={"repositories": ["busybox", "root/own"]}),
        get("/v2/_catalog", login="bob", answer_json={"repositories": []}),
        spec="Docker v2",
    ),
)

CASES = (*BEARERS, *API_TOKENS, *CATALOG)
