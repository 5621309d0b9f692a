"""The report of a scripted day is the script, to the request and to the byte, whatever happens to
the log lines and to the meter on the way.
"""

from __future__ import annotations

import csv
import io
import json
import random
import re
import secrets
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chalicelib.adapters.dynamo import DynamoMetadata, create_table
from chalicelib.adapters.memory.metadata import MemoryMetadata
from chalicelib.adapters.memory.usage import MemoryUsage
from chalicelib.api.meter import run_meter
from chalicelib.domain.access import Mode
from chalicelib.domain.usage import (
    ALL,
    GROUPS,
    Account,
    Seen,
    Used,
    day_of,
    grouped,
    shown_day,
)
from chalicelib.service.usage import Subject, report
from chalicelib.service.world import World
from chalicelib.usage_ports import Span, UsageStore
from tests.conformance.runner import PlainPasswords
from tests.support.stack import Stack
from tests.support.world import Registry, memory_world
from tests.usage.delivery import Killed, Mortal, deliveries
from tests.usage.scripted import COUNTED, DAY_S, PASSWORD, Script, played

TEAMS = ("alice", "bob", "")
Stores = Callable[[], tuple[Any, UsageStore]]


def in_memory() -> tuple[Any, UsageStore]:
    store = MemoryMetadata()
    return store, MemoryUsage(store)


@pytest.fixture(params=["memory", "dynamodb"])
def stores(request: pytest.FixtureRequest) -> Stores:
    if request.param == "memory":
        return in_memory
    stack: Stack = request.getfixturevalue("stack")

    def made() -> tuple[Any, UsageStore]:
        name, url = f"usage-{secrets.token_hex(6)}", stack.endpoints.dynamodb_url
        create_table(name, stack.region, url, session=stack.session)
        store = DynamoMetadata(name, stack.region, url, session=stack.session)
        return store, store

    return made


def said(world: World, team: str, names: tuple[str, ...] = COUNTED) -> list[Used]:
    """The report, of as many pages as it takes, with these counts alone."""
    rows: list[Used] = []
    place: str | None = ""
    while place is not None:
        page = report(
            world, Subject(team), Span("20260101", "20271231", place), "day,repository", 2
        )
        rows += page.rows
        place = page.next_place
    return [
        Used(row.day, row.repository, {n: row.counts[n] for n in names if row.counts.get(n)})
        for row in grouped(rows, "day,repository")
    ]


def check(script: Script) -> None:
    for team in TEAMS:
        wanted = [Used(u.day, u.repository, dict(u.counts)) for u in script.wanted(team)]
        assert said(script.world, team) == wanted, team


def deliver(script: Script, event: dict[str, Any], usage: Any = None) -> None:
    run_meter(usage or script.world.usage, script.world.clock, event)


def test_the_report_is_the_script(stores: Stores) -> None:
    script = played(*stores())
    for event in deliveries(script.lines, random.Random(1)):
        deliver(script, event)
    check(script)


def test_the_meter_may_be_killed_at_every_one_of_its_calls(stores: Stores) -> None:
    """Each batch is handed over until the function lives to its end; every call is its last once,
    before it is done and after."""
    script = played(*stores())
    deaths = 0
    for event in deliveries(script.lines, random.Random(2)):
        for after in (False, True):
            at, alive = 1, False
            while not alive:
                mortal = Mortal(script.world.usage, at, after=after)
                try:
                    deliver(script, event, mortal)
                except Killed:
                    deaths += 1
                alive = not mortal.died
                at += 1
    assert deaths > len(script.lines)
    check(script)


def test_many_meters_may_have_the_same_lines_at_once(stores: Stores) -> None:
    script = played(*stores())
    events = [
        *deliveries(script.lines, random.Random(3)),
        *deliveries(script.lines, random.Random(4)),
    ]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda event: deliver(script, event), events))
    check(script)


def test_lines_that_are_missing_are_missed_and_their_neighbours_are_not() -> None:
    """The check can fail: what was never handed over is not in the report."""
    script = played(*in_memory())
    lost = next(at for at, line in enumerate(script.lines) if json.loads(line).get("pulls"))
    for event in deliveries(script.lines[:lost] + script.lines[lost + 1 :], random.Random(5)):
        deliver(script, event)
    pulls = sum(used.counts.get("pulls", 0) for used in said(script.world, "alice"))
    wanted = sum(used.counts.get("pulls", 0) for used in script.wanted("alice"))
    assert pulls == wanted - 1


def test_nobody_else_sees_a_count() -> None:
    script = played(*in_memory())
    for event in deliveries(script.lines, random.Random(6)):
        deliver(script, event)
    url = "/v2/_roadstead/usage?from=2026-01-01&to=2027-12-31"
    for by, team, status in (
        ("bob", "alice", 403),
        ("bob", "", 403),
        (None, "alice", 401),
        ("alice", "alice", 200),
        ("root", "alice", 200),
        ("root", "", 200),
    ):
        login = (by, PASSWORD) if by else None
        answer = script.registry.send("GET", f"{url}&team={team}", login=login)
        assert answer.status == status, (by, team)
    own = json.loads(script.registry.send("GET", url, login=("bob", PASSWORD)).body)
    assert own["team"] == "bob"
    (row,) = own["rows"]
    assert (row["requests"], row["pulls"]) == (1, 0)


