"""What the cases of teams and of ends share: Alice's team crew, and what is said of it."""

from __future__ import annotations

from typing import Any

from chalicelib.domain.access import Mode
from chalicelib.domain.errors import ErrorCode
from tests.conformance.bodies import CONFIG, LAYER, OCI, OTHER, image
from tests.conformance.cases import (
    Case,
    Step,
    case,
    delete,
    get,
    of,
    post,
    put,
    refused,
)

TEAMS, CREW = "/v2/_roadstead/teams", "/v2/_roadstead/teams/crew"
APP, TAG = "crew/app", "/v2/crew/app/manifests/latest"
# Every case begins at this second: 2027-01-15T08:00:00Z.
NOW, HOUR, DAY = 1_800_000_000, 3600, 24 * 3600
ENTERED = {"save": {"code": "json:code"}, "status": 201}
FEW = {"label": "ci", "scopes": ["repository:crew/app:pull,push"]}
NO_QUOTA = {"size_bytes": None, "repositories": None, "pulls_a_day": None}
IMAGE_BYTES = len(LAYER) + len(CONFIG)
NEXT = image(OCI, OTHER)


def teams(name: str, *steps: Step | tuple[Step, ...], **more: Any) -> Case:
    return case(name, "ours", *steps, mode=Mode.ACCOUNTS, **more)


def made(**asked: Any) -> Step:
    """Alice makes a team; all cases have this one."""
    return post(TEAMS, {"name": "crew", **asked}, status=201, login="alice")


def joined(role: str, who: str = "bob") -> tuple[Step, ...]:
    return (
        post(f"{CREW}/invitations", {"role": role}, login="alice", **ENTERED),
        post(f"{CREW}/members", {"code": "{code}"}, status=201, login=who),
    )


def machine(**asked: Any) -> Step:
    save = {"secret": "json:secret", "id": "json:id"}
    return post(f"{CREW}/tokens", {**FEW, **asked}, status=201, login="alice", save=save)


def unknown(step: Step) -> Step:
    return refused(step, ErrorCode.TEAM_UNKNOWN)


def denied(step: Step) -> Step:
    return refused(step, ErrorCode.DENIED)


def bad(step: Step) -> Step:
    return refused(step, ErrorCode.BAD_REQUEST)


READS = (
    get(TAG),
    get(f"/v2/{APP}/manifests/{of(image())}"),
    get(f"/v2/{APP}/tags/list"),
    get(f"/v2/{APP}/blobs/{of(LAYER)}", status=307),
    get(f"/v2/{APP}/referrers/{of(image())}"),
)
GONE = (
    refused(get(TAG), ErrorCode.MANIFEST_UNKNOWN),
    refused(get(f"/v2/{APP}/manifests/{of(image())}"), ErrorCode.MANIFEST_UNKNOWN),
    refused(get(f"/v2/{APP}/tags/list"), ErrorCode.NAME_UNKNOWN),
    refused(get(f"/v2/{APP}/blobs/{of(LAYER)}"), ErrorCode.BLOB_UNKNOWN),
    refused(get(f"/v2/{APP}/_roadstead/tags/latest/history"), ErrorCode.MANIFEST_UNKNOWN),
    refused(get(f"/v2/{APP}/_roadstead/tags/rules"), ErrorCode.NAME_UNKNOWN),
    refused(get(f"/v2/{APP}/_roadstead/expiry"), ErrorCode.NAME_UNKNOWN),
    refused(get(f"/v2/{APP}/_roadstead/tags/latest/expiry"), ErrorCode.MANIFEST_UNKNOWN),
    refused(delete(TAG), ErrorCode.MANIFEST_UNKNOWN),
    refused(delete(f"/v2/{APP}/manifests/{of(image())}"), ErrorCode.MANIFEST_UNKNOWN),
    refused(delete(f"/v2/{APP}/blobs/{of(LAYER)}"), ErrorCode.BLOB_UNKNOWN),
    refused(get(f"/v1/repositories/{APP}/tags"), ErrorCode.V1_REPOSITORY_UNKNOWN),
    refused(get(f"/v1/repositories/{APP}/tags/latest"), ErrorCode.V1_TAG_UNKNOWN),
    refused(get(f"/v1/repositories/{APP}/images"), ErrorCode.V1_IMAGES_UNKNOWN),
    get("/v2/_catalog", answer_json={"repositories": []}),
)


def tag_end(seconds: int | None, **more: Any) -> Step:
    asked = {"expires_at": None} if seconds is None else {"expires_in_s": seconds}
    return put(f"/v2/{APP}/_roadstead/tags/latest/expiry", asked, **{"status": 200, **more})


def repository_end(seconds: int | None, **more: Any) -> Step:
    asked = {"expires_at": None} if seconds is None else {"expires_in_s": seconds}
    return put(f"/v2/{APP}/_roadstead/expiry", asked, **{"status": 200, **more})
