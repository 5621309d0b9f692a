"""Machine tokens of teams. Spec: ours. See docs/adr/0041-teams.md."""

from __future__ import annotations

from chalicelib.domain.errors import ErrorCode
from tests.conformance.bodies import pushed
from tests.conformance.cases import (
    delete,
    get,
    login,
    post,
    refused,
)
from tests.conformance.team_steps import (
    APP,
    CREW,
    DAY,
    FEW,
    READS,
    TAG,
    TEAMS,
    bad,
    denied,
    machine,
    made,
    teams,
)

CASES = (
    teams(
        "a machine token speaks for its team, within its scopes",
        made(),
        machine(),
        login("crew:{secret}", pushed(APP, "latest"), READS),
        login("crew:{secret}", denied(get("/v2/crew/other/tags/list"))),
        login("crew:{secret}", denied(get(CREW)), denied(get(TEAMS))),
        login("crew:{secret}", denied(post(TEAMS, {"name": "more"}))),
        login("crew:{secret}", denied(post(f"{CREW}/tokens", FEW))),
        login("crew:{secret}", denied(delete(TAG))),
        login("crew:{secret}", get("/v2/_catalog", answer_json={"repositories": [APP]})),
        get(
            f"/v2/token?scope=repository:{APP}:pull",
            login="crew:{secret}",
            save={"token": "json:token"},
        ),
        get(TAG, headers={"Authorization": "Bearer {token}"}),
        refused(
            get(TAG, login="alice:{secret}"), ErrorCode.UNAUTHORIZED, **{"WWW-Authenticate": ...}
        ),
        get(f"{CREW}/tokens", login="alice"),
        delete(f"{CREW}/tokens/{{id}}", login="alice"),
        refused(
            get(TAG, login="crew:{secret}"), ErrorCode.UNAUTHORIZED, **{"WWW-Authenticate": ...}
        ),
        refused(
            get(TAG, headers={"Authorization": "Bearer {token}"}),
            ErrorCode.UNAUTHORIZED,
            **{"WWW-Authenticate": ...},
        ),
        refused(delete(f"{CREW}/tokens/{{id}}", login="alice"), ErrorCode.NOT_FOUND),
    ),
    *(
        teams(
            f"a machine token cannot be made for {scope!r}",
            made(),
            login("alice", bad(post(f"{CREW}/tokens", {"label": "x", "scopes": [scope]}))),
        )
        for scope in (
            "repository:*:pull",
            "repository:alice/app:pull",
            "repository:crew*:pull",
            "repository:crew2/app:pull",
            "registry:catalog:*",
            "",
        )
    ),
    teams(
        "a machine token ends with its day, and with its team",
        made(expires_in_s=40 * DAY),
        machine(expires_in_days=1),
        login("crew:{secret}", pushed(APP, "latest")),
        refused(
            get(TAG, login="crew:{secret}", wait_s=DAY),
            ErrorCode.UNAUTHORIZED,
            **{"WWW-Authenticate": ...},
        ),
        machine(expires_in_days=365),
        get(TAG, login="crew:{secret}"),
        get(
            f"/v2/token?scope=repository:{APP}:pull",
            login="crew:{secret}",
            wait_s=39 * DAY - 1,
            save={"token": "json:token"},
        ),
        get(TAG, login="crew:{secret}"),
        refused(
            get(TAG, login="crew:{secret}", wait_s=1),
            ErrorCode.UNAUTHORIZED,
            **{"WWW-Authenticate": ...},
        ),
        refused(get(TAG, headers={"Authorization": "Bearer {token}"}), ErrorCode.MANIFEST_UNKNOWN),
    ),
)
