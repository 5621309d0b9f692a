"""Quotas of teams. Spec: ours. See docs/adr/0041-teams.md."""

from __future__ import annotations

from chalicelib.domain.errors import ErrorCode
from tests.conformance.bodies import CONFIG, LAYER, OTHER, image, pushed
from tests.conformance.cases import (
    blob,
    delete,
    get,
    head,
    login,
    of,
    patch,
    post,
    put,
    refused,
    start,
)
from tests.conformance.team_steps import (
    APP,
    DAY,
    IMAGE_BYTES,
    NOW,
    READS,
    TAG,
    denied,
    made,
    teams,
)

CASES = (
    teams(
        "a quota of bytes is held, and nothing is half stored",
        made(quota={"size_bytes": IMAGE_BYTES}),
        login(
            "alice",
            pushed(APP, "latest"),
            denied(blob(APP, OTHER)),
            denied(start(APP)),
            refused(get(f"/v2/{APP}/blobs/{of(OTHER)}"), ErrorCode.BLOB_UNKNOWN),
            # What the team has already costs nothing.
            blob("crew/more", LAYER),
            post(f"/v2/crew/third/blobs/uploads/?mount={of(LAYER)}&from={APP}", status=201),
            READS,
        ),
    ),
    teams(
        "a quota that is reached in the middle of a push refuses its end",
        made(quota={"size_bytes": len(LAYER)}),
        login(
            "alice",
            start(APP),
            patch("{location}", OTHER),
            blob(APP, LAYER),
            denied(put(f"{{location}}?digest={of(OTHER)}")),
            refused(get(f"/v2/{APP}/blobs/{of(OTHER)}"), ErrorCode.BLOB_UNKNOWN),
            # The claim was let go: the same refusal again, and then the end of the upload.
            denied(put(f"{{location}}?digest={of(OTHER)}")),
            delete("{location}"),
        ),
    ),
    teams(
        "a quota of repositories counts those that are there",
        made(quota={"repositories": 1}),
        login(
            "alice",
            pushed(APP, "latest"),
            pushed(APP, "other"),
            blob("crew/more", CONFIG),
            blob("crew/more", LAYER),
            denied(put("/v2/crew/more/manifests/latest", image())),
            put(
                "/v1/repositories/crew/more/",
                b"[]",
                status=403,
                answer_json={"error": "this team may have one repository, and has it"},
            ),
            put(f"/v1/repositories/{APP}/", b"[]", status=200),
            put(f"/v2/{APP}/_roadstead/expiry", {"expires_in_s": 60}, status=200),
            put("/v2/crew/more/manifests/latest", image(), wait_s=60),
        ),
    ),
    teams(
        "a quota of pulls counts manifests that are got, day by day",
        made(quota={"pulls_a_day": 2}),
        login(
            "alice",
            pushed(APP, "latest"),
            head(TAG),
            get(TAG),
            get(f"/v2/{APP}/manifests/{of(image())}"),
            head(TAG),
            refused(
                get(TAG),
                ErrorCode.TOO_MANY_PULLS,
                **{"Retry-After": str(DAY - NOW % DAY)},
            ),
            refused(
                get(f"/v2/{APP}/manifests/{of(image())}"),
                ErrorCode.TOO_MANY_PULLS,
            ),
            get(f"/v2/{APP}/blobs/{of(LAYER)}", status=307),
            get(TAG, wait_s=DAY - NOW % DAY),
        ),
    ),
    teams(
        "a quota of pulls counts v1's image lists, with which its pulls begin",
        made(quota={"pulls_a_day": 2}),
        login(
            "alice",
            pushed(APP, "latest"),
            head(f"/v1/repositories/{APP}/images"),
            get(f"/v1/repositories/{APP}/images"),
            refused(get("/v1/repositories/crew/none/images"), ErrorCode.V1_IMAGES_UNKNOWN),
            get(TAG),
            refused(
                get(f"/v1/repositories/{APP}/images"),
                ErrorCode.TOO_MANY_PULLS,
                **{"Retry-After": str(DAY - NOW % DAY)},
            ),
            refused(get(TAG), ErrorCode.TOO_MANY_PULLS),
            head(f"/v1/repositories/{APP}/images"),
            get(f"/v1/repositories/{APP}/tags"),
            get(f"/v1/repositories/{APP}/images", wait_s=DAY - NOW % DAY),
        ),
    ),
    teams(
        "a quota of no pulls lets nobody pull",
        made(quota={"pulls_a_day": 0}),
        login("alice", pushed(APP, "latest"), refused(get(TAG), ErrorCode.TOO_MANY_PULLS)),
    ),
)
