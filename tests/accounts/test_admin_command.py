"""`roadstead admin --aws`: the first administrator of a registry that has no folder."""

from __future__ import annotations

import os
import subprocess
import sys

from chalicelib.service.accounts import hashed
from tests.support.stack import BUCKET, TABLE, Stack


def admin(stack: Stack, *words: str, said: str = "", **changes: str) -> tuple[int, str, str]:
    """A command with nothing but the names of the stores and the caller's own AWS keys."""
    env = {
        "PATH": os.environ["PATH"],
        "ROADSTEAD_TABLE": TABLE,
        "ROADSTEAD_BUCKET": BUCKET,
        "ROADSTEAD_DYNAMODB_ENDPOINT": stack.endpoints.dynamodb_url,
        "AWS_REGION": stack.region,
        "AWS_ACCESS_KEY_ID": stack.endpoints.s3_access_key,
        "AWS_SECRET_ACCESS_KEY": stack.endpoints.s3_secret_key,
        **changes,
    }
    ended = subprocess.run(
        [sys.executable, "-m", "roadstead", "admin", *words],
        env={name: value for name, value in env.items() if value},
        input=said,
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.returncode, ended.stdout.strip(), ended.stderr.strip()


def test_the_first_administrator_is_made_in_the_table_that_the_environment_names(
    stack: Stack,
) -> None:
    name = f"root{os.getpid()}"
    create = ("create", name, "--aws", "--password-stdin")
    assert admin(stack, *create, said="long enough\n")[:2] == (
        0,
        f"{name} is an administrator now.",
    )
    found = stack.metadata().find_user(name)
    assert found is not None
    assert found.is_administrator
    status, _, told = admin(stack, *create, said="long enough\n")
    assert status == 1
    assert "already exists" in told


def test_an_invitation_is_made_there_too_and_kept_as_a_hash(stack: Stack) -> None:
    status, code, told = admin(stack, "invite", "--aws")
    assert (status, told) == (0, "")
    kept = stack.session.create_client(
        "dynamodb", region_name=stack.region, endpoint_url=stack.endpoints.dynamodb_url
    )
    key = {"PK": {"S": f"INVITE#{hashed(code)}"}, "SK": {"S": "#"}}
    assert "Item" in kept.get_item(TableName=TABLE, Key=key)
    kept.close()


def test_without_names_it_says_which_is_missing(stack: Stack) -> None:
    status, _, told = admin(stack, "invite", "--aws", ROADSTEAD_TABLE="")
    assert status == 1
    assert "ROADSTEAD_TABLE" in told


def test_a_table_that_cannot_be_reached_is_said_in_a_sentence(stack: Stack) -> None:
    nobody = "http://127.0.0.1:9"
    status, _, told = admin(stack, "invite", "--aws", ROADSTEAD_DYNAMODB_ENDPOINT=nobody)
    assert status == 1
    assert told.startswith("roadstead: The table cannot be reached")
