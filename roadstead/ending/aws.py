"""The port of the removal over AWS's own SDK, which is in Lambda's runtime."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

from roadstead.ending.cloud import Found, Refused

# (service, region) -> a client of botocore.
Clients = Callable[[str, str], Any]

_ABSENT = {
    "NoSuchBucket",
    "NoSuchUpload",
    "ResourceNotFoundException",
}
# Regions that the account has not opted into: nothing of it is there.
_NOT_OURS = {
    "UnrecognizedClientException",
    "InvalidClientTokenId",
    "SubscriptionRequiredException",
    "OptInRequired",
}


def clients() -> Clients:
    """Those of the role in which this runs."""
    session = botocore.session.get_session()
    config = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard"})

    @cache
    def client(service: str, region: str) -> Any:
        return session.create_client(service, region_name=region, config=config)

    return client


@cache
def _regions_beside(region: str) -> tuple[str, ...]:
    session = botocore.session.get_session()
    partition = session.get_partition_for_region(region)
    return tuple(session.get_available_regions("logs", partition_name=partition))


class AwsCloud:
    """`Cloud` in one region."""

    def __init__(self, region: str, client: Clients) -> None:
        self._region, self._client = region, client

    def stack(self, region: str, name: str) -> Found | None:
        try:
            answer = self._client("cloudformation", region).describe_stacks(StackName=name)
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise Refused(str(error)) from error
        except BotoCoreError as error:
            raise Refused(str(error)) from error
        (found,) = answer["Stacks"]
        given = {
            each["ParameterKey"]: each.get("ParameterValue", "")
            for each in found.get("Parameters") or ()
        }
        return Found(found["StackStatus"], given.get("Ends", ""), given.get("Stage", ""))

    def unprotect(self, region: str, name: str) -> None:
        self._do(
            "cloudformation",
            "update_termination_protection",
            region,
            StackName=name,
            EnableTerminationProtection=False,
        )

    def delete_stack(self, region: str, name: str) -> None:
        self._do("cloudformation", "delete_stack", region, StackName=name)

    def empty_page(self, bucket: str) -> bool:
        versions = self._do("s3", "list_object_versions", Bucket=bucket)
        if versions is None:
            return True
        listed = [*versions.get("Versions", ()), *versions.get("DeleteMarkers", ())]
        if listed:
            objects = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in listed]
            answer = self._do(
                "s3", "delete_objects", Bucket=bucket, Delete={"Objects": objects, "Quiet": True}
            )
            if answer and answer.get("Errors"):
                first = answer["Errors"][0]
                raise Refused(f"{len(answer['Errors'])} objects stay: {first.get('Message')}")
            return False
        uploads = self._do("s3", "list_multipart_uploads", Bucket=bucket) or {}
        for each in uploads.get("Uploads", ()):
            self._do(
                "s3",
                "abort_multipart_upload",
                Bucket=bucket,
                Key=each["Key"],
                UploadId=each["UploadId"],
            )
        return not uploads.get("Uploads")

    def delete_bucket(self, bucket: str) -> None:
        self._do("s3", "delete_bucket", Bucket=bucket)

    def delete_table(self, name: str) -> bool:
        found = self._do("dynamodb", "describe_table", TableName=name)
        if found is None:
            return True
        if found["Table"]["TableStatus"] != "DELETING":
            self._do("dynamodb", "delete_table", TableName=name)
        return False

    def delete_secret(self, arn: str) -> None:
        self._do("secretsmanager", "delete_secret", SecretId=arn, ForceDeleteWithoutRecovery=True)

    def regions(self) -> tuple[str, ...]:
        return _regions_beside(self._region)

    def delete_logs(self, region: str, name: str) -> None:
        self._do("logs", "delete_log_group", region, logGroupName=name)

    def _do(self, service: str, operation: str, region: str = "", **given: Any) -> Any:
        """The answer; None where what it is about is not there. Raises: Refused."""
        client = self._client(service, region or self._region)
        try:
            return getattr(client, operation)(**given)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code in _ABSENT or (service == "logs" and code in _NOT_OURS):
                return None
            raise Refused(str(error)) from error
        except BotoCoreError as error:
            if service == "logs" and isinstance(error, EndpointConnectionError):
                return None
            raise Refused(str(error)) from error
