"""Retention rules and their preview. Ours."""

from __future__ import annotations

from typing import Any

from chalicelib.domain.access import Mode
from chalicelib.domain.errors import ErrorCode
from tests.conformance.bodies import OCI, OTHER, image, push, pushed
from tests.conformance.cases import blob, case, get, login, put, refused

R = "acme/app"
RULES = f"/v2/{R}/_roadstead/retention"
NEWEST: dict[str, Any] = {"tags": "v*", "keep_newest": 1}
UNTAGGED: dict[str, Any] = {"untagged": True, "older_than_days": 7}

CASES = (
    case(
        "retention rules are kept, and their preview says what would go and why",
        "ours",
        (*pushed(R, "v1", "v2", "latest"), blob(R, OTHER), push(R, "v3", image(OCI, OTHER))),
        get(RULES, answer_json={"rules": []}),
        put(RULES, {"rules": [NEWEST, UNTAGGED]}, status=200),
        get(RULES, answer_json={"rules": [NEWEST, UNTAGGED]}),
        get(
            f"{RULES}/preview",
            answer_json={
                "going": [
                    {"kind": "tag", "name": n, "why": "rule for v*: not among the newest 1"}
                    for n in ("v2", "v3")
                ],
                "more": False,
            },
        ),
        put(RULES, {"rules": []}, status=200),
        get(f"{RULES}/preview", answer_json={"going": [], "more": False}),
    ),
    case(
        "retention rules that are none, and a repository that is none",
        "ours",
        pushed(R, "v1"),
        *(
            refused(put(RULES, document), ErrorCode.BAD_REQUEST)
            for document in (
                b"{",
                [],
                {"rules": {}},
                {"rules": [1]},
                {"rules": [{}]},
                {"rules": [{"tags": "v*"}]},
                {"rules": [{"tags": "a b", "keep_newest": 1}]},
                {"rules": [{"tags": "v*", "keep_newest": 0}]},
                {"rules": [{"tags": "v*", "keep_newest": True}]},
                {"rules": [{"untagged": True}]},
                {"rules": [{"untagged": False, "older_than_days": 1}]},
                {"rules": [{"untagged": True, "older_than_days": 1, "keep_newest": 1}]},
                {"rules": [{**NEWEST, "untagged": True}]},
                {"rules": [{**NEWEST, "more": 1}]},
                {"rules": [NEWEST] * 21},
            )
        ),
        refused(get("/v2/no/where/_roadstead/retention"), ErrorCode.NAME_UNKNOWN),
        refused(put("/v2/no/where/_roadstead/retention", {"rules": []}), ErrorCode.NAME_UNKNOWN),
        refused(get("/v2/no/where/_roadstead/retention/preview"), ErrorCode.NAME_UNKNOWN),
    ),
    case(
        "retention rules are the owner's",
        "ours",
        login("alice", pushed("alice/app", "v1")),
        refused(
            put("/v2/alice/app/_roadstead/retention", {"rules": []}, login="bob"),
            ErrorCode.DENIED,
        ),
        refused(get("/v2/alice/app/_roadstead/retention/preview", login="bob"), ErrorCode.DENIED),
        mode=Mode.ACCOUNTS,
    ),
)
