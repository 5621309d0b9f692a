"""What DynamoDB says instead of an answer, in the port's errors.

DynamoDB says                                    the caller sees
ConditionalCheckFailed, alone or in a            Conflict
  cancelled transaction
TransactionConflict (another transaction is      a few more tries with growing, random pauses;
  at the same item right now)                    then Unavailable
throttled, keys of a batch left unread           Throttled, after botocore's one retry
5xx, no answer, no connection                    Unavailable, after botocore's one retry
anything else (no such table, no permission)     PortError: nobody can try that again
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.exceptions import PynamoDBException, VerboseClientError

from chalicelib.ports import Conflict, PortError, Throttled, Unavailable

T = TypeVar("T")

# Also as the reason of a cancelled transaction, without the word Exception.
_THROTTLED = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "ProvisionedThroughputExceeded",
        "RequestLimitExceeded",
        "ThrottlingException",
        "Throttling",
        "ThrottlingError",
        "ThroughputExceeded",
    }
)
_BUSY = frozenset(
    {
        "TransactionInProgressException",
        "InternalServerError",
        "InternalFailure",
        "ServiceUnavailable",
        "LimitExceededException",
    }
)


class Contended(Unavailable):
    """Another transaction holds the item at this very moment."""


def translated(operation: Callable[[], T]) -> T:
    try:
        return operation()
    except PynamoDBException as error:
        raise _port_error(error.cause or error) from error
    except (ClientError, BotoCoreError) as error:
        raise _port_error(error) from error


def _port_error(error: Exception) -> PortError:
    if isinstance(error, BotoCoreError):
        # No connection, no answer in time, no credentials: their text names no secret.
        return Unavailable(f"DynamoDB: {error}")
    if not isinstance(error, ClientError):
        return PortError(f"DynamoDB: {error}")
    codes = _codes(error)
    if "ConditionalCheckFailed" in codes or "ConditionalCheckFailedException" in codes:
        return Conflict("DynamoDB: the condition of a write does not hold")
    if "TransactionConflict" in codes or "TransactionConflictException" in codes:
        return Contended("DynamoDB: other transactions keep this item busy")
    if codes & _THROTTLED:
        return Throttled(f"DynamoDB: {error}")
    if codes & _BUSY or _status(error) >= 500:
        return Unavailable(f"DynamoDB: {error}")
    return PortError(f"DynamoDB: {error}")


def _codes(error: ClientError) -> set[str]:
    """The error's code, and those of the items of a cancelled transaction."""
    reasons = error.cancellation_reasons if isinstance(error, VerboseClientError) else ()
    return {error.response["Error"]["Code"], *(reason.code for reason in reasons if reason)}


def _status(error: ClientError) -> int:
    return int(_original(error).response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def item_in_the_way(conflict: Conflict) -> dict[str, Any] | None:
    error = conflict.__cause__
    return _original(error).response.get("Item") if isinstance(error, ClientError) else None


def _original(error: ClientError) -> ClientError:
    """botocore's own error: PynamoDB's, raised from it, leaves out half of the response."""
    return error.__cause__ if isinstance(error.__cause__, ClientError) else error
