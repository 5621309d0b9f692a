"""The composition root: settings become a world; only here are the adapters named."""

from __future__ import annotations

from functools import cache

from chalicelib.adapters.aws import open_session
from chalicelib.adapters.clock import SystemClock
from chalicelib.adapters.dynamo.store import DynamoMetadata
from chalicelib.adapters.hashing import ResumableHashing
from chalicelib.adapters.passwords import Argon2Passwords
from chalicelib.adapters.s3.store import S3Blobs
from chalicelib.adapters.words import RandomWords
from chalicelib.config import Settings, read_settings
from chalicelib.service.world import World


def build(settings: Settings) -> World:
    """A world on DynamoDB and S3. Costs: 0 calls; clients are made when they are first used."""
    clock = SystemClock()
    session = open_session(settings.access_key, settings.secret_key)
    return World(
        metadata=DynamoMetadata(
            settings.table,
            settings.region,
            endpoint_url=settings.dynamodb_endpoint,
            session=session,
        ),
        blobs=S3Blobs(
            settings.bucket,
            settings.region,
            endpoint_url=settings.s3_endpoint,
            public_endpoint_url=settings.s3_public_endpoint,
            clock=clock,
            session=session,
        ),
        clock=clock,
        hashing=ResumableHashing(),
        words=RandomWords(),
        passwords=Argon2Passwords(),
        mode=settings.mode,
        signing_key=settings.signing_key,
        gateway_key=settings.gateway_key,
    )


@cache
def world() -> World:
    """This process's world, made on the first request."""
    return build(read_settings())
