"""An AWS account for the removal: what it holds, how slowly it goes, and what IAM would be asked.

It stands behind botocore's clients: each call is checked against AWS's own model of its parameters.
Deletions of stacks and tables are asynchronous, `tick` moves them on; a stack may fail to go a few
times, as one does whose function AWS still keeps at its edges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import botocore.session
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

REGION, EDGE_REGION, NUMBER = "eu-central-1", "us-east-1", "123456789012"
PAGE = 3
_READS = ("describe", "list", "get")


class KilledError(BaseException):
    """The function was stopped here."""


@dataclass
class Stack:
    stage: str
    ends: str = ""
    status: str = "UPDATE_COMPLETE"
    protected: bool = False
    # How many deletions fail before one goes through, and how many ticks each takes.
    failures: int = 0
    ticks: int = 2
    left: int = 0


@dataclass
class Table:
    status: str = "ACTIVE"
    left: int = 3
    # How often it is busy before it can be deleted.
    busy: int = 0


@dataclass
class Bucket:
    versions: list[tuple[str, str]] = field(default_factory=list)
    uploads: list[tuple[str, str]] = field(default_factory=list)


@cache
def _model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)


def _refusal(code: str, message: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


@dataclass
class Account:
    stacks: dict[tuple[str, str], Stack] = field(default_factory=dict)
    buckets: dict[str, Bucket] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)
    logs: set[tuple[str, str]] = field(default_factory=set)
    # (service, operation, parameters) of each call, in order.
    calls: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    # What IAM would be asked: (action, ARN).
    needs: set[tuple[str, str]] = field(default_factory=set)
    # Operation -> how often it is refused first.
    refuses: dict[str, int] = field(default_factory=dict)
    # The call at which the function is stopped: before it has its effect, or after.
    killed_at: int = -1
    after: bool = False

    def add_stage(self, stage: str, ends: str) -> None:
        app, data = f"roadstead-{stage}", f"roadstead-{stage}-data"
        explain = f"roadstead-{stage}-explain-{REGION}"
        self.stacks |= {
            (REGION, app): Stack(stage, ticks=4),
            (REGION, data): Stack(stage, ends, protected=True),
            (EDGE_REGION, explain): Stack(stage),
            (REGION, f"roadstead-{stage}-end"): Stack(stage, ends),
        }
        for name in (bucket_of(stage), artefacts_of(stage)):
            versions = [(f"k{n}", v) for n in range(4) for v in ("null", f"v{n}")]
            self.buckets[name] = Bucket(versions, [("k9", "u1"), ("k9", "u2")])
        self.tables[table_of(stage)] = Table()
        self.secrets |= set(secrets_of(stage))
        self.logs |= {(at, f"/aws/lambda/us-east-1.{explain}") for at in (REGION, "ap-south-1")}

    def of(self, stage: str) -> set[object]:
        """All that there is of a stage."""
        names = {f"roadstead-{stage}{end}" for end in ("", "-data", "-end")}
        names.add(f"roadstead-{stage}-explain-{REGION}")
        return (
            {key for key in self.stacks if key[1] in names}
            | ({bucket_of(stage), artefacts_of(stage)} & self.buckets.keys())
            | ({table_of(stage)} & self.tables.keys())
            | (set(secrets_of(stage)) & self.secrets)
            | {key for key in self.logs if f".roadstead-{stage}-explain-{REGION}" in key[1]}
        )

    def changes(self) -> list[str]:
        """The operations that changed something, in order."""
        return [operation for _, operation, _ in self.calls if not operation.startswith(_READS)]

    def tick(self) -> None:
        """Time goes by: deletions get on, and who still can writes into the buckets."""
        for (region, name), stack in list(self.stacks.items()):
            if stack.status != "DELETE_IN_PROGRESS":
                continue
            stack.left -= 1
            if stack.left > 0:
                continue
            imported = name.endswith("-data") and (region, name[: -len("-data")]) in self.stacks
            if stack.failures or imported:
                stack.failures = max(0, stack.failures - 1)
                stack.status = "DELETE_FAILED"
            else:
                del self.stacks[region, name]
        for name, table in list(self.tables.items()):
            if table.status == "DELETING":
                table.left -= 1
                if table.left <= 0:
                    del self.tables[name]
        for _, name in self.stacks:
            stage = name.removeprefix("roadstead-")
            if bucket_of(stage) in self.buckets:
                self.buckets[bucket_of(stage)].versions.append(("late", "v"))

    # --- the clients ---

    def client(self, service: str, region: str) -> Client:
        return Client(self, service, region)

    def do(self, service: str, region: str, operation: str, given: dict[str, Any]) -> Any:
        if len(self.calls) == self.killed_at and not self.after:
            self.killed_at = -1
            raise KilledError
        self.calls.append((service, operation, given))
        self.needs |= set(needs(service, region, operation, given))
        if self.refuses.get(operation, 0):
            self.refuses[operation] -= 1
            raise _refusal("ThrottlingException", "Rate exceeded", operation)
        work: Callable[..., Any] = getattr(self, f"_{service}_{operation}")
        number = len(self.calls) - 1
        try:
            return work(region, **given)
        finally:
            if number == self.killed_at and self.after:
                self.killed_at = -1
                raise KilledError

    def _cloudformation_describe_stacks(self, region: str, *, StackName: str) -> Any:  # noqa: N803
        stack = self.stacks.get((region, StackName))
        if stack is None:
            message = f"Stack with id {StackName} does not exist"
            raise _refusal("ValidationError", message, "DescribeStacks")
        pairs = {"Stage": stack.stage, "Ends": stack.ends}
        given = [{"ParameterKey": k, "ParameterValue": v} for k, v in pairs.items()]
        return {"Stacks": [{"StackStatus": stack.status, "Parameters": given}]}

    def _cloudformation_update_termination_protection(
        self,
        region: str,
        *,
        StackName: str,  # noqa: N803
        EnableTerminationProtection: bool,  # noqa: N803
    ) -> Any:
        self.stacks[region, StackName].protected = EnableTerminationProtection
        return {}

    def _cloudformation_delete_stack(self, region: str, *, StackName: str) -> Any:  # noqa: N803
        stack = self.stacks.get((region, StackName))
        if stack is None:
            return {}
        if stack.protected:
            raise _refusal("ValidationError", "TerminationProtection is enabled", "DeleteStack")
        if stack.status != "DELETE_IN_PROGRESS":
            stack.status, stack.left = "DELETE_IN_PROGRESS", stack.ticks
        return {}

    def _bucket(self, name: str) -> Bucket:
        if name not in self.buckets:
            raise _refusal("NoSuchBucket", "The specified bucket does not exist", "S3")
        return self.buckets[name]

    def _s3_list_object_versions(self, _region: str, *, Bucket: str) -> Any:  # noqa: N803
        page = self._bucket(Bucket).versions[:PAGE]
        rows = [{"Key": key, "VersionId": version} for key, version in page]
        # Every second one is a delete marker.
        return {"Versions": rows[::2], "DeleteMarkers": rows[1::2]}

    def _s3_delete_objects(self, _region: str, *, Bucket: str, Delete: Any) -> Any:  # noqa: N803
        gone = {(each["Key"], each["VersionId"]) for each in Delete["Objects"]}
        bucket = self._bucket(Bucket)
        if self.refuses.get("objects", 0):
            self.refuses["objects"] -= 1
            return {"Errors": [{"Key": "k", "Code": "InternalError", "Message": "try again"}]}
        bucket.versions = [each for each in bucket.versions if each not in gone]
        return {}

    def _s3_list_multipart_uploads(self, _region: str, *, Bucket: str) -> Any:  # noqa: N803
        uploads = self._bucket(Bucket).uploads[:PAGE]
        return {"Uploads": [{"Key": k, "UploadId": u} for k, u in uploads]} if uploads else {}

    def _s3_abort_multipart_upload(
        self,
        _region: str,
        *,
        Bucket: str,  # noqa: N803
        Key: str,  # noqa: N803
        UploadId: str,  # noqa: N803
    ) -> Any:
        uploads = self._bucket(Bucket).uploads
        if (Key, UploadId) not in uploads:
            raise _refusal("NoSuchUpload", "The specified upload does not exist", "S3")
        uploads.remove((Key, UploadId))
        return {}

    def _s3_delete_bucket(self, _region: str, *, Bucket: str) -> Any:  # noqa: N803
        bucket = self._bucket(Bucket)
        if self.refuses.get("bucket", 0):
            # Something came between the last look and this.
            self.refuses["bucket"] -= 1
            bucket.versions.append(("between", "v"))
        if bucket.versions or bucket.uploads:
            raise _refusal("BucketNotEmpty", "The bucket is not empty", "DeleteBucket")
        del self.buckets[Bucket]
        return {}

    def _table(self, name: str) -> Table:
        if name not in self.tables:
            raise _refusal("ResourceNotFoundException", f"Table {name} not found", "DynamoDB")
        return self.tables[name]

    def _dynamodb_describe_table(self, _region: str, *, TableName: str) -> Any:  # noqa: N803
        return {"Table": {"TableStatus": self._table(TableName).status}}

    def _dynamodb_delete_table(self, _region: str, *, TableName: str) -> Any:  # noqa: N803
        table = self._table(TableName)
        if table.busy:
            table.busy -= 1
            raise _refusal("ResourceInUseException", "Table is being updated", "DeleteTable")
        table.status = "DELETING"
        return {}

    def _secretsmanager_delete_secret(
        self,
        _region: str,
        *,
        SecretId: str,  # noqa: N803
        ForceDeleteWithoutRecovery: bool,  # noqa: N803
    ) -> Any:
        assert ForceDeleteWithoutRecovery
        self.secrets.discard(SecretId)
        return {}

    def _logs_delete_log_group(self, region: str, *, logGroupName: str) -> Any:  # noqa: N803
        if region == "af-south-1":
            message = "The security token included in the request is invalid"
            raise _refusal("UnrecognizedClientException", message, "DeleteLogGroup")
        if (region, logGroupName) not in self.logs:
            message = "The specified log group does not exist."
            raise _refusal("ResourceNotFoundException", message, "DeleteLogGroup")
        self.logs.remove((region, logGroupName))
        return {}


@dataclass
class Client:
    """One of botocore's, as far as anybody can tell."""

    account: Account
    service: str
    region: str

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        name = "".join(word.title() for word in operation.split("_"))
        shape = _model(self.service).operation_model(name).input_shape

        def call(**given: Any) -> Any:
            report = ParamValidator().validate(given, shape)
            assert not report.has_errors(), report.generate_report()
            return self.account.do(self.service, self.region, operation, given)

        return call


