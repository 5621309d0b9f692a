"""Webhooks of teams and repositories: made, shown, changed, tried out, and all that is refused.

Spec: ours. See docs/adr/0051-webhooks.md; what comes of them is tested in `tests/webhooks/`.
"""

from __future__ import annotations

from typing import Any

from chalicelib.domain.access import Mode
from chalicelib.domain.errors import ErrorCode
from chalicelib.domain.limits import MAX_WEBHOOK_LABEL_CHARS, MAX_WEBHOOKS
from tests.conformance.bodies import pushed
from tests.conformance.cases import Case, Step, case, delete, get, login, post, put, refused
from tests.conformance.cases_teams import APP, joined, made, unknown

HOOKS = "/v2/_roadstead/teams/crew/webhooks"
OWN = "/v2/_roadstead/teams/alice/webhooks"
URL = "https://hooks.example.com/in?key=1"
EVERY = ["delete", "expiry", "first_pull", "push", "quota"]
HOOK = f"{HOOKS}/{{id}}"
SAVED = {"save": {"id": "json:id"}, "status": 201}
SHOWN: dict[str, Any] = {
    "id": "{id}",
    "url": URL,
    "repository": None,
    "kinds": EVERY,
    "label": "",
    "paused": False,
    "created_at": "2027-01-15T08:00:00Z",
    "created_by": "alice",
}
LONG = "https://hooks.example.com/" + "x" * 2000


def hooks(name: str, *steps: Step | tuple[Step, ...], **more: Any) -> Case:
    return case(name, "ours", made(), *steps, mode=Mode.ACCOUNTS, **more)


def hooked(**asked: Any) -> tuple[Step, ...]:
    return login("alice", post(HOOKS, {"url": URL, **asked}, **SAVED))


def bad(asked: object) -> tuple[Step, ...]:
    return login("alice", refused(post(HOOKS, asked), ErrorCode.BAD_REQUEST))


def by_alice(*steps: Step) -> tuple[Step, ...]:
    return login("alice", *steps)


EVERYTHING = (
    ("GET", HOOKS),
    ("POST", HOOKS),
    ("GET", f"{HOOKS}/none"),
    ("PUT", f"{HOOKS}/none"),
    ("DELETE", f"{HOOKS}/none"),
    ("POST", f"{HOOKS}/none/ping"),
    ("POST", f"{HOOKS}/none/deliveries/none/repeat"),
)

