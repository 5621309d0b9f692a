"""Teams, their members, tokens and quotas; ends of teams, repositories and tags. Spec: ours.

See docs/adr/0041-teams.md and docs/adr/0042-expiry.md.
"""

from __future__ import annotations

from typing import Any

from chalicelib.domain.access import Mode
from chalicelib.domain.errors import ErrorCode
from tests.conformance.bodies import CONFIG, LAYER, OCI, OTHER, image, pushed
from tests.conformance.cases import (
    Case,
    Step,
    blob,
    case,
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

MEMBERS = (
    teams(
        "a team is made, shown, and pushed to by its owner",
        made(),
        get(
            TEAMS,
            login="alice",
            answer_json={
                "teams": [
                    {
                        "name": "crew",
                        "role": "owner",
                        "created_at": "2027-01-15T08:00:00Z",
                        "expires_at": None,
                        "quota": NO_QUOTA,
                        "expires_tags_by_name": False,
                    }
                ]
            },
        ),
        login("alice", pushed(APP, "latest"), READS),
        login(
            "alice",
            get(
                CREW,
                answer_json={
                    "name": "crew",
                    "role": "owner",
                    "created_at": "2027-01-15T08:00:00Z",
                    "expires_at": None,
                    "quota": NO_QUOTA,
                    "expires_tags_by_name": False,
                    "usage": {"size_bytes": IMAGE_BYTES, "repositories": 1, "pulls_today": None},
                    "warnings": [],
                },
            ),
            get("/v2/_catalog", answer_json={"repositories": [APP]}),
        ),
    ),
    teams(
        "a name is had once, by a team or by an account",
        made(),
        login(
            "bob",
            refused(post(TEAMS, {"name": "crew"}), ErrorCode.TEAM_EXISTS),
            refused(post(TEAMS, {"name": "alice"}), ErrorCode.TEAM_EXISTS),
        ),
        login("root", pushed("loose/app", "latest")),
        login("bob", refused(post(TEAMS, {"name": "loose"}), ErrorCode.TEAM_EXISTS)),
    ),
    *(
        teams(
            f"a team cannot be made of {asked!r}",
            login("alice", bad(post(TEAMS, asked))),
            login("alice", get(TEAMS, answer_json={"teams": []})),
        )
        for asked in (
            {},
            {"name": "library"},
            {"name": "open"},
            {"name": "UPPER"},
            {"name": "a"},
            {"name": "a/b"},
            {"name": "x" * 65},
            {"name": 7},
            {"name": "crew", "colour": "red"},
            {"name": "crew", "expires_in_s": 0},
            {"name": "crew", "expires_in_s": -5},
            {"name": "crew", "expires_in_s": 100 * 365 * DAY},
            {"name": "crew", "expires_in_s": True},
            {"name": "crew", "expires_in_s": 1.5},
            {"name": "crew", "expires_at": "2027-01-15T08:00:00Z"},
            {"name": "crew", "expires_at": "2127-01-15T08:00:00Z"},
            {"name": "crew", "expires_at": "2027-02-01T08:00:00"},
            {"name": "crew", "expires_at": "soon"},
            {"name": "crew", "expires_at": None, "expires_in_s": 60},
            {"name": "crew", "quota": 5},
            {"name": "crew", "quota": {"size_bytes": -1}},
            {"name": "crew", "quota": {"size_bytes": "much"}},
            {"name": "crew", "quota": {"size_bytes": True}},
            {"name": "crew", "quota": {"tags": 1}},
            {"name": "crew", "expires_tags_by_name": 1},
        )
    ),
    teams(
        "who is in no team is told nothing of it",
        made(),
        login("alice", pushed(APP, "latest")),
        machine(),
        login(
            "bob",
            unknown(get(CREW)),
            unknown(put(CREW, {"expires_in_s": 60})),
            unknown(delete(CREW)),
            unknown(get(f"{CREW}/members")),
            unknown(post(f"{CREW}/invitations", {"role": "owner"})),
            unknown(post(f"{CREW}/members", {"code": "0" * 32})),
            unknown(put(f"{CREW}/members/bob", {"role": "owner"})),
            unknown(delete(f"{CREW}/members/alice")),
            unknown(get(f"{CREW}/tokens")),
            unknown(post(f"{CREW}/tokens", FEW)),
            unknown(delete(f"{CREW}/tokens/{{id}}")),
            *map(denied, READS),
            get(TEAMS, answer_json={"teams": []}),
            get("/v2/_catalog", answer_json={"repositories": []}),
        ),
        login("bob", unknown(get(f"{TEAMS}/nothing"))),
    ),
    teams(
        "a reader pulls and no more",
        made(),
        login("alice", pushed(APP, "latest")),
        joined("reader"),
        login("bob", READS, get("/v2/_catalog", answer_json={"repositories": [APP]})),
        login(
            "bob",
            denied(post(f"/v2/{APP}/blobs/uploads/")),
            denied(put(TAG, image())),
            denied(delete(TAG)),
            denied(put(f"/v2/{APP}/_roadstead/expiry", {"expires_in_s": 60})),
            denied(put(f"/v2/{APP}/_roadstead/tags/latest/expiry", {"expires_in_s": 60})),
            get(f"{CREW}/members"),
            get(CREW),
            denied(put(CREW, {"expires_in_s": 60})),
            denied(delete(CREW)),
            denied(post(f"{CREW}/invitations", {"role": "reader"})),
            denied(put(f"{CREW}/members/bob", {"role": "owner"})),
            denied(delete(f"{CREW}/members/alice")),
            denied(get(f"{CREW}/tokens")),
            denied(post(f"{CREW}/tokens", FEW)),
        ),
    ),
    teams(
        "a writer pushes and deletes tags, and changes nothing of the repository",
        made(),
        joined("writer"),
        login("bob", pushed(APP, "latest"), READS, delete(TAG, status=202)),
        login(
            "bob",
            denied(put(f"/v2/{APP}/_roadstead/tags/rules", {"rules": []})),
            refused(delete(f"/v1/repositories/{APP}/"), ErrorCode.V1_DENIED),
            denied(put(f"/v2/{APP}/_roadstead/expiry", {"expires_in_s": 60})),
        ),
    ),
    teams(
        "an owner does all, and a role can be changed",
        made(),
        joined("writer"),
        login("alice", pushed(APP, "latest")),
        login("alice", put(f"{CREW}/members/bob", {"role": "owner"}, status=200)),
        login("bob", put(f"/v2/{APP}/_roadstead/tags/rules", {"rules": []}, status=200)),
        login("bob", delete(f"{CREW}/members/alice")),
        login("alice", unknown(get(CREW)), *map(denied, READS)),
        login("bob", refused(delete(f"{CREW}/members/bob"), ErrorCode.LAST_OWNER)),
        login("bob", refused(put(f"{CREW}/members/bob", {"role": "reader"}), ErrorCode.LAST_OWNER)),
        login("bob", bad(put(f"{CREW}/members/bob", {"role": "king"}))),
        login("bob", refused(delete(f"{CREW}/members/carol"), ErrorCode.MEMBER_UNKNOWN)),
        login(
            "bob",
            refused(put(f"{CREW}/members/carol", {"role": "reader"}), ErrorCode.MEMBER_UNKNOWN),
        ),
    ),
    teams(
        "an invitation serves once, for its own team, and runs out",
        made(),
        post(TEAMS, {"name": "other"}, status=201, login="alice"),
        post(f"{CREW}/invitations", {"role": "writer"}, login="alice", **ENTERED),
        login("bob", unknown(post(f"{TEAMS}/other/members", {"code": "{code}"}))),
        login("alice", refused(post(f"{CREW}/members", {"code": "{code}"}), ErrorCode.TEAM_EXISTS)),
        login("bob", post(f"{CREW}/members", {"code": "{code}"}, status=201)),
        login("root", unknown(post(f"{CREW}/members", {"code": "{code}"}))),
        login("alice", bad(post(f"{CREW}/invitations", {"role": "king"}))),
        login("alice", bad(post(f"{CREW}/invitations", {"role": "reader", "for": "bob"}))),
        login("alice", bad(post(f"{CREW}/members", {}))),
        post(f"{CREW}/invitations", {"role": "writer"}, login="alice", **ENTERED),
        login("root", unknown(post(f"{CREW}/members", {"code": "{code}"}, wait_s=7 * DAY))),
    ),
    teams(
        "a member leaves by themselves",
        made(),
        joined("reader"),
        login("bob", delete(f"{CREW}/members/bob"), unknown(get(CREW))),
        login("alice", refused(delete(f"{CREW}/members/alice"), ErrorCode.LAST_OWNER)),
    ),
    teams(
        "a member removed while pushing pushes no further, by password or by token",
        made(),
        joined("writer"),
        get(
            f"/v2/token?scope=repository:{APP}:pull,push",
            login="bob",
            save={"token": "json:token"},
        ),
        put(
            f"/v1/repositories/{APP}/",
            b"[]",
            status=200,
            login="bob",
            headers={"X-Docker-Token": "true"},
            save={"v1": "header:X-Docker-Token"},
        ),
        start(APP, login="bob"),
        patch("{location}", LAYER, login="bob"),
        delete(f"{CREW}/members/bob", login="alice"),
        denied(put(f"{{location}}?digest={of(LAYER)}", login="bob")),
        refused(
            put(f"{{location}}?digest={of(LAYER)}", headers={"Authorization": "Bearer {token}"}),
            ErrorCode.UNAUTHORIZED,
            **{"WWW-Authenticate": ...},
        ),
        refused(
            put(f"/v1/repositories/{APP}/images", b"[]", headers={"Authorization": "{v1}"}),
            ErrorCode.V1_UNAUTHORIZED,
            **{"WWW-Authenticate": ...},
        ),
        refused(get(f"/v2/{APP}/blobs/{of(LAYER)}", login="alice"), ErrorCode.BLOB_UNKNOWN),
    ),
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
    teams(
        "no team mounts what another has",
        made(),
        post(TEAMS, {"name": "other"}, status=201, login="bob"),
        login("alice", pushed(APP, "latest")),
        login(
            "bob",
            post(
                f"/v2/other/app/blobs/uploads/?mount={of(LAYER)}&from={APP}",
                answers={"Location": ..., "Docker-Content-Digest": None},
            ),
            post(
                f"/v2/other/app/blobs/uploads/?mount={of(LAYER)}",
                answers={"Location": ..., "Docker-Content-Digest": None},
            ),
            refused(get(f"/v2/other/app/blobs/{of(LAYER)}"), ErrorCode.BLOB_UNKNOWN),
        ),
    ),
    teams(
        "only an owner changes a team, and only an administrator raises its quota",
        made(quota={"size_bytes": 1000}),
        login(
            "alice",
            put(CREW, {"quota": {"size_bytes": 500, "repositories": 3}}, status=200),
            denied(put(CREW, {"quota": {"size_bytes": 501}})),
            denied(put(CREW, {"quota": {"repositories": None}})),
            put(CREW, {"expires_tags_by_name": True}, status=200),
            put(CREW, {}, status=200),
            bad(put(CREW, {"name": "other"})),
        ),
        login("root", put(CREW, {"quota": {"size_bytes": None}}, status=200)),
    ),
    case(
        "an open registry has no teams",
        "ours",
        refused(post(TEAMS, {"name": "crew"}), ErrorCode.UNSUPPORTED),
        refused(get(CREW), ErrorCode.UNSUPPORTED),
    ),
)

QUOTAS = (
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
                answer_json={"error": "this team may have 1 repositories, and has them"},
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
        "a quota of no pulls lets nobody pull",
        made(quota={"pulls_a_day": 0}),
        login("alice", pushed(APP, "latest"), refused(get(TAG), ErrorCode.TOO_MANY_PULLS)),
    ),
)


