"""The web page: rules, what would go, a repository deleted, machine tokens. Spec: ours."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.domain.errors import ErrorCode
from tests.conformance.bodies import image, push, pushed
from tests.conformance.cases import Step, delete, get, login, of
from tests.conformance.cases_page import (
    ALICE,
    GIVEN,
    REPO,
    R,
    gone,
    page,
    seen,
    sent,
    signed_in,
)

OTHER = image(annotations={"other": "one"})
TAG_RULE = '[{"pattern":"v*","immutable":true,"protected":true}]'
KEEP_ONE = '[{"tags":"*","keep_newest":1,"older_than_days":null}]'
SECRET = r'html:value="(rst_[^"]+)"'


def rule(of_what: str, status: int = 303, **fields: str) -> Step:
    return sent(f"{REPO}/-/rules", status, of=of_what, **fields)


CASES = (
    page(
        "an owner adds rules of tags and takes them away",
        GIVEN,
        ALICE,
        seen(f"{REPO}/-/rules", "Add the rule for tags"),
        rule("tags", 400, pattern="v*"),
        rule("tags", 400, pattern="a b", immutable="on"),
        rule("tags", pattern="v*", immutable="on", protected="on"),
        seen(f"{REPO}/-/rules", "v*", "immutable and protected"),
        login("alice", push(R, "v1", image())),
        login("alice", delete(f"/v2/{R}/manifests/v1", status=409, code=ErrorCode.TAG_PROTECTED)),
        rule("tags", 409, remove="[]"),
        rule("tags", remove=TAG_RULE),
        rule("tags", 409, remove=TAG_RULE),
        login("alice", delete(f"/v2/{R}/manifests/v1", status=202)),
    ),
    page(
        "retention is set, what would go is shown and why, and nothing has gone by looking",
        GIVEN,
        ALICE,
        seen(f"{REPO}/-/going", "No tag and no manifest would go"),
        rule("retention", 400, pattern="*"),
        rule("retention", 400, pattern="*", keep_newest="x"),
        rule("untagged", 400),
        rule("untagged", older_than_days="7"),
        rule("retention", pattern="*", keep_newest="1"),
        seen(f"{REPO}/-/rules", "untagged manifests", "7"),
        seen(f"{REPO}/-/going", "rule for *: not among the newest 1", "2.0"),
        seen(REPO, "1.0", "2.0"),
        rule("retention", remove=KEEP_ONE),
        seen(f"{REPO}/-/going", "No tag and no manifest would go"),
    ),
    page(
        "an untagged manifest that is old enough by its rule is shown among what would go",
        GIVEN,
        login("alice", push(R, of(OTHER), OTHER)),
        ALICE,
        rule("untagged", older_than_days="1"),
        seen(f"{REPO}/-/going", "No tag and no manifest would go"),
        replace(ALICE[0], wait_s=2 * 24 * 3600),
        *ALICE[1:],
        seen(f"{REPO}/-/going", of(OTHER), "untagged, older than its rule says"),
    ),
    page(
        "a repository is deleted by whoever owns it and types its name",
        GIVEN,
        ALICE,
        seen(f"{REPO}/-/remove", "cannot be had back"),
        sent(f"{REPO}/-/remove", 400),
        sent(f"{REPO}/-/remove", 400, name="alice/other"),
        rule("tags", pattern="1.0", protected="on"),
        sent(f"{REPO}/-/remove", 409, name=R),
        rule("tags", remove='[{"pattern":"1.0","immutable":false,"protected":true}]'),
        seen(REPO, "1.0"),
        replace(sent(f"{REPO}/-/remove", name=R), answers={"Location": "/ui"}),
        gone(REPO, ErrorCode.NAME_UNKNOWN),
        sent(f"{REPO}/-/remove", 404, name=R),
        login("alice", get(f"/v2/{R}/tags/list", status=404)),
    ),
    page(
        "what an owner alone may see and do, others may not",
        login("bob", pushed("bob/app", "1")),
        ALICE,
        *(
            gone(f"/ui/r/bob/app/-/{tail}", ErrorCode.DENIED)
            for tail in ("rules", "going", "remove")
        ),
        sent("/ui/r/bob/app/-/rules", 403, of="tags", pattern="*", immutable="on"),
        sent("/ui/r/bob/app/-/remove", 403, name="bob/app"),
    ),
    page(
        "a machine token of a team is made, shown once, used, and revoked",
        ALICE,
        sent("/ui/teams", name="crew", days=""),
        login("alice", pushed("crew/app", "1")),
        seen("/ui/teams/crew/tokens", "None yet"),
        sent("/ui/teams/crew/tokens", 400, label="", names="*", actions="pull", days=""),
        sent("/ui/teams/crew/tokens", 400, label="ci", names="", actions="pull", days=""),
        sent("/ui/teams/crew/tokens", 400, label="ci", names="*", actions="fly", days=""),
        replace(
            sent("/ui/teams/crew/tokens", 201, label="ci", names="*", actions="pull", days="3"),
            save={"secret": SECRET, "id": r"html:<code>([0-9a-f]{16})</code>"},
            shows=("docker login -u crew",),
        ),
        get("/v2/crew/app/tags/list", login="crew:{secret}"),
        seen("/ui/teams/crew/tokens", "{id}", "repository:crew/*:pull"),
        sent("/ui/teams/crew/tokens/{id}/revoke"),
        sent("/ui/teams/crew/tokens/{id}/revoke", 404),
        get("/v2/crew/app/tags/list", login="crew:{secret}", status=401),
        signed_in("bob", "bob-secret"),
        gone("/ui/teams/crew/tokens", ErrorCode.TEAM_UNKNOWN),
        sent("/ui/teams/crew/tokens", 404, label="ci", names="*", actions="pull", days=""),
    ),
)
