"""`roadstead collect` on a folder whose servers run: what it names, and how it ends."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from chalicelib.bootstrap import collector
from chalicelib.domain.access import ANONYMOUS, Mode
from chalicelib.domain.names import RepositoryName
from chalicelib.service import hub
from roadstead import local
from roadstead.cli import main
from tests.conformance.bodies import CONFIG, LAYER, OCI, image
from tests.conformance.cases import of
from tests.support.stack import Stack
from tests.support.world import Registry

TEAM = "open"


@pytest.fixture
def data(tmp_path: Path, stack: Stack) -> Iterator[Path]:
    """A folder whose registry is on the tests' servers, which have no other of its table's name."""
    (tmp_path / "endpoints.json").write_text(json.dumps(asdict(stack.endpoints)))
    yield tmp_path
    url = stack.endpoints.dynamodb_url
    client = stack.session.create_client("dynamodb", region_name=stack.region, endpoint_url=url)
    with contextlib.suppress(client.exceptions.ResourceNotFoundException):
        client.delete_table(TableName=local.TABLE)
    client.close()


@pytest.fixture
def registry(data: Path, stack: Stack) -> Registry:
    keys = local.registry_keys(data, Mode.OPEN)
    registry = Registry(local.open_world(stack.endpoints, local.Choices(Mode.OPEN), keys))
    put(registry, "POST", f"/v2/a/b/blobs/uploads/?digest={of(LAYER)}", LAYER)
    return registry


def put(registry: Registry, method: str, url: str, body: bytes = b"") -> None:
    answer = registry.send(method, url, body, {"Content-Type": OCI})
    assert answer.status in (201, 202), answer.body


def collect(data: Path, *more: str) -> int:
    return main(["collect", "--data", str(data), *more])


def left(data: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    capsys.readouterr()
    collect(data, "--team", TEAM, "--prove")
    return capsys.readouterr().out.splitlines()


def test_of_a_team_with_something_left_each_thing_is_named_and_the_status_is_1(
    data: Path, registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    assert collect(data, "--team", TEAM, "--prove") == 1
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert f"row BLOB#{TEAM}#{of(LAYER)} #" in lines
    assert any(line.startswith(f"object {TEAM}/sha256/") for line in lines)
    assert err == f"{len(lines)} things are left of {TEAM} in the table and the bucket.\n"


def test_of_a_team_with_nothing_left_it_is_said_and_the_status_is_0(
    data: Path, registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    assert collect(data, "--team", "nobody", "--prove") == 0
    out, err = capsys.readouterr()
    assert (out, err) == ("", "Nothing is left of nobody in the table and the bucket.\n")


def test_a_registry_at_rest_is_emptied_at_once(
    data: Path, registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    put(registry, "POST", "/v2/a/b/blobs/uploads/")
    assert collect(data, "--at-rest") == 0
    out, err = capsys.readouterr()
    assert of(LAYER) in out
    assert err.startswith("Gone: ")
    assert collect(data, "--team", TEAM, "--prove") == 0


def test_what_a_tag_needs_is_kept_at_rest_as_well(data: Path, registry: Registry) -> None:
    put(registry, "POST", f"/v2/a/b/blobs/uploads/?digest={of(CONFIG)}", CONFIG)
    put(registry, "PUT", "/v2/a/b/manifests/v1", image())
    assert collect(data, "--at-rest") == 0
    assert registry.send("GET", "/v2/a/b/manifests/v1").status == 200
    for blob in (CONFIG, LAYER):
        assert registry.send("GET", f"/v2/a/b/blobs/{of(blob)}").status == 307


def test_a_dry_run_names_what_would_go_in_json_and_takes_nothing(
    data: Path, registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    put(registry, "POST", f"/v2/a/b/blobs/uploads/?digest={of(CONFIG)}", CONFIG)
    put(registry, "PUT", "/v2/a/b/manifests/v1", image())
    hub.delete(registry.world, ANONYMOUS, RepositoryName("a/b"))
    # Somebody's deletion that was cut off would be shown at once; an object only after a day.
    before = sorted(left(data, capsys))
    assert collect(data, "--dry-run", "--json") == 0
    out, err = capsys.readouterr()
    for line in out.splitlines():
        assert json.loads(line).keys() >= {"team", "repository", "kind", "name", "why"}
    assert sorted(left(data, capsys)) == before
    assert "Would go" not in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--prove"], "--prove needs --team"),
        (["--grace-hours", "0"], "--grace-hours must be 1 or more"),
        (["--at-rest", "--aws"], "--at-rest is for the whole of a local registry"),
        (["--at-rest", "--dry-run"], "--at-rest is for the whole of a local registry"),
        (["--at-rest", "--repository", "a/b"], "--at-rest is for the whole of a local registry"),
        (["--repository", "A/b"], "invalid"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(
    data: Path,
    registry: Registry,
    arguments: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert collect(data, *arguments) != 0
    assert said in capsys.readouterr().err


def test_another_run_under_way_is_said(
    data: Path, registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    world = registry.world
    now_s = world.clock.now_s()
    run: Any = collector(world)
    run.store.take_run("*", "somebody", now_s=now_s, until_s=now_s + 60)
    assert collect(data) != 0
    assert "Another run of the collector is under way" in capsys.readouterr().err


def test_a_registry_on_aws_is_named_by_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("ROADSTEAD_TABLE", "ROADSTEAD_BUCKET", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    assert main(["collect", "--aws"]) != 0
    assert "ROADSTEAD_" in capsys.readouterr().err
