"""AWS as far as the removal asks it, behind botocore's own clients: deletions take their time.

Every call goes through botocore's checks of its parameters, is written down, and is answered here
in place of the network. ``advance`` is the time between two runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import botocore.session

REGION, EDGE = "eu-central-1", "us-east-1"
ABSENT = {"s3": "NoSuchBucket"}


class Killed(BaseException):
    """The run ends here, as when Lambda's time is over."""


@dataclass
class Stack:
    status: str = "CREATE_COMPLETE"
    parameters: dict[str, str] = field(default_factory=dict)
    is_protected: bool = False
    # How many runs its deletion takes, and how often it fails before.
    runs: int = 1
    failures: int = 0


@dataclass
class Bucket:
    versions: list[tuple[str, str]] = field(default_factory=list)
    markers: list[tuple[str, str]] = field(default_factory=list)
    uploads: list[tuple[str, str]] = field(default_factory=list)
    # Objects that come while it is being emptied, one a listing.
    late: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class World:
    """All that the account holds."""

    stacks: dict[tuple[str, str], Stack] = field(default_factory=dict)
    buckets: dict[str, Bucket] = field(default_factory=dict)
    tables: dict[str, str] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)
    logs: set[tuple[str, str]] = field(default_factory=set)
    page: int = 3
    calls: list[tuple[str, str]] = field(default_factory=list)
    # The call at which a run is killed, before (False) or after (True) AWS has done it.
    kill_at: tuple[int, bool] | None = None
    # operation -> how often it is refused yet, and in which words
    refusals: dict[str, tuple[int, str]] = field(default_factory=dict)

    def answer(self, service: str, operation: str, region: str, given: dict[str, Any]) -> Any:
        number = len(self.calls)
        self.calls.append((service, operation))
        kill_at, after = self.kill_at or (-1, False)
        if number == kill_at and not after:
            raise Killed
        times, words = self.refusals.get(operation, (0, ""))
        if times:
            self.refusals[operation] = (times - 1, words)
            return refusal(words)
        done: Callable[..., Any] = getattr(self, f"_{operation}")
        result = done(region, **given)
        if number == kill_at and after:
            raise Killed
        return result

    def advance(self) -> None:
        """Let AWS go on with what it has begun."""
        for key, stack in list(self.stacks.items()):
            if stack.status == "DELETE_IN_PROGRESS":
                stack.runs -= 1
                if stack.runs <= 0 and stack.failures:
                    stack.failures -= 1
                    stack.status, stack.runs = "DELETE_FAILED", 1
                elif stack.runs <= 0:
                    del self.stacks[key]
        self.tables = {name: status for name, status in self.tables.items() if status != "DELETING"}

    # --- CloudFormation ---

    def _DescribeStacks(self, region: str, StackName: str) -> Any:  # noqa: N802, N803
        stack = self.stacks.get((region, StackName))
        if stack is None:
            return refusal("ValidationError: Stack with id x does not exist")
        parameters = [
            {"ParameterKey": key, "ParameterValue": value}
            for key, value in stack.parameters.items()
        ]
        found = {"StackName": StackName, "StackStatus": stack.status, "Parameters": parameters}
        return {"Stacks": [found]}

    def _DeleteStack(self, region: str, StackName: str) -> Any:  # noqa: N802, N803
        stack = self.stacks.get((region, StackName))
        if stack is None or stack.status == "DELETE_IN_PROGRESS":
            return {}
        if stack.is_protected:
            return refusal("ValidationError: Stack cannot be deleted while protected")
        stack.status = "DELETE_IN_PROGRESS"
        return {}

    def _UpdateTerminationProtection(  # noqa: N802
        self,
        region: str,
        StackName: str,  # noqa: N803
        EnableTerminationProtection: bool,  # noqa: N803
    ) -> Any:
        if (region, StackName) not in self.stacks:
            return refusal("ValidationError: Stack does not exist")
        self.stacks[region, StackName].is_protected = EnableTerminationProtection
        return {}

    # --- S3 ---

    def _ListObjectVersions(self, region: str, Bucket: str) -> Any:  # noqa: N802, N803
        bucket = self.buckets.get(Bucket)
        if bucket is None:
            return refusal("NoSuchBucket: no such bucket")
        if bucket.late:
            bucket.versions.append(bucket.late.pop())
        listed = [
            *(("Versions", each) for each in bucket.versions),
            *(("DeleteMarkers", each) for each in bucket.markers),
        ][: self.page]
        return {
            kind: [{"Key": key, "VersionId": version} for k, (key, version) in listed if k == kind]
            for kind in ("Versions", "DeleteMarkers")
        }

    def _DeleteObjects(self, region: str, Bucket: str, Delete: Any) -> Any:  # noqa: N802, N803
        bucket = self.buckets[Bucket]
        gone = {(each["Key"], each["VersionId"]) for each in Delete["Objects"]}
        bucket.versions = [each for each in bucket.versions if each not in gone]
        bucket.markers = [each for each in bucket.markers if each not in gone]
        return {}

    def _ListMultipartUploads(self, region: str, Bucket: str) -> Any:  # noqa: N802, N803
        uploads = self.buckets[Bucket].uploads[: self.page]
        return {"Uploads": [{"Key": key, "UploadId": upload} for key, upload in uploads]}

    def _AbortMultipartUpload(  # noqa: N802
        self,
        region: str,
        Bucket: str,  # noqa: N803
        Key: str,  # noqa: N803
        UploadId: str,  # noqa: N803
    ) -> Any:
        if (Key, UploadId) not in self.buckets[Bucket].uploads:
            return refusal("NoSuchUpload: no such upload")
        self.buckets[Bucket].uploads.remove((Key, UploadId))
        return {}

    def _DeleteBucket(self, region: str, Bucket: str) -> Any:  # noqa: N802, N803
        bucket = self.buckets.get(Bucket)
        if bucket is None:
            return refusal("NoSuchBucket: no such bucket")
        if bucket.versions or bucket.markers:
            return refusal("BucketNotEmpty: the bucket is not empty")
        del self.buckets[Bucket]
        return {}

    # --- the rest ---

    def _DescribeTable(self, region: str, TableName: str) -> Any:  # noqa: N802, N803
        if TableName not in self.tables:
            return refusal("ResourceNotFoundException: no such table")
        return {"Table": {"TableName": TableName, "TableStatus": self.tables[TableName]}}

    def _DeleteTable(self, region: str, TableName: str) -> Any:  # noqa: N802, N803
        if TableName not in self.tables:
            return refusal("ResourceNotFoundException: no such table")
        self.tables[TableName] = "DELETING"
        return {}

    def _DeleteSecret(  # noqa: N802
        self,
        region: str,
        SecretId: str,  # noqa: N803
        ForceDeleteWithoutRecovery: bool,  # noqa: N803
    ) -> Any:
        assert ForceDeleteWithoutRecovery
        self.secrets.discard(SecretId)
        return {}

    def _DeleteLogGroup(self, region: str, logGroupName: str) -> Any:  # noqa: N802, N803
        if region == "ap-east-1":
            return refusal("UnrecognizedClientException: this region is not enabled")
        if (region, logGroupName) not in self.logs:
            return refusal("ResourceNotFoundException: no such group")
        self.logs.remove((region, logGroupName))
        return {}


def refusal(text: str) -> tuple[int, dict[str, Any]]:
    code, _, message = text.partition(": ")
    return 400, {"Error": {"Code": code, "Message": message}}


class _Answered:
    def __init__(self, status_code: int) -> None:
        self.status_code = status_code


class Clients:
    """botocore's clients, which ask the world that is current."""

    world: World

    def __init__(self) -> None:
        self._session = botocore.session.Session()
        self._session.set_credentials("test", "test")
        self._given: dict[str, Any] = {}
        self.get = cache(self._make)

    def _make(self, service: str, region: str) -> Any:
        client = self._session.create_client(service, region_name=region)

        def note(params: dict[str, Any], **_: object) -> None:
            self._given = dict(params)

        def answer(model: Any, **_: object) -> Any:
            result = self.world.answer(service, model.name, region, self._given)
            status, parsed = result if isinstance(result, tuple) else (200, result)
            return _Answered(status), {
                **parsed,
                "ResponseMetadata": {"HTTPStatusCode": status},
            }

        client.meta.events.register("provide-client-params.*.*", note)
        client.meta.events.register("before-call.*.*", answer)
        return client
