"""The removal of a stage, run for run, until nothing of it is left; and of no other stage."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count

import pytest

from roadstead.ending.aws import AwsCloud
from roadstead.ending.cloud import Bound, Refused
from roadstead.ending.removal import Run, remove
from tests.ending.account import (
    EDGE_REGION,
    REGION,
    Account,
    KilledError,
    artefacts_of,
    bucket_of,
    secrets_of,
    table_of,
)

ENDS = "2026-12-01T12:00:00Z"
NOW_S = int(datetime(2026, 12, 1, 12, tzinfo=UTC).timestamp())
# Names that begin or go on like those of the stage that ends.
NEIGHBOURS = ("team", "team-x2", "team-x-y")
STAGE = "team-x"
MOST_RUNS = 60
APP, DATA = (REGION, f"roadstead-{STAGE}"), (REGION, f"roadstead-{STAGE}-data")
EXPLAIN = (EDGE_REGION, f"roadstead-{STAGE}-explain-{REGION}")
END = (REGION, f"roadstead-{STAGE}-end")


def account() -> Account:
    made = Account()
    made.add_stage(STAGE, ENDS)
    for other in NEIGHBOURS:
        made.add_stage(other, ENDS)
    return made


def bound(stage: str = STAGE) -> Bound:
    return Bound.of(
        {
            "ROADSTEAD_STAGE": stage,
            "AWS_REGION": REGION,
            "ROADSTEAD_BUCKETS": f"{bucket_of(stage)},{artefacts_of(stage)}",
            "ROADSTEAD_TABLE": table_of(stage),
            "ROADSTEAD_SECRETS": ",".join(secrets_of(stage)),
        }
    )


def one_run(
    made: Account,
    said: list[str] | None = None,
    now_s: int = NOW_S,
    has_time: Callable[[], bool] = lambda: True,
) -> None:
    """What the function does once; whatever AWS refuses at its very first look fails the run."""
    cloud = AwsCloud(REGION, made.client)
    say = said.append if said is not None else lambda line: None
    with contextlib.suppress(Refused, KilledError):
        remove(Run(cloud, bound(), now_s, has_time, say))


def runs_until_nothing_is_left(made: Account, said: list[str] | None = None) -> int:
    """As the schedule does it: as long as its stack is there."""
    for number in range(MOST_RUNS):
        if END not in made.stacks:
            return number
        one_run(made, said)
        made.tick()
    raise AssertionError(f"left: {made.of(STAGE)}")


def assert_gone(made: Account) -> None:
    assert made.of(STAGE) == set()
    fresh = account()
    for other in NEIGHBOURS:
        assert made.of(other) == fresh.of(other), other
        # Not emptied, and not being deleted.
        for name in (artefacts_of(other), bucket_of(other)):
            assert set(made.buckets[name].versions) >= set(fresh.buckets[name].versions)
        assert all(s.status == "UPDATE_COMPLETE" for s in made.stacks.values())


def test_a_stage_that_has_ended_goes_whole_and_says_how() -> None:
    made, said = account(), []  # type: tuple[Account, list[str]]
    runs_until_nothing_is_left(made, said)
    assert_gone(made)
    whole = "\n".join(said)
    for name in (APP, DATA, EXPLAIN, END):
        assert f"{name[1]}: UPDATE_COMPLETE; deleting" in whole
    assert f"{bucket_of(STAGE)}: empty" in whole
    assert f"{END[1]}: nothing else is left of the stage team-x; it goes as well" in said


def test_the_application_goes_first_the_mark_late_and_the_end_stack_last() -> None:
    made = account()
    gone: list[object] = []
    for _ in range(MOST_RUNS):
        before = made.of(STAGE)
        one_run(made)
        made.tick()
        gone += sorted(before - made.of(STAGE), key=str)
        if END not in made.stacks:
            break
    order = [gone.index(each) for each in (APP, table_of(STAGE), DATA, END)]
    assert order == sorted(order)
    assert gone.index(APP) < gone.index(bucket_of(STAGE)), "its name would be free too early"
    assert gone[-1] == END
    # The mark stands while anything is left that the function must not touch without it.
    assert gone[-2] == DATA


def total_calls() -> int:
    made = account()
    runs_until_nothing_is_left(made)
    return len(made.calls)


@pytest.mark.parametrize("after", [False, True], ids=["before it is done", "after it is done"])
def test_killed_at_any_call_it_ends_all_the_same(after: bool) -> None:
    total = total_calls()
    assert total > 50
    for number in range(total):
        made = account()
        made.killed_at, made.after = number, after
        runs_until_nothing_is_left(made)
        assert made.killed_at == -1, number
        assert_gone(made)


def test_killed_in_every_run_at_the_next_call_it_ends_all_the_same() -> None:
    """Run n is stopped after n calls, as if each run had a little more time than the last."""
    made = account()
    for number in count():
        made.killed_at = len(made.calls) + number
        one_run(made)
        made.tick()
        if END not in made.stacks:
            break
        assert number < 200
    assert_gone(made)


def of_stack(name: tuple[str, str], failures: int) -> Callable[[Account], None]:
    def change(made: Account) -> None:
        made.stacks[name].failures = failures

    return change


def refuse(operation: str, times: int) -> Callable[[Account], None]:
    return lambda made: made.refuses.update({operation: times})


def busy(made: Account) -> None:
    made.tables[table_of(STAGE)].busy = 3


@pytest.mark.parametrize(
    "change",
    [
        of_stack(EXPLAIN, 9),
        of_stack(APP, 2),
        of_stack(DATA, 2),
        of_stack(END, 2),
        busy,
        refuse("bucket", 2),
        refuse("objects", 2),
        *(
            refuse(operation, times)
            for operation in (
                "describe_stacks",
                "delete_stack",
                "update_termination_protection",
                "list_object_versions",
                "delete_objects",
                "list_multipart_uploads",
                "abort_multipart_upload",
                "delete_bucket",
                "describe_table",
                "delete_table",
                "delete_secret",
                "delete_log_group",
            )
            for times in (1, 4)
        ),
    ],
)
def test_what_aws_refuses_at_first_is_tried_again(change: Callable[[Account], None]) -> None:
    made = account()
    change(made)
    runs_until_nothing_is_left(made)
    assert_gone(made)


def test_while_the_copies_at_the_edges_are_there_all_else_goes() -> None:
    made, said = account(), []  # type: tuple[Account, list[str]]
    made.stacks[EXPLAIN].failures = 99
    for _ in range(MOST_RUNS):
        one_run(made, said)
        made.tick()
    left = made.of(STAGE)
    logs = {each for each in left if isinstance(each, tuple) and each[1].startswith("/aws/")}
    assert left - logs == {DATA, EXPLAIN, END}
    assert f"{EXPLAIN[1]}: not gone yet; {DATA[1]} waits for it" in said


def test_a_run_without_time_goes_on_in_the_next() -> None:
    made, said = account(), []  # type: tuple[Account, list[str]]
    has = iter([True, False] * 3)
    one_run(made, said, has_time=lambda: next(has))
    pages = [line for line in said if line.endswith("1 pages deleted; the next run goes on")]
    assert len(pages) == 2
    assert made.buckets[bucket_of(STAGE)].versions
    runs_until_nothing_is_left(made)
    assert_gone(made)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"ends": ""}, "has no end: nothing is done"),
        ({"ends": "2026-12-01T12:00:01Z"}, "ends at 2026-12-01T12:00:01Z: nothing is done yet"),
        ({"ends": "2027-12-01T12:00:00Z"}, "nothing is done yet"),
        ({"ends": "soon"}, "its end is no time, 'soon': nothing is done"),
        ({"stage": "team"}, "is of the stage 'team', not 'team-x': nothing is done"),
    ],
)
def test_without_the_mark_or_before_the_end_nothing_is_touched(
    change: dict[str, str], sentence: str
) -> None:
    made, said = account(), []  # type: tuple[Account, list[str]]
    for name, value in change.items():
        setattr(made.stacks[DATA], name, value)
    for _ in range(3):
        one_run(made, said)
        made.tick()
    assert made.changes() == []
    assert sentence in said[0]


@pytest.mark.parametrize("status", ["UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS"])
def test_while_the_mark_is_being_changed_nothing_is_touched(status: str) -> None:
    made, said = account(), []  # type: tuple[Account, list[str]]
    made.stacks[DATA].status = status
    one_run(made, said)
    assert made.changes() == []
    assert f"{status}: nothing is done yet" in said[0]


def test_extended_while_it_goes_it_stops() -> None:
    made = account()
    one_run(made)
    made.tick()
    made.stacks[DATA].ends = "2027-01-01T00:00:00Z"
    before = made.changes()
    one_run(made)
    assert made.changes() == before


@pytest.mark.parametrize("name", [APP, EXPLAIN], ids=["application", "explain"])
def test_a_stack_of_another_stage_under_its_name_is_left_alone(name: tuple[str, str]) -> None:
    made, said = account(), []  # type: tuple[Account, list[str]]
    made.stacks[name].stage = "somebody"
    for _ in range(MOST_RUNS):
        one_run(made, said)
        made.tick()
    assert made.stacks[name].status == "UPDATE_COMPLETE"
    assert f"{name[1]}: is of the stage 'somebody': it is left alone" in said
    assert DATA in made.stacks


@pytest.mark.parametrize("name", [APP, EXPLAIN], ids=["application", "explain"])
def test_a_change_set_that_was_never_carried_out_holds_nothing_up(name: tuple[str, str]) -> None:
    made = account()
    made.stacks[name].stage, made.stacks[name].status = "", "REVIEW_IN_PROGRESS"
    runs_until_nothing_is_left(made)
    assert_gone(made)


@pytest.mark.parametrize("status", ["CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"])
def test_a_deployment_under_way_is_waited_for(status: str) -> None:
    made, said = account(), []  # type: tuple[Account, list[str]]
    made.stacks[APP].status = status
    one_run(made, said)
    assert f"{APP[1]}: {status}" in said
    assert "delete_stack" not in made.changes()


@pytest.mark.parametrize("left", [APP, EXPLAIN], ids=["application", "explain"])
def test_without_a_data_stack_it_deletes_nothing_but_itself(left: tuple[str, str]) -> None:
    made, said = account(), []  # type: tuple[Account, list[str]]
    del made.stacks[DATA]
    del made.stacks[EXPLAIN if left == APP else APP]
    one_run(made, said)
    assert made.changes() == []
    assert said == [f"{left[1]}: is there without {DATA[1]}: nothing is done"]
    del made.stacks[left]
    one_run(made)
    assert made.changes() == ["delete_stack"]
    made.tick()
    made.tick()
    assert END not in made.stacks