def test_the_endpoint_gives_it_in_pages_that_add_up() -> None:
    script = played(*in_memory())
    for event in deliveries(script.lines, random.Random(7)):
        deliver(script, event)
    columns = [*COUNTED]
    for by in GROUPS:
        totals: dict[tuple[str, str], Counter[str]] = {}
        url = f"/v2/_roadstead/usage?from=2026-01-01&to=2027-12-31&by={by}&n=2"
        for form in ("json", "csv"):
            link, pages, found = f"{url}&format={form}", 0, dict[tuple[str, str], Counter[str]]()
            while link:
                answer = script.registry.send("GET", link, login=("alice", PASSWORD))
                assert answer.status == 200, answer.body
                for row in rows_of(form, answer.body.decode()):
                    key = row["day"], row["repository"]
                    counts = {name: int(row[name]) for name in columns if int(row[name])}
                    found.setdefault(key, Counter()).update(counts)
                match = re.fullmatch(r'<(.*)>; rel="next"', answer.header("link") or "")
                link, pages = match[1] if match else "", pages + 1
            assert pages > 2
            totals = totals or found
            assert found == totals
        wanted = {
            (shown_day(used.day), used.repository): Counter(used.counts)
            for used in grouped(script.wanted("alice"), by)
        }
        assert totals == wanted, by


def test_an_administrator_finds_every_team_that_has_counts(stores: Stores) -> None:
    script = played(*stores())
    for event in deliveries(script.lines, random.Random(10)):
        deliver(script, event)
    link, found = "/v2/_roadstead/usage/teams?n=1", []
    while link:
        answer = script.registry.send("GET", link, login=("root", PASSWORD))
        found += json.loads(answer.body)["teams"]
        match = re.fullmatch(r'<(.*)>; rel="next"', answer.header("link") or "")
        link = match[1] if match else ""
    assert found == ["alice", "bob"]


def rows_of(form: str, text: str) -> list[dict[str, Any]]:
    if form == "json":
        found: list[dict[str, Any]] = json.loads(text)["rows"]
        return found
    return list(csv.DictReader(io.StringIO(text)))


# --- storage --------------------------------------------------------------------------------------


def test_storage_is_added_once_an_hour_even_if_it_is_cut_off(stores: Stores) -> None:
    script = played(*stores())
    world, hourly = script.world, {"source": "aws.events"}
    sizes: dict[tuple[str, str], int] = {}
    for held in world.usage.held():
        key = held.team, held.repository
        sizes[key] = sizes.get(key, 0) + held.size_bytes
    assert sizes["alice", "alice/app"] > 0
    assert 0 < sizes["alice", ""] < sum(n for (_, name), n in sizes.items() if name)
    for hour in range(3):
        at = 1
        while True:
            mortal = Mortal(world.usage, at, after=bool(hour % 2))
            try:
                run_meter(mortal, world.clock, hourly)  # type: ignore[arg-type]
            except Killed:
                at += 1
                continue
            break
        if hour < 2:
            world.clock.at_s += 3600  # type: ignore[attr-defined]
    for (team, repository), size_bytes in sizes.items():
        name = "linked_byte_hours" if repository else "stored_byte_hours"
        rows = [u for u in said(world, team, ALL) if u.repository == repository]
        assert [u.counts.get(name) for u in rows if u.counts.get(name)] == [3 * size_bytes]
    assert day_of(world.clock.now_s()) == rows[0].day


def test_what_is_stored_is_read_past_rows_that_nobody_here_knows(stack: Stack) -> None:
    name, url = f"usage-{secrets.token_hex(6)}", stack.endpoints.dynamodb_url
    create_table(name, stack.region, url, session=stack.session)
    store = DynamoMetadata(name, stack.region, url, session=stack.session)
    played(store, store)
    wanted = sorted(tuple(vars(held).values()) for held in store.held())
    client = stack.session.create_client("dynamodb", region_name=stack.region, endpoint_url=url)
    for at in range(1200):
        # Over a megabyte, so that the scan has pages, some of them empty.
        item = {"PK": {"S": f"NEW#{at}"}, "SK": {"S": "#"}, "x": {"S": "x" * 2000}}
        client.put_item(TableName=name, Item={**item, "kind": {"S": "of another day"}})
    client.close()
    assert sorted(tuple(vars(held).values()) for held in store.held()) == wanted
    assert [(team, name) for team, name, _ in wanted] == [
        ("alice", ""),
        ("alice", "alice/app"),
        ("alice", "alice/copy"),
    ]


# --- whoever had the name before ------------------------------------------------------------------


def test_an_owner_sees_nothing_of_a_team_that_had_the_name_before() -> None:
    store = MemoryMetadata()
    usage = MemoryUsage(store)
    world = memory_world(
        Mode.ACCOUNTS,
        metadata=store,
        accounts=store,
        search=store,
        usage=usage,
        passwords=PlainPasswords(),
    )
    registry, now_s = Registry(world), world.clock.now_s()
    for name in ("alice", "root"):
        registry.add_user(name, PASSWORD, administrator=name == "root")
    made = registry.send(
        "POST", "/v2/_roadstead/teams", b'{"name": "crew"}', login=("alice", PASSWORD)
    )
    assert made.status == 201
    for team in ("alice", "crew"):
        before, after = (Account(team, day_of(now_s + n * DAY_S), "") for n in (-1, 1))
        counts = {before: {"requests": 2}, after: {"requests": 3}}
        usage.count(f"{len(team):032x}", Seen(), Seen(((1, 1),)), counts, seen_until_s=1)
    shown = "from=2026-01-01&to=2027-12-31&by=all"
    for by, team, requests in (
        ("alice", "alice", 3),
        ("alice", "crew", 3),
        ("root", "alice", 5),
        ("root", "crew", 5),
    ):
        url = f"/v2/_roadstead/usage?{shown}&team={team}"
        (row,) = json.loads(registry.send("GET", url, login=(by, PASSWORD)).body)["rows"]
        assert row["requests"] == requests, (by, team)
    past = "/v2/_roadstead/usage?from=2026-01-01&to=2026-12-31"
    assert json.loads(registry.send("GET", past, login=("alice", PASSWORD)).body)["rows"] == []
