"""One real S3 server and one real DynamoDB engine for a whole run of the tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from botocore.session import Session

from chalicelib.adapters.aws import open_session
from chalicelib.adapters.clock import SystemClock
from chalicelib.adapters.dynamo import DynamoMetadata, create_table
from chalicelib.adapters.s3 import S3Blobs, create_bucket
from chalicelib.ports import Clock
from roadstead.embedded.stack import EmbeddedStack, StackEndpoints

TABLE = "roadstead-tests"
BUCKET = "roadstead-tests"


@dataclass
class Stack:
    """The servers, with their table and bucket; tests keep apart by the names of their teams."""

    endpoints: StackEndpoints

    @property
    def region(self) -> str:
        return self.endpoints.s3_region

    @cached_property
    def session(self) -> Session:
        return open_session(self.endpoints.s3_access_key, self.endpoints.s3_secret_key)

    def metadata(
        self,
        on_request: Callable[[str], None] | None = None,
        clock: Clock | None = None,
        *,
        table: str = TABLE,
    ) -> DynamoMetadata:
        """A store on the table; ``on_request`` hears every HTTP request that it sends."""
        if table != TABLE:
            url = self.endpoints.dynamodb_url
            create_table(table, self.region, url, session=self.session)
        return DynamoMetadata(
            table,
            self.region,
            self.endpoints.dynamodb_url,
            session=self.session,
            on_request=on_request,
            clock=clock,
        )

    def blobs(self, clock: Clock | None = None, **changes: Any) -> S3Blobs:
        """A store on the bucket."""
        arguments = {"session": self.session, **changes}
        return S3Blobs(
            BUCKET, self.region, self.endpoints.s3_url, clock=clock or SystemClock(), **arguments
        )


@contextmanager
def running_stack(folder: Path) -> Iterator[Stack]:
    """Start the servers in a folder, make the table and the bucket, and stop it all again."""
    embedded = EmbeddedStack(folder, durable=False, log=lambda _: None)
    try:
        stack = Stack(embedded.start())
        endpoints = stack.endpoints
        create_table(TABLE, stack.region, endpoints.dynamodb_url, session=stack.session)
        create_bucket(BUCKET, stack.region, endpoints.s3_url, session=stack.session)
        yield stack
    finally:
        embedded.stop()
