"""The meter's function: what it is handed, what it leaves out, what it costs; and line identity."""

from __future__ import annotations

import base64
import gzip
import json
import os
import secrets
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from chalicelib.adapters.clock import SystemClock
from chalicelib.adapters.dynamo import DynamoMetadata, create_table
from chalicelib.adapters.memory.metadata import MemoryMetadata
from chalicelib.adapters.memory.usage import MemoryUsage
from chalicelib.api.meter import run_meter
from chalicelib.domain.usage import Seen
from chalicelib.ports import Conflict, Unavailable
from chalicelib.service.meter import DAY_S, Terms, take
from chalicelib.usage_ports import Span
from chalicelib.web.edge import LineIdentity
from tests.logs.heard import heard
from tests.support.stack import Stack
from tests.support.world import SettableClock
from tests.usage.delivery import came_back, packed
from tests.usage.test_sums import AT_MS, PROCESS, PULL

CLOCK = SettableClock()
YEARS = Span("20260101", "20281231")


def line(number: int, **changes: Any) -> dict[str, Any]:
    return {**PULL, "number": number, **changes}


def lines(*numbers: int, **changes: Any) -> list[str]:
    return [json.dumps(line(number, **changes)) for number in numbers]


def pulls(store: Any, team: str = "acme") -> int:
    return sum(
        row.used.counts.get("pulls", 0) for row in store.list_usage(team, YEARS, 1000).entries
    )


@pytest.fixture
def store() -> MemoryUsage:
    return MemoryUsage(MemoryMetadata())


def awslogs(document: object) -> dict[str, Any]:
    data = gzip.compress(json.dumps(document).encode())
    return {"awslogs": {"data": base64.b64encode(data).decode()}}


ODD: dict[str, dict[str, Any]] = {
    "nothing": {},
    "a question whether anybody is there": awslogs(
        {"messageType": "CONTROL_MESSAGE", "logEvents": [{"id": "", "message": "CWL CONTROL"}]}
    ),
    "no base64": {"awslogs": {"data": "!"}},
    "no gzip": {"awslogs": {"data": base64.b64encode(b"x").decode()}},
    "cut off": {"awslogs": {"data": packed(lines(1))["awslogs"]["data"][:40]}},
    "no JSON": {"awslogs": {"data": base64.b64encode(gzip.compress(b"{")).decode()}},
    "no object": awslogs([1]),
    "no data": {"awslogs": {}},
    "events of no form": awslogs(
        {"messageType": "DATA_MESSAGE", "logEvents": [{}, {"message": 1}]}
    ),
    "lines that are no JSON": packed(["START RequestId: 1", "{", "[" * 100_000]),
    "a record of no form": {"Records": [{}, {"body": "x"}, {"body": "{}"}]},
    "an hour that could not be measured": came_back({"source": "aws.events"}),
}


@pytest.mark.parametrize("event", ODD.values(), ids=ODD)
def test_what_is_not_understood_is_passed_over(store: MemoryUsage, event: dict[str, Any]) -> None:
    with heard():
        said = run_meter(store, CLOCK, event)
    assert said["counted"] == 0


def test_what_came_back_is_counted_with_what_did_not(store: MemoryUsage) -> None:
    run_meter(store, CLOCK, packed(lines(1, 2, 3)))
    said = run_meter(store, CLOCK, came_back(packed(lines(3, 4))))
    assert said == {"counted": 1, "repeated": 1, "late": 0, "other": 0}
    assert pulls(store) == 4


def test_what_is_too_late_to_be_known_is_left_out_and_said(store: MemoryUsage) -> None:
    terms, now_s = Terms(), AT_MS // 1000
    assert terms.late_s is not None
    old = line(1, at_ms=AT_MS - terms.late_s * 1000 - 1)
    with heard() as log:
        taken = take(store, [old, line(2)], now_s=now_s, terms=terms)
    assert (taken.counted, taken.late) == (1, 1)
    assert "late" in str(log.messages[0]["message"])
    forever = Terms(late_s=None)
    assert take(store, [old], now_s=now_s, terms=forever).counted == 1