CASES = (
    hooks(
        "a webhook of a team is made, listed, shown and removed; its secret is shown once",
        hooked(),
        by_alice(
            get(HOOKS, answer_json={"webhooks": [SHOWN]}, answers={"Cache-Control": "no-store"}),
            get(HOOK, answer_json={**SHOWN, "deliveries": [], "next": None}),
            delete(HOOK),
            get(HOOKS, answer_json={"webhooks": []}),
            refused(delete(HOOK), ErrorCode.WEBHOOK_UNKNOWN),
            refused(get(HOOK), ErrorCode.WEBHOOK_UNKNOWN),
        ),
    ),
    hooks(
        "a webhook of one repository is of that one",
        login("alice", pushed(APP, "latest")),
        hooked(repository=APP, kinds=["push"], label="ci", paused=True),
        by_alice(
            get(
                HOOK,
                answer_json={
                    **SHOWN,
                    "repository": APP,
                    "kinds": ["push"],
                    "label": "ci",
                    "paused": True,
                    "deliveries": [],
                    "next": None,
                },
            ),
        ),
    ),
    case(
        "in one's own namespace a webhook is of a repository",
        "ours",
        login("alice", pushed("alice/app", "latest")),
        by_alice(
            refused(post(OWN, {"url": URL}), ErrorCode.BAD_REQUEST),
            post(OWN, {"url": URL, "repository": "alice/app"}, **SAVED),
            get(f"{OWN}/{{id}}", status=200),
        ),
        login("bob", refused(get(OWN), ErrorCode.TEAM_UNKNOWN)),
        login("bob", refused(get(f"{OWN}/{{id}}"), ErrorCode.TEAM_UNKNOWN)),
        mode=Mode.ACCOUNTS,
    ),
    hooks(
        "a webhook is changed, paused and resumed",
        hooked(),
        by_alice(
            put(HOOK, {"paused": True, "kinds": ["quota", "quota"]}, status=200),
            put(HOOK, {"url": "https://other.example.com/", "label": "new"}, status=200),
            put(HOOK, {}, status=200),
            get(
                HOOKS,
                answer_json={
                    "webhooks": [
                        {
                            **SHOWN,
                            "url": "https://other.example.com/",
                            "label": "new",
                            "kinds": ["quota"],
                            "paused": True,
                        }
                    ]
                },
            ),
            refused(post(f"{HOOK}/ping"), ErrorCode.BAD_REQUEST),
            put(HOOK, {"paused": False}, status=200),
            refused(put(HOOK, {"repository": APP}), ErrorCode.BAD_REQUEST),
            refused(put(HOOK, {"url": "http://x.example.com"}), ErrorCode.BAD_REQUEST),
            refused(put(HOOK, b"{"), ErrorCode.BAD_REQUEST),
            refused(put(f"{HOOKS}/none", {}), ErrorCode.WEBHOOK_UNKNOWN),
        ),
    ),
    hooks(
        "a ping waits among the deliveries, and can be repeated only once it is over",
        hooked(kinds=["push"]),
        by_alice(
            post(f"{HOOK}/ping", save={"event": "json:event"}),
            get(
                HOOK,
                answer_json={
                    **SHOWN,
                    "kinds": ["push"],
                    "next": None,
                    "deliveries": [
                        {
                            "event": "{event}",
                            "kind": "ping",
                            "repository": None,
                            "happened_at": "2027-01-15T08:00:00Z",
                            "facts": {"webhook": "{id}", "actor": "alice"},
                            "outcome": "pending",
                            "attempts": 0,
                            "next_at": None,
                            "answer": None,
                        }
                    ],
                },
            ),
            post(f"{HOOK}/deliveries/{{event}}/repeat"),
            refused(post(f"{HOOK}/deliveries/none/repeat"), ErrorCode.WEBHOOK_UNKNOWN),
            refused(post(f"{HOOKS}/none/ping"), ErrorCode.WEBHOOK_UNKNOWN),
        ),
    ),
    hooks(
        "a webhook's URL has to be one of the public internet, by https",
        *(
            bad({"url": url})
            for url in (
                "http://hooks.example.com/",
                "ftp://hooks.example.com/",
                "hooks.example.com",
                "https://",
                "https://user:secret@hooks.example.com/",
                "https://hooks.example.com:22/",
                "https://hooks.example.com/#part",
                "https://hooks.example.com/a b",
                "https://127.0.0.1/",
                "https://169.254.169.254/latest/meta-data/",
                "https://10.1.2.3/",
                "https://[::1]/",
                "https://[::ffff:169.254.169.254]/",
                "https://[fd00:ec2::254]/",
                LONG,
                7,
                None,
            )
        ),
        by_alice(get(HOOKS, answer_json={"webhooks": []})),
    ),
    hooks(
        "what is asked of a webhook is checked",
        bad({}),
        bad(b"["),
        bad([URL]),
        bad({"url": URL, "colour": "blue"}),
        bad({"url": URL, "kinds": []}),
        bad({"url": URL, "kinds": "push"}),
        bad({"url": URL, "kinds": ["push", "fetch"]}),
        bad({"url": URL, "kinds": ["ping"]}),
        bad({"url": URL, "kinds": [["push"]]}),
        bad({"url": URL, "kinds": ["push"] * 7}),
        bad({"url": URL, "label": "x" * (MAX_WEBHOOK_LABEL_CHARS + 1)}),
        bad({"url": URL, "label": "two\nlines"}),
        bad({"url": URL, "label": None}),
        bad({"url": URL, "paused": "yes"}),
        bad({"url": URL, "repository": 1}),
        bad({"url": URL, "repository": "alice/app"}),
        by_alice(
            refused(post(HOOKS, {"url": URL, "repository": "crew/none"}), ErrorCode.NAME_UNKNOWN),
            refused(post(HOOKS, {"url": URL, "repository": "crew/"}), ErrorCode.NAME_INVALID),
            get(HOOKS, answer_json={"webhooks": []}),
        ),
    ),
    hooks(
        "a team has no more webhooks than it may",
        *(hooked() for _ in range(MAX_WEBHOOKS)),
        by_alice(
            refused(post(HOOKS, {"url": URL}), ErrorCode.WEBHOOK_LIMIT),
            delete(HOOK),
            post(HOOKS, {"url": URL}, status=201),
        ),
    ),
    hooks(
        "webhooks are their owners' and nobody else's",
        hooked(),
        login("bob", *(unknown(Step(method, url, b"{}")) for method, url in EVERYTHING)),
        joined("writer"),
        login(
            "bob",
            *(
                refused(Step(method, url, b"{}"), ErrorCode.DENIED)
                for method, url in (
                    *EVERYTHING,
                    ("GET", HOOK),
                    ("PUT", HOOK),
                    ("DELETE", HOOK),
                    ("POST", f"{HOOK}/ping"),
                )
            ),
        ),
        by_alice(get(HOOK)),
    ),
    hooks(
        "a team that has ended has no webhooks any more",
        hooked(),
        by_alice(delete("/v2/_roadstead/teams/crew", status=202)),
        by_alice(*(unknown(Step(method, url, b"{}")) for method, url in EVERYTHING)),
    ),
    case(
        "an open registry has no webhooks, and says why",
        "ours",
        *(refused(Step(method, url, b"{}"), ErrorCode.UNSUPPORTED) for method, url in EVERYTHING),
    ),
    hooks(
        "a registry without a queue has no webhooks, and says why",
        by_alice(
            *(
                refused(Step(method, url, b"{}"), ErrorCode.UNSUPPORTED)
                for method, url in EVERYTHING
            )
        ),
        settings={"webhooks": None},
    ),
)
