"""A report in pages: of every size, followed by its links, it says what it says on one."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from chalicelib.domain.usage import Account, Seen
from tests.usage.test_final_report import BEGIN_S, DAY_S, URL, Place, place

__all__ = ["place"]
LIMIT = 50
# Eight rows of one day and repository, rows of the team itself, and days without any.
DAYS = ("20270115", "20270116", "20270119")
REPOSITORIES = ("", "crew/a", "crew/a/b", "crew/a-b", "crew/b")
FIRST, LAST = "2027-01-01", "2028-12-31"


def fill(
    place: Place, days: tuple[str, ...] = DAYS, name: str = "crew"
) -> Counter[tuple[str, str]]:
    """Pulls of each day and repository, by several processes; answers their sums."""
    wanted: Counter[tuple[str, str]] = Counter()
    for process in range(3):
        totals = {}
        for at, day in enumerate(days):
            for also, repository in enumerate(REPOSITORIES):
                pulls = 1 + process + 10 * at + 100 * also
                totals[Account(name, day, repository)] = {"pulls": pulls}
                wanted[f"{day[:4]}-{day[4:6]}-{day[6:]}", repository] += pulls
        word = f"{process:032x}"
        before = place.world.usage.find_seen(word)
        number = before.spans[-1][1] + 1 if before.spans else 1
        after = before.with_numbers([number])
        place.world.usage.count(word, before, after, totals, seen_until_s=BEGIN_S + 99 * DAY_S)
    return wanted


def pages(place: Place, url: str, who: str) -> list[dict[str, Any]]:
    """The pages, from the first to the one without a link."""
    found: list[dict[str, Any]] = []
    while url:
        answer = place.registry.send("GET", url, login=(who, "a-long-password"))
        assert answer.status == 200, answer.body
        found.append(json.loads(answer.body))
        link = answer.header("link") or ""
        assert bool(link) == (found[-1].get("last") is not None)
        url = link.partition("<")[2].partition(">")[0]
        assert len(found) < LIMIT, "the pages have no end"
    return found


def summed(found: list[dict[str, Any]]) -> Counter[tuple[str, str]]:
    sums: Counter[tuple[str, str]] = Counter()
    for page in found:
        for row in page["rows"]:
            sums[row["day"], row["repository"]] += row["pulls"]
    return sums


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 14, 15, 16, 44, 45, 46, 2000, 10**18])
def test_pages_of_any_size_add_up_to_the_whole(place: Place, limit: int) -> None:
    place.make("olga", 10 * DAY_S)
    wanted = fill(place)
    url = f"{URL}?team=crew&from={FIRST}&to={LAST}&by=day,repository&n={limit}"
    found = pages(place, url, "olga")
    assert summed(found) == wanted
    kept = [page["last"] for page in found if page["last"]]
    assert kept == sorted(set(kept)), "each page begins behind the one before"


@pytest.mark.parametrize("by", ["day", "repository", "all"])
def test_lines_that_go_on_over_pages_add_up(place: Place, by: str) -> None:
    place.make("olga", 10 * DAY_S)
    wanted = fill(place)
    found = pages(place, f"{URL}?team=crew&from={FIRST}&to={LAST}&by={by}&n=4", "olga")
    assert sum(summed(found).values()) == sum(wanted.values())
    keys = {(row["day"], row["repository"]) for page in found for row in page["rows"]}
    shown = {
        (day if by == "day" else "", name if by == "repository" else "") for day, name in wanted
    }
    assert keys == shown


@pytest.mark.parametrize("limit", [1, 2, 3, 14, 15, 16, 30, 2000])
def test_pages_of_several_teams_of_one_name_never_show_anothers_rows(
    place: Place, limit: int
) -> None:
    """Olga's team was there before Nina's and after: her report has two stretches of days."""
    store: Any = place.world.metadata
    wanted: dict[str, Counter[tuple[str, str]]] = {"olga": Counter(), "nina": Counter()}
    for who in ("olga", "nina", "olga"):
        place.make(who, DAY_S // 2)
        today = f"202701{15 + (place.clock.at_s - BEGIN_S) // DAY_S}"
        wanted[who] += fill(place, (today,))
        place.clock.at_s += 2 * DAY_S
        team = place.world.accounts.find_lives("crew", who)[-1]
        store.end_team("crew", team.word)
    for who, sums in wanted.items():
        url = f"{URL}?team=crew&from={FIRST}&to={LAST}&by=day,repository&n={limit}"
        assert summed(pages(place, url, who)) == sums


def test_a_place_of_other_days_or_of_no_form_is_refused(place: Place) -> None:
    place.make("olga", DAY_S)
    for last in ("20270115", "20261231%23crew/a%230", "20290101%23crew/a%230", "x", "%00"):
        url = f"{URL}?team=crew&from={FIRST}&to={LAST}&last={last}"
        assert place.ask("olga", "GET", url)[0] == 400, last
    for number in ("0", "-1", "1.5", "1" * 20, "x"):
        assert place.ask("olga", "GET", f"{URL}?team=crew&n={number}")[0] == 400, number


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 1000])
def test_the_list_of_teams_in_pages_is_the_list(place: Place, limit: int) -> None:
    names = ("a", "ab", "crew")
    for at, name in enumerate(names):
        account = Account(name, DAYS[0], "")
        place.world.usage.count(
            f"{at:032x}", Seen(), Seen(((1, 1),)), {account: {"pulls": 1}}, seen_until_s=BEGIN_S
        )
    place.registry.add_user("root", "a-long-password", administrator=True)
    url: str | None = f"{URL}/teams?n={limit}"
    found: list[str] = []
    while url:
        answer = place.registry.send("GET", url, login=("root", "a-long-password"))
        assert answer.status == 200
        found += json.loads(answer.body)["teams"]
        url = (answer.header("link") or "").partition("<")[2].partition(">")[0]
        assert len(found) < LIMIT
    assert found == list(names)
