"""v2: what a team has used. Ours; docs/usage.md says what is counted.

GET /v2/_roadstead/usage?team=&from=2026-11-01&to=2026-11-30&by=day&format=json&n=&last=&ends=7
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from urllib.parse import urlencode

from chalicelib.api.v2_manifests import warning_headers
from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.expiry import DAY_S, written
from chalicelib.domain.paging import parse_page
from chalicelib.domain.usage import ALL, GROUPS, Used, day_of, parse_day, shown_day
from chalicelib.service import ends_ahead, usage
from chalicelib.usage_ports import Span
from chalicelib.web.endpoints import url_for
from chalicelib.web.messages import Response, json_response
from chalicelib.web.pipeline import Call, handles

CSV = "text/csv; charset=utf-8"
FORMATS = ("json", "csv")
MAX_WARNINGS = 10
MAX_AHEAD_DAYS = 366
NO_STORE = {"Cache-Control": "no-store"}
_TEAM = re.compile(r"[a-z0-9._-]{0,64}", re.ASCII)
_PLACE = re.compile(r"[0-9]{8}#[a-z0-9._/-]{0,255}#[a-z0-9]{1,10}", re.ASCII)


@handles("v2.usage")
def get_usage(call: Call) -> Response:
    query = call.request.query
    subject = _subject(call, query.get("team"))
    by = _choice(query, "by", tuple(GROUPS))
    form, limit = _choice(query, "format", FORMATS), _limit(query.get("n"))
    span = _span(query, day_of(call.world.clock.now_s()))
    coming = _coming(call, subject)
    found = usage.report(call.world, subject, span, by, limit)
    headers = dict(NO_STORE)
    days = {"from": shown_day(span.first), "to": shown_day(span.last)}
    if found.next_place is not None:
        more = {"team": subject.team, **days, "by": by, "format": form, "n": limit}
        link = urlencode({**more, "last": found.next_place})
        headers["Link"] = f'<{url_for("v2.usage")}?{link}>; rel="next"'
    if form == "csv":
        headers |= warning_headers(_sentences(coming))
        return Response(200, {"Content-Type": CSV, **headers}, _csv(found))
    rows = [_shown(row) for row in found.rows]
    document: dict[str, object] = {
        "team": subject.team,
        **days,
        "by": by,
        "rows": rows,
        "last": found.next_place,
    }
    if coming is not None:
        document["ends"] = [
            {"what": end.what, "name": end.name, "expires_at": written(end.at_s)}
            for end in coming.ends
        ]
        document["more_ends"] = coming.more
    return json_response(document, 200, headers)


@handles("v2.usage.teams")
def get_teams(call: Call) -> Response:
    query = call.request.query
    page = parse_page(query.get("n"), query.get("last"))
    listing = usage.teams(call.world, call.actor, page)
    headers = dict(NO_STORE)
    if listing.more and listing.entries:
        link = urlencode({"n": page.limit, "last": listing.entries[-1]})
        headers["Link"] = f'<{url_for("v2.usage.teams")}?{link}>; rel="next"'
    return json_response({"teams": list(listing.entries)}, 200, headers)


def _subject(call: Call, asked: str | None) -> usage.Subject:
    if asked is not None and not _TEAM.fullmatch(asked):
        raise _bad("`team` is no name of a team")
    return usage.whose(call.world, call.actor, asked)


def _coming(call: Call, subject: usage.Subject) -> ends_ahead.Coming | None:
    """What ends within the days that were asked for; None where nobody asked."""
    text = call.request.query.get("ends")
    if text is None:
        return None
    if not (re.fullmatch("[0-9]{1,3}", text) and 1 <= int(text) <= MAX_AHEAD_DAYS):
        raise _bad(f"`ends` must be a number of days from 1 to {MAX_AHEAD_DAYS}")
    if subject.spans is not None and not any(last == usage.EVER for _, last in subject.spans):
        # Theirs has ended; what has its name now is no business of theirs.
        return ends_ahead.Coming()
    return ends_ahead.coming(call.world, subject.team, int(text) * DAY_S)


def _sentences(coming: ends_ahead.Coming | None) -> list[str]:
    """For a head, which API Gateway lets have ten thousand bytes: the first few."""
    if coming is None:
        return []
    told = [
        f"the {end.what} {end.name} expires at {written(end.at_s)}"
        for end in coming.ends[:MAX_WARNINGS]
    ]
    more = coming.more or len(coming.ends) > MAX_WARNINGS
    return [*told, "perhaps more expires: ask for JSON"] if more else told


def _span(query: Mapping[str, str], today: str) -> Span:
    """The days asked for: this month up to today, where nothing is said."""
    last = _day(query, "to") or today
    first = _day(query, "from") or last[:6] + "01"
    if first > last:
        raise _bad("`from` must not come after `to`")
    place = query.get("last", "")
    if place and not (_PLACE.fullmatch(place) and first <= place[:8] <= last):
        raise _bad("`last` is no place in these days: take it from the page before")
    return Span(first, last, place)


def _day(query: Mapping[str, str], name: str) -> str | None:
    text = query.get(name)
    if not text:
        return None
    day = parse_day(text)
    if day is None:
        raise _bad(f"`{name}` must be a day like 2026-11-24")
    return day


def _choice(query: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    value = query.get(name) or choices[0]
    if value not in choices:
        raise _bad(f"`{name}` must be one of: {' | '.join(choices)}")
    return value


def _limit(text: str | None) -> int:
    if not text:
        return usage.MAX_ROWS
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text)):
        raise RegistryError(ErrorCode.PAGINATION_NUMBER_INVALID, "n must be a whole number from 1")
    return min(int(text), usage.MAX_ROWS)


def _bad(message: str) -> RegistryError:
    return RegistryError(ErrorCode.BAD_REQUEST, message)


def _shown(row: Used) -> dict[str, object]:
    return {
        "day": shown_day(row.day),
        "repository": row.repository,
        **{name: row.counts.get(name, 0) for name in ALL},
    }


def _csv(found: usage.Report) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, ["team", "day", "repository", *ALL])
    writer.writeheader()
    for row in found.rows:
        writer.writerow({"team": found.team, **_shown(row)})
    return text.getvalue().encode()


__all__ = ["get_teams", "get_usage"]
