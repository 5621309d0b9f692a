"""The removal of a stage, killed at each of its calls, and with an AWS that takes its time."""

from __future__ import annotations

import contextlib
import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from roadstead.ending.aws import AwsCloud
from roadstead.ending.cloud import Bound
from roadstead.ending.removal import Run, remove
from tests.ending.fake import EDGE, REGION, Bucket, Clients, Killed, Stack, World

END = Path(__file__).parents[2] / "infra" / "end.json"
ENDS = "2026-12-01T12:00:00Z"
AFTER_S = int(datetime(2026, 12, 1, 12, 5, tzinfo=UTC).timestamp())
SECRETS = ("arn:aws:secretsmanager:eu-central-1:1:secret:a", "arn:aws:secretsmanager:x:1:secret:b")
BOUND = Bound("t", REGION, ("t-bucket", "t-artefacts"), "t-table", SECRETS)
CLIENTS = Clients()
# The end stack alone goes on asking: when it is gone, nobody runs.
MOST_RUNS = 60


def stage(name: str = "t", ends: str = ENDS) -> dict[tuple[str, str], Stack]:
    own = {"Stage": name}
    return {
        (REGION, f"roadstead-{name}"): Stack(parameters=dict(own), runs=2),
        (REGION, f"roadstead-{name}-data"): Stack(
            parameters={**own, "Ends": ends}, is_protected=True
        ),
        (REGION, f"roadstead-{name}-end"): Stack(parameters=dict(own)),
        (EDGE, f"roadstead-{name}-explain-{REGION}"): Stack(parameters=dict(own), failures=2),
    }


def world() -> World:
    logs = f"/aws/lambda/us-east-1.roadstead-t-explain-{REGION}"
    return World(
        stacks=stage() | stage("t-x", "") | stage("tt", "2999-01-01T00:00:00Z"),
        buckets={
            "t-bucket": Bucket(
                versions=[(f"k{n}", f"v{n}") for n in range(7)],
                markers=[("gone", "m1")],
                uploads=[(f"u{n}", f"id{n}") for n in range(4)],
            ),
            "t-artefacts": Bucket(versions=[("t/zip", "null")]),
            "t-x-bucket": Bucket(versions=[("k", "v")]),
        },
        tables={"t-table": "ACTIVE", "t-x-table": "ACTIVE"},
        secrets={*SECRETS, "arn:of-another"},
        logs={("eu-west-1", logs), ("us-east-1", logs), (REGION, "/aws/lambda/of-another")},
    )


LEFT = {
    "stacks": set(stage("t-x")) | set(stage("tt")),
    "buckets": {"t-x-bucket"},
    "tables": {"t-x-table"},
    "secrets": {"arn:of-another"},
    "logs": {(REGION, "/aws/lambda/of-another")},
}


def left(there: World) -> dict[str, set[Any]]:
    return {name: set(getattr(there, name)) for name in LEFT}


@pytest.fixture
def said() -> list[str]:
    return []


def run_once(there: World, said: list[str], *, has_time: Callable[[], bool] = lambda: True) -> None:
    CLIENTS.world = there
    cloud = AwsCloud(REGION, CLIENTS.get)
    remove(Run(cloud, BOUND, AFTER_S, has_time, said.append))


def until_gone(there: World, said: list[str]) -> int:
    """As the schedule does; how many runs it took."""
    for number in range(MOST_RUNS):
        if (REGION, "roadstead-t-end") not in there.stacks:
            return number
        with contextlib.suppress(Killed):
            run_once(there, said)
        there.advance()
    raise AssertionError(f"still there after {MOST_RUNS} runs: {left(there)}; {said[-5:]}")


def test_all_of_the_stage_goes_and_nothing_of_another(said: list[str]) -> None:
    there = world()
    until_gone(there, said)
    assert left(there) == LEFT
    assert there.buckets["t-x-bucket"].versions == [("k", "v")]
    assert all(each.status == "CREATE_COMPLETE" for each in there.stacks.values())


def test_it_says_what_it_does_in_this_order(said: list[str]) -> None:
    until_gone(world(), said)
    begun = [line.split(":")[0] for line in said if "; deleting" in line]
    assert list(dict.fromkeys(begun)) == [
        "roadstead-t",
        f"roadstead-t-explain-{REGION}",
        "roadstead-t-data",
        "roadstead-t-end",
    ]
    assert "t-bucket: empty, after 5 pages" in said


