"""`roadstead usage` over a socket: the same counts in each form, dollars, and refusals in words."""

from __future__ import annotations

import base64
import csv
import io
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from chalicelib.adapters.hashing import ResumableHashing
from chalicelib.adapters.memory.metadata import MemoryMetadata
from chalicelib.adapters.memory.usage import MemoryUsage
from chalicelib.api.meter import run_meter
from chalicelib.domain.expiry import written
from roadstead.cli import main
from roadstead.gateway.asgi import Gateway
from roadstead.usage.prices import GB, MONTH_HOURS, OWN, PricesError, read_prices
from tests.conformance.bodies import image
from tests.support.registry import serving
from tests.usage.delivery import deliveries
from tests.usage.scripted import PASSWORD, Script, played

DAYS = ("--from", "2027-01-01", "--to", "2027-01-31")


@dataclass
class Place:
    """A registry whose script has been played and counted, on a socket."""

    script: Script
    host: str
    home: Path

    def login(self, name: str) -> None:
        """As `docker login` leaves it."""
        secret = base64.b64encode(f"{name}:{PASSWORD}".encode()).decode()
        document = {"auths": {self.host: {"auth": secret}}}
        (self.home / "config.json").write_text(json.dumps(document))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    store = MemoryMetadata()
    script = played(store, MemoryUsage(store))
    for event in deliveries(script.lines, random.Random(9)):
        run_meter(script.world.usage, script.world.clock, event)
    run_meter(script.world.usage, script.world.clock, {"source": "aws.events"})
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with serving(Gateway(script.registry.front, ResumableHashing(), None)) as host:
        yield Place(script, host, tmp_path)


def sums(rows: list[dict[str, Any]], name: str) -> int:
    return sum(int(row[name]) for row in rows)


