"""A stage with an end on ministack: the function that is deployed removes it, run by run.

ministack does not call the schedule at its time, nor does it enforce roles; here the function is
called by hand, and the real `aws` command and the real SDK do the rest.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from tests.deploy import ministack
from tests.deploy.test_on_ministack import roadstead

STAGE = "t"
END, DATA, APP = (f"roadstead-{STAGE}{end}" for end in ("-end", "-data", ""))
MOST_CALLS = 20


class Account:
    """What lies on ministack, as AWS's SDK tells it."""

    def __init__(self, url: str, environment: dict[str, str]) -> None:
        self._url, self.environment = url, environment
        self._session = botocore.session.get_session()

    def client(self, service: str) -> Any:
        return self._session.create_client(
            service,
            region_name=ministack.REGION,
            endpoint_url=self._url,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def outputs(self, stack: str) -> dict[str, str]:
        (found,) = self.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        return {each["OutputKey"]: each["OutputValue"] for each in found["Outputs"]}

    def stacks(self) -> set[str]:
        found = self.client("cloudformation").describe_stacks()["Stacks"]
        return {e["StackName"] for e in found if e["StackStatus"] != "DELETE_COMPLETE"}

    def left(self) -> dict[str, list[Any]]:
        """All that a stage could leave behind."""
        prefix = f"roadstead-{STAGE}"
        logs = self.client("logs").describe_log_groups()["logGroups"]
        return {
            "stacks": sorted(self.stacks()),
            "buckets": [b["Name"] for b in self.client("s3").list_buckets()["Buckets"]],
            "tables": self.client("dynamodb").list_tables()["TableNames"],
            "secrets": [
                s["Name"] for s in self.client("secretsmanager").list_secrets()["SecretList"]
            ],
            "functions": [
                f["FunctionName"] for f in self.client("lambda").list_functions()["Functions"]
            ],
            "schedules": self.client("scheduler").list_schedules()["Schedules"],
            "roles": [
                r["RoleName"]
                for r in self.client("iam").list_roles()["Roles"]
                if r["RoleName"].startswith(prefix)
            ],
            "logs": [g["logGroupName"] for g in logs if f"/{prefix}" in g["logGroupName"]],
        }

    def call(self) -> str:
        """One run of the function, as the schedule asks for it; what it said."""
        (name,) = [
            f["FunctionName"]
            for f in self.client("lambda").list_functions()["Functions"]
            if f["FunctionName"].startswith(END)
        ]
        answer = self.client("lambda").invoke(FunctionName=name, LogType="Tail", Payload=b"{}")
        body = answer["Payload"].read()
        assert "FunctionError" not in answer, body
        return str(answer.get("LogResult", ""))

    def set_end(self, ends: str) -> None:
        words = ["update-stack", "--stack-name", DATA, "--use-previous-template", "--parameters"]
        (found,) = self.client("cloudformation").describe_stacks(StackName=DATA)["Stacks"]
        for each in found["Parameters"]:
            value = ends if each["ParameterKey"] == "Ends" else each["ParameterValue"]
            words.append(f"ParameterKey={each['ParameterKey']},ParameterValue={value}")
        subprocess.run(
            ["aws", "cloudformation", *words],
            env=self.environment,
            check=True,
            capture_output=True,
        )
        wait = ["aws", "cloudformation", "wait", "stack-update-complete", "--stack-name", DATA]
        subprocess.run(wait, env=self.environment, check=True, capture_output=True)


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    with ministack.running(tmp_path) as url:
        environment = ministack.aws_environment(url, tmp_path / "home")
        package = ministack.package(tmp_path / "package", url)
        words = ("--parameter", "Auth=off", "--parameter", "Front=off", "--expires", "2h")
        done = roadstead(environment, "deploy", "--package", str(package), *words)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "The stage ends at 20" in done.stdout
        yield Account(url, environment)


def fill(account: Account) -> None:
    """Versions, a delete marker, an upload that was never finished, a row."""
    data, s3 = account.outputs(DATA), account.client("s3")
    for name in ("a", "b", "a"):
        s3.put_object(Bucket=data["BucketName"], Key=name, Body=b"x")
    s3.delete_object(Bucket=data["BucketName"], Key="b")
    s3.create_multipart_upload(Bucket=data["BucketName"], Key="half")
    row = {"PK": {"S": "a"}, "SK": {"S": "b"}}
    account.client("dynamodb").put_item(TableName=data["TableName"], Item=row)


def test_the_stage_removes_itself_and_nothing_is_left(account: Account) -> None:
    fill(account)
    before = account.left()
    assert before["stacks"] == [APP, DATA, END]
    assert len(before["buckets"]) == 2
    assert [each["Name"].startswith(END) for each in before["schedules"]] == [True]
    # Before its end nothing happens, and without one neither.
    account.call()
    assert account.left() == before
    account.set_end("")
    account.call()
    assert account.left() == before
    # The end has come.
    account.set_end("2026-01-01T00:00:00Z")
    done = roadstead(account.environment, "status")
    assert "The stage ended at 2026-01-01T00:00:00Z and is being removed." in done.stdout
    for _ in range(MOST_CALLS):
        if END not in account.stacks():
            break
        account.call()
    left = account.left()
    # ministack enforces no role: the function's last lines make its log group anew. On AWS it may
    # not (tests/ending/test_role.py).
    assert left.pop("logs") in ([], [f"/roadstead/{END}/end"])
    assert left == {kind: [] for kind in left}
