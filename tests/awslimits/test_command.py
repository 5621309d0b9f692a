"""`roadstead up --aws-limits` as people run it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from roadstead.awslimits.exchange import Address
from roadstead.awslimits.home import edge_keys
from roadstead.embedded.errors import EmbeddedStackError
from tests.awslimits.places import need_node
from tests.awslimits.test_registry import BLOB, digest_of
from tests.awslimits.wire import ask
from tests.up.test_up import ROOT, command, free_port
from tests.up.test_up import up as running


def refused(data: Path, *options: str, **environ: str) -> str:
    """What it says when it does not start."""
    ended = subprocess.run(
        command("up", "--port", "0", "--data", str(data), *options),
        check=False,
        cwd=ROOT,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 1, ended.stdout
    return ended.stderr


@pytest.mark.parametrize("options", [(), ("--gateway",)], ids=["alone", "with a gateway"])
def test_a_blob_that_was_pushed_is_there_after_a_restart(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    need_node()
    port = free_port()
    here = Address("localhost", port)
    with running(tmp_path, "--aws-limits", *options, port=port) as up:
        location = ask(here, "POST", "/v2/team/app/blobs/uploads/", {}, b"").headers["Location"]
        target = f"{location}&digest={digest_of(BLOB)}"
        assert ask(here, "PUT", target, {}, BLOB).status == 201
        assert any("docs/aws-at-home.md" in line for line in up.lines)
        assert any("gateway beside" in line for line in up.lines) == bool(options)
    with running(tmp_path, "--aws-limits", *options, port=port):
        # The address of an upload outlives a restart: its key is kept.
        assert ask(here, "PUT", target, {}, BLOB).status == 201
        where = f"/v2/team/app/blobs/{digest_of(BLOB)}"
        assert ask(here, "GET", where, {"Accept": "*/*"}).status == 307

    kept = tmp_path / "edge.json"
    assert kept.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--gateway",), "--gateway belongs to --aws-limits"),
        (("--no-explain",), "--no-explain belongs to --aws-limits"),
        (("--aws-limits", "--downloads", "through"), "not with --aws-limits"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    tmp_path: Path, options: tuple[str, ...], sentence: str
) -> None:
    assert sentence in refused(tmp_path / "data", *options)
    assert not (tmp_path / "data").exists()


def test_without_node_a_sentence_says_so_before_anything_is_started(tmp_path: Path) -> None:
    """A PATH with everything that is needed but node."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("java", "npm", "sh"):
        if found := shutil.which(tool):
            (tools / tool).symlink_to(found)
    assert "node was not found" in refused(tmp_path / "data", "--aws-limits", PATH=str(tools))
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("options", [(), ("--no-explain",)], ids=["explained", "in S3's words"])
def test_lambda_at_the_edge_can_be_left_out(tmp_path: Path, options: tuple[str, ...]) -> None:
    need_node()
    port = free_port()
    here = Address("localhost", port)
    with running(tmp_path, "--aws-limits", *options, port=port):
        location = ask(here, "POST", "/v2/team/app/blobs/uploads/", {}, b"").headers["Location"]
        said = ask(here, "PUT", f"{location}&digest={digest_of(BLOB)}", {}, b"other bytes")
    assert said.status == 400
    assert (b"<Error>" in said.body) is bool(options)


def test_damaged_edge_keys_are_told_with_what_to_do(tmp_path: Path) -> None:
    made = edge_keys(tmp_path)
    assert edge_keys(tmp_path) == made
    assert made.word not in repr(made)
    for text in ("{", "{}", '{"word": "00", "key": "no hex"}', "[]"):
        (tmp_path / "edge.json").write_text(text)
        with pytest.raises(EmbeddedStackError, match="is damaged"):
            edge_keys(tmp_path)
