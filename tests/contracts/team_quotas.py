"""TeamStore: what a team has, counted, and held to its quota."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from chalicelib.domain.records import Repository
from chalicelib.domain.teams import Quota, Usage
from chalicelib.ports import Refused
from tests.contracts.team_values import END_S, A, app, owner, record, repository
from tests.contracts.values import NOW_S, blob, image, session, uploaded
from tests.support.world import SettableClock


class QuotasContract:
    def test_repositories_are_counted_that_have_not_ended(
        self, store: Any, clock: SettableClock, team: str
    ) -> None:
        store.create_team(record(team), owner(team))
        for name in ("one", "two", "three"):
            store.put_repository(team, Repository(app(team, name), NOW_S, expires_at_s=END_S))
        store.put_repository(team, Repository(app(team, "four"), NOW_S))
        assert (store.count_repositories(team, 10), store.count_repositories(team, 3)) == (4, 3)
        clock.at_s = END_S
        assert store.count_repositories(team, 10) == 1

    def test_bytes_count_once_for_each_team(self, store: Any, team: str) -> None:
        other = f"{team}-2"
        for name in (team, other):
            store.create_team(record(name), owner(name))
        sizes = {data: len(data) for data in (b"one", b"three", b"seventh")}
        for data in (*sizes, *sizes):
            store.put_blob(team, app(team), blob(data))
        store.put_blob(team, app(team, "more"), blob(b"one"))
        assert store.find_usage(team, 0) == Usage(sum(sizes.values()))
        assert store.find_usage(other, 0) == Usage()

    def test_bytes_that_come_at_once_are_all_counted(self, store: Any, team: str) -> None:
        store.create_team(record(team), owner(team))
        many = [blob(b"%04d" % number) for number in range(12)]
        threads = [
            threading.Thread(target=store.put_blob, args=(team, app(team, f"r{at % 3}"), each))
            for at, each in enumerate((*many, *many))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert store.find_usage(team, 0).size_bytes == sum(each.size_bytes for each in many)

    def test_layers_and_adopted_blobs_are_counted(self, store: Any, team: str) -> None:
        store.put_image(team, image(A))
        store.put_layer(team, uploaded(A))
        layer = uploaded(A).layer
        assert layer is not None
        assert store.find_usage(team, 0).size_bytes == layer.size_bytes
        store.give_edge_word(team, app(team), "word")
        taken = [blob(b"%03d" % number) for number in range(50)]
        store.adopt_blobs(team, app(team), "word", taken)
        assert store.find_usage(team, 0).size_bytes == layer.size_bytes + 150

    def test_a_quota_of_bytes_is_held_for_what_is_new(self, store: Any, team: str) -> None:
        store.create_team(record(team, quota=Quota(10)), owner(team))
        store.put_blob(team, app(team), blob(b"12345"))
        with pytest.raises(Refused):
            store.put_blob(team, app(team), blob(b"123456"))
        assert store.find_link(team, app(team), blob(b"123456").digest) is None
        store.put_blob(team, app(team), blob(b"54321"))
        store.put_blob(team, app(team, "more"), blob(b"54321"))
        with pytest.raises(Refused):
            store.put_blob(team, app(team), blob(b"1"))
        store.put_image(team, image(A))
        with pytest.raises(Refused):
            store.put_layer(team, uploaded(A))
        assert store.find_usage(team, 0) == Usage(10)

    def test_what_a_quota_refuses_leaves_its_upload(self, store: Any, team: str) -> None:
        store.create_team(record(team, quota=Quota(1)), owner(team))
        held = session(team, claim="mine", claim_expires_at_s=NOW_S + 60)
        store.open_upload(held)
        with pytest.raises(Refused):
            store.put_blob(team, app(team), blob(b"two"), held)
        assert store.find_upload(team, held.upload_id, now_s=NOW_S) == held

    def test_a_quota_of_repositories_counts_those_that_are_there(
        self, store: Any, clock: SettableClock, team: str
    ) -> None:
        store.create_team(record(team, quota=Quota(repositories=2)), owner(team))
        store.put_repository(team, repository(team, "a"))
        store.put_repository(team, repository(team, "b", expires_at_s=END_S))
        store.put_repository(team, repository(team, "a"))
        with pytest.raises(Refused):
            store.put_repository(team, repository(team, "c"))
        clock.at_s = END_S
        store.put_repository(team, repository(team, "c"))
        with pytest.raises(Refused):
            store.put_repository(team, repository(team, "b"))

    def test_pulls_are_counted_by_day_up_to_their_quota(self, store: Any, team: str) -> None:
        for _ in range(3):
            store.count_pull(team, 7, limit=3)
        with pytest.raises(Refused):
            store.count_pull(team, 7, limit=3)
        store.count_pull(team, 8, limit=3)
        with pytest.raises(Refused):
            store.count_pull(team, 9, limit=0)
        assert [store.find_usage(team, day).pulls for day in (7, 8, 9)] == [3, 1, 0]