def tag_end(seconds: int | None, **more: Any) -> Step:
    asked = {"expires_at": None} if seconds is None else {"expires_in_s": seconds}
    return put(f"/v2/{APP}/_roadstead/tags/latest/expiry", asked, **{"status": 200, **more})


def repository_end(seconds: int | None, **more: Any) -> Step:
    asked = {"expires_at": None} if seconds is None else {"expires_in_s": seconds}
    return put(f"/v2/{APP}/_roadstead/expiry", asked, **{"status": 200, **more})


EXPIRY = (
    teams(
        "a team that expires is gone from that second on, for everybody",
        made(expires_in_s=HOUR),
        joined("reader"),
        login("alice", pushed(APP, "latest")),
        put(f"/v1/repositories/{APP}/properties", {"access": "public"}, status=200, login="alice"),
        get(TAG, wait_s=HOUR - 1),
        refused(get(TAG, wait_s=1), ErrorCode.UNAUTHORIZED, **{"WWW-Authenticate": ...}),
        login("alice", unknown(get(CREW)), *map(denied, READS)),
        login("bob", unknown(get(CREW)), *map(denied, READS)),
        login("alice", get(TEAMS, answer_json={"teams": []})),
        login("alice", get("/v2/_catalog", answer_json={"repositories": []})),
        login("alice", denied(post(f"/v2/{APP}/blobs/uploads/"))),
        login("alice", refused(post(TEAMS, {"name": "crew"}), ErrorCode.TEAM_EXISTS)),
        login("root", GONE[:12]),
        login("root", denied(post(f"/v2/{APP}/blobs/uploads/?digest={of(OTHER)}", OTHER))),
        login("root", denied(put(TAG, image()))),
        get(
            "/v1/search?q=app",
            answer_json={
                "query": "app",
                "num_results": 0,
                "num_pages": 0,
                "page": 1,
                "page_size": 25,
                "results": [],
            },
        ),
    ),
    teams(
        "a team that is deleted is gone at once, and its name is not free yet",
        made(),
        login("alice", pushed(APP, "latest"), delete(CREW, status=202)),
        login("alice", unknown(get(CREW)), unknown(delete(CREW)), *map(denied, READS)),
        login("alice", refused(post(TEAMS, {"name": "crew"}), ErrorCode.TEAM_EXISTS)),
    ),
    teams(
        "a team is given more time, or all of it",
        made(expires_in_s=HOUR),
        login("alice", pushed(APP, "latest")),
        login("alice", put(CREW, {"expires_in_s": 2 * HOUR}, status=200, wait_s=HOUR - 1)),
        login("alice", get(TAG, wait_s=HOUR)),
        login("alice", put(CREW, {"expires_at": None}, status=200)),
        login("alice", get(TAG, wait_s=100 * DAY)),
        login("alice", put(CREW, {"expires_at": "2027-06-01T00:00:00+02:00"}, status=200)),
        login("alice", bad(put(CREW, {"expires_at": "2027-01-01T00:00:00Z"}))),
    ),
    teams(
        "a repository that expires is gone from that second on",
        made(),
        login("alice", pushed(APP, "latest"), repository_end(HOUR)),
        login(
            "alice",
            get(f"/v2/{APP}/_roadstead/expiry", answer_json={"expires_at": "2027-01-15T09:00:00Z"}),
        ),
        login("alice", get(TAG, wait_s=HOUR - 1, answers={"Warning": ...})),
        login("alice", head("/v2/_catalog", wait_s=1), GONE),
        login("alice", refused(repository_end(None), ErrorCode.NAME_UNKNOWN)),
        login("alice", refused(tag_end(None), ErrorCode.MANIFEST_UNKNOWN)),
    ),
    teams(
        "what is pushed to a repository that has expired begins anew, without what it had",
        made(),
        login("alice", pushed(APP, "latest"), repository_end(HOUR)),
        login("alice", head("/v2/", wait_s=HOUR), blob(APP, CONFIG)),
        login(
            "alice",
            refused(put(f"/v2/{APP}/manifests/new", image()), ErrorCode.MANIFEST_BLOB_UNKNOWN),
        ),
        login("alice", refused(get(f"/v2/{APP}/blobs/{of(LAYER)}"), ErrorCode.BLOB_UNKNOWN)),
        login("alice", pushed(APP, "new")),
        login("alice", get(f"/v2/{APP}/tags/list", answer_json={"name": APP, "tags": ["new"]})),
        login("alice", get(f"/v2/{APP}/_roadstead/expiry", answer_json={"expires_at": None})),
    ),
    teams(
        "an expiry is shortened to the second",
        made(),
        login("alice", pushed(APP, "latest"), tag_end(100 * DAY), tag_end(5)),
        login("alice", get(TAG, wait_s=4), refused(get(TAG, wait_s=1), ErrorCode.MANIFEST_UNKNOWN)),
    ),
    teams(
        "a tag that expires is gone from that second on, and its neighbours stay",
        made(),
        login("alice", pushed(APP, "latest"), pushed(APP, "other"), tag_end(HOUR)),
        login(
            "alice",
            get(
                f"/v2/{APP}/_roadstead/tags/latest/expiry",
                answer_json={"expires_at": "2027-01-15T09:00:00Z"},
            ),
        ),
        login(
            "alice",
            get(f"/v2/{APP}/_roadstead/tags/other/expiry", answer_json={"expires_at": None}),
        ),
        login("alice", get(TAG, answers={"Warning": None})),
        login(
            "alice",
            get(
                TAG,
                wait_s=54 * 60,
                answers={"Warning": '299 - "this tag expires at 2027-01-15T09:00:00Z"'},
            ),
        ),
        login(
            "alice",
            head(TAG, answers={"Warning": '299 - "this tag expires at 2027-01-15T09:00:00Z"'}),
        ),
        login("alice", refused(get(TAG, wait_s=6 * 60), ErrorCode.MANIFEST_UNKNOWN)),
        login("alice", get(f"/v2/{APP}/tags/list", answer_json={"name": APP, "tags": ["other"]})),
        login("alice", get(f"/v1/repositories/{APP}/tags")),
        login(
            "alice", refused(get(f"/v1/repositories/{APP}/tags/latest"), ErrorCode.V1_TAG_UNKNOWN)
        ),
        login("alice", refused(delete(TAG), ErrorCode.MANIFEST_UNKNOWN)),
        login("alice", refused(tag_end(60), ErrorCode.MANIFEST_UNKNOWN)),
    ),
    teams(
        "a tag is given more time, or pinned; a push keeps the end that it has",
        made(),
        login("alice", pushed(APP, "latest"), tag_end(HOUR), tag_end(2 * HOUR)),
        login("alice", get(TAG, wait_s=HOUR), pushed(APP, "latest")),
        login(
            "alice",
            get(
                f"/v2/{APP}/_roadstead/tags/latest/expiry",
                answer_json={"expires_at": "2027-01-15T10:00:00Z"},
            ),
        ),
        login("alice", tag_end(None), get(TAG, wait_s=100 * DAY)),
        *(login("alice", bad(tag_end(seconds))) for seconds in (0, -1, 100 * 365 * DAY)),
        login("alice", bad(put(f"/v2/{APP}/_roadstead/tags/latest/expiry", b""))),
        login("alice", bad(put(f"/v2/{APP}/_roadstead/expiry", {"expires_at": 5}))),
    ),
    teams(
        "pages leave out what has expired, and go on behind it",
        made(),
        login("alice", *(pushed(APP, tag) for tag in ("a", "latest", "z")), tag_end(60)),
        login(
            "alice",
            get(
                f"/v2/{APP}/tags/list?n=1",
                wait_s=60,
                answer_json={"name": APP, "tags": ["a"]},
                answers={"Link": f'</v2/{APP}/tags/list?n=1&last=a>; rel="next"'},
            ),
        ),
        login(
            "alice",
            get(
                f"/v2/{APP}/tags/list?n=1&last=a",
                answer_json={"name": APP, "tags": ["z"]},
                answers={"Link": None},
            ),
        ),
    ),
    teams(
        "an immutable tag that has expired is free again",
        made(),
        login("alice", pushed(APP, "latest"), tag_end(60)),
        login(
            "alice",
            put(
                f"/v2/{APP}/_roadstead/tags/rules",
                {"rules": [{"pattern": "*", "immutable": True, "protected": True}]},
                status=200,
            ),
        ),
        login("alice", blob(APP, OTHER), refused(put(TAG, NEXT), ErrorCode.TAG_IMMUTABLE)),
        login("alice", refused(delete(TAG), ErrorCode.TAG_PROTECTED)),
        login("alice", put(TAG, NEXT, wait_s=60), get(TAG, answer_body=NEXT)),
    ),
    teams(
        "a tag like :2h expires by its name in a team that says so",
        made(expires_tags_by_name=True),
        login("alice", pushed(APP, "2h"), pushed(APP, "1w"), pushed(APP, "02h")),
        login(
            "alice",
            get(
                f"/v2/{APP}/_roadstead/tags/2h/expiry",
                answer_json={"expires_at": "2027-01-15T10:00:00Z"},
            ),
        ),
        login(
            "alice", get(f"/v2/{APP}/_roadstead/tags/02h/expiry", answer_json={"expires_at": None})
        ),
        login("alice", get(f"/v2/{APP}/manifests/2h", wait_s=HOUR), pushed(APP, "2h")),
        login("alice", get(f"/v2/{APP}/manifests/2h", wait_s=2 * HOUR - 1)),
        login(
            "alice", refused(get(f"/v2/{APP}/manifests/2h", wait_s=1), ErrorCode.MANIFEST_UNKNOWN)
        ),
        login("alice", get(f"/v2/{APP}/manifests/1w")),
        *(
            login(
                "alice", refused(put(f"/v2/{APP}/manifests/{tag}", image()), ErrorCode.TAG_INVALID)
            )
            for tag in ("1s", "59s", "53w", "999999d")
        ),
    ),
    teams(
        "a tag like :2h is any tag in a team that says nothing",
        made(),
        login("alice", pushed(APP, "2h"), pushed(APP, "1s")),
        login("alice", get(f"/v2/{APP}/manifests/2h", wait_s=3 * HOUR)),
    ),
    case(
        "a tag like :2h expires in an open registry that is set so",
        "ours",
        pushed("acme/app", "2h"),
        get("/v2/acme/app/manifests/2h", wait_s=2 * HOUR - 1),
        refused(get("/v2/acme/app/manifests/2h", wait_s=1), ErrorCode.MANIFEST_UNKNOWN),
        settings={"expires_tags_by_name": True},
    ),
    case(
        "a repository of an open registry expires as well",
        "ours",
        pushed(APP, "latest"),
        repository_end(60),
        get(TAG, wait_s=59),
        head("/v2/", wait_s=1),
        GONE,
    ),
)

CASES = (*MEMBERS, *QUOTAS, *EXPIRY)
