"""Lines in files: written whole, left when they are large, and read by whoever comes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from chalicelib.adapters.memory.metadata import MemoryMetadata
from chalicelib.adapters.memory.usage import MemoryUsage
from chalicelib.ports import Unavailable
from chalicelib.web import logs
from roadstead.usage.metering import LocalMeter
from roadstead.usage.spool import Spool, spooling
from tests.logs.heard import heard
from tests.support.world import Registry, SettableClock, memory_world
from tests.usage.test_meter import line, pulls


def write(spool: Spool, **facts: Any) -> None:
    record = logs.REQUESTS.makeRecord("r", 20, "", 0, "", (), None, extra={"roadstead_line": facts})
    spool.handle(record)


def meter_of(folder: Path, spool: Spool, store: Any = None) -> LocalMeter:
    usage = store or MemoryUsage(MemoryMetadata())
    return LocalMeter(usage, SettableClock(), folder, spool)


def test_a_file_that_has_grown_large_is_left_and_goes_when_it_is_counted(tmp_path: Path) -> None:
    spool = Spool(tmp_path, file_bytes=600)
    for number in range(1, 8):
        write(spool, **line(number))
    files = list(tmp_path.iterdir())
    assert len(files) > 2
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in files)
    store = MemoryUsage(MemoryMetadata())
    meter = meter_of(tmp_path, spool, store)
    for _ in range(3):
        meter.round()
    assert pulls(store) == 7
    left = {spool.current} - {None}
    assert set(tmp_path.iterdir()) == left
    spool.close()


def test_a_line_without_its_end_waits_and_one_of_the_dead_is_nothing(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    write(spool, **line(1))
    assert spool.current is not None
    text = json.dumps(line(2))
    with spool.current.open("a") as file:
        file.write(text[:50])
    store = MemoryUsage(MemoryMetadata())
    meter = meter_of(tmp_path, spool, store)
    meter.round()
    assert pulls(store) == 1
    with spool.current.open("a") as file:
        file.write(text[50:] + "\n" + text[:30])
    meter.round()
    assert pulls(store) == 2
    spool.close()
    for _ in range(2):
        meter.round()
    assert pulls(store) == 2
    assert list(tmp_path.iterdir()) == []


def test_a_line_that_was_cut_off_does_not_take_the_next_one_along(tmp_path: Path) -> None:
    """As on a full disk: a device that takes part of a line, then none."""
    spool = Spool(tmp_path)
    write(spool, **line(1))
    assert spool.current is not None
    first = spool.current
    kept = spool._file
    assert kept is not None
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, kept)
    os.close(full)
    with heard() as log:
        write(spool, **line(2))
        write(spool, **line(3))
    assert [message["level"] for message in log.messages] == ["WARNING"]
    assert spool.current not in (None, first)
    store = MemoryUsage(MemoryMetadata())
    meter_of(tmp_path, spool, store).round()
    assert pulls(store) == 2
    spool.close()


def test_a_store_that_is_away_loses_nothing(tmp_path: Path) -> None:
    class Away(MemoryUsage):
        is_away = True

        def find_seen(self, process: str) -> Any:
            if self.is_away:
                raise Unavailable("the store is away")
            return super().find_seen(process)

    spool, store = Spool(tmp_path), Away(MemoryMetadata())
    meter = meter_of(tmp_path, spool, store)
    write(spool, **line(1))
    spool.close()
    with heard() as log:
        meter.round()
        meter.round()
    assert len(log.messages) == 2
    assert len(list(tmp_path.iterdir())) == 1
    store.is_away = False
    meter.round()
    assert pulls(store) == 1


@pytest.mark.parametrize("requests", [True, False])
def test_the_spool_hears_requests_whatever_the_stream_is_to_show(
    tmp_path: Path, requests: bool
) -> None:
    with heard(requests=requests) as log, spooling(tmp_path):
        Registry(memory_world()).send("GET", "/v2/")
    assert len(log.requests) == int(requests)
    (path,) = tmp_path.iterdir()
    (kept,) = [json.loads(each) for each in path.read_text().splitlines()]
    assert kept["endpoint"] == "v2.base"
    assert (kept["number"], len(kept["process"])) == (1, 32)
