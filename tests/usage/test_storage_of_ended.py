"""Storage by the hour after an end: what has ended is not counted, whoever has its name then."""

from __future__ import annotations

import secrets
from typing import Any

from chalicelib.domain.names import RepositoryName
from chalicelib.domain.records import Repository
from chalicelib.domain.usage import day_of
from chalicelib.service.meter import measure_storage
from chalicelib.service.sweep import Graces
from tests.contracts.values import blob, change, manifest, tag
from tests.usage.test_final_report import BEGIN_S, DAY_S, HOUR_S, URL, Place, place

__all__ = ["place"]
EVENING_S = BEGIN_S + 15 * HOUR_S  # 23:00


def fill(place: Place, path: str, **changes: Any) -> None:
    """A repository of crew that holds a blob and a manifest."""
    store, name = place.world.metadata, RepositoryName(path)
    life = secrets.token_hex(8)
    record = Repository(name, place.clock.at_s, life=life, **changes)
    place.world.search.put_repository("crew", record)
    raw = path.encode()
    store.put_manifest("crew", record, manifest(raw), [tag()], change())
    store.put_blob("crew", name, blob(raw, f"crew/sha256/{life}"))


def stored(place: Place, who: str) -> list[tuple[str, str]]:
    """The days and repositories of which somebody sees storage."""
    url = f"{URL}?team=crew&from=2027-01-01&to=2028-12-31&by=day,repository"
    status, document = place.ask(who, "GET", url)
    assert status == 200, document
    return [
        (row["day"], row["repository"])
        for row in document["rows"]
        if row["linked_byte_hours"] or row["stored_byte_hours"]
    ]


def hours(place: Place, count: int) -> None:
    """So many hours of a registry: the meter looks, and the collector runs."""
    for _ in range(count):
        measure_storage(place.world.usage, now_s=place.clock.now_s())
        place.collect(Graces(), 1)


def test_the_next_team_of_a_name_sees_nothing_that_the_last_one_left_lying(place: Place) -> None:
    """A team that ends in the evening is still being removed on the next day, and its name free."""
    place.clock.at_s = EVENING_S
    place.make("olga", 1800)
    fill(place, "crew/secret")
    hours(place, 12)
    assert place.is_free()
    assert day_of(place.clock.at_s) == "20270116"
    place.make("nina", 10 * DAY_S)
    assert stored(place, "nina") == []
    assert stored(place, "olga") == [("2027-01-15", ""), ("2027-01-15", "crew/secret")]


def test_a_repository_that_has_ended_serves_no_byte_in_an_hour(place: Place) -> None:
    place.make("olga", 10 * DAY_S)
    fill(place, "crew/short", expires_at_s=place.clock.at_s + 60)
    fill(place, "crew/long")
    place.clock.at_s += 60
    measure_storage(place.world.usage, now_s=place.clock.now_s())
    assert stored(place, "olga") == [("2027-01-15", ""), ("2027-01-15", "crew/long")]
