"""DynamoMetadata: the whole store, put together from its nouns."""

from __future__ import annotations

import time
from collections.abc import Callable

import botocore.session
from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from chalicelib.adapters.aws import shared_session
from chalicelib.adapters.clock import SystemClock
from chalicelib.adapters.dynamo.accounts import Accounts
from chalicelib.adapters.dynamo.collecting import Collecting
from chalicelib.adapters.dynamo.deliveries import Deliveries
from chalicelib.adapters.dynamo.edge import Edge
from chalicelib.adapters.dynamo.images import Images
from chalicelib.adapters.dynamo.manifests import Manifests
from chalicelib.adapters.dynamo.models import EXPIRY, PARTITION_KEY, SORT_KEY
from chalicelib.adapters.dynamo.repositories import Repositories
from chalicelib.adapters.dynamo.search import Search
from chalicelib.adapters.dynamo.table import READ_TIMEOUT_S, Table
from chalicelib.adapters.dynamo.tags import Tags
from chalicelib.adapters.dynamo.uploads import Uploads
from chalicelib.adapters.dynamo.usage import Usage
from chalicelib.adapters.dynamo.webhooks import Webhooks
from chalicelib.ports import Clock, Unavailable


class DynamoMetadata(
    Collecting,
    Search,
    Repositories,
    Manifests,
    Tags,
    Uploads,
    Edge,
    Images,
    Accounts,
    Usage,
    Deliveries,
    Webhooks,
):
    """All stores of metadata in one table; safe for any number of threads.

    Without ``session`` AWS's own chain gives the credentials. ``sleep`` is how long to wait
    between tries; ``on_request`` hears the operation of each HTTP request, for counting. What has
    ended by ``clock`` is not there.
    """

    def __init__(
        self,
        table_name: str,
        region: str,
        endpoint_url: str | None = None,
        *,
        session: botocore.session.Session | None = None,
        sleep: Callable[[float], None] = time.sleep,
        on_request: Callable[[str], None] | None = None,
        read_timeout_s: float = READ_TIMEOUT_S,
        clock: Clock | None = None,
    ) -> None:
        self._clock = clock or SystemClock()
        self._entered: set[tuple[str, str]] = set()
        self._table = Table(
            table_name,
            region,
            endpoint_url,
            session or shared_session(),
            sleep=sleep,
            on_request=on_request,
            read_timeout_s=read_timeout_s,
        )


def create_table(
    table_name: str,
    region: str,
    endpoint_url: str,
    *,
    session: botocore.session.Session | None = None,
) -> None:
    """Create the table where it does not exist, for local use; on AWS the template does it.

    Returns when the table can be used. Raises: Unavailable.
    """
    client = (session or shared_session()).create_client(
        "dynamodb", region_name=region, endpoint_url=endpoint_url
    )
    try:
        _create(client, table_name)
        client.get_waiter("table_exists").wait(
            TableName=table_name, WaiterConfig={"Delay": 1, "MaxAttempts": 30}
        )
        status = client.describe_time_to_live(TableName=table_name)
        if status["TimeToLiveDescription"]["TimeToLiveStatus"] not in ("ENABLED", "ENABLING"):
            client.update_time_to_live(
                TableName=table_name,
                TimeToLiveSpecification={"Enabled": True, "AttributeName": EXPIRY},
            )
    except (BotoCoreError, ClientError, WaiterError) as error:
        raise Unavailable(f"DynamoDB: cannot create the table: {error}") from error
    finally:
        client.close()


def _create(client: object, table_name: str) -> None:
    try:
        client.create_table(  # type: ignore[attr-defined]
            TableName=table_name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": PARTITION_KEY, "KeyType": "HASH"},
                {"AttributeName": SORT_KEY, "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": PARTITION_KEY, "AttributeType": "S"},
                {"AttributeName": SORT_KEY, "AttributeType": "S"},
            ],
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceInUseException":
            raise