CALLS = 90


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_at_each_of_its_calls_it_ends_all_the_same(after: bool) -> None:
    fresh = world()
    until_gone(fresh, [])
    assert len(fresh.calls) > CALLS
    for number in range(len(fresh.calls)):
        there = world()
        there.kill_at = (number, after)
        until_gone(there, [])
        assert left(there) == LEFT, number


def test_killed_again_and_again_it_ends_all_the_same() -> None:
    there = world()
    for most in range(1, MOST_RUNS * 4):
        if (REGION, "roadstead-t-end") not in there.stacks:
            break
        there.kill_at = (len(there.calls) + most, True)
        with contextlib.suppress(Killed):
            run_once(there, [])
        there.advance()
    assert left(there) == LEFT


REFUSALS = {
    "DeleteStack": "ValidationError: it is being updated",
    "UpdateTerminationProtection": "ThrottlingException: slower",
    "DeleteObjects": "SlowDown: slower",
    "ListObjectVersions": "InternalError: again",
    "ListMultipartUploads": "InternalError: again",
    "AbortMultipartUpload": "InternalError: again",
    "DeleteBucket": "BucketNotEmpty: the bucket is not empty",
    "DescribeTable": "InternalServerError: again",
    "DeleteTable": "ResourceInUseException: it is being updated",
    "DeleteSecret": "InternalServiceError: again",
    "DeleteLogGroup": "OperationAbortedException: again",
}


@pytest.mark.parametrize("operation", REFUSALS)
def test_what_aws_refuses_at_first_is_said_and_tried_again(said: list[str], operation: str) -> None:
    there = world()
    there.refusals[operation] = (3, REFUSALS[operation])
    until_gone(there, said)
    assert left(there) == LEFT
    assert [line for line in said if REFUSALS[operation].partition(": ")[2] in line], said


def test_what_is_refused_for_ever_stops_nothing_else_and_never_the_mark(said: list[str]) -> None:
    there = world()
    there.stacks[EDGE, f"roadstead-t-explain-{REGION}"].failures = 999
    for _ in range(MOST_RUNS):
        run_once(there, said)
        there.advance()
    found = left(there)
    assert found["buckets"] == LEFT["buckets"]
    assert found["tables"] == LEFT["tables"]
    assert {(REGION, "roadstead-t-data"), (REGION, "roadstead-t-end")} <= found["stacks"]
    assert (REGION, "roadstead-t") not in found["stacks"]


def test_a_bucket_keeps_its_name_until_no_distribution_sends_uploads_there() -> None:
    there = world()
    there.stacks[REGION, "roadstead-t"].failures = 5
    while (REGION, "roadstead-t") in there.stacks:
        run_once(there, [])
        assert set(there.buckets) >= {"t-bucket", "t-artefacts"}
        assert there.tables["t-table"] == "ACTIVE"
        there.advance()
    assert not there.buckets["t-bucket"].versions, "emptied meanwhile"


def test_what_comes_while_a_bucket_is_emptied_goes_as_well() -> None:
    there = world()
    there.buckets["t-bucket"].late = [(f"late{n}", "v") for n in range(9)]
    until_gone(there, [])
    assert left(there) == LEFT


def test_a_run_without_time_stops_between_pages_and_the_next_goes_on(said: list[str]) -> None:
    there = world()
    pages = iter([True, True, False, False])
    run_once(there, said, has_time=lambda: next(pages))
    assert "t-bucket: 2 pages deleted; the next run goes on" in said
    assert len(there.buckets["t-bucket"].versions) == 1
    until_gone(there, said)
    assert left(there) == LEFT


@pytest.mark.parametrize(
    ("ends", "of_stage", "sentence"),
    [
        ("", "t", "has no end"),
        ("2026-12-01T12:05:01Z", "t", "ends at"),
        ("soon", "t", "is no time"),
        (ENDS, "t-x", "is of the stage 't-x'"),
        (ENDS, "", "is of the stage ''"),
    ],
)
def test_without_a_mark_whose_time_has_come_nothing_is_touched(
    said: list[str], ends: str, of_stage: str, sentence: str
) -> None:
    there = world()
    there.stacks[REGION, "roadstead-t-data"].parameters.update(Ends=ends, Stage=of_stage)
    before = copy.deepcopy(there)
    run_once(there, said)
    assert there.calls == [("cloudformation", "DescribeStacks")]
    assert replace(there, calls=[]) == before
    assert sentence in said[-1]