def test_each_form_says_the_same(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    place.login("alice")
    said = {}
    for form in ((), ("--csv",), ("--json",)):
        assert main(["usage", place.host, *DAYS, *form]) == 0
        said[form], err = capsys.readouterr()
        assert err == ""
    document = json.loads(said["--json",])
    rows = list(csv.DictReader(io.StringIO(said["--csv",])))
    for name in ("requests", "pulls", "pushes", "bytes_pulled", "bytes_pushed"):
        wanted = sum(used.counts.get(name, 0) for used in place.script.wanted("alice"))
        assert sums(rows, name) == sums(document["rows"], name) == wanted
    (total,) = [line.split() for line in said[()].splitlines() if line.startswith("total")]
    assert int(total[1]) == sums(rows, "pulls")
    assert int(total[2]) == sums(rows, "pushes")
    usd = sum(float(row["usd"]) for row in rows)
    assert usd == pytest.approx(document["estimate"]["usd"], abs=1e-6)
    assert usd > 0
    for word in ("alice/app", "alice/old", "2027-01-15", "Left out:", "From memory"):
        assert word in said[()]


@pytest.mark.parametrize(
    ("by", "first_row"),
    [("day", "2027-01-15"), ("repository", "-"), ("all", "-"), ("day,repository", "2027-01-15")],
)
def test_rows_are_grouped_as_asked(
    place: Place, by: str, first_row: str, capsys: pytest.CaptureFixture[str]
) -> None:
    place.login("alice")
    assert main(["usage", place.host, *DAYS, "--by", by]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"alice at {place.host}, 2027-01-01 to 2027-01-31 (UTC)"
    assert lines[3].startswith(first_row)
    assert ("DAY" in lines[2]) is ("day" in by)


def test_an_administrator_sees_what_is_of_no_team(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.login("root")
    assert main(["usage", place.host, *DAYS, "--team", "", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    wanted = sum(used.counts["requests"] for used in place.script.wanted(""))
    assert sums(document["rows"], "requests") == wanted


def test_an_administrator_sees_a_line_for_each_team(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.login("root")
    assert main(["usage", place.host, *DAYS, "--all-teams", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [row["team"] for row in rows] == ["", "alice", "bob"]
    for row in rows:
        wanted = sum(used.counts["requests"] for used in place.script.wanted(row["team"]))
        assert row["requests"] == wanted, row["team"]
    assert main(["usage", place.host, *DAYS, "--all-teams"]) == 0
    assert capsys.readouterr().out.splitlines()[2].startswith("TEAM ")
    assert main(["usage", place.host, *DAYS, "--all-teams", "--csv"]) == 0
    listed = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["team"], row["repository"]) for row in listed] == [
        ("", ""),
        ("alice", ""),
        ("bob", ""),
    ]
    place.login("alice")
    assert main(["usage", place.host, "--all-teams"]) == 1
    assert "teams are listed to administrators" in capsys.readouterr().err


def test_what_ends_soon_is_in_each_form(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    registry, login = place.script.registry, ("alice", PASSWORD)
    tag = "/v2/alice/app/manifests/latest?expires=1h"
    assert registry.send("PUT", tag, image(), login=login).status == 201
    body = json.dumps({"expires_in_s": 3 * 24 * 3600}).encode()
    end = "/v2/alice/app/_roadstead/expiry"
    assert registry.send("PUT", end, body, login=login).status == 200
    clock = place.script.world.clock
    tag_end, app_end = written(clock.now_s() + 3600), written(clock.now_s() + 3 * 24 * 3600)
    place.login("alice")
    assert main(["usage", place.host, *DAYS, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["ends"] == [
        {"what": "tag", "name": "alice/app:latest", "expires_at": tag_end},
        {"what": "repository", "name": "alice/app", "expires_at": app_end},
    ]
    assert document["more_ends"] is False
    assert main(["usage", place.host, *DAYS]) == 0
    table = capsys.readouterr().out.splitlines()
    assert [line.split() for line in table[table.index("Ends soon:") + 1 :]] == [
        ["tag", "alice/app:latest", tag_end],
        ["repository", "alice/app", app_end],
    ]
    assert main(["usage", place.host, *DAYS, "--csv"]) == 0
    out, err = capsys.readouterr()
    ends = {row["repository"]: row["expires_at"] for row in csv.DictReader(io.StringIO(out))}
    assert ends["alice/app"] == app_end
    assert {end for name, end in ends.items() if name != "alice/app"} == {""}
    assert f"alice/app:latest  {tag_end}" in err
    for days, said in (("1", "alice/app:latest"), ("0", "")):
        assert main(["usage", place.host, *DAYS, "--ends", days]) == 0
        out = capsys.readouterr().out
        assert ("Ends soon:" in out) is bool(said)
        assert app_end not in out
    assert main(["usage", place.host, "--ends", "367"]) == 1
    assert "a number of days from 1 to 366" in capsys.readouterr().err


def test_refusals_are_sentences(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    place.login("bob")
    for words, said in (
        (["--team", "alice"], "a team's usage is shown to its owner"),
        (["--from", "yesterday"], "a day looks like 2026-11-24"),
        (["--prices", "/no/such/file"], "cannot be read"),
        (["--from", "2027-02-01", "--to", "2027-01-01"], "must not come after"),
        (["--user", "bob"], "the password cannot be asked for here"),
    ):
        assert main(["usage", place.host, *words]) == 1
        out, err = capsys.readouterr()
        assert out == ""
        assert said in err, err
        assert PASSWORD not in err
    (place.home / "config.json").unlink()
    assert main(["usage", place.host]) == 1
    assert "asks for a login" in capsys.readouterr().err


# --- prices ---------------------------------------------------------------------------------------


def test_an_estimate_is_counts_times_prices(tmp_path: Path) -> None:
    document = json.loads(OWN.read_text())
    document["prices"] = {
        "api_gateway_request": {"usd": 4, "per": 2},
        "s3_gb_month": {"usd": 3, "per": 1},
        "s3_transfer_gb": {"usd": 0.5, "per": 1},
        "lambda_gb_second": {"usd": 7, "per": 1},
    }
    document["assumed"] = {"lambda_memory_mb": {"value": 512}}
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(document))
    prices = read_prices(path)
    counts = {
        "requests": 10,
        "stored_byte_hours": 2 * GB * MONTH_HOURS,
        "linked_byte_hours": 99 * GB * MONTH_HOURS,
        "bytes_pulled": 3 * GB,
        "bytes_out": GB,
        "billed_ms": 4000,
    }
    found = {item.title: item.usd for item in prices.items(counts) if item.usd}
    assert found == {
        "API Gateway": 20.0,
        "S3 storage": 6.0,
        "transfer out": 2.0,
        "Lambda time": 14.0,
    }
    assert prices.total_usd(counts) == 42.0
    missing = [item.title for item in prices.items(counts) if item.usd is None]
    assert "CloudFront" in missing


def test_our_own_list_has_a_price_for_every_item_and_says_where_it_is_from() -> None:
    prices = read_prices()
    assert all(item.usd is not None for item in prices.items({}))
    document = json.loads(OWN.read_text())
    for name, row in document["prices"].items():
        assert row["from_memory"] or row["source"], name
    assert {"region", "read", "currency", "note"} <= set(document)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"prices": []}',
        '{"prices": {"x": {"usd": "much", "per": 1}}, "region": "r", "read": "d"}',
        '{"prices": {"x": {"usd": 1, "per": 0}}, "region": "r", "read": "d"}',
        '{"prices": {"x": {"usd": -1, "per": 1}}, "region": "r", "read": "d"}',
        '{"prices": {"x": {"usd": NaN, "per": 1}}, "region": "r", "read": "d"}',
        '{"prices": {"x": 1}, "region": "r", "read": "d"}',
    ],
)
def test_what_is_no_list_of_prices_is_refused_in_words(tmp_path: Path, text: str) -> None:
    path = tmp_path / "prices.json"
    path.write_text(text)
    with pytest.raises(PricesError, match=r"prices\.json"):
        read_prices(path)