def bucket_of(stage: str) -> str:
    return f"roadstead-{stage}-data-bucket-1a"


def artefacts_of(stage: str) -> str:
    return f"roadstead-{stage}-data-artefacts-2b"


def table_of(stage: str) -> str:
    return f"roadstead-{stage}-data-Table-3C"


def secrets_of(stage: str) -> tuple[str, ...]:
    arn = f"arn:aws:secretsmanager:{REGION}:{NUMBER}:secret"
    return tuple(f"{arn}:{name}-{stage}-4d" for name in ("SigningKey", "EdgeKey", "EdgeWord"))


# --- what IAM is asked ------------------------------------------------------------------------

_S3_ACTIONS = {
    "list_object_versions": (("ListBucketVersions", ""),),
    "delete_objects": (("DeleteObject", "/k"), ("DeleteObjectVersion", "/k")),
    "list_multipart_uploads": (("ListBucketMultipartUploads", ""),),
    "abort_multipart_upload": (("AbortMultipartUpload", "/k"),),
    "delete_bucket": (("DeleteBucket", ""),),
}


def needs(
    service: str, region: str, operation: str, given: dict[str, Any]
) -> Iterator[tuple[str, str]]:
    """Each pair of action and ARN that a call needs. Spec: AWS's Service Authorization Reference"""
    if service == "s3":
        for action, end in _S3_ACTIONS[operation]:
            yield f"s3:{action}", f"arn:aws:s3:::{given['Bucket']}{end}"
        return
    action = f"{service}:{''.join(word.title() for word in operation.split('_'))}"
    place = f"arn:aws:{service}:{region}:{NUMBER}"
    yield (
        action,
        {
            "cloudformation": lambda: f"{place}:stack/{given['StackName']}/a1-b2",
            "dynamodb": lambda: f"{place}:table/{given['TableName']}",
            "secretsmanager": lambda: given["SecretId"],
            "logs": lambda: f"{place}:log-group:{given['logGroupName']}",
        }[service](),
    )
