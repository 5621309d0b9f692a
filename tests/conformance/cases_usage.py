"""What a team has used: who may ask, how, and each refusal. What is counted: `tests/usage`."""

from __future__ import annotations

from chalicelib.domain.access import Mode
from chalicelib.domain.errors import ErrorCode
from chalicelib.domain.usage import ALL
from tests.conformance.bodies import pushed
from tests.conformance.cases import ABSENT, Case, Step, case, delete, get, head, login, refused
from tests.conformance.team_steps import (
    APP,
    CREW,
    DAY,
    HOUR,
    joined,
    made,
    repository_end,
    tag_end,
    teams,
)

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
CREW_NOTHING = {**NOTHING, "team": "crew"}
# Every case begins at 2027-01-15T08:00:00Z.
TAG_ENDS = {"what": "tag", "name": f"{APP}:latest", "expires_at": "2027-01-15T09:00:00Z"}
APP_ENDS = {"what": "repository", "name": APP, "expires_at": "2027-01-17T08:00:00Z"}
CREW_ENDS = {"what": "team", "name": "crew", "expires_at": "2027-01-22T08:00:00Z"}
NOT_DAYS = ("", "0", "-1", "367", "1.5", "x", "%D9%A2", "9" * 30, "7d")


def ahead(days: int, *ends: dict[str, str], more: bool = False) -> Step:
    shown = {**CREW_NOTHING, "ends": list(ends), "more_ends": more}
    return get(f"{URL}?team=crew&{DAYS}&ends={days}", answer_json=shown)


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
    teams(
        "A report says what of a team ends within the days asked for, the next first",
        made(expires_in_s=7 * DAY),
        login("alice", ahead(7, CREW_ENDS), ahead(6), pushed(APP, "latest"), pushed(APP, "stays")),
        login("alice", repository_end(2 * DAY), tag_end(HOUR)),
        login("alice", ahead(366, TAG_ENDS, APP_ENDS, CREW_ENDS)),
        login("alice", ahead(7, TAG_ENDS, APP_ENDS, CREW_ENDS), ahead(1, TAG_ENDS)),
        login("alice", get(f"{URL}?team=crew&{DAYS}", answer_json=CREW_NOTHING)),
        login("root", ahead(7, TAG_ENDS, APP_ENDS, CREW_ENDS)),
        login("alice", head("/v2/", wait_s=HOUR), ahead(1), ahead(7, APP_ENDS, CREW_ENDS)),
        login("alice", head("/v2/", wait_s=2 * DAY), ahead(7, CREW_ENDS)),
    ),
    teams(
        "What ends is told in warnings beside CSV",
        made(expires_in_s=7 * DAY),
        login(
            "alice",
            get(
                f"{URL}?team=crew&{DAYS}&format=csv&ends=7",
                answers={"Warning": '299 - "the team crew expires at 2027-01-22T08:00:00Z"'},
                answer_body=f"{HEADER}\r\n".encode(),
            ),
            get(f"{URL}?team=crew&{DAYS}&format=csv&ends=6", answers={"Warning": ABSENT}),
            get(f"{URL}?team=crew&{DAYS}&format=csv", answers={"Warning": ABSENT}),
        ),
    ),
    teams(
        "What ends is told to nobody who may not see the report, and not after the end",
        made(expires_in_s=7 * DAY),
        joined("writer"),
        login("alice", pushed(APP, "latest"), tag_end(HOUR)),
        refused(get(f"{URL}?team=crew&ends=7"), ErrorCode.UNAUTHORIZED),
        login("bob", refused(get(f"{URL}?team=crew&ends=7"), ErrorCode.DENIED)),
        login("alice", delete(CREW, status=202), ahead(366)),
        login("root", ahead(366)),
        login("bob", refused(get(f"{URL}?team=crew&ends=7"), ErrorCode.DENIED)),
    ),
    case(
        "Ends within days that are none are refused",
        "ours",
        *(refused(get(f"{URL}?ends={days}"), ErrorCode.BAD_REQUEST) for days in NOT_DAYS),
    ),
    case(
        "In an open registry everybody may see what ends",
        "ours",
        get(
            f"{URL}?{DAYS}&ends=7",
            answer_json={**NOTHING, "team": "open", "ends": [], "more_ends": False},
        ),
    ),
)