def test_the_second_of_the_end_is_over_already() -> None:
    there = world()
    there.stacks[REGION, "roadstead-t-data"].parameters["Ends"] = "2026-12-01T12:05:00Z"
    run_once(there, [])
    assert there.stacks[REGION, "roadstead-t"].status == "DELETE_IN_PROGRESS"


@pytest.mark.parametrize("key", [(REGION, "roadstead-t"), (EDGE, f"roadstead-t-explain-{REGION}")])
def test_an_application_without_its_data_stack_is_left_alone(
    said: list[str], key: tuple[str, str]
) -> None:
    there = world()
    there.stacks = {
        each: stack
        for each, stack in there.stacks.items()
        if each in (key, (REGION, "roadstead-t-end"))
    }
    run_once(there, said)
    assert "nothing is done" in said[-1]
    assert all(each.status == "CREATE_COMPLETE" for each in there.stacks.values())


def test_a_stack_of_its_name_that_is_another_stages_is_left_alone(said: list[str]) -> None:
    there = world()
    there.stacks[REGION, "roadstead-t"].parameters["Stage"] = "other"
    run_once(there, said)
    assert "roadstead-t: is of the stage 'other': it is left alone" in said
    assert there.stacks[REGION, "roadstead-t"].status == "CREATE_COMPLETE"


def test_the_environment_says_what_may_be_touched() -> None:
    given = {
        "ROADSTEAD_STAGE": "t",
        "AWS_REGION": REGION,
        "ROADSTEAD_BUCKETS": "t-bucket,t-artefacts",
        "ROADSTEAD_TABLE": "t-table",
        "ROADSTEAD_SECRETS": ",".join(SECRETS),
    }
    assert Bound.of(given) == BOUND
    function = json.loads(END.read_text())["Resources"]["EndFunction"]["Properties"]
    assert set(function["Environment"]["Variables"]) == set(given) - {"AWS_REGION"}


# --- rights -----------------------------------------------------------------------------------

# What IAM calls the calls of botocore.
RIGHTS = {
    "ListObjectVersions": {"s3:ListBucketVersions"},
    "DeleteObjects": {"s3:DeleteObject", "s3:DeleteObjectVersion"},
    "ListMultipartUploads": {"s3:ListBucketMultipartUploads"},
}
OF_LAMBDA = {"logs:CreateLogStream", "logs:PutLogEvents"}


def policies() -> Iterator[tuple[str, dict[str, Any]]]:
    role = json.loads(END.read_text())["Resources"]["EndRole"]["Properties"]
    for policy in role["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            yield policy["PolicyName"], statement


def test_the_role_may_call_what_the_removal_calls_and_nothing_else() -> None:
    there = world()
    until_gone(there, [])
    needed = {
        right
        for service, operation in there.calls
        for right in RIGHTS.get(operation, {f"{service}:{operation}"})
    }
    allowed = {action for name, each in policies() if name == "calls" for action in each["Action"]}
    assert needed | OF_LAMBDA == allowed


def test_its_own_calls_reach_exactly_one_stage() -> None:
    for name, statement in policies():
        if name != "calls":
            continue
        resources = statement["Resource"]
        if resources == {"Ref": "Secrets"}:
            continue
        for each in resources:
            text = each["Fn::Sub"]
            # A star stands only for what comes after a whole name, or for a region of the logs.
            rest = text.removeprefix("arn:${AWS::Partition}:logs:*").rstrip("*").rstrip(":/")
            assert "*" not in rest, text
            assert any(
                word in text
                for word in ("${Stage}", "StackName", "Bucket}", "Artefacts}", "Table}")
            )


def test_all_else_only_cloudformation_may_do_in_its_name_and_only_deleting() -> None:
    through = [each for name, each in policies() if name == "through-cloudformation"]
    assert len(through) == 2
    for statement in through:
        assert statement["Condition"] == {
            "ForAnyValue:StringEquals": {"aws:CalledVia": "cloudformation.amazonaws.com"}
        }
    calls = {action for name, each in policies() if name == "calls" for action in each["Action"]}
    # With these it could make CloudFormation do more than delete its own stacks.
    assert {each for each in calls if each.startswith("cloudformation:")} == {
        "cloudformation:DescribeStacks",
        "cloudformation:DeleteStack",
        "cloudformation:UpdateTerminationProtection",
    }
