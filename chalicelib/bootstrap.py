"""The composition root: settings become a world; only here are the adapters named."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from chalicelib.adapters.aws import open_session, shared_session
from chalicelib.adapters.clock import SystemClock
from chalicelib.adapters.dynamo.store import DynamoMetadata
from chalicelib.adapters.functions import FunctionVerifier
from chalicelib.adapters.hashing import ResumableHashing
from chalicelib.adapters.passwords import Argon2Passwords
from chalicelib.adapters.s3.store import S3Blobs
from chalicelib.adapters.words import RandomWords
from chalicelib.config import (
    SettingError,
    Settings,
    read_collector_settings,
    read_settings,
    read_table_settings,
)
from chalicelib.service.world import World
from chalicelib.trace import hearing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalicelib.domain.receivers import Network
    from chalicelib.service.deliver import Work
    from chalicelib.service.sweep import Run
    from chalicelib.service.wakes import Listeners
    from chalicelib.webhook_ports import Queue


def _store(settings: Settings, clock: SystemClock, session: Any) -> DynamoMetadata:
    return DynamoMetadata(
        settings.table,
        settings.region,
        settings.dynamodb_endpoint,
        session=session,
        on_request=hearing("dynamodb"),
        clock=clock,
    )


def _blobs(settings: Settings, clock: SystemClock, session: Any) -> S3Blobs:
    return S3Blobs(
        settings.bucket,
        settings.region,
        settings.s3_endpoint,
        settings.s3_public_endpoint,
        clock=clock,
        session=session,
        on_request=hearing("s3"),
    )


def build(settings: Settings) -> World:
    """A world on DynamoDB and S3. Costs: 0 calls; clients are made when they are first used."""
    clock = SystemClock()
    keys = settings.access_key, settings.secret_key
    session = open_session(keys[0], keys[1]) if keys[0] and keys[1] else shared_session()
    store = _store(settings, clock, session)
    return World(
        metadata=store,
        accounts=store,
        search=store,
        usage=store,
        blobs=_blobs(settings, clock, session),
        clock=clock,
        hashing=ResumableHashing(),
        words=RandomWords(),
        passwords=Argon2Passwords(),
        mode=settings.mode,
        signing_key=settings.signing_key,
        gateway_key=settings.gateway_key,
        signup=settings.signup,
        v1_hosts=settings.v1_hosts,
        public_by_default=settings.public_by_default,
        sparse_manifests=settings.sparse_manifests,
        expires_tags_by_name=settings.expires_tags_by_name,
        challenge=settings.challenge,
        edge_word=settings.edge_word,
        edge_key=settings.edge_key,
        host=settings.host,
        team_hosts=settings.team_hosts,
        v1_endpoints=settings.v1_endpoints,
        webhooks=store if settings.webhook_queue else None,
        webhook_networks=settings.webhook_networks,
        verifier=FunctionVerifier(settings.verifier, settings.region, session=session)
        if settings.verifier
        else None,
    )


def collector(world: World, **changes: Any) -> Run:
    """What a run of the collector works with, on the stores of a world of ``build``."""
    # Imported where it is run: nothing else waits for it.
    from chalicelib.service.sweep import Run  # noqa: PLC0415

    metadata, blobs = world.metadata, world.blobs
    assert isinstance(metadata, DynamoMetadata)
    assert isinstance(blobs, S3Blobs)
    return Run(world, metadata, blobs, **changes)


def collector_run(**changes: Any) -> Run:
    """A run of this process's collector, whose role is its own."""
    from chalicelib.service.sweep import Graces  # noqa: PLC0415

    settings = read_collector_settings()
    graces = Graces(unneeded_s=settings.grace_hours * 3600)
    return collector(build(settings), graces=graces, **changes)


@cache
def verifier_world() -> World:
    """The verifier's world: it speaks to nobody, and has no key to sign with."""
    return build(read_settings(signs=False))


@cache
def world() -> World:
    """This process's world, made on the first request."""
    return build(read_settings())


@cache
def table() -> DynamoMetadata:
    """The rows alone, for functions that need no keys and no bucket."""
    read = read_table_settings()
    return DynamoMetadata(read.table, read.region, read.dynamodb_endpoint)


def webhook_work_of(world: World, queue: Queue, networks: Sequence[Network]) -> Work:
    """What the deliverer works with, on the stores of a world of ``build``."""
    metadata = world.metadata
    assert isinstance(metadata, DynamoMetadata)
    return _webhook_work(metadata, queue, networks)


def webhook_listeners() -> Listeners | None:
    """What the meter tells webhooks by; None where no queue is set."""
    from chalicelib.adapters.queue import SqsQueue  # noqa: PLC0415
    from chalicelib.service.wakes import Listeners  # noqa: PLC0415

    read = read_table_settings()
    if read.webhook_queue is None:
        return None
    return Listeners(table(), SqsQueue(read.webhook_queue, read.region))


def webhook_work() -> Work:
    """The same for this process's deliverer: rows, its queue, strangers; no keys, no bucket."""
    # Imported where it is run: nothing else waits for it.
    from chalicelib.adapters.queue import SqsQueue  # noqa: PLC0415

    read = read_table_settings()
    if read.webhook_queue is None:
        raise SettingError("ROADSTEAD_WEBHOOK_QUEUE is not set")
    return _webhook_work(table(), SqsQueue(read.webhook_queue, read.region), read.webhook_networks)


def _webhook_work(store: DynamoMetadata, queue: Queue, networks: Sequence[Network]) -> Work:
    from chalicelib.adapters.poster import SafePoster  # noqa: PLC0415
    from chalicelib.service.deliver import Work  # noqa: PLC0415

    clock = SystemClock()
    return Work(store, store, queue, SafePoster(clock, networks), clock, RandomWords())