def test_what_has_been_counted_is_known_for_longer_than_a_line_may_be_late() -> None:
    terms = Terms()
    assert terms.late_s is not None
    # CloudWatch Logs tries for a day, the queue keeps for six; a row may go once it has expired.
    assert terms.late_s >= 7 * DAY_S
    assert terms.known_s >= 2 * terms.late_s


def test_a_meter_that_is_always_overtaken_gives_up_and_is_called_again() -> None:
    class Overtaken(MemoryUsage):
        def count(self, *_: Any, **__: Any) -> None:
            raise Conflict("somebody was faster")

    with pytest.raises(Unavailable):
        run_meter(Overtaken(MemoryMetadata()), CLOCK, packed(lines(1)))


def test_a_batch_costs_one_read_and_one_transaction(stack: Stack) -> None:
    calls: Counter[str] = Counter()
    name, url = f"usage-{secrets.token_hex(6)}", stack.endpoints.dynamodb_url
    create_table(name, stack.region, url, session=stack.session)
    store = DynamoMetadata(
        name, stack.region, url, session=stack.session, on_request=lambda each: calls.update([each])
    )
    many = [json.dumps(line(n, repository=f"acme/{n % 60}")) for n in range(1, 500)]
    run_meter(store, CLOCK, packed(many))
    entered = {"PutItem": 1}  # acme, which this process has not had before
    assert calls == {"GetItem": 1, "TransactWriteItems": 1, **entered}
    run_meter(store, CLOCK, packed(many))
    assert calls == {"GetItem": 2, "TransactWriteItems": 1, **entered}
    wide = [json.dumps(line(n, repository=f"acme/{n}")) for n in range(500, 700)]
    run_meter(store, CLOCK, packed(wide))
    assert calls == {"GetItem": 5, "TransactWriteItems": 4, **entered}
    assert pulls(store) == 699


def test_seen_rows_refuse_who_has_not_read_them(stack: Stack) -> None:
    name, url = f"usage-{secrets.token_hex(6)}", stack.endpoints.dynamodb_url
    create_table(name, stack.region, url, session=stack.session)
    dynamo = DynamoMetadata(name, stack.region, url, session=stack.session)
    first, second = Seen(((1, 1),)), Seen(((1, 2),))
    for each in (dynamo, MemoryUsage(MemoryMetadata())):
        each.count(PROCESS, Seen(), first, {}, seen_until_s=1)
        for before in (Seen(), second):
            with pytest.raises(Conflict):
                each.count(PROCESS, before, second, {}, seen_until_s=1)
        assert each.find_seen(PROCESS) == first


def test_no_two_lines_of_a_process_have_one_number() -> None:
    identity, other = LineIdentity(), LineIdentity()
    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda _: identity.next(), range(2000)))
    assert sorted(each["number"] for each in given) == list(range(1, 2001))  # type: ignore[type-var]
    (process,) = {each["process"] for each in given}
    assert other.next() != {"process": process, "number": 2001}
    assert other.next()["process"] != process


def test_the_function_that_is_deployed_counts(stack: Stack) -> None:
    """`app.meter`, as Lambda calls it, with the settings that the template gives it."""
    name, url = f"usage-{secrets.token_hex(6)}", stack.endpoints.dynamodb_url
    create_table(name, stack.region, url, session=stack.session)
    settings = {
        "ROADSTEAD_TABLE": name,
        "ROADSTEAD_DYNAMODB_ENDPOINT": url,
        "AWS_REGION": stack.region,
        "AWS_ACCESS_KEY_ID": stack.endpoints.s3_access_key,
        "AWS_SECRET_ACCESS_KEY": stack.endpoints.s3_secret_key,
        "PATH": os.environ["PATH"],
    }
    now_ms = SystemClock().now_ms()
    event = json.dumps(packed(lines(1, 2, at_ms=now_ms)))
    program = "import app, json, sys; print(json.dumps(app.meter(json.load(sys.stdin), None)))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=event,
        env=settings,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["counted"] == 2
    store = DynamoMetadata(name, stack.region, url, session=stack.session)
    assert pulls(store) == 2
