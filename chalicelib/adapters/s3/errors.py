"""What S3 says, in the words of the port.

S3 says                                            the caller sees
404, NoSuchKey, NoSuchUpload                       Missing
EntityTooSmall, InvalidPart, InvalidPartOrder      PartRefused
BadDigest and the other checksum refusals,         Conflict
  a bucket that is there
SlowDown and the other ways to say "too much"      Throttled, after botocore's one retry
5xx, no answer, no connection                      Unavailable, after botocore's one retry
anything else (no such bucket, no permission)      PortError: nobody can try that again
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from chalicelib.ports import Conflict, Missing, PartRefused, PortError, Throttled, Unavailable

_KINDS: dict[str, type[PortError]] = {
    "404": Missing,
    "NoSuchKey": Missing,
    "NoSuchUpload": Missing,
    "EntityTooSmall": PartRefused,
    "InvalidPart": PartRefused,
    "InvalidPartOrder": PartRefused,
    "BadDigest": Conflict,
    "InvalidDigest": Conflict,
    "XAmzContentChecksumMismatch": Conflict,
    "XAmzContentSHA256Mismatch": Conflict,
    "BucketAlreadyExists": Conflict,
    "BucketAlreadyOwnedByYou": Conflict,
    "OperationAborted": Unavailable,
    "RequestTimeout": Unavailable,
    "SlowDown": Throttled,
    "Throttling": Throttled,
    "ThrottlingException": Throttled,
    "RequestLimitExceeded": Throttled,
    "RequestThrottled": Throttled,
    "TooManyRequests": Throttled,
    "429": Throttled,
}


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Around every call of the client; ``what`` names the object for the log."""
    try:
        yield
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        kind = kind_of(code_of(error), status)
        raise kind(f"S3: {what}: {error}") from error
    except (BotoCoreError, HTTPError) as error:
        # A body that breaks off is urllib3's to say: botocore hands it on as it is.
        raise Unavailable(f"S3: {what}: {error}") from error


def kind_of(code: str, status: int) -> type[PortError]:
    """The port's error for S3's code, or for a status that has none that we know."""
    return _KINDS.get(code, Unavailable if status >= 500 else PortError)


def code_of(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
