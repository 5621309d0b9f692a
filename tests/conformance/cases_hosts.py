"""A team by its own host. Spec: ours; see docs/adr/0041-teams.md."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chalicelib.domain.access import Mode
from chalicelib.domain.bearer import Challenge
from chalicelib.domain.errors import ErrorCode
from tests.conformance.bodies import CONFIG, LAYER, OCI, image, pushed
from tests.conformance.cases import (
    Case,
    Step,
    case,
    delete,
    get,
    login,
    of,
    patch,
    post,
    put,
    refused,
)
from tests.conformance.team_steps import made

HOST = {"Host": "crew.teams.test"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def at(*steps: Step | tuple[Step, ...], host: str = "crew.teams.test") -> tuple[Step, ...]:
    """The same steps, sent to a host of this name."""
    flat = case("", "", *steps).steps
    return tuple(replace(step, headers={**step.headers, "Host": host}) for step in flat)


def hosted(name: str, *steps: Step | tuple[Step, ...], **more: Any) -> Case:
    settings = {"team_hosts": "*.teams.test", "host": "www-registry.teams.test"}
    return case(name, "ours", *steps, mode=Mode.ACCOUNTS, settings=settings, **more)


def upload(name: str, data: bytes) -> tuple[Step, ...]:
    """An upload in three steps, whose Location is checked."""
    began = f"/v2/{name}/blobs/uploads/"
    return (
        post(began, save={"location": "header:Location"}),
        patch("{location}", data, answers={"Location": "{location}"}),
        put(
            f"{{location}}?digest={of(data)}",
            answers={"Location": f"/v2/{name}/blobs/{of(data)}"},
        ),
    )


CASES = (
    hosted(
        "a push and a pull by a team's host are those of the team's path",
        made(),
        login(
            "alice",
            at(
                upload("app", LAYER),
                upload("app", CONFIG),
                put(
                    "/v2/app/manifests/latest",
                    image(),
                    headers={"Content-Type": OCI},
                    answers={"Location": f"/v2/app/manifests/{of(image())}"},
                ),
                get("/v2/app/manifests/latest", answer_body=image()),
                get("/v2/app/tags/list", answer_json={"name": "app", "tags": ["latest"]}),
                get(f"/v2/app/blobs/{of(LAYER)}", status=307),
                # The full name is understood as well.
                get("/v2/crew/app/manifests/latest", answer_body=image()),
                post(f"/v2/lib/blobs/uploads/?mount={of(LAYER)}&from=app", status=201),
            ),
            get("/v2/crew/app/manifests/latest", answer_body=image()),
            get("/v2/crew/app/tags/list", answer_json={"name": "crew/app", "tags": ["latest"]}),
        ),
    ),
    hosted(
        "a team's host lists what the team has, under its short names, in pages",
        made(),
        post("/v2/_roadstead/teams", {"name": "crewmates"}, status=201, login="alice"),
        login(
            "alice",
            pushed("crew/app", "latest"),
            pushed("crew/deep/er", "a"),
            pushed("crew/deep/er", "b"),
            pushed("crewmates/other", "latest"),
            pushed("alice/own", "latest"),
            at(
                get("/v2/_catalog", answer_json={"repositories": ["app", "deep/er"]}),
                get(
                    "/v2/_catalog?n=1",
                    answer_json={"repositories": ["app"]},
                    answers={"Link": '</v2/_catalog?n=1&last=app>; rel="next"'},
                ),
                get("/v2/_catalog?n=1&last=app", answer_json={"repositories": ["deep/er"]}),
                get(
                    "/v2/_catalog?n=1&last=deep/er",
                    answer_json={"repositories": []},
                    answers={"Link": None},
                ),
                get(
                    "/v2/deep/er/tags/list?n=1",
                    answer_json={"name": "deep/er", "tags": ["a"]},
                    answers={"Link": '</v2/deep/er/tags/list?n=1&last=a>; rel="next"'},
                ),
            ),
        ),
    ),
    hosted(
        "a challenge and a token speak the names of the host",
        made(),
        login("alice", pushed("crew/app", "latest")),
        at(
            refused(
                get("/v2/app/manifests/latest"),
                ErrorCode.UNAUTHORIZED,
                **{
                    "WWW-Authenticate": 'Bearer realm="http://crew.teams.test/v2/token",'
                    'service="roadstead",scope="repository:app:pull"'
                },
            ),
            get(
                "/v2/token?scope=repository:app:pull&scope=repository:crew/lib:pull",
                login="alice",
                save={"token": "json:token", "scope": "json:scope"},
            ),
            get("/v2/app/manifests/latest", headers={"Authorization": "Bearer {token}"}),
            post(
                "/v2/token",
                b"grant_type=password&username=alice&password=alice-secret"
                b"&scope=repository%3Aapp%3Apull",
                headers=FORM,
                status=200,
                save={"token": "json:token"},
            ),
            get("/v2/app/manifests/latest", headers={"Authorization": "Bearer {token}"}),
        ),
        get("/v2/crew/app/manifests/latest", headers={"Authorization": "Bearer {token}"}),
        challenge=Challenge.BEARER,
    ),
    hosted(
        "a host names no team that is not there, and lets nobody in",
        made(),
        login("alice", pushed("crew/app", "latest")),
        login(
            "bob",
            at(
                refused(get("/v2/app/manifests/latest"), ErrorCode.DENIED),
                refused(post("/v2/app/blobs/uploads/"), ErrorCode.DENIED),
                get("/v2/_catalog", answer_json={"repositories": []}),
            ),
            at(refused(post("/v2/app/blobs/uploads/"), ErrorCode.DENIED), host="none.teams.test"),
        ),
    ),
    *(
        hosted(
            f"{host} is no team's host",
            made(),
            login("alice", pushed("crew/app", "latest")),
            login(
                "alice",
                at(get("/v2/crew/app/manifests/latest"), host=host),
                at(refused(get("/v2/app/manifests/latest"), ErrorCode.DENIED), host=host),
            ),
        )
        for host in (
            "registry.test",
            "www-registry.teams.test",
            "teams.test",
            ".teams.test",
            "a.crew.teams.test",
            "library.teams.test",
            "v2.teams.test",
            "crew.teams.test.evil.test",
        )
    ),
    hosted(
        "a v1 client pulls by a team's host, in both of its spellings",
        made(),
        login("alice", pushed("crew/app", "latest")),
        login(
            "alice",
            at(
                get("/v1/repositories/app/tags"),
                get("/v1/repositories/library/app/tags"),
                get("/v1/repositories/crew/app/tags"),
                refused(get("/v1/repositories/none/tags"), ErrorCode.V1_REPOSITORY_UNKNOWN),
            ),
        ),
    ),
    hosted(
        "what is deleted by a team's host is gone from the team's path",
        made(),
        login(
            "alice",
            pushed("crew/app", "latest"),
            at(delete("/v2/app/manifests/latest", status=202)),
            refused(get("/v2/crew/app/manifests/latest"), ErrorCode.MANIFEST_UNKNOWN),
        ),
    ),
)
