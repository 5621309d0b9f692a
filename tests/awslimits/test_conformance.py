"""The OCI conformance programme against the registry as it is on AWS.

One option is off: behind a redirect it is S3 that answers with a blob, and S3 has no
Docker-Content-Digest.
"""

from __future__ import annotations

import re
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from chalicelib.domain.errors import RegistryError
from chalicelib.service import accounts
from roadstead import local
from roadstead.awslimits.home import Plan
from tests.awslimits.places import aws_place
from tests.clients.commands import find, need
from tests.oci.programme import ACCESS, PASSWORD, PROGRAM, TIMEOUT_S, USER, read, settings
from tests.oci.test_programme import NARROW
from tests.support.registry import RunningRegistry
from tests.support.stack import Stack

pytestmark = pytest.mark.clients
OFF = {"OCI_API_BLOBS_DIGEST_HEADER": "false"}
LEFT = ["apis.blobs.digestHeader is off"]


@pytest.mark.parametrize(
    ("access", "gateway"), [("basic", False), ("bearer", True)], ids=["alone", "with a gateway"]
)
def test_the_registry_conforms_with_awss_limits(
    stack: Stack, tmp_path: Path, access: str, gateway: bool
) -> None:
    need(PROGRAM)
    wanted = ACCESS[access]
    choices = local.Choices(wanted.mode, challenge=wanted.challenge, sparse_manifests=True)
    with aws_place(stack, Plan(gateway=gateway), choices) as place:
        registry = RunningRegistry(place.host, place.home.world)
        with suppress(RegistryError):  # both runs are on one table
            accounts.create(registry.world, USER, PASSWORD)
        done = subprocess.run(
            [find(PROGRAM) or ""],
            env=settings(registry, wanted, tmp_path) | OFF,
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=TIMEOUT_S,
            check=False,
        )
    result = read(tmp_path, done.stdout.decode("utf-8", "replace"))
    narrow = NARROW if access == "bearer" else re.compile("")
    left = [text for text in result.shortcomings if not narrow.fullmatch(text)]
    assert left == LEFT, result.output[-3000:]
