"""Ends of teams, repositories and tags. Spec: ours. See docs/adr/0042-expiry.md."""

from __future__ import annotations

from chalicelib.domain.errors import ErrorCode
from tests.conformance.bodies import CONFIG, LAYER, OTHER, image, pushed
from tests.conformance.cases import (
    blob,
    case,
    delete,
    get,
    head,
    login,
    of,
    post,
    put,
    refused,
)
from tests.conformance.team_steps import (
    APP,
    CREW,
    DAY,
    GONE,
    HOUR,
    NEXT,
    READS,
    TAG,
    TEAMS,
    bad,
    denied,
    joined,
    made,
    repository_end,
    tag_end,
    teams,
    unknown,
)

CASES = (
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
