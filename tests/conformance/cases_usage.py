"""What a team has used: who may ask, how, and each refusal. What is counted: `tests/usage`."""

from __future__ import annotations

from chalicelib.domain.access import Mode
from chalicelib.domain.errors import ErrorCode
from chalicelib.domain.usage import ALL
from tests.conformance.cases import ABSENT, Case, case, get, head, login, refused
from tests.conformance.team_steps import joined, made

URL = "/v2/_roadstead/usage"
DAYS = "from=2026-11-01&to=2026-11-30"
HEADER = ",".join(["team", "day", "repository", *ALL])
NOTHING = {
    "team": "alice",
    "from": "2026-11-01",
    "to": "2026-11-30",
    "by": "day",
    "rows": [],
    "last": None,
}
JSON = {"Content-Type": "application/json", "Cache-Control": "no-store", "Link": ABSENT}
MALFORMED = {
    "a day that is none": "from=2026-02-30",
    "a day in another form": "to=30.11.2026",
    "days in the wrong order": "from=2026-11-02&to=2026-11-01",
    "an unknown grouping": "by=week",
    "an unknown format": "format=xml",
    "a team that cannot be": "team=a/b",
    "a place in another form": f"{DAYS}&last=x",
    "a place of other days": f"{DAYS}&last=20261201%23alice%2Fapp%230",
}

CASES: tuple[Case, ...] = (
    case(
        "A team's usage is shown to its owner and to administrators",
        "ours",
        *login(
            "alice",
            get(f"{URL}?team=alice&{DAYS}", answers=JSON, answer_json=NOTHING),
            get(f"{URL}?{DAYS}", answer_json=NOTHING),
            head(f"{URL}?{DAYS}"),
            get(f"{URL}?{DAYS}&by=repository", answer_json={**NOTHING, "by": "repository"}),
        ),
        *login(
            "root",
            get(f"{URL}?team=alice&{DAYS}", answer_json=NOTHING),
            get(f"{URL}?team=&{DAYS}", answer_json={**NOTHING, "team": ""}),
        ),
        mode=Mode.ACCOUNTS,
    ),
    case(
        "A team's usage is shown to nobody else",
        "ours",
        refused(get(f"{URL}?team=alice"), ErrorCode.UNAUTHORIZED),
        refused(get(URL), ErrorCode.UNAUTHORIZED),
        *login(
            "bob",
            refused(get(f"{URL}?team=alice"), ErrorCode.DENIED),
            refused(get(f"{URL}?team="), ErrorCode.DENIED),
            refused(get(f"{URL}?team=nobody"), ErrorCode.DENIED),
        ),
        mode=Mode.ACCOUNTS,
    ),
    case(
        "A team's usage is shown to its owners, and to no other member",
        "ours",
        made(),
        *login("alice", get(f"{URL}?team=crew&{DAYS}", answer_json={**NOTHING, "team": "crew"})),
        *login("bob", refused(get(f"{URL}?team=crew"), ErrorCode.DENIED)),
        *joined("writer"),
        *login("bob", refused(get(f"{URL}?team=crew"), ErrorCode.DENIED)),
        *login("root", get(f"{URL}?team=crew&{DAYS}")),
        mode=Mode.ACCOUNTS,
    ),
    case(
        "Teams that have used something are listed to administrators",
        "ours",
        refused(get(f"{URL}/teams"), ErrorCode.UNAUTHORIZED),
        *login("alice", refused(get(f"{URL}/teams"), ErrorCode.DENIED)),
        *login(
            "root",
            get(f"{URL}/teams", answers=JSON, answer_json={"teams": []}),
            head(f"{URL}/teams"),
            refused(get(f"{URL}/teams?n=x"), ErrorCode.PAGINATION_NUMBER_INVALID),
        ),
        mode=Mode.ACCOUNTS,
    ),
    case(
        "In an open registry everybody may see what was used",
        "ours",
        get(f"{URL}?{DAYS}", answer_json={**NOTHING, "team": "open"}),
        get(f"{URL}?team=alice&{DAYS}", answer_json=NOTHING),
        get(f"{URL}/teams", answer_json={"teams": []}),
    ),
    case(
        "Usage comes as CSV, with a head that says what the columns are",
        "ours",
        get(
            f"{URL}?{DAYS}&format=csv",
            answers={"Content-Type": "text/csv; charset=utf-8"},
            answer_body=f"{HEADER}\r\n".encode(),
        ),
    ),
    case(
        "A question for usage that cannot be meant is refused",
        "ours",
        *(refused(get(f"{URL}?{query}"), ErrorCode.BAD_REQUEST) for query in MALFORMED.values()),
        *(
            refused(get(f"{URL}?n={n}"), ErrorCode.PAGINATION_NUMBER_INVALID)
            for n in ("0", "-1", "x", "9" * 30)
        ),
    ),
)
