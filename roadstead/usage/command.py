"""`roadstead usage HOST`: what a team has used, and what that may have cost."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from chalicelib.domain.usage import ALL, GROUPS, Used, grouped, parse_day
from roadstead.client.cli import login_for
from roadstead.client.errors import TransferError
from roadstead.client.http import RegistryClient
from roadstead.client.login import Login
from roadstead.client.names import parse_host
from roadstead.usage.prices import read_prices
from roadstead.usage.render import Ending, Usage, as_csv, as_json, as_table, ending

PATH = "/v2/_roadstead/usage"
HELP = """\
Counts of pulls, pushes, requests and bytes, and bytes stored by the hour, of one team; days are
UTC, and a request is counted some minutes after its answer. docs/usage.md says what counts as what.
The dollars are an estimate by a dated list of prices, which --prices replaces.
The login is --user's, or what `docker login HOST` has left; an open registry needs none.
"""


def add_command(commands: Any) -> None:
    """Add `usage` to the root parser's commands."""
    usage = commands.add_parser(
        "usage",
        help="what a team has used, and an estimate in dollars",
        description=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    usage.add_argument("host", metavar="HOST")
    usage.add_argument(
        "--team", help="one's own where none is named; '' for requests that are of no team"
    )
    usage.add_argument(
        "--all-teams", action="store_true", help="a line for each team; for administrators"
    )
    usage.add_argument("--from", dest="first", metavar="YYYY-MM-DD", help="the month's first day")
    usage.add_argument("--to", dest="last", metavar="YYYY-MM-DD", help="today")
    usage.add_argument("--by", choices=list(GROUPS), default="day,repository")
    form = usage.add_mutually_exclusive_group()
    form.add_argument("--csv", dest="render", action="store_const", const=as_csv)
    form.add_argument("--json", dest="render", action="store_const", const=as_json)
    usage.set_defaults(render=as_table)
    usage.add_argument(
        "--ends", type=int, default=7, metavar="DAYS", help="what ends within so many days; 0: none"
    )
    usage.add_argument("--prices", type=Path, metavar="FILE", help="a list of prices of your own")
    usage.add_argument("--user", metavar="NAME", help="log in; the password is asked for")
    usage.add_argument("--password-stdin", action="store_true", help="read it from stdin")
    usage.add_argument(
        "--insecure", action="store_true", help="speak plain HTTP to a host that is not this one"
    )


def run(asked: argparse.Namespace) -> int:
    """Print the report. Raises: Failure."""
    prices = read_prices(asked.prices)
    query = {"by": asked.by, **_days(asked)}
    if asked.team is not None:
        query["team"] = asked.team
    if asked.ends and not asked.all_teams:
        query["ends"] = str(asked.ends)
    host = parse_host(asked.host, insecure=asked.insecure)
    login = login_for(asked, host)
    if login is not None and login.identity_token:
        raise TransferError(
            f"docker keeps a token for {host.name} and no password; say --user NAME"
        )
    client = RegistryClient(host, login)
    try:
        usage = (
            of_all_teams(client, login, query) if asked.all_teams else gather(client, login, query)
        )
    finally:
        client.close()
    sys.stdout.write(asked.render(usage, prices))
    if asked.render is as_csv:
        # Tags have no rows of their own, and what was not used has none either.
        sys.stderr.writelines(f"{line}\n" for line in ending(usage))
    return 0


def _days(asked: argparse.Namespace) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in (("from", asked.first), ("to", asked.last)):
        if value is None:
            continue
        if parse_day(value) is None:
            raise TransferError(f"--{name} {value}: a day looks like 2026-11-24")
        found[name] = value
    return found


def of_all_teams(client: RegistryClient, login: Login | None, query: Mapping[str, str]) -> Usage:
    """A report with a line for each team, and one for what is of none.

    Raises: TransferError.
    """
    headers = {"Authorization": login.basic} if login else {}
    teams, last = [""], ""
    while True:
        asked = f"{PATH}/teams?{urlencode({'last': last})}" if last else f"{PATH}/teams"
        answer = client.send("GET", asked, headers=headers, what="asking for teams")
        try:
            found = [str(team) for team in json.loads(answer.body)["teams"]]
        except (ValueError, KeyError, TypeError):
            raise TransferError(f"{client.host.name} answers something that is no list") from None
        teams += found
        if not found or "link" not in {name.lower() for name in answer.headers}:
            break
        last = found[-1]
    each = [gather(client, login, {**query, "by": "all", "team": team}) for team in teams]
    rows = [Used("", usage.team, row.counts) for usage in each for row in usage.rows]
    return Usage(client.host.name, "all teams", each[0].first, each[0].last, "team", rows)


def gather(client: RegistryClient, login: Login | None, query: Mapping[str, str]) -> Usage:
    """All pages of a report, added up.

    Raises: TransferError.
    """
    # The account itself has to ask: a Bearer token speaks for repositories.
    headers = {"Authorization": login.basic} if login else {}
    rows: list[Used] = []
    page: dict[str, Any] = {}
    ends: list[Ending] = []
    more_ends = False
    place: str | None = ""
    while place is not None:
        asked = urlencode({**query, "last": place} if place else query)
        answer = client.send("GET", f"{PATH}?{asked}", headers=headers, what="asking for usage")
        try:
            page = json.loads(answer.body)
            rows += [_row(row) for row in page["rows"]]
            place = page["last"]
            ends += [Ending(e["what"], e["name"], e["expires_at"]) for e in page.get("ends", ())]
            more_ends = more_ends or bool(page.get("more_ends"))
            # The days of the first page: today may become another while pages are read.
            query = {**query, "from": page["from"], "to": page["to"]}
            # What ends is asked for once.
            query.pop("ends", None)
        except (ValueError, KeyError, TypeError):
            raise TransferError(f"{client.host.name} answers something that is no report") from None
    by = query["by"]
    days = page["from"], page["to"]
    rows = grouped(rows, by)
    return Usage(client.host.name, page["team"], *days, by, rows, ends, more_ends)


def _row(row: Mapping[str, Any]) -> Used:
    counts = {name: int(row[name]) for name in ALL if row.get(name)}
    return Used(row["day"].replace("-", ""), row["repository"], counts)
