"""The function's zip for this machine, built once, and functions that run it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from chalicelib.adapters.dynamo import create_table
from chalicelib.adapters.s3 import create_bucket
from roadstead.package import function, wheels
from roadstead.package.errors import PackageError
from roadstead.package.wheels import Target
from tests.clients.commands import not_run
from tests.package import lambda_runtime
from tests.package.lambda_runtime import Function
from tests.support.stack import Stack
from tests.support.world import GATEWAY_KEY, SIGNING_KEY

DOWNLOADS = function.PROJECT / "build" / "wheels"


def target_or_skip(target: Target | None = None) -> Target:
    """A target whose wheels are here; without an index they cannot be fetched."""
    try:
        target = target or wheels.local_target()
        wheels.fetch(target, function.LOCK, DOWNLOADS)
    except PackageError as error:
        not_run(str(error))
    return target


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip by the same code as the one for Lambda, with this machine as its target."""
    path = tmp_path_factory.mktemp("package") / "deployment.zip"
    function.build_zip(target_or_skip(), path, DOWNLOADS)
    return path


@pytest.fixture(scope="session")
def task(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lambda_runtime.unpack(package, tmp_path_factory.mktemp("task"))


@pytest.fixture(scope="session")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lambda_runtime.runtime_client(tmp_path_factory.mktemp("client"))


def settings_of(stack: Stack, name: str, **changes: str) -> dict[str, str]:
    """The environment that the template gives the function, with the local servers in it."""
    return {
        "AWS_REGION": stack.region,
        "AWS_ACCESS_KEY_ID": stack.endpoints.s3_access_key,
        "AWS_SECRET_ACCESS_KEY": stack.endpoints.s3_secret_key,
        "ROADSTEAD_TABLE": name,
        "ROADSTEAD_BUCKET": name,
        "ROADSTEAD_SIGNING_KEY": SIGNING_KEY.hex(),
        "ROADSTEAD_GATEWAY_KEY": GATEWAY_KEY.hex(),
        "ROADSTEAD_DYNAMODB_ENDPOINT": stack.endpoints.dynamodb_url,
        "ROADSTEAD_S3_ENDPOINT": stack.endpoints.s3_url,
        **changes,
    }


def make_stores(stack: Stack, name: str) -> None:
    """A table and a bucket of this name."""
    create_table(name, stack.region, stack.endpoints.dynamodb_url, session=stack.session)
    create_bucket(name, stack.region, stack.endpoints.s3_url, session=stack.session)


Start = Callable[..., Function]


@pytest.fixture
def start(task: Path, client: Path, stack: Stack, team: str, tmp_path: Path) -> Iterator[Start]:
    """Start functions of the package on a table and a bucket of the test's own."""
    make_stores(stack, team)
    with ExitStack() as running:

        def begin(**changes: str) -> Function:
            environ = settings_of(stack, team, **changes)
            log = tmp_path / "function.log"
            return running.enter_context(lambda_runtime.running(task, client, environ, log))

        yield begin
