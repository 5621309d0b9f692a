"""The web page: webhooks made, tried out, paused, deleted, and what they were told. Spec: ours."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.domain.errors import ErrorCode
from tests.conformance.bodies import pushed
from tests.conformance.cases import get, login
from tests.conformance.cases_page import ALICE, GIVEN, REPO, R, gone, page, seen, sent, signed_in

HOOKS, OWN = "/ui/teams/crew/webhooks", "/ui/teams/alice/webhooks"
API = "/v2/_roadstead/teams/crew/webhooks"
URL = "https://hooks.example.com/in?key=1"
HOOK = f"{HOOKS}/{{id}}"
MADE = {"secret": r'html:value="(whsec_[^"]+)"', "id": r'html:webhooks/([0-9a-f]{16})"'}
CREW = (*ALICE, sent("/ui/teams", name="crew", days=""), login("alice", pushed("crew/app", "1")))
MAKE = replace(
    sent(HOOKS, 201, url=URL, label="ci & more", kind_push="on", kind_delete="on"),
    save=MADE,
    shows=("shown this once", "ci &amp; more"),
)

CASES = (
    page(
        "a webhook of a team is made, its secret shown once, and it is deleted",
        *CREW,
        seen(HOOKS, "None yet", "first pull"),
        MAKE,
        seen(HOOKS, "ci &amp; more", "https://hooks.example.com/in?key=1", "push"),
        seen(HOOK, "all of crew", "delete, push", "Nothing yet", "Send a ping"),
        seen("/ui/teams/crew", "Webhooks"),
        replace(sent(HOOK, act="delete"), answers={"Location": HOOKS}),
        gone(HOOK, ErrorCode.WEBHOOK_UNKNOWN),
        seen(HOOKS, "None yet"),
    ),
    page(
        "a webhook is tried out, paused and goes on, and shows what waits",
        *CREW,
        MAKE,
        sent(HOOK, act="ping"),
        seen(HOOK, "ping", "pending, 0 attempts", "not tried yet"),
        sent(HOOK, act="pause"),
        seen(HOOK, "paused", "Go on"),
        replace(sent(HOOK, 400, act="ping"), shows=("it is paused",)),
        sent(HOOK, act="resume"),
        seen(HOOK, "Send a ping"),
        sent(HOOK, 404, act="repeat", event="evt_none"),
        sent(HOOK, 400, act="fly"),
        sent(HOOK, 400),
        sent(f"{HOOKS}/none", 404, act="ping"),
    ),
    page(
        "what is wrong with a webhook is said on the page, which keeps what was typed",
        *CREW,
        replace(
            sent(HOOKS, 400, url="http://10.0.0.1/", label="x", kind_push="on"),
            shows=("https://", 'value="http://10.0.0.1/"'),
        ),
        sent(HOOKS, 400, url=URL),
        sent(HOOKS, 400, url="", kind_push="on"),
        sent(HOOKS, 404, url=URL, kind_push="on", repository="crew/none"),
        sent(HOOKS, 400, url=URL, kind_push="on", repository="alice/app"),
        seen(HOOKS, "None yet"),
        login("alice", get(API, answer_json={"webhooks": []})),
    ),
    page(
        "a repository shows who is told of it, and in one's own namespace each is of one",
        GIVEN,
        *ALICE,
        seen(f"{REPO}/-/webhooks", "None yet", "Webhooks"),
        sent(OWN, 400, url=URL, kind_push="on"),
        sent(OWN, 201, url=URL, kind_push="on", repository=R),
        seen(f"{REPO}/-/webhooks", "https://hooks.example.com/in?key=1", R),
        seen(OWN, R),
    ),
    page(
        "webhooks are their owners' on the page as well",
        *CREW,
        MAKE,
        signed_in("bob", "bob-secret"),
        *(gone(url, ErrorCode.TEAM_UNKNOWN) for url in (HOOKS, HOOK, OWN)),
        sent(HOOKS, 404, url=URL, kind_push="on"),
        sent(HOOK, 404, act="delete"),
        gone("/ui/r/crew/app/-/webhooks", ErrorCode.DENIED),
    ),
)
