"""S3 and DynamoDB clients for a stack, through botocore."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import botocore.config
import botocore.session

from roadstead.embedded import StackEndpoints

BUCKET = "layers"
TABLE = "registry"


@contextmanager
def s3_client(endpoints: StackEndpoints, *, secret_key: str | None = None) -> Iterator[Any]:
    session = botocore.session.Session()
    session.set_credentials(endpoints.s3_access_key, secret_key or endpoints.s3_secret_key)
    client = session.create_client(
        "s3",
        region_name=endpoints.s3_region,
        endpoint_url=endpoints.s3_url,
        config=botocore.config.Config(
            s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}
        ),
    )
    try:
        yield client
    finally:
        client.close()


@contextmanager
def dynamodb_client(endpoints: StackEndpoints) -> Iterator[Any]:
    session = botocore.session.Session()
    session.set_credentials("roadstead", "roadstead")
    client = session.create_client(
        "dynamodb",
        region_name="us-east-1",
        endpoint_url=endpoints.dynamodb_url,
        config=botocore.config.Config(retries={"total_max_attempts": 1}),
    )
    try:
        yield client
    finally:
        client.close()


def write_both(endpoints: StackEndpoints, text: str) -> None:
    """Put an object and an item, into a bucket and a table that are made on the way."""
    with s3_client(endpoints) as s3, dynamodb_client(endpoints) as dynamodb:
        s3.create_bucket(Bucket=BUCKET)
        s3.put_object(Bucket=BUCKET, Key="a/layer", Body=text.encode())
        dynamodb.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        )
        dynamodb.put_item(TableName=TABLE, Item={"pk": {"S": "tag"}, "value": {"S": text}})


def read_both(endpoints: StackEndpoints) -> tuple[str, str]:
    with s3_client(endpoints) as s3, dynamodb_client(endpoints) as dynamodb:
        body = s3.get_object(Bucket=BUCKET, Key="a/layer")["Body"].read().decode()
        item = dynamodb.get_item(TableName=TABLE, Key={"pk": {"S": "tag"}})["Item"]
        return body, item["value"]["S"]
