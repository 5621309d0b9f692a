"""Tag rules and history, through both protocols. Ours, as people know them from paid registries."""

from __future__ import annotations

from typing import Any

from chalicelib.domain.access import Mode
from chalicelib.domain.errors import ErrorCode
from tests.conformance.bodies import CONFIG, LAYER, OTHER, image, push, pushed
from tests.conformance.cases import (
    ABSENT,
    Step,
    blob,
    case,
    delete,
    get,
    login,
    of,
    put,
    refused,
)
from tests.conformance.v1 import image as v1_image
from tests.conformance.v1 import tag as v1_tag
from tests.conformance.v1 import uploaded

R = "acme/app"
RULES = f"/v2/{R}/_roadstead/tags/rules"
FIRST, SECOND = image(), image(changed := "application/vnd.oci.image.manifest.v1+json", OTHER)
V1_ONE, V1_TWO = v1_image(1), v1_image(2)


def rule(pattern: str, **flags: bool) -> dict[str, Any]:
    return {"pattern": pattern, "immutable": False, "protected": False, **flags}


def rules(*listed: dict[str, Any], **more: Any) -> Step:
    document = {"rules": list(listed)}
    return put(RULES, document, **{"status": 200, "answer_json": document, **more})


def pushes(tag: str, raw: bytes = SECOND) -> Step:
    return push(R, tag, raw)


def history(tag: str, query: str = "", **more: Any) -> Step:
    return get(f"/v2/{R}/_roadstead/tags/{tag}/history{query}", **more)


GIVEN = (*pushed(R, "v1", "latest"), blob(R, OTHER))

CASES = (
    case(
        "an immutable tag is pushed once, and then only the same",
        "ours",
        GIVEN,
        rules(rule("v*", immutable=True)),
        get(RULES, answer_json={"rules": [rule("v*", immutable=True)]}),
        refused(pushes("v1"), ErrorCode.TAG_IMMUTABLE),
        pushes("v1", FIRST),
        pushes("v2"),
        refused(pushes("v2", FIRST), ErrorCode.TAG_IMMUTABLE),
        pushes("latest"),
        get(f"/v2/{R}/manifests/v1", answer_body=FIRST),
    ),
    case(
        "one immutable tag among many keeps all of them where they are",
        "ours",
        GIVEN,
        rules(rule("v1", immutable=True)),
        refused(
            put(
                f"/v2/{R}/manifests/{of(SECOND)}?tag=a&tag=v1",
                SECOND,
                headers={"Content-Type": changed},
            ),
            ErrorCode.TAG_IMMUTABLE,
        ),
        get(f"/v2/{R}/tags/list", answer_json={"name": R, "tags": ["latest", "v1"]}),
    ),
    case(
        "v1 keeps to the rules of tags",
        "ours",
        uploaded(V1_ONE, V1_TWO),
        v1_tag(R, "latest", V1_TWO),
        rules(rule("*", immutable=True, protected=True)),
        v1_tag(R, "new", V1_ONE),
        v1_tag(R, "new", V1_ONE),
        v1_tag(R, "new", V1_TWO, status=409),
        *(
            Step("DELETE", f"/v1/repositories/{R}/{tail}", status=409)
            for tail in ("tags/new", "tags", "")
        ),
        blob(R, CONFIG),
        blob(R, LAYER),
        refused(push(R, "new", FIRST), ErrorCode.TAG_IMMUTABLE),
    ),
    case(
        "a protected tag is not deleted, nor the manifest below it",
        "ours",
        GIVEN,
        rules(rule("v1", protected=True)),
        refused(delete(f"/v2/{R}/manifests/v1"), ErrorCode.TAG_PROTECTED),
        refused(delete(f"/v2/{R}/manifests/{of(FIRST)}"), ErrorCode.TAG_PROTECTED),
        get(f"/v2/{R}/tags/list", answer_json={"name": R, "tags": ["latest", "v1"]}),
        delete(f"/v2/{R}/manifests/latest", status=202),
        pushes("v1"),
        delete(f"/v2/{R}/manifests/{of(FIRST)}", status=202),
        rules(),
        delete(f"/v2/{R}/manifests/v1", status=202),
    ),
    case(
        "rules that are none, and a repository that is none",
        "ours",
        pushed(R, "v1"),
        *(
            refused(put(RULES, document), ErrorCode.BAD_REQUEST)
            for document in (
                b"{",
                b"",
                [],
                {"rules": {}},
                {"rules": [1]},
                {"rules": [{}]},
                {"rules": [rule("v*")]},
                {"rules": [rule("", immutable=True)]},
                {"rules": [rule("a b", immutable=True)]},
                {"rules": [{"pattern": "v*", "immutable": 1}]},
                {"rules": [{"pattern": "v*", "immutable": True, "more": 1}]},
                {"rules": [rule(f"v{n}", immutable=True) for n in range(51)]},
            )
        ),
        get(RULES, answer_json={"rules": []}),
        refused(get("/v2/no/where/_roadstead/tags/rules"), ErrorCode.NAME_UNKNOWN),
        refused(put("/v2/no/where/_roadstead/tags/rules", {"rules": []}), ErrorCode.NAME_UNKNOWN),
    ),
    case(
        "a tag's history, the newest first, in pages",
        "ours",
        GIVEN,
        pushes("v1"),
        delete(f"/v2/{R}/manifests/v1", status=202),
        history("v1", save={"digest": "json:events.1.digest", "action": "json:events.0.action"}),
        get(f"/v2/{R}/manifests/{{digest}}", answer_body=SECOND),
        history("v1", "?n=2", answers={"Link": ...}),
        history("v1", "?n=3", answers={"Link": ABSENT}),
        refused(history("never"), ErrorCode.MANIFEST_UNKNOWN),
        refused(history("-x"), ErrorCode.TAG_INVALID),
    ),
    case(
        "a history tells who, and of v1 the image",
        "ours",
        login("alice", pushed("alice/app", "v1")),
        get(
            "/v2/alice/app/_roadstead/tags/v1/history",
            login="alice",
            save={"by": "json:events.0.by"},
        ),
        put(
            "/v1/repositories/alice/app/grants/{by}", {"access": "read"}, login="alice", status=200
        ),
        refused(get("/v2/alice/app/_roadstead/tags/v1/history", login="bob"), ErrorCode.DENIED),
        refused(
            put("/v2/alice/app/_roadstead/tags/rules", {"rules": []}, login="bob"),
            ErrorCode.DENIED,
        ),
        mode=Mode.ACCOUNTS,
    ),
)
