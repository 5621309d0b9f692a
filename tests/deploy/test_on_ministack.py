"""The real `aws` command deploys both templates, and real clients push to what comes of it."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from roadstead.gateway.events import HttpResponse
from roadstead.package.function import PROJECT
from tests.clients.commands import clean_environment, need, run, workspace
from tests.clients.images import Builder, File
from tests.deploy import ministack
from tests.matrix.protocols import PULLS, PUSHES, Pulled, Sample

STAGE = "t"


@dataclass(frozen=True)
class Cloud:
    """A stage that is deployed, and the host on which its API answers."""

    environment: dict[str, str]
    package: Path
    host: str

    def roadstead(self, *words: str) -> subprocess.CompletedProcess[str]:
        return roadstead(self.environment, *words)


def roadstead(environment: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "roadstead", *words, "--stage", STAGE]
    return subprocess.run(
        command, cwd=PROJECT, env=dict(environment), capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    folder = tmp_path_factory.mktemp("cloud")
    with ministack.running(folder) as url:
        environment = ministack.aws_environment(url, folder / "home")
        package = ministack.package(folder / "package", url)
        parameters = ("--parameter", "Auth=off", "--parameter", "Front=off")
        words = ("deploy", "--package", str(package), *parameters)
        done = roadstead(environment, *words)
        assert done.returncode == 0, done.stdout + done.stderr
        outputs = dict(
            line.split()[:2] for line in done.stdout.splitlines() if line.startswith("  ")
        )
        with ministack.front(url, outputs["RestAPIId"]) as host:
            yield Cloud(environment, package, host)


class Place:
    """What the matrix of protocols asks of a registry, over HTTP."""

    def __init__(self, host: str) -> None:
        self._host = host
        self.world = SimpleNamespace(blobs=SimpleNamespace(fetch=self.fetch))

    def send(
        self, method: str, url: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> HttpResponse:
        sent = {"Accept": "*/*", "Content-Type": "application/octet-stream"}
        sent |= {name.title(): value for name, value in (headers or {}).items()}
        connection = http.client.HTTPConnection(self._host, timeout=60)
        try:
            connection.request(method, url, body or None, sent)
            answer = connection.getresponse()
            return HttpResponse(answer.status, answer.getheaders(), answer.read())
        finally:
            connection.close()

    def fetch(self, url: str) -> SimpleNamespace:
        with urllib.request.urlopen(url, timeout=60) as response:
            return SimpleNamespace(body=response.read())


@pytest.mark.parametrize("push", PUSHES)
def test_what_is_pushed_comes_back_through_every_protocol(cloud: Cloud, push: str) -> None:
    place: Any = Place(cloud.host)
    sample = Sample()
    PUSHES[push](place, sample)
    whole = Pulled(sample.layers, sample.command, sample.created, sample.author)
    for name, pull in PULLS.items():
        assert pull(place) == whole, name


@pytest.mark.clients
def test_skopeo_pushes_and_pulls(cloud: Cloud) -> None:
    need("skopeo")
    with workspace() as folder:
        builder = Builder(folder / "image")
        layers = [builder.layer(f"layer {n}", [File(f"file{n}", size=200_000)]) for n in range(3)]
        image = builder.image("three", builder.manifest(layers))
        environment = clean_environment(folder, _CONTAINERS_ROOTLESS_UID="1000")
        copy = ["skopeo", "--insecure-policy", "copy", "--preserve-digests"]
        there = f"docker://{cloud.host}/team/three:latest"
        push = ["--dest-tls-verify=false", f"oci:{image.folder}:latest", there]
        run([*copy, *push], environment)
        back = folder / "back"
        run([*copy, "--src-tls-verify=false", there, f"oci:{back}:latest"], environment)
        for digest in image.everything:
            pulled = back / "blobs" / digest.replace(":", "/")
            assert pulled.read_bytes() == image.read(digest), digest


def test_a_second_deployment_changes_nothing(cloud: Cloud) -> None:
    done = cloud.roadstead("deploy", "--dry-run", "--package", str(cloud.package))
    assert done.returncode == 0, done.stderr
    assert f"roadstead-{STAGE}-data: nothing would change" in done.stdout
    assert f"roadstead-{STAGE}: nothing would change" in done.stdout


ROLES = {
    "app.app": "ApiHandlerRole",
    "app.verifier_handler": "VerifierHandlerRole",
    "app.meter": "MeterRole",
    "app.collect": "CollectRole",
    "app.webhooks": "WebhooksRole",
}


def test_each_function_runs_with_its_own_role(cloud: Cloud) -> None:
    words = ["aws", "lambda", "list-functions", "--output", "json"]
    done = subprocess.run(words, env=cloud.environment, capture_output=True, text=True, check=True)
    found = {each["Handler"]: each["Role"] for each in json.loads(done.stdout)["Functions"]}
    assert found.keys() == ROLES.keys()
    for handler, role in ROLES.items():
        assert f"roadstead-{STAGE}-{role}" in found[handler]


def test_the_stage_goes_and_its_data_stays(cloud: Cloud) -> None:
    """Last in this module: nothing is deployed after it."""
    assert cloud.roadstead("destroy").returncode == 0
    done = cloud.roadstead("status")
    assert done.returncode == 1
    assert f"roadstead-{STAGE}-data: CREATE_COMPLETE" in done.stdout
    assert f"roadstead-{STAGE}: not there" in done.stdout
